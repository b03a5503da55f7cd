"""Threads run what the scheduler starts, a failure or Ctrl-C starts nothing more, and what runs is waited for."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Iterator, Mapping

import pytest
from global_util.errors import Interrupted
from global_util.process import STOP
from hypothesis import given, settings
from hypothesis import strategies as st
from ph2_execution_engine.schedule import Decision, Slots, run_graph


class Log:
    """Watches nodes come and go."""

    def __init__(self, seconds: float = 0.0, failing: str = "") -> None:
        self.seconds = seconds
        self.failing = failing
        self.started: list[str] = []
        self.ended: list[str] = []
        self.before: dict[str, set[str]] = {}
        self.together: list[frozenset[str]] = []
        self._lock = threading.Lock()

    def work(self, node: str) -> None:
        """Take some time, or fail."""
        with self._lock:
            self.before[node] = set(self.ended)
            self.started.append(node)
            self.together.append(frozenset(self.started) - set(self.ended))
        time.sleep(self.seconds)
        with self._lock:
            self.ended.append(node)
        if node == self.failing:
            raise RuntimeError(node)


def unheard(decision: Decision) -> None:
    """Nobody listens."""


@pytest.fixture
def stop() -> Iterator[threading.Event]:
    """The sign for all tools to end; taken back afterwards."""
    yield STOP
    STOP.clear()


@st.composite
def graphs(draw: st.DrawFn) -> dict[str, list[str]]:
    """Needs without a cycle."""
    count = draw(st.integers(0, 9))
    return {
        f"n{number}": [f"n{other}" for other in sorted(draw(st.sets(st.integers(0, number - 1), max_size=3)))]
        if number
        else []
        for number in range(count)
    }


@settings(deadline=None, max_examples=40)
@given(graphs(), st.integers(1, 4), st.dictionaries(st.sampled_from(["ai", "big"]), st.integers(1, 2)), st.data())
def test_needs_and_slots_hold(
    needs: dict[str, list[str]], jobs: int, limits: Mapping[str, int], data: st.DataObject
) -> None:
    kinds = {node: data.draw(st.sampled_from([(), ("ai",), ("ai", "big")])) for node in needs}
    log = Log(0.001)
    run_graph(list(needs), needs, log.work, jobs, Slots(limits, kinds), unheard)
    assert sorted(log.ended) == sorted(needs)
    for node, before in needs.items():
        assert set(before) <= log.before[node]
    for running in log.together:
        assert len(running) <= jobs
        for kind, limit in limits.items():
            assert sum(kind in kinds[node] for node in running) <= limit


@settings(deadline=None)
@given(graphs())
def test_with_one_job_the_order_is_that_of_the_plan(needs: dict[str, list[str]]) -> None:
    log = Log()
    told: list[Decision] = []
    run_graph(list(needs), needs, log.work, 1, Slots({}, {}), told.append)
    assert log.started == [decision.node for decision in told]
    for number, decision in enumerate(told):
        done = set(log.started[:number])
        assert list(decision.candidates) == [node for node in needs if node not in done and set(needs[node]) <= done]


def test_a_failure_starts_nothing_more_and_waits_for_what_runs() -> None:
    needs: dict[str, list[str]] = {"bad": [], "slow": [], "later": [], "after": ["bad"]}
    log = Log(0.05, failing="bad")
    with pytest.raises(RuntimeError, match="bad"):
        run_graph(list(needs), needs, log.work, 2, Slots({}, {}), unheard)
    assert set(log.started) <= {"bad", "slow", "later"}
    assert "after" not in log.started
    assert set(log.ended) == set(log.started)


def test_a_start_that_cannot_be_recorded_does_not_happen() -> None:
    begun = threading.Event()
    ended: list[str] = []

    def refuse(decision: Decision) -> None:
        if decision.node == "b":
            assert begun.wait(30)
            raise OSError("disk full")

    def work(node: str) -> None:
        begun.set()
        time.sleep(0.05)
        ended.append(node)

    with pytest.raises(OSError, match="disk full"):
        run_graph(["a", "b"], {"a": [], "b": []}, work, 2, Slots({}, {}), refuse)
    assert ended == ["a"]


def test_ctrl_c_starts_nothing_more_and_tells_what_runs_to_end(stop: threading.Event) -> None:
    ended: list[str] = []

    def work(node: str) -> None:
        os.kill(os.getpid(), signal.SIGINT)
        assert stop.wait(30)
        ended.append(node)

    with pytest.raises(KeyboardInterrupt):
        run_graph(["a", "b"], {"a": [], "b": []}, work, 1, Slots({}, {}), unheard)
    assert ended == ["a"]


def test_a_stop_that_is_no_ctrl_c_starts_nothing_more_either(stop: threading.Event) -> None:
    ended: list[str] = []

    def work(node: str) -> None:
        stop.set()
        ended.append(node)

    with pytest.raises(Interrupted):
        run_graph(["a", "b"], {"a": [], "b": []}, work, 1, Slots({}, {}), unheard)
    assert ended == ["a"]


def test_a_stop_after_the_last_start_takes_nothing_back(stop: threading.Event) -> None:
    run_graph(["a"], {"a": []}, lambda _: stop.set(), 1, Slots({}, {}), unheard)


def test_independent_nodes_run_side_by_side() -> None:
    both = threading.Barrier(2)
    run_graph(["a", "b"], {"a": [], "b": []}, lambda node: void(both.wait(30)), 2, Slots({}, {}), unheard)


def void(_: int) -> None:
    """The barrier's number does not matter."""


def test_nodes_that_wait_for_each_other_are_refused_and_not_waited_for() -> None:
    log = Log()
    with pytest.raises(ValueError, match="wait for each other"):
        run_graph(["a", "b", "c"], {"a": [], "b": ["c"], "c": ["b"]}, log.work, 2, Slots({}, {}), unheard)
    assert log.ended == ["a"]
