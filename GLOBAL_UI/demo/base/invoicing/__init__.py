"""Invoices: lines, tax, amounts in cents."""
