"""Combines what is clean and writes a proven commit plan."""
