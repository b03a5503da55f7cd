"""Runs linters, type checkers and tests, and reports what is new."""
