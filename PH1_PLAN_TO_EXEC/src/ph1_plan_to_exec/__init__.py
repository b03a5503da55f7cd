"""Turns a workstream set into an executable phase plan on a pinned base."""
