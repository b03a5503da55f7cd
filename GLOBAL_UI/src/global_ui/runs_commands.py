"""``pipeline list`` and ``pipeline show-run``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click
from global_util.cli import json_option, print_json, repo_option
from global_util.program import printable

if TYPE_CHECKING:
    from pathlib import Path

    from global_ui.run_state import Runs


@click.command("list", epilog="Example:  pipeline list --json")
@repo_option
@json_option
def list_(repo: Path, as_json: bool) -> None:
    """List the runs of the repository, oldest first: state, when they began, plan.

    ``dead``: the state says that it is worked on, and nobody does. Go on with pipeline run --resume.
    """
    from global_ui.run_state import open_runs

    with open_runs(repo) as runs:
        rows = [{**row, "state": runs.shown_state(row)} for row in runs.store.runs()]
    if as_json:
        print_json(rows)
        return
    for row in rows:
        click.echo(printable(f"{row['execution_id']}  {row['state']:<11}  {row['created_at']}  {row['plan']}"))


@click.command("show-run", epilog="Example:  pipeline show-run EXEC-2026-01-31-001")
@click.argument("run")
@repo_option
@json_option
def show_run(run: str, repo: Path, as_json: bool) -> None:
    """Show what RUN is doing, or came to: phases, workstreams, attempts, and what was begun and not confirmed."""
    from global_ui.run_state import open_runs

    with open_runs(repo) as runs:
        told = describe(runs, run)
    if as_json:
        print_json(told)
        return
    for line in _lines(told):
        click.echo(printable(line))


def describe(runs: Runs, execution: str) -> dict[str, Any]:
    """All that ``show-run`` shows, as plain JSON values."""
    from global_ui.run_state import BEGAN

    row = runs.find(execution)
    began = runs.told(execution, BEGAN)
    return {
        **row,
        "state": runs.shown_state(row),
        "began_with": began,
        "phases": phases(runs, execution),
        "workstreams": _workstreams(runs, execution),
        "in_flight": in_flight(runs, execution),
        "folder": str(runs.folder(execution).path),
    }


def phases(runs: Runs, execution: str) -> list[dict[str, Any]]:
    """Phases that began, in the order of the line, with their artifacts; ``seconds`` is None while one has not ended."""
    recorded, seconds, folder = runs.recorded(execution), runs.seconds(execution), runs.folder(execution)
    found = []
    for name in sorted({*recorded, *(row["phase"] for row in runs.phases(execution))}):
        artifact = recorded.get(name)
        here = artifact is not None and folder.artifact_file(artifact).exists()
        found.append({"phase": name, "artifact": artifact, "here": here, "seconds": seconds.get(name)})
    return found


def in_flight(runs: Runs, execution: str) -> list[dict[str, Any]]:
    """What was announced and not confirmed, with when: it is done now, or was when somebody ended the process."""
    return [
        {"kind": about.pop("kind"), "since": event.at, "workstream": event.ws_id, **about}
        for event, about in ((event, event.about) for event in runs.store.in_flight(execution))
    ]


def _workstreams(runs: Runs, execution: str) -> list[dict[str, Any]]:
    import json

    tries: dict[str, list[str]] = {}
    for step in runs.store.table("step_attempts", execution):
        outcome = json.loads(step["result"])["outcome"] if step["result"] else "not ended"
        tries.setdefault(step["ws_id"], []).append(f"{step['step']} {outcome}")
    return [
        {
            "id": row["ws_id"],
            "state": row["status"],
            "left_state": row["left_state"],
            "depends_on": json.loads(row["depends_on"]),
            "attempts": tries.get(row["ws_id"], []),
        }
        for row in runs.store.workstreams(execution)
    ]


def _lines(told: dict[str, Any]) -> list[str]:
    lines = [f"{told['execution_id']}  {told['state']}  {told['plan']}", f"began: {told['created_at']}"]
    lines += [f"ended: {told['completed_at']}"] if told["completed_at"] else []
    lines += [f"plan: {told['began_with']['plan']}"] if told["began_with"] else []
    for one in told["phases"]:
        if one["artifact"] is None:
            what = "not ended"
        else:
            what = one["artifact"] if one["here"] else f"{one['artifact']}  MISSING"
        lines.append(f"  {one['phase']}  {what}" + (f"  {one['seconds']:.1f} s" if one["seconds"] else ""))
    for one in told["workstreams"]:
        left = f" (was {one['left_state']})" if one["left_state"] else ""
        lines.append(f"  {one['id']}  {one['state']}{left}  {', '.join(one['attempts'])}".rstrip())
    lines += [f"  in flight: {in_flight_line(one)}" for one in told["in_flight"]]
    return [*lines, f"folder: {told['folder']}"]


def in_flight_line(one: dict[str, Any]) -> str:
    """One line for people."""
    of = " of ".join(filter(None, (str(one.get("phase") or one.get("n") or ""), one["workstream"] or "")))
    return f"{one['kind']} {of} since {one['since']}"
