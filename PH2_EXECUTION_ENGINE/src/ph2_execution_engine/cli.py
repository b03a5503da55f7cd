"""``ph2``: the command line of this phase."""

from __future__ import annotations

from global_core_state.phase_command import phase_group

main = phase_group(
    "ph2",
    "phaseline-ph2-execution-engine",
    "Runs a phase plan: one worktree and one tool per workstream, scope enforced.",
)
