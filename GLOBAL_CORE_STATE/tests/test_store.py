"""The state changes only along its tables, every change leaves an event, and nothing broken is used."""

from __future__ import annotations

import json
import sqlite3
import tempfile
import threading
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from global_core_state import machine, schema
from global_core_state.rebuild import compare
from global_core_state.store import Error, Store
from global_util.errors import EnvironmentFault
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

EXEC = "EXEC-2026-01-02-001"
IDS = st.sampled_from([EXEC, "EXEC-2026-01-02-002"])
WORKSTREAMS = st.sampled_from(["ws-a", "ws-b"])
STATES = st.sampled_from([*machine.WORKSTREAM, "made_up"])
RUN_STATES = st.sampled_from([*machine.RUN, "made_up"])


class StoreMachine(RuleBasedStateMachine):
    """Asks for anything at all, and keeps the tables in mind."""

    def __init__(self) -> None:
        super().__init__()
        self.folder = tempfile.TemporaryDirectory(prefix="phaseline-store-")
        self.store = Store(Path(self.folder.name) / "state.db")
        self.runs: dict[str, str] = {}
        self.workstreams: dict[tuple[str, str], str] = {}
        self.events = 0

    def teardown(self) -> None:
        self.store.close()
        self.folder.cleanup()

    def newest(self, execution: str) -> dict[str, Any]:
        return self.store.events(execution)[-1]

    @rule(execution=IDS)
    def create_run(self, execution: str) -> None:
        fresh = self.store.create_run(execution, "2026-01-02T00:00:00Z", "plan")
        assert fresh == (execution not in self.runs)
        self.runs.setdefault(execution, "created")
        self.events += fresh

    @rule(execution=IDS, after=RUN_STATES)
    def move_run(self, execution: str, after: str) -> None:
        before = self.runs.get(execution)
        allowed = before is not None and (after == before or after in machine.RUN[before])
        assert self.store.move_run(execution, after) == allowed
        self.events += 1
        assert self.newest(execution)["type"] == ("run_moved" if allowed else "transition_refused")
        if allowed:
            self.runs[execution] = after

    @rule(execution=IDS, ws=WORKSTREAMS)
    def create_workstream(self, execution: str, ws: str) -> None:
        if execution not in self.runs:
            with pytest.raises(sqlite3.IntegrityError):
                self.store.create_workstream(execution, ws, ())
            return
        self.store.create_workstream(execution, ws, ())
        self.events += (execution, ws) not in self.workstreams
        self.workstreams.setdefault((execution, ws), "pending")

    @rule(execution=IDS, ws=WORKSTREAMS, after=STATES)
    def move_workstream(self, execution: str, ws: str, after: str) -> None:
        before = self.workstreams.get((execution, ws))
        allowed = before is not None and (after == before or after in machine.WORKSTREAM[before])
        assert self.store.move_workstream(execution, ws, after, "because") == allowed
        if before != after:
            self.events += 1
            assert self.newest(execution)["type"] == ("workstream_moved" if allowed else "transition_refused")
        if allowed:
            self.workstreams[execution, ws] = after

    @invariant()
    def agrees(self) -> None:
        assert {row["execution_id"]: row["status"] for row in self.store.runs()} == self.runs
        for execution in self.runs:
            ended = (self.store.run(execution) or {})["completed_at"] is not None
            assert ended == (not machine.RUN[self.runs[execution]])
            rows = {(execution, row["ws_id"]): row["status"] for row in self.store.workstreams(execution)}
            assert rows == {key: state for key, state in self.workstreams.items() if key[0] == execution}
        assert sum(len(self.store.events(name)) for name in (EXEC, "EXEC-2026-01-02-002")) == self.events
        assert compare(self.store) == []


TestStore = StoreMachine.TestCase
TestStore.settings = settings(max_examples=25, stateful_step_count=25, deadline=None)


def test_the_tables_are_closed() -> None:
    for table in (machine.RUN, machine.WORKSTREAM):
        assert {after for states in table.values() for after in states} <= table.keys()
    assert not machine.validate_state_transition(machine.RUN, "made_up", "running")


