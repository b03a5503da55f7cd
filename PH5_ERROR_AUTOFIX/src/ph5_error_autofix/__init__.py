"""Repairs findings within bounds, and sets aside what stays broken."""
