"""``pipeline reset-workstream``."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

import click
from global_util.cli import json_option, print_json, repo_option
from global_util.program import printable

if TYPE_CHECKING:
    from pathlib import Path

    from global_core_state.reset import Plan

    from global_ui.run_state import Runs


@click.command("reset-workstream", epilog="Example:  pipeline reset-workstream ws-login --yes")
@click.argument("workstream")
@click.option("--run", metavar="RUN", help="The run. Default: the newest that has the workstream and did not end.")
@click.option(
    "--to", "tries", metavar="N", type=click.IntRange(min=1), help="Keep the first N calls of its tool: 1 is the edit."
)
@click.option("--why", metavar="TEXT", default="begins anew", show_default=True, help="What the events tell.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@repo_option
@json_option
def reset_workstream(
    workstream: str, run: str | None, tries: int | None, why: str, yes: bool, repo: Path, as_json: bool
) -> None:
    """Let WORKSTREAM of a run begin anew, with all that depends on it. Its calls are paid again, those of others are not.

    What it had done is kept: see pipeline keep list. Go on afterwards with pipeline run --resume.
    """
    from global_core_state.reset import reset, survey

    from global_ui.run_state import open_runs

    with open_runs(repo) as runs:
        execution = str(runs.find(run)["execution_id"]) if run else newest_with(runs, workstream)
        folder = runs.folder(execution)
        if not yes:
            _ask(execution, survey(runs.store, folder, workstream, tries or 0))
        plan, kept = reset(runs.store, folder, workstream, why, tries or 0)
        told = _told(runs, execution, plan, kept)
    if as_json:
        print_json(told)
        return
    for line in _lines(told):
        click.echo(printable(line))


def newest_with(runs: Runs, workstream: str, states: tuple[str, ...] = ()) -> str:
    """The newest run that has the workstream, rather one that did not end; ``states``: rather one where it is in one of these.

    Raises InvalidInput (E300) when no run has it.
    """
    from global_core_state.reset import unknown

    having: list[tuple[bool, str]] = []
    known: set[str] = set()
    for row in runs.store.runs():
        execution = str(row["execution_id"])
        found = {one["ws_id"]: one["status"] for one in runs.store.workstreams(execution)}
        known |= set(found)
        if workstream in found:
            fits = found[workstream] in states if states else not runs.has_ended(execution)
            having.append((fits, execution))
    if not having:
        raise unknown("this repository", workstream, known)
    return max(having, key=lambda one: one[0] * len(having) + having.index(one))[1]


def _ask(execution: str, plan: Plan) -> None:
    others = f", and what depends on it: {', '.join(plan.names[1:])}" if plan.names[1:] else ""
    click.echo(printable(f"{execution}: {plan.names[0]} begins anew{others}"), err=True)
    if not sys.stdin.isatty():
        raise click.UsageError("nothing was changed; add --yes to do it")
    click.confirm("Their calls will be paid again. Go on?", abort=True, err=True)


def _told(runs: Runs, execution: str, plan: Plan, kept: tuple[str, ...]) -> dict[str, Any]:
    from global_ui.resumption import next_command
    from global_ui.run_state import BEGAN

    resumable = runs.told(execution, BEGAN) is not None
    return {
        "execution_id": execution,
        "reset": list(plan.names),
        "kept": list(kept),
        "next": f"pipeline run --resume {execution}" if resumable else next_command(runs, execution),
    }


def _lines(told: dict[str, Any]) -> list[str]:
    lines = [f"{told['execution_id']}: begins anew: {', '.join(told['reset'])}"]
    lines += [f"kept: {ref}" for ref in told["kept"]]
    return [*lines, f"go on with: {told['next']}"]
