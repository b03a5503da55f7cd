"""``pipeline rollback-workstream``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click
from global_util.cli import json_option, print_json, repo_option
from global_util.program import printable

if TYPE_CHECKING:
    from pathlib import Path


@click.command("rollback-workstream", epilog="Example:  pipeline rollback-workstream ws-login --dry-run")
@click.argument("workstream")
@click.option("--run", metavar="RUN", help="The run. Default: the newest in which the workstream landed.")
@click.option("--why", metavar="TEXT", default="taken back", show_default=True, help="What the events tell.")
@click.option("--dry-run", is_flag=True, help="Make the commit and show it; move no branch.")
@repo_option
@json_option
def rollback_workstream(workstream: str, run: str | None, why: str, dry_run: bool, repo: Path, as_json: bool) -> None:
    """Take back what WORKSTREAM landed, with one more commit on the target branch. History is never rewritten.

    Refused when what landed on top of it needs it, or conflicts: the second line says what to do by hand.
    """
    from global_core_state.rollback import prepare, rollback

    from global_ui.reset_command import newest_with
    from global_ui.run_state import open_runs

    with open_runs(repo) as runs:
        execution = str(runs.find(run)["execution_id"]) if run else newest_with(runs, workstream, ("landed",))
        told: dict[str, Any] = {"execution_id": execution, "workstream": workstream, "dry_run": dry_run}
        if dry_run:
            made = prepare(runs.store, runs.folder(execution), workstream)
            told |= {"branch": made.branch, "commit": made.commit, "reverts": made.landed}
            told["changes"] = [f"{change.status} {change.path}" for change in made.changes]
        else:
            told["commit"] = rollback(runs.store, runs.folder(execution), workstream, why)
    if as_json:
        print_json(told)
        return
    for line in _lines(told):
        click.echo(printable(line))


def _lines(told: dict[str, Any]) -> list[str]:
    if not told["dry_run"]:
        return [f"{told['execution_id']}: {told['workstream']} is taken back by {told['commit']}"]
    return [
        f"{told['branch']} would go on with {told['commit']}, which takes back {told['reverts']}",
        *(f"  {change}" for change in told["changes"]),
    ]
