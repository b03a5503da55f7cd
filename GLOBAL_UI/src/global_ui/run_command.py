"""``pipeline run``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click
from global_util.cli import PATH, json_option, print_json, repo_option, set_option

if TYPE_CHECKING:
    from pathlib import Path


@click.command(epilog="Example:  pipeline run openspec/changes/add-login --tool aider --jobs 2")
@click.argument("plan", type=PATH)
@repo_option
@click.option("--format", "plan_format", metavar="F", help="The plan's format. Default: recognised from its files.")
@click.option("--workstream-id", metavar="ID", help="Run only this workstream and what it depends on.")
@click.option("--tool", metavar="ID", help="The tool that edits. Default: run.tool.")
@click.option("--recording", metavar="DIR", type=click.Path(), help="Recorded changes for the replay tool.")
@click.option("--jobs", metavar="N", type=click.IntRange(min=1), help="How many workstreams at once.")
@click.option("--strategy", metavar="S", help="How to land: safe_merge_v1 or ff_only.")
@click.option("--target", metavar="BRANCH", help="Where to land. Default: the base branch.")
@set_option
@click.option("--dry-run", is_flag=True, help="Do everything, and prove it, but move no branch.")
@json_option
def run(
    plan: Path,
    repo: Path,
    plan_format: str | None,
    overrides: dict[str, Any],
    dry_run: bool,
    as_json: bool,
    **options: Any,
) -> int:
    """Run a plan: from workstreams to merged commits.

    Exit code 0: nothing was quarantined, blocked or failed. 1: something was.
    """
    from global_util.git import Repository

    from global_ui import screen
    from global_ui.driver import Choices, run_line
    from global_ui.summary import summarise

    found = Repository.discover(repo.absolute())
    with screen.live(screen.console(stderr=True)) as listener:
        line = run_line(found, Choices(plan, plan_format, options, overrides, dry_run), listener)
    execution = next(iter(line.artifacts.values())).execution_id
    summary = summarise(line.artifacts, str(found.state_dir / "runs" / execution))
    if as_json:
        print_json({**summary.to_json(), "seconds": line.seconds})
    else:
        screen.show(screen.console(), summary)
    return 0 if summary.all_fine else 1
