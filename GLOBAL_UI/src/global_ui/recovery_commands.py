"""``pipeline recover-run`` and ``pipeline abandon-run``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click
from global_util.cli import json_option, print_json, repo_option
from global_util.program import printable

if TYPE_CHECKING:
    from pathlib import Path

    from global_ui.run_state import Runs

_RUN = click.argument("run")


@click.command("recover-run", epilog="Example:  pipeline recover-run EXEC-2026-01-31-001")
@_RUN
@repo_option
@json_option
def recover_run(run: str, repo: Path, as_json: bool) -> None:
    """Look at a RUN whose process died: mark what it worked on as interrupted, and say what to do next.

    Nothing is removed: what tools left in worktrees is kept when the run goes on. pipeline run --resume does this, too.
    """
    from global_core_state.recovery import recover

    from global_ui.run_state import open_runs

    with open_runs(repo) as runs:
        runs.find(run)
        stopped = recover(runs.store, runs.folder(run))
        told = _found(runs, run, stopped)
    if as_json:
        print_json(told)
        return
    for line in _lines(told):
        click.echo(printable(line))


@click.command("abandon-run", epilog='Example:  pipeline abandon-run EXEC-2026-01-31-001 --why "the plan was wrong"')
@_RUN
@click.option(
    "--why", metavar="TEXT", default="given up", show_default=True, help="What the events tell as the reason."
)
@repo_option
def abandon_run(run: str, why: str, repo: Path) -> None:
    """Give up a RUN that did not end, with its workstreams. It cannot go on afterwards; what it kept stays kept."""
    from global_core_state.recovery import abandon

    from global_ui.run_state import open_runs

    with open_runs(repo) as runs:
        runs.find(run)
        abandon(runs.store, runs.folder(run), why)
    click.echo(f"{run} is abandoned; what it kept: pipeline keep list --execution {run}", err=True)


def _found(runs: Runs, execution: str, stopped: tuple[str, ...]) -> dict[str, Any]:
    from global_util.phase import LINE

    from global_ui.resumption import next_command
    from global_ui.run_state import BEGAN
    from global_ui.runs_commands import in_flight

    outputs = list(runs.outputs(execution))
    resumable = runs.told(execution, BEGAN) is not None
    way = f"pipeline run --resume {execution}" if resumable else next_command(runs, execution)
    return {
        "execution_id": execution,
        "state": runs.find(execution)["status"],
        "interrupted": list(stopped),
        "phases_ended": outputs,
        "next_phase": LINE[len(outputs)] if len(outputs) < len(LINE) else None,
        "confirmed": runs.store.confirmed(execution),
        "in_flight": in_flight(runs, execution),
        "next": way or f"pipeline abandon-run {execution}",
    }


def _lines(told: dict[str, Any]) -> list[str]:
    from global_ui.runs_commands import in_flight_line

    lines = [f"{told['execution_id']}  {told['state']}"]
    lines += [f"interrupted: {', '.join(told['interrupted'])}"] if told["interrupted"] else []
    lines.append(f"ended and recorded: {', '.join(told['phases_ended']) or 'nothing'}")
    lines.append(f"confirmed and never repeated: {told['confirmed']} calls and effects")
    lines += [f"was in flight, will be done again: {in_flight_line(one)}" for one in told["in_flight"]]
    return [*lines, f"go on with: {told['next']}"]
