"""``core-state``: look at the state of a repository."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click
from global_util.cli import PipelineGroup, json_option, print_json, repo_option, version_option
from global_util.program import printable

if TYPE_CHECKING:
    from pathlib import Path

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


@main.command(epilog="Example:  core-state rows errors --json")
@click.argument("table")
@repo_option
@json_option
def rows(table: str, repo: Path, as_json: bool) -> None:
    """Print the rows of a TABLE of the state as they are."""
    import json

    import sqlite_utils
    from global_util.errors import InvalidInput

    database = sqlite_utils.Database(_place(repo))
    try:
        if table not in database.table_names():
            known = ", ".join(sorted(database.table_names()))
            raise InvalidInput(f"the state has no table {table!r}", f"it has: {known}", "E433")
        found = list(database.table(table).rows)
    finally:
        database.close()
    if as_json:
        print_json(found)
        return
    for row in found:
        click.echo(json.dumps(row))


@main.command(epilog="Example:  core-state rebuild --check")
@click.option("--check", is_flag=True, help="Change nothing: prove that the tables say what the events say.")
@repo_option
@json_option
def rebuild(check: bool, repo: Path, as_json: bool) -> int:
    """Make the tables of the state again from the events of all runs.

    Exit code 1 with --check: a table says something else than the events. Without: refused when a chain of events is broken.
    """
    from global_core_state import rebuild as rebuilding

    if check:
        rows = [row._asdict() for row in rebuilding.compare(_store(repo))]
        _print_differences(rows, as_json)
        return 1 if rows else 0
    _require_chains(repo)
    count = rebuilding.tell_again(_place(repo))
    if as_json:
        print_json({"events": count})
    else:
        click.echo(f"{count} events told again")
    return 0


def _print_differences(rows: list[dict[str, Any]], as_json: bool) -> None:
    from global_core_state.verify_chain import difference

    if as_json:
        print_json(rows)
        return
    for row in rows:
        click.echo(f"{row['table']}: {printable(difference(row['found'], row['told']))}")
    if not rows:
        click.echo("the tables say what the events say")


def _require_chains(repo: Path) -> None:
    from global_util.errors import EnvironmentFault
    from global_util.git import Repository

    from global_core_state import verify

    store, found = _store(repo), Repository.discover(repo.absolute())
    for execution in verify.known(found, store):
        for fault in verify.verify_chain_only(found, store, execution):
            raise EnvironmentFault(
                f"{execution}: {fault.where}: {fault.what}; nothing was changed",
                f"{fault.mend}; see pipeline verify",
                "E463",
            )


def _place(repo: Path) -> Path:
    from global_util.errors import EnvironmentFault
    from global_util.git import Repository

    place = Repository.discover(repo.absolute()).state_dir / "state.db"
    if not place.exists():
        raise EnvironmentFault(f"{place}: no state yet", "run a plan first", "E432")
    return place


def _store(repo: Path) -> Store:
    from global_core_state.store import Store

    return Store(_place(repo))


def _print(rows: list[dict[str, Any]], as_json: bool, line: str) -> None:
    if as_json:
        print_json(rows)
        return
    for row in rows:
        click.echo(line.format(**row))
