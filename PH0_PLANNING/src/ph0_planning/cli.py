"""``ph0``: the command line of this phase."""

from __future__ import annotations

import click
from global_core_state.phase_command import phase_group
from global_util.cli import PATH

main = phase_group(
    "ph0",
    "phaseline-ph0-planning",
    "Reads a plan in a public format and writes a workstream set.",
    (
        click.Argument(["plan"], type=PATH),
        click.Option(
            ["--format", "plan_format"], metavar="F", help="The plan's format. Default: recognised from its files."
        ),
    ),
)
