"""``ph1``: the command line of this phase."""

from __future__ import annotations

import click
from global_core_state.phase_command import phase_group

main = phase_group(
    "ph1",
    "phaseline-ph1-plan-to-exec",
    "Turns a workstream set into an executable phase plan on a pinned base.",
    (
        click.Option(["--tool"], metavar="ID", help="The tool that edits. Default: run.tool."),
        click.Option(["--recording"], metavar="DIR", type=click.Path(), help="Recorded changes for the replay tool."),
        click.Option(["--jobs"], metavar="N", type=click.IntRange(min=1), help="How many workstreams at once."),
        click.Option(["--strategy"], metavar="S", help="How PH7 lands: safe_merge_v1 or ff_only."),
        click.Option(["--target"], metavar="BRANCH", help="Where to land. Default: the base branch."),
        click.Option(["--workstream-id"], metavar="ID", help="Run only this workstream and what it depends on."),
    ),
)
