"""Applies a commit plan: commits, refs, nothing else."""
