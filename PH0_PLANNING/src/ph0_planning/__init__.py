"""Reads a plan in a public format and writes a workstream set."""
