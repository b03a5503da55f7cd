"""Chooses the checks that can judge what was changed."""
