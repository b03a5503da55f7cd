"""The tables follow from the events, and the events are a chain in which nothing can be changed unseen."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from global_core_state.chain import GENESIS, Event, canonical, digest
from global_core_state.claims import Claims
from global_core_state.projections import RESERVED, TABLES
from global_core_state.rebuild import compare
from global_core_state.spending import Bounds, Ledger
from global_core_state.store import Error, Store
from global_util.contracts.workstream import Budget
from global_util.errors import PipelineError
from hypothesis import given
from hypothesis import strategies as st

FIRST, SECOND = "EXEC-2026-01-02-001", "EXEC-2026-01-02-002"
JSON = st.recursive(st.none() | st.booleans() | st.integers() | st.text(), lambda inner: st.lists(inner, max_size=3))

FREE = Bounds(Budget(), Budget(), Budget(), 0)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    opened = Store(tmp_path / "state.db")
    with closing(opened):
        yield opened


def live(store: Store, execution: str) -> None:
    """A run in which everything happens once."""
    store.create_run(execution, "2026-01-02T00:00:00Z", "plan")
    store.move_run(execution, "running")
    store.create_workstream(execution, "ws-a", ("ws-b",))
    store.begin_phase(execution, "ph2", "in", "decided")
    store.move_workstream(execution, "ws-a", "ready")
    step = Ledger(store).begin(execution, "ws-a", "edit:1", "mine", FREE)
    store.intend(execution, "key", "attempt", {"workstream_id": "ws-a", "n": 1})
    store.confirm(execution, "key", {"head": "ü\udc80"})
    store.end_step(step, execution, "ws-a", {"outcome": "ok"}, errors=[Error("edit", "E1", "sig")] * 2)
    store.record_event(execution, "ws-a", "decision", {"rule": "rank", "pick": "ws-a:edit"})
    store.move_workstream(execution, "ws-a", "editing")
    store.move_workstream(execution, "ws-a", "interrupted", "SIGTERM")
    Claims(store).claim(execution, "ws-a", "alice", 60)
    store.end_phase(execution, "ph2", "out")
    store.move_run(execution, "failed", "because")


def chain(store: Store, execution: str) -> list[Event]:
    return [Event(**row) for row in store.events(execution)]


def test_each_run_has_a_chain_of_its_own_without_gaps(store: Store) -> None:
    live(store, FIRST)
    live(store, SECOND)
    assert store.executions() == [FIRST, SECOND]
    for execution in (FIRST, SECOND):
        events = chain(store, execution)
        assert [event.seq for event in events] == list(range(1, len(events) + 1))
        assert [event.previous for event in events] == [GENESIS, *(event.hash for event in events[:-1])]
        assert all(digest(event) == event.hash for event in events)


def test_what_the_tables_say_is_what_the_events_say(store: Store) -> None:
    live(store, FIRST)
    live(store, SECOND)
    assert all(store.table(name) for name in TABLES)
    assert compare(store) == []


@pytest.mark.parametrize("table", TABLES)
def test_a_row_that_no_event_tells_is_found(store: Store, table: str) -> None:
    live(store, FIRST)
    lost = store.table(table)[0]
    with closing(sqlite3.connect(store.path)) as raw, raw:
        raw.execute(f"delete from {table}")
    told = [(one.table, one.found, one.told) for one in compare(store)]
    assert (table, {}, lost) in told
    assert {name for name, _, _ in told} == {table}


def test_a_row_that_was_changed_by_hand_is_found(store: Store) -> None:
    live(store, FIRST)
    with closing(sqlite3.connect(store.path)) as raw, raw:
        raw.execute("update workstreams set status = 'landed'")
    (difference,) = compare(store)
    assert (difference.table, difference.found["status"], difference.told["status"]) == (
        "workstreams",
        "landed",
        "interrupted",
    )


def test_an_interrupted_workstream_knows_what_it_returns_to(store: Store) -> None:
    live(store, FIRST)
    (row,) = store.workstreams(FIRST)
    assert (row["status"], row["left_state"]) == ("interrupted", "editing")
    store.move_workstream(FIRST, "ws-a", "editing")
    assert store.workstreams(FIRST)[0]["left_state"] is None


@pytest.mark.parametrize("kind", sorted(RESERVED))
def test_nobody_tells_as_an_event_what_changes_the_state(store: Store, kind: str) -> None:
    with pytest.raises(PipelineError, match="changes the state"):
        store.record_event(FIRST, None, kind, {})
    assert store.events(FIRST) == []


@given(JSON)
def test_equal_values_have_one_text_and_it_is_ascii(value: Any) -> None:
    assert canonical({"b": value, "a": 1}) == canonical({"a": 1, "b": value})
    assert canonical(value).isascii()


@given(st.data())
def test_any_other_event_has_another_hash(data: st.DataObject) -> None:
    event = Event(FIRST, 2, "ws-a", "2026-01-02T00:00:00Z", "x", "{}", GENESIS, "")
    field = data.draw(st.sampled_from(Event._fields[:-1]))
    was = getattr(event, field)
    other = data.draw((st.integers() if field == "seq" else st.text()).filter(lambda value: value != was))
    changed = Event(**{**event._asdict(), field: other})
    assert digest(changed) != digest(event)
