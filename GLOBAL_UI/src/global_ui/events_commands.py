"""``pipeline show-errors`` and ``pipeline show-events``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click
from global_util.cli import json_option, print_json, repo_option
from global_util.program import printable

if TYPE_CHECKING:
    from pathlib import Path

_RUN = click.argument("run")


@click.command("show-errors", epilog="Example:  pipeline show-errors EXEC-2026-01-31-001 --json")
@_RUN
@repo_option
@json_option
def show_errors(run: str, repo: Path, as_json: bool) -> None:
    """Show what went wrong in RUN: failed calls and new findings with how often they were seen, and phases that failed."""

    from global_ui.run_state import open_runs

    with open_runs(repo) as runs:
        runs.find(run)
        errors = runs.store.table("errors", run)
        failed = [event.about for event in runs.store.milestones(run, "phase_failed")]
    if as_json:
        print_json({"errors": errors, "phases": failed})
        return
    for (name, step, code), count in _counts(errors).items():
        click.echo(printable(f"{name}  {step}  {code}" + (f"  {count} times" if count > 1 else "")))
    for one in failed:
        click.echo(printable(f"{one['phase']}  {one['code']}  {one['message']}"))
    if not errors and not failed:
        click.echo("no errors", err=True)


def _counts(errors: list[dict[str, Any]]) -> dict[tuple[str, str, str], int]:
    """How often an error was seen, whatever its signature."""
    counts: dict[tuple[str, str, str], int] = {}
    for row in errors:
        key = (row["ws_id"], row["step"], row["error_code"])
        counts[key] = counts.get(key, 0) + row["count"]
    return counts


@click.command("show-events", epilog="Example:  pipeline show-events EXEC-2026-01-31-001 --type workstream_moved")
@_RUN
@click.option("--workstream", metavar="WS", help="Only what happened to this workstream.")
@click.option("--type", "kind", metavar="T", help="Only events of this type.")
@repo_option
@json_option
def show_events(run: str, workstream: str | None, kind: str | None, repo: Path, as_json: bool) -> None:
    """Show all that happened in RUN, in order, with the hash that chains each event to the one before."""
    import json

    from global_ui.run_state import open_runs

    with open_runs(repo) as runs:
        runs.find(run)
        rows = [
            row for row in runs.store.events(run) if workstream in (None, row["ws_id"]) and kind in (None, row["type"])
        ]
    if as_json:
        print_json([{**row, "payload": json.loads(row["payload"])} for row in rows])
        return
    for row in rows:
        line = f"{row['seq']:>6} {row['at']}  {row['ws_id'] or '-'}  {row['type']}  {row['payload']}"
        click.echo(printable(line))
