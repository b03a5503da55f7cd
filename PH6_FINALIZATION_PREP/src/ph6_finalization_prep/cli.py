"""``ph6``: the command line of this phase."""

from __future__ import annotations

from global_core_state.phase_command import phase_group

main = phase_group(
    "ph6",
    "phaseline-ph6-finalization-prep",
    "Combines what is clean and writes a proven commit plan.",
)
