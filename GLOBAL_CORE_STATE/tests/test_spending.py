"""The ledger counts each call once, from its beginning; limits are asked in the transaction that begins a call."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from global_core_state.rebuild import compare
from global_core_state.spending import KINDS, Bounds, Ledger, amounts, ceiling, reached
from global_core_state.store import Store
from global_util import clock
from global_util.config import PLAY, Settings
from global_util.contracts.workstream import Budget
from global_util.errors import InvalidInput, Overspent, Parked
from hypothesis import given, settings
from hypothesis import strategies as st

EXEC, OTHER = "EXEC-2026-01-02-001", "EXEC-2026-01-02-002"
FREE = Bounds(Budget(), Budget(), Budget(), 3600)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with closing(opened(tmp_path)) as made:
        yield made
        assert compare(made) == []


def opened(folder: Path) -> Store:
    made = Store(folder / "state.db")
    for execution in (EXEC, OTHER):
        made.create_run(execution, "2026-01-02T00:00:00Z", "plan")
    return made


def paid(store: Store, ws: str = "ws-a", execution: str = EXEC, bounds: Bounds = FREE, **result: Any) -> int:
    """A call from its beginning to its end."""
    step = Ledger(store).begin(execution, ws, "edit:1", "mine", bounds)
    store.end_step(step, execution, ws, {"outcome": "ok", **result})
    return step


def test_what_calls_told_is_added_up_and_what_they_did_not_is_counted(store: Store) -> None:
    paid(store, usage={"milliseconds": 1500, "tokens_in": 10, "tokens_out": 5, "micro_usd": 2_000})
    paid(store, usage={"milliseconds": 500})
    Ledger(store).begin(EXEC, "ws-b", "edit:1", "mine", FREE)
    spent = Ledger(store).run(EXEC)
    assert spent[:4] == (3, 15, 2_000, 2_000)
    assert (spent.untold_tokens, spent.untold_cost, spent.untold_seconds) == (2, 2, 1)
    assert Ledger(store).workstream(EXEC, "ws-b").attempts == 1
    assert Ledger(store).run(OTHER).attempts == 0
    assert Ledger(store).run(OTHER).since == ""


def test_a_fixer_is_not_paid(store: Store) -> None:
    step = store.begin_step(EXEC, "ws-a", "fixer:1")
    store.end_step(step, EXEC, "ws-a", {"outcome": "ok"})
    assert Ledger(store).run(EXEC).attempts == 0


@pytest.mark.parametrize("kind", KINDS)
def test_a_workstream_may_use_up_its_own_budget_and_no_more(store: Store, kind: str) -> None:
    own = Budget.model_validate({kind: 2.0 if kind == "cost_usd" else 2})
    bounds = FREE._replace(workstream=own)
    used = {"milliseconds": 1_000, "tokens_in": 1, "tokens_out": 0, "micro_usd": 1_000_000}
    for _ in range(2):
        paid(store, bounds=bounds, usage=used)
    with pytest.raises(Overspent) as fault:
        paid(store, bounds=bounds, usage=used)
    assert fault.value.evidence[0].startswith(f"{kind} of the workstream: ")
    assert paid(store, ws="ws-b", bounds=bounds)
    assert Ledger(store).workstream(EXEC, "ws-a").attempts == 2


def test_a_run_and_a_day_put_off_what_is_over_them(store: Store) -> None:
    paid(store, execution=OTHER)
    paid(store, bounds=FREE._replace(run=Budget(attempts=1)))
    with pytest.raises(Parked) as of_run:
        paid(store, bounds=FREE._replace(run=Budget(attempts=1)))
    assert (of_run.value.code, of_run.value.until) == ("E520", "")
    with pytest.raises(Parked) as of_day:
        paid(store, bounds=FREE._replace(day=Budget(attempts=2)))
    assert of_day.value.until.endswith("T00:00:00Z")
    assert of_day.value.until > clock.now()
    assert paid(store, bounds=FREE._replace(day=Budget(attempts=3)))


def test_another_day_counts_for_itself(store: Store) -> None:
    paid(store)
    assert Ledger(store).day(clock.now()[:10]).attempts == 1
    assert Ledger(store).day("2001-01-01").attempts == 0


def test_a_service_that_wants_no_calls_is_left_alone_by_everybody(store: Store) -> None:
    step = Ledger(store).begin(OTHER, "ws-x", "edit:1", "mine", FREE)
    store.end_step(step, OTHER, "ws-x", {"outcome": "rate_limited", "wait_s": 1000})
    with pytest.raises(Parked) as fault:
        paid(store)
    assert fault.value.code == "E521"
    assert fault.value.until > clock.now()
    assert Ledger(store).begin(EXEC, "ws-a", "edit:1", "another", FREE)
    assert paid(store, bounds=FREE._replace(longest_park_s=0)), "nobody has to wait longer than is configured"


def test_threads_that_begin_at_once_do_not_pass_the_limit_together(store: Store) -> None:
    bounds = FREE._replace(run=Budget(attempts=5))

    def begin(number: int) -> bool:
        try:
            return bool(Ledger(store).begin(EXEC, f"ws-{number}", "edit:1", "mine", bounds))
        except Parked:
            return False

    with ThreadPoolExecutor(8) as pool:
        assert sum(pool.map(begin, range(20))) == 5
    assert Ledger(store).run(EXEC).attempts == 5


@settings(max_examples=30, deadline=None)
@given(
    most=st.integers(1, 50),
    calls=st.lists(st.tuples(st.integers(0, 30) | st.none(), st.booleans()), max_size=12),
)
def test_no_call_begins_once_a_limit_is_used_up_whoever_asks(most: int, calls: list[tuple[int | None, bool]]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        spent, bounds = 0, FREE._replace(run=Budget(tokens=most))
        opened(Path(folder)).close()
        for tokens, ends in calls:
            with closing(Store(Path(folder) / "state.db")) as store:
                try:
                    step = Ledger(store).begin(EXEC, "ws-a", "edit:1", "mine", bounds)
                    assert spent < most
                except Parked:
                    assert spent >= most
                    continue
                used = {} if tokens is None else {"tokens_in": tokens, "tokens_out": 0}
                if ends:
                    store.end_step(step, EXEC, "ws-a", {"outcome": "ok", "usage": used})
                    spent += tokens or 0
                assert Ledger(store).run(EXEC).tokens == spent
                assert compare(store) == []


def test_no_limit_is_ever_reached_that_is_0_or_absent(store: Store) -> None:
    paid(store, usage={"milliseconds": 10**9, "tokens_in": 10**9, "tokens_out": 1, "micro_usd": 10**12})
    spent = Ledger(store).run(EXEC)
    assert reached("run", spent, Budget()) == []
    assert reached("run", spent, Budget(attempts=0, tokens=0, cost_usd=0.0, seconds=0)) == []
    assert [one.kind for one in reached("run", spent, Budget(attempts=1, tokens=1, cost_usd=0.01, seconds=1))] == list(
        KINDS
    )


def test_limits_are_read_from_the_configuration() -> None:
    config = Settings().over("test", {"limits.run.cost_usd": 2, "limits.run.attempts": 0})
    assert ceiling(config, "run") == Budget(attempts=0, cost_usd=2.0)
    with pytest.raises(InvalidInput, match=r"limits\.day: /tokens"):
        amounts({"tokens": "many"}, "limits.day")


def test_what_is_played_has_no_limits_but_those_that_decide() -> None:
    config = Settings().over("test", {"limits.run.attempts": 1, PLAY: "recordings"})
    bounds = Bounds.of(config, Budget(attempts=3))
    assert bounds == (Budget(attempts=3), Budget(), Budget(), 0)
