"""A state of version 1 is backed up, told again as a chain, and nothing of it is lost."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from global_core_state import schema
from global_core_state.chain import Event, digest
from global_core_state.rebuild import compare
from global_core_state.store import Store
from global_util.errors import EnvironmentFault

EXEC, OTHER = "EXEC-2026-01-02-001", "EXEC-2026-01-02-002"
TABLES = """
create table runs (
    execution_id text primary key, status text not null, run_clock text not null, plan text not null,
    created_at text not null, completed_at text, metadata text not null default '{}'
) strict;
create table workstreams (
    execution_id text not null references runs, ws_id text not null, status text not null,
    depends_on text not null default '[]', metadata text not null default '{}', primary key (execution_id, ws_id)
) strict;
create table phase_runs (
    execution_id text not null references runs, phase text not null, input_id text not null,
    decided text not null, output_id text, primary key (execution_id, phase)
) strict;
create table step_attempts (
    id integer primary key, execution_id text not null references runs, ws_id text not null, step text not null,
    started_at text not null, completed_at text, result text
) strict;
create table errors (
    execution_id text not null references runs, ws_id text not null, step text not null, error_code text not null,
    signature text not null, count integer not null, primary key (execution_id, ws_id, step, error_code, signature)
) strict;
create table journal (
    execution_id text not null references runs, key text not null, kind text not null, about text not null,
    answer text, primary key (execution_id, key)
) strict;
create table events (
    seq integer primary key, execution_id text not null, ws_id text, at text not null, type text not null,
    payload text not null
) strict;
pragma user_version = 1;
"""
"""As version 1 laid them out."""

AT = "2026-01-02T03:04:05Z"
EVENTS: list[tuple[str, str | None, str, dict[str, Any]]] = [
    (EXEC, None, "run_created", {"plan": "plan", "run_clock": AT}),
    (OTHER, None, "run_created", {"plan": "plan", "run_clock": AT}),
    (EXEC, None, "run_moved", {"before": "created", "after": "running", "why": "ph2"}),
    (EXEC, "ws-a", "workstream_created", {"depends_on": ["ws-b"]}),
    (EXEC, None, "phase_began", {"phase": "ph2", "input": "in"}),
    (EXEC, "ws-a", "step_began", {"step": "edit:1"}),
    (EXEC, "ws-a", "intent", {"kind": "attempt", "key": "one", "workstream_id": "ws-a"}),
    (EXEC, None, "confirmed", {"key": "one"}),
    (EXEC, "ws-a", "intent", {"kind": "attempt", "key": "two", "workstream_id": "ws-a"}),
    (EXEC, "ws-a", "step_ended", {"attempt": 1, "outcome": "ok"}),
    (EXEC, "ws-a", "error", {"step": "edit", "code": "E1", "signature": "s"}),
    (EXEC, "ws-a", "picked", {"node": "ws-a:edit"}),
    (EXEC, None, "phase_ended", {"phase": "ph2", "output": "out"}),
    (EXEC, None, "phase_ended", {"phase": "ph2", "artifact": "out"}),
]
ROWS: dict[str, list[tuple[Any, ...]]] = {
    "runs": [(EXEC, "running", AT, "plan", AT, None, "{}"), (OTHER, "created", AT, "plan", AT, None, "{}")],
    "workstreams": [(EXEC, "ws-a", "pending", '["ws-b"]', "{}")],
    "phase_runs": [(EXEC, "ph2", "in", "decided", "out")],
    "step_attempts": [(1, EXEC, "ws-a", "edit:1", AT, AT, '{"outcome": "ok"}')],
    "errors": [(EXEC, "ws-a", "edit", "E1", "s", 1)],
    "journal": [(EXEC, "one", "attempt", "{}", '{"x": 1}'), (EXEC, "two", "attempt", "{}", None)],
}


@pytest.fixture
def old(tmp_path: Path) -> Path:
    place = tmp_path / "state.db"
    with closing(sqlite3.connect(place)) as raw, raw:
        raw.executescript(TABLES)
        for table, rows in ROWS.items():
            raw.executemany(f"insert into {table} values ({', '.join('?' * len(rows[0]))})", rows)
        for execution, ws, kind, about in EVENTS:
            values = (execution, ws, AT, kind, json.dumps(about, sort_keys=True))
            raw.execute("insert into events (execution_id, ws_id, at, type, payload) values (?, ?, ?, ?, ?)", values)
    return place


def test_an_old_state_goes_on(old: Path) -> None:
    with closing(Store(old)) as store:
        assert [(row["execution_id"], row["status"]) for row in store.runs()] == [(EXEC, "running"), (OTHER, "created")]
        assert [(row["ws_id"], row["status"], row["depends_on"]) for row in store.workstreams(EXEC)] == [
            ("ws-a", "pending", '["ws-b"]')
        ]
        assert store.begin_phase(EXEC, "ph2", "else", "else") == {
            "execution_id": EXEC, "phase": "ph2", "input_id": "in", "decided": "decided", "output_id": "out"
        }  # fmt: skip
        assert store.intend(EXEC, "one", "attempt", {}).answer == {"x": 1}
        assert store.intend(EXEC, "two", "attempt", {}).answer is None
        assert [row["result"] for row in store.table("step_attempts")] == ['{"outcome":"ok"}']
        assert [row["count"] for row in store.table("errors")] == [1]


def test_every_event_is_there_in_a_valid_chain_and_tells_the_tables(old: Path) -> None:
    with closing(Store(old)) as store:
        events = [Event(**row) for row in store.events(EXEC)]
        assert len(events) == sum(execution == EXEC for execution, *_ in EVENTS)
        assert all(digest(event) == event.hash for event in events)
        assert compare(store) == []


def test_the_old_state_lies_beside_as_it_was(old: Path) -> None:
    Store(old).close()
    Store(old).close()
    with closing(sqlite3.connect(old.with_name("state.db.version-1"))) as backup:
        assert backup.execute("pragma user_version").fetchone() == (1,)
        assert backup.execute("select count(*) from events").fetchone() == (len(EVENTS),)
    assert sorted(place.name for place in old.parent.iterdir() if "partial" in place.name) == []


def test_a_migration_that_fails_leaves_the_old_state(old: Path) -> None:
    with closing(sqlite3.connect(old)) as raw, raw:
        raw.execute("update events set payload = 'no json' where seq = 5")
    with pytest.raises(EnvironmentFault, match="cannot be taken over") as fault:
        Store(old)
    assert fault.value.code == "E436"
    with closing(sqlite3.connect(old)) as raw:
        assert raw.execute("pragma user_version").fetchone() == (1,)
        assert raw.execute("select count(*) from events").fetchone() == (len(EVENTS),)


def test_the_version_is_the_newest(old: Path) -> None:
    with closing(Store(old)), closing(sqlite3.connect(old)) as raw:
        assert raw.execute("pragma user_version").fetchone() == (schema.VERSION,)
