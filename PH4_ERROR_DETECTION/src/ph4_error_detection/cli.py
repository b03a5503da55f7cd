"""``ph4``: the command line of this phase."""

from __future__ import annotations

from global_core_state.phase_command import phase_group

main = phase_group(
    "ph4",
    "phaseline-ph4-error-detection",
    "Runs linters, type checkers and tests, and reports what is new.",
)
