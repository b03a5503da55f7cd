"""``ph3``: the command line of this phase."""

from __future__ import annotations

from global_core_state.phase_command import phase_group

main = phase_group(
    "ph3",
    "phaseline-ph3-exec-to-error",
    "Chooses the checks that can judge what was changed.",
)
