"""``ph0``: the command line of this phase."""

from __future__ import annotations

from pathlib import Path

import click
from global_core_state.phase_command import phase_group

main = phase_group(
    "ph0",
    "phaseline-ph0-planning",
    "Reads a plan in a public format and writes a workstream set.",
    (
        click.Argument(["plan"], type=click.Path(path_type=Path)),
        click.Option(
            ["--format", "plan_format"], metavar="F", help="The plan's format. Default: recognised from its files."
        ),
    ),
)
