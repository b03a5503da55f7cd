"""Proof that the tables follow from the events: all is told again into an empty state, and compared."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any, NamedTuple

from global_util.errors import EnvironmentFault

from global_core_state.chain import Event
from global_core_state.projections import TABLES, project
from global_core_state.schema import create_tables, open_database, unusable
from global_core_state.store import Store


class Difference(NamedTuple):
    """A row that is not what the events say. ``found`` or ``told`` is empty where only the other has such a row."""

    table: str
    found: dict[str, Any]
    told: dict[str, Any]


def compare(store: Store) -> list[Difference]:
    """What the tables say that the events do not, or say differently."""
    events = [Event(**row) for execution in store.executions() for row in store.events(execution)]
    with closing(sqlite3.connect(":memory:")) as replayed:
        replayed.row_factory = sqlite3.Row
        create_tables(replayed)
        replay(replayed, events)
        return [
            difference for table in TABLES for difference in _unlike(table, store.table(table), _rows(replayed, table))
        ]


def compare_run(db: sqlite3.Connection, events: Sequence[Event]) -> list[Difference]:
    """The same for one run, whose events are given, and a database that is open already."""
    execution = events[0].execution_id
    with closing(sqlite3.connect(":memory:")) as replayed:
        replayed.row_factory = sqlite3.Row
        create_tables(replayed)
        replay(replayed, events)
        return [
            difference
            for table in TABLES
            for difference in _unlike(table, _rows(db, table, execution), _rows(replayed, table))
        ]


def tell_again(path: Path) -> int:
    """Make the tables of a state again from its events, all or nothing; how many events there are.

    Raises EnvironmentFault (exit 4) when the events do not give tables. That the chains are whole is for the caller to prove.
    """
    with closing(open_database(path)) as db:
        try:
            db.execute("begin immediate")
            db.execute("pragma defer_foreign_keys = on")
            for table in TABLES:
                db.execute(f"delete from {table}")  # noqa: S608  one of ours
            events = [Event(**dict(row)) for row in db.execute("select * from events order by execution_id, seq")]
            replay(db, events)
            db.execute("commit")
        except sqlite3.IntegrityError as fault:
            raise EnvironmentFault(
                f"{path}: the events do not give tables: {fault}", "pipeline verify --all", "E463"
            ) from None
        except sqlite3.DatabaseError as fault:
            raise unusable(path, fault) from None
    return len(events)


def replay(db: sqlite3.Connection, events: Iterable[Event]) -> None:
    """Let the tables of an empty state follow the events."""
    for event in events:
        project(db, event)


def _rows(db: sqlite3.Connection, table: str, execution: str = "") -> list[dict[str, Any]]:
    asked = f"select * from {table}"  # noqa: S608  one of ours
    found = db.execute(f"{asked} where execution_id = ?", (execution,)) if execution else db.execute(asked)
    return [dict(row) for row in found]


def _unlike(table: str, found: list[dict[str, Any]], told: list[dict[str, Any]]) -> Iterator[Difference]:
    keys = _keys(table)
    known = {tuple(row[key] for key in keys): row for row in told}
    for row in found:
        other = known.pop(tuple(row[key] for key in keys), {})
        if row != other:
            yield Difference(table, row, other)
    yield from (Difference(table, {}, row) for row in known.values())


def _keys(table: str) -> list[str]:
    with closing(sqlite3.connect(":memory:")) as empty:
        create_tables(empty)
        columns = empty.execute(f"pragma table_info({table})").fetchall()
    return [name for _, name, _, _, _, part in sorted(columns, key=lambda column: column[5]) if part]
