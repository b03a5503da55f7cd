"""``ph7``: the command line of this phase."""

from __future__ import annotations

import click
from global_core_state.phase_command import phase_group

main = phase_group(
    "ph7",
    "phaseline-ph7-merge-and-release",
    "Applies a commit plan: commits, refs, nothing else.",
    (click.Option(["--dry-run"], is_flag=True, help="Say what would be done; move no ref."),),
)
