"""``core-state``: look at the state of a repository."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from global_util.cli import PipelineGroup, json_option, repo_option, version_option

if TYPE_CHECKING:
    from global_core_state.store import Store


@click.group(cls=PipelineGroup, context_settings={"help_option_names": ["-h", "--help"]})
@version_option("phaseline-global-core-state")
def main() -> None:
    """Look at the state of a repository: runs, workstreams, events."""


@main.command(epilog="Example:  core-state runs --repo . --json")
@repo_option
@json_option
def runs(repo: Path, as_json: bool) -> None:
    """List the runs of the repository, oldest first."""
    rows = _store(repo).runs()
    _print(rows, as_json, "{execution_id}  {status:<12} {plan}")


@main.command(epilog="Example:  core-state workstreams EXEC-2026-01-31-001")
@click.argument("execution_id")
@repo_option
@json_option
def workstreams(execution_id: str, repo: Path, as_json: bool) -> None:
    """List the workstreams of a run with their states."""
    _print(_store(repo).workstreams(execution_id), as_json, "{ws_id}  {status}")


@main.command(epilog="Example:  core-state events EXEC-2026-01-31-001 --json")
@click.argument("execution_id")
@repo_option
@json_option
def events(execution_id: str, repo: Path, as_json: bool) -> None:
    """List the events of a run, in order."""
    _print(_store(repo).events(execution_id), as_json, "{seq:>6} {at} {ws_id!s:<24} {type} {payload}")


def _store(repo: Path) -> Store:
    from global_util.errors import EnvironmentFault
    from global_util.git import Repository

    from global_core_state.store import Store

    place = Repository.discover(repo.absolute()).state_dir / "state.db"
    if not place.exists():
        raise EnvironmentFault(f"{place}: no state yet", "run a plan first", "E432")
    return Store(place)


def _print(rows: list[dict[str, Any]], as_json: bool, line: str) -> None:
    if as_json:
        click.echo(json.dumps(rows, indent=2))
        return
    for row in rows:
        click.echo(line.format(**row))
