"""AI tools of Phaseline: profiles, worktree slots, attempts with enforced scope."""
