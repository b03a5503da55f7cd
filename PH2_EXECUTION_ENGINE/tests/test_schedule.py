"""Nodes run after what they need, never more at once than there is room for, and a failure starts nothing more."""

from __future__ import annotations

import threading
import time
from collections.abc import Mapping, Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from ph2_execution_engine.schedule import Slots, run_graph


class Log:
    """Watches nodes come and go."""

    def __init__(self, seconds: float = 0.0, failing: str = "") -> None:
        self.seconds = seconds
        self.failing = failing
        self.started: list[str] = []
        self.ended: list[str] = []
        self.before: dict[str, set[str]] = {}
        self.most = 0
        self.together: list[frozenset[str]] = []
        self._lock = threading.Lock()

    def work(self, node: str) -> None:
        """Take some time, or fail."""
        with self._lock:
            self.before[node] = set(self.ended)
            self.started.append(node)
            running = frozenset(self.started) - set(self.ended)
            self.together.append(running)
            self.most = max(self.most, len(running))
        time.sleep(self.seconds)
        with self._lock:
            self.ended.append(node)
        if node == self.failing:
            raise RuntimeError(node)


def free(node: str, among: Sequence[str]) -> None:
    """Nobody listens."""


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
    run_graph(list(needs), needs, log.work, jobs, Slots(limits, kinds), free)
    assert sorted(log.ended) == sorted(needs)
    for node, before in needs.items():
        assert set(before) <= log.before[node]
    assert log.most <= jobs
    for running in log.together:
        for kind, limit in limits.items():
            assert sum(kind in kinds[node] for node in running) <= limit


@given(graphs())
def test_with_one_job_the_order_is_that_of_the_plan(needs: dict[str, list[str]]) -> None:
    log = Log()
    picks: list[tuple[str, list[str]]] = []
    run_graph(list(needs), needs, log.work, 1, Slots({}, {}), lambda node, among: picks.append((node, list(among))))
    done: list[str] = []
    for node in log.started:
        ready = [other for other in needs if other not in done and set(needs[other]) <= set(done)]
        assert node == ready[0]
        assert (node, ready) == picks[len(done)]
        done.append(node)


def test_a_failure_starts_nothing_more_and_waits_for_what_runs() -> None:
    needs: dict[str, list[str]] = {"bad": [], "slow": [], "later": [], "after": ["bad"]}
    log = Log(0.05, failing="bad")
    with pytest.raises(RuntimeError, match="bad"):
        run_graph(list(needs), needs, log.work, 2, Slots({}, {}), free)
    assert set(log.started) <= {"bad", "slow", "later"}
    assert "after" not in log.started
    assert set(log.ended) == set(log.started)


def test_independent_nodes_run_side_by_side() -> None:
    log = Log(0.1)
    run_graph(["a", "b"], {"a": [], "b": []}, log.work, 2, Slots({}, {}), free)
    assert log.most == 2
