"""Runs a phase plan: one worktree and one tool per workstream, scope enforced."""