def way(table: dict[str, frozenset[str]], start: str, goal: str) -> list[str]:
    """A shortest way that the table allows, without its start."""
    ways: dict[str, list[str]] = {start: []}
    for state in (waiting := [start]):
        fresh = sorted(table[state] - ways.keys())
        ways.update({after: [*ways[state], after] for after in fresh})
        waiting += fresh
    return ways[goal]


@pytest.mark.parametrize("before", machine.WORKSTREAM)
def test_each_pair_of_workstream_states(store: Store, before: str) -> None:
    for after in (*machine.WORKSTREAM, "made_up"):
        ws = f"ws-{after}"
        store.create_workstream(EXEC, ws, ())
        assert all(store.move_workstream(EXEC, ws, state) for state in way(machine.WORKSTREAM, "pending", before))
        known = len(store.events(EXEC))
        allowed = after == before or after in machine.WORKSTREAM[before]
        assert store.move_workstream(EXEC, ws, after, "because") == allowed
        told = [(event["ws_id"], event["type"], json.loads(event["payload"])) for event in store.events(EXEC)[known:]]
        about = {"before": before, "after": after, "why": "because"}
        kind = "workstream_moved" if allowed else "transition_refused"
        assert told == ([] if after == before else [(ws, kind, about)])
        states = {row["ws_id"]: row["status"] for row in store.workstreams(EXEC)}
        assert states[ws] == (after if allowed else before)


@pytest.mark.parametrize("before", machine.RUN)
def test_each_pair_of_run_states(store: Store, before: str) -> None:
    for n, after in enumerate((*machine.RUN, "made_up"), start=2):
        execution = f"EXEC-2026-01-02-{n:03}"
        store.create_run(execution, "2026-01-02T00:00:00Z", "plan")
        assert all(store.move_run(execution, state) for state in way(machine.RUN, "created", before))
        known = len(store.events(execution))
        allowed = after == before or after in machine.RUN[before]
        assert store.move_run(execution, after, "because") == allowed
        told = [(event["type"], json.loads(event["payload"])) for event in store.events(execution)[known:]]
        about = {"before": before, "after": after}
        assert told == [("run_moved", {**about, "why": "because"}) if allowed else ("transition_refused", about)]
        assert (store.run(execution) or {})["status"] == (after if allowed else before)


@pytest.fixture
def store(tmp_path: Path) -> Any:
    opened = Store(tmp_path / "state.db")
    opened.create_run(EXEC, "2026-01-02T00:00:00Z", "plan")
    yield opened
    opened.close()


def test_phases_steps_errors_and_journal(store: Store) -> None:
    assert store.begin_phase(EXEC, "ph1", "in", "decided") is None
    store.end_phase(EXEC, "ph1", "out")
    known = store.begin_phase(EXEC, "ph1", "else", "decided")
    assert known is not None
    assert (known["input_id"], known["output_id"]) == ("in", "out")
    step = store.begin_step(EXEC, "ws-a", "edit:1")
    seen, other = Error("edit", "E1", "sig"), Error("edit", "E1", "other")
    store.end_step(step, EXEC, "ws-a", {"outcome": "ok"}, errors=[seen, seen])
    assert store.intend(EXEC, "key", "call", {"workstream_id": "ws-a"}) == (False, None)
    assert store.intend(EXEC, "key", "call", {"workstream_id": "ws-a"}) == (True, None)
    store.confirm(EXEC, "key", {"x": 1}, "ws-a", [other, seen])
    assert store.intend(EXEC, "key", "call", {}) == (True, {"x": 1})
    assert {row["signature"]: row["count"] for row in store.table("errors")} == {"sig": 3, "other": 1}
    kinds = [event["type"] for event in store.events(EXEC)]
    begin = ["run_created", "phase_began", "phase_completed", "step_began", "step_ended"]
    assert kinds == [*begin, "error", "error", "intent", "error", "error", "confirmed"]


