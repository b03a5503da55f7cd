"""What a reset forgets follows from its event, after whatever had happened before."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from global_core_state import machine
from global_core_state.rebuild import compare
from global_core_state.reset import dependents
from global_core_state.store import Store
from hypothesis import given, settings
from hypothesis import strategies as st

EXEC = "EXEC-2026-01-02-001"
NAMES = ("ws-a", "ws-b", "ws-c")
Verb = Callable[[Store, str, int], Any]

VERBS: dict[str, Verb] = {
    "move": lambda store, ws, n: store.move_workstream(EXEC, ws, list(machine.WORKSTREAM)[n % len(machine.WORKSTREAM)]),
    "run": lambda store, _, n: store.move_run(EXEC, ("running", "idle", "interrupted", "failed")[n % 4]),
    "phase": lambda store, _, n: store.begin_phase(EXEC, f"ph{1 + n % 7}", "in", "decided"),
    "ended": lambda store, _, n: store.end_phase(EXEC, f"ph{1 + n % 7}", "out"),
    "intend": lambda store, ws, n: store.intend(EXEC, f"{ws} {n % 3}", "attempt", {"workstream_id": ws, "n": n}),
    "confirm": lambda store, ws, n: store.confirm(EXEC, f"{ws} {n % 3}", {"n": n}),
    "reset": lambda store, ws, n: store.reset_workstreams(
        EXEC, ws, {ws: n if n % 2 else 0, NAMES[n % 3]: 0} | ({ws: n} if n % 2 else {}), ("ph2", "ph3"), {}
    ),
}


def start(place: Path) -> Store:
    store = Store(place / "state.db")
    store.create_run(EXEC, "2026-01-02T00:00:00Z", "plan")
    for name in NAMES:
        store.create_workstream(EXEC, name, ())
    return store


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(st.sampled_from(sorted(VERBS)), st.sampled_from(NAMES), st.integers(0, 60)), max_size=40))
def test_the_tables_follow_whatever_was_done(done: list[tuple[str, str, int]]) -> None:
    with tempfile.TemporaryDirectory() as place, closing(start(Path(place))) as store:
        for verb, ws, n in done:
            VERBS[verb](store, ws, n)
        assert compare(store) == []
        told = [row["type"] for row in store.events(EXEC)]
        resets = sum(store.resets(EXEC, name) for name in NAMES)
        assert (resets > 0) == ("workstream_reset" in told)
        assert {row["status"] for row in store.workstreams(EXEC)} <= set(machine.WORKSTREAM)


def test_what_was_answered_later_is_asked_again(tmp_path: Path) -> None:
    with closing(start(tmp_path)) as store:
        for key, ws in (("one", "ws-a"), ("two", "ws-a"), ("three", "ws-b"), ("free", None)):
            store.intend(EXEC, key, "call", {"workstream_id": ws} if ws else {})
        seen = {}
        for key in ("one", "two", "three", "free"):
            store.confirm(EXEC, key, {"key": key})
            tail = store.tail(EXEC)
            assert tail is not None
            seen[key] = tail.seq
        store.move_run(EXEC, "failed")
        store.begin_phase(EXEC, "ph1", "in", "d")
        store.begin_phase(EXEC, "ph2", "in", "d")
        assert store.reset_workstreams(EXEC, "ws-a", {"ws-a": seen["one"], "ws-b": 0}, ("ph2", "ph3"), {"why": "anew"})
        answers = {key: store.intend(EXEC, key, "call", {}).answer for key in seen}
        assert answers == {"one": {"key": "one"}, "two": None, "three": None, "free": {"key": "free"}}
        states = {row["ws_id"]: (row["status"], row["resets"]) for row in store.workstreams(EXEC)}
        assert states == {"ws-a": ("static_check", 1), "ws-b": ("pending", 1), "ws-c": ("pending", 0)}
        assert [row["phase"] for row in store.table("phase_runs")] == ["ph1"]
        run = store.run(EXEC)
        assert run is not None
        assert (run["status"], run["completed_at"]) == ("idle", None)
        assert compare(store) == []


@pytest.mark.parametrize("state", sorted(machine.WORKSTREAM))
def test_the_guard_is_asked(tmp_path: Path, state: str) -> None:
    with closing(start(tmp_path)) as store:
        assert not store.reset_workstreams(EXEC, "ws-a", {"ws-a": 0}, (), {})
        assert not store.reset_workstreams(EXEC, "ws-z", {"ws-z": 0}, (), {})
        store.move_run(EXEC, "failed")
        _let_be(store, state)
        assert store.reset_workstreams(EXEC, "ws-a", {"ws-a": 0}, (), {}) == (state in machine.RESET_WORKSTREAM)
        assert compare(store) == []


def _let_be(store: Store, wanted: str) -> None:
    """Bring ws-a into a state, by the shortest way."""
    ways: dict[str, tuple[str, ...]] = {"pending": ()}
    while wanted not in ways:
        ways |= {
            after: (*way, after)
            for before, way in ways.items()
            for after in machine.WORKSTREAM[before]
            if after not in ways
        }
    for state in ways[wanted]:
        assert store.move_workstream(EXEC, "ws-a", state)


def test_dependents_are_found_through_others() -> None:
    needs = {"a": [], "b": ["a"], "c": ["b", "x"], "d": ["x"], "x": []}
    rows = [{"ws_id": name, "depends_on": str(above).replace("'", '"')} for name, above in needs.items()]
    assert [dependents(rows, name) for name in "abcdx"] == [("b", "c"), ("c",), (), (), ("c", "d")]
