"""``pipeline verify [RUN]``: compute again what a run left, and name what does not fit."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click
from global_util.cli import json_option, print_json, repo_option
from global_util.program import printable

if TYPE_CHECKING:
    from pathlib import Path

    from global_core_state.store import Store
    from global_util.git import Repository

_MOST = 50
"""Faults of one run that are told."""
_SHOWN = 5


@click.command(epilog="Example:  pipeline verify EXEC-2026-01-31-001")
@click.argument("run", required=False)
@click.option("--all", "every", is_flag=True, help="All runs of the repository.")
@repo_option
@json_option
def verify(run: str | None, every: bool, repo: Path, as_json: bool) -> int:
    """Compute again what RUN left (default: the newest run), and name what does not fit.

    Looks at the chain of events, its anchors, the tables of the state, artifacts, prompts, logs, recordings, refs, objects
    and landed commits. Changes nothing. Exit code 1: something does not fit.
    """
    from contextlib import closing

    from global_core_state.store import Store
    from global_util.git import Repository

    if run and every:
        raise click.UsageError("give a RUN or --all, not both")
    found = Repository.discover(repo.absolute())
    with closing(Store(state_of(found))) as store:
        reports = [_report(found, store, name) for name in chosen(found, store, run, every)]
    if as_json:
        print_json(reports)
    else:
        for report in reports:
            _tell(report)
    return 0 if all(report["fits"] for report in reports) else 1


def state_of(repo: Repository) -> Path:
    """Where the state lies. Raises EnvironmentFault (E432) when there is none yet."""
    from global_util.errors import EnvironmentFault

    place = repo.state_dir / "state.db"
    if not place.exists():
        raise EnvironmentFault(f"{place}: no state yet", "run a plan first", "E432")
    return place


def chosen(repo: Repository, store: Store, run: str | None, every: bool) -> list[str]:
    """The run that was named, the newest, or all. Raises InvalidInput (E465) when there is none."""
    from global_core_state.verify import known
    from global_util.errors import InvalidInput

    names = known(repo, store)
    if not names:
        raise InvalidInput("there is no run to verify", "run a plan first", "E465")
    if run and run not in names:
        newest = ", ".join(reversed(names[-_SHOWN:]))
        raise InvalidInput(f"there is no run {run!r} in this repository", f"the newest: {newest}", "E465")
    return names if every else [run or names[-1]]


def _report(repo: Repository, store: Store, execution: str) -> dict[str, Any]:
    from collections import Counter

    from global_core_state.verify import verify as faults_of

    counted: Counter[str] = Counter()
    faults: list[dict[str, Any]] = []
    notes: list[dict[str, Any]] = []
    for fault in faults_of(repo, store, execution, counted):
        (notes if fault.note else faults).append({"where": fault.where, "what": fault.what, "mend": fault.mend})
        if len(faults) == _MOST:
            break
    return {
        "execution_id": execution,
        "fits": not faults,
        "counted": {name: counted[name] for name in ("events", "anchors", "artifacts", "files", "objects")},
        "faults": faults,
        "notes": notes,
    }


def _tell(report: dict[str, Any]) -> None:
    name = report["execution_id"]
    for fault in report["faults"]:
        click.echo(printable(f"{name}: {fault['where']}: {fault['what']} ({fault['mend']})"))
    if len(report["faults"]) == _MOST:
        click.echo(f"{name}: stopped after {_MOST} faults")
    for note in report["notes"]:
        click.echo(printable(f"{name}: note: {note['where']}: {note['what']} ({note['mend']})"))
    if report["fits"]:
        counted = ", ".join(f"{report['counted'][what]} {what}" for what in ("events", "artifacts", "files", "objects"))
        click.echo(f"{name}: {counted}: all fit")