def test_a_step_ends_together_with_what_it_confirms(store: Store) -> None:
    step = store.begin_step(EXEC, "ws-a", "edit:1")
    store.intend(EXEC, "key", "attempt", {"workstream_id": "ws-a"})
    before = store.events(EXEC)
    with pytest.raises(TypeError):
        store.end_step(step, EXEC, "ws-a", {"outcome": "ok"}, ("key", {"not": object()}), [Error("edit", "E1", "sig")])
    assert store.events(EXEC) == before
    store.end_step(step, EXEC, "ws-a", {"outcome": "ok"}, confirms=("key", {"x": 1}))
    assert store.intend(EXEC, "key", "attempt", {}).answer == {"x": 1}


def test_an_answer_is_confirmed_together_with_the_errors_that_it_tells_of(store: Store) -> None:
    store.intend(EXEC, "key", "call", {"workstream_id": "ws-a"})
    before = store.events(EXEC)
    with pytest.raises(TypeError):
        store.confirm(EXEC, "key", {"not": object()}, "ws-a", [Error("ruff", "F401", "sig")])
    assert store.events(EXEC) == before
    assert store.table("errors") == []


def test_what_fails_half_way_leaves_no_trace(store: Store) -> None:
    before = store.events(EXEC)
    with pytest.raises(TypeError):
        store.record_event(EXEC, None, "x", {"not": object()})
    with pytest.raises(TypeError):
        store.intend(EXEC, "key", "call", {"not": object()})
    assert store.events(EXEC) == before
    assert store.intend(EXEC, "key", "call", {}) == (False, None)


def test_threads_and_a_second_opening_share_one_state(store: Store) -> None:
    second = Store(store.path)
    threads = [
        threading.Thread(target=lambda one=one: [one.record_event(EXEC, None, "x", {}) for _ in range(20)])
        for one in (store, store, second)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(second.events(EXEC)) == 61
    second.close()


def test_a_newer_state_is_refused(store: Store) -> None:
    with sqlite3.connect(store.path) as raw:
        raw.execute(f"pragma user_version = {schema.VERSION + 1}")
    raw.close()
    with pytest.raises(EnvironmentFault, match="newer Phaseline") as fault:
        Store(store.path)
    assert (fault.value.exit_code, fault.value.code) == (4, "E431")


def no_database(path: Path) -> None:
    path.write_bytes(b"this is no database, but it is long enough to be read as one" * 100)


def cut(path: Path) -> None:
    Store(path).close()
    path.write_bytes(path.read_bytes()[:5000])


@pytest.mark.parametrize("breaking", [no_database, cut])
def test_a_state_that_cannot_be_read(tmp_path: Path, breaking: Callable[[Path], None]) -> None:
    breaking(tmp_path / "state.db")
    with pytest.raises(EnvironmentFault, match="cannot be read") as fault:
        Store(tmp_path / "state.db")
    assert (fault.value.exit_code, fault.value.code) == (4, "E430")


def test_a_state_that_cannot_be_opened_for_writing(tmp_path: Path) -> None:
    (tmp_path / "state.db").mkdir()
    with pytest.raises(EnvironmentFault, match="cannot be opened") as fault:
        Store(tmp_path / "state.db")
    assert (fault.value.exit_code, fault.value.code) == (4, "E435")


def test_a_state_in_a_place_that_is_no_folder(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(EnvironmentFault) as fault:
        Store(tmp_path / "file" / "state.db")
    assert fault.value.code == "E435"


def test_a_state_that_breaks_while_it_is_used(store: Store) -> None:
    with sqlite3.connect(store.path) as raw:
        raw.execute("drop table events")
    raw.close()
    for ask in (lambda: store.events(EXEC), lambda: store.move_run(EXEC, "running")):
        with pytest.raises(EnvironmentFault, match="no such table") as fault:
            ask()
        assert fault.value.code == "E430"
    assert (store.run(EXEC) or {})["status"] == "created"


def test_a_full_disk_is_told_as_such_and_the_state_stays(tmp_path: Path) -> None:
    store = Store(tmp_path / "state.db")
    with closing(store):
        store._connection.execute("pragma max_page_count = 1")
        with pytest.raises(EnvironmentFault, match="disk is full") as fault:
            store.create_run("EXEC-2026-01-02-001", "2026-01-02T00:00:00Z", "plan " * 100_000)
        assert (fault.value.exit_code, fault.value.code) == (4, "E434")
        assert "move" not in fault.value.hint
