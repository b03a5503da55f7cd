"""``ph5``: the command line of this phase."""

from __future__ import annotations

from global_core_state.phase_command import phase_group

main = phase_group(
    "ph5",
    "phaseline-ph5-error-autofix",
    "Repairs findings within bounds, and sets aside what stays broken.",
)
