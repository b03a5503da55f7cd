"""``pipeline run``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click
from global_util.cli import PATH, json_option, print_json, repo_option, set_option
from global_util.program import printable

if TYPE_CHECKING:
    from pathlib import Path

    from global_util.git import Repository

    from global_ui.driver import Choices, Line

_NEWEST = "newest"


@click.command(epilog="Example:  pipeline run openspec/changes/add-login --tool aider --jobs 2")
@click.argument("plan", type=PATH, required=False)
@repo_option
@click.option(
    "--resume",
    metavar="[RUN]",
    is_flag=False,
    flag_value=_NEWEST,
    help="Go on with a run that was killed or stopped, as it was begun. Default: the newest that did not end.",
)
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
    plan: Path | None,
    repo: Path,
    resume: str | None,
    plan_format: str | None,
    overrides: dict[str, Any],
    dry_run: bool,
    as_json: bool,
    **options: Any,
) -> int:
    """Run a plan: from workstreams to merged commits. Or go on with a run: --resume instead of a plan.

    Exit code 0: nothing was quarantined, blocked or failed. 1: something was.
    """
    from global_util.git import Repository

    decided = [plan, plan_format, _beyond_limits(overrides), dry_run, *options.values()]
    if resume is not None and any(decided):
        raise click.UsageError(
            "--resume goes on as the run was begun: it takes no PLAN and no other options, but --set limits.run.* and limits.day.*"
        )
    if resume is None and plan is None:
        raise click.UsageError("Missing argument 'PLAN'.")
    found = Repository.discover(repo.absolute())
    if plan is None:
        return _show(found, _resumed(found, resume or _NEWEST, overrides), as_json)
    from global_ui.driver import Choices

    return _show(found, _begun(found, Choices(plan, plan_format, options, overrides, dry_run)), as_json)


def _beyond_limits(overrides: dict[str, Any]) -> list[str]:
    """Settings other than limits of run and day; these put work off, and change nothing that comes out."""
    from global_util.config import LOCAL_KEYS

    return [key for key in overrides if not key.startswith("limits.") or key not in LOCAL_KEYS]


def _begun(repo: Repository, choices: Choices) -> Line:
    from global_ui import screen
    from global_ui.driver import run_line

    with screen.live(screen.console(stderr=True)) as listener:
        return run_line(repo, choices, listener)


def _resumed(repo: Repository, execution: str, raised: dict[str, Any]) -> Line:
    from global_ui import screen
    from global_ui.resumption import choose, resume
    from global_ui.run_state import open_runs

    with open_runs(repo.cwd) as runs:
        chosen = choose(runs, _say) if execution == _NEWEST else execution
        with screen.live(screen.console(stderr=True)) as listener:
            return resume(runs, chosen, listener, _say, raised)


def _say(line: str) -> None:
    click.echo(printable(line), err=True)


def _show(repo: Repository, line: Line, as_json: bool) -> int:
    from global_util.contracts.git_operation_log import GitOperationLog

    from global_ui import screen
    from global_ui.summary import summarise

    execution = line.artifacts[GitOperationLog.SCHEMA].execution_id
    summary = summarise(line.artifacts, str(repo.state_dir / "runs" / execution))
    if as_json:
        print_json({**summary.to_json(), "seconds": line.seconds})
    else:
        screen.show(screen.console(), summary)
    return 0 if summary.all_fine else 1
