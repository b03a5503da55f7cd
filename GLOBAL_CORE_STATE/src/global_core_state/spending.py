"""What calls of AI tools have cost, and what they may: a ledger that follows from the events, so that no restart resets it.

A call counts from the moment it begins, in the transaction that also asks the limits. What it used is added when it ends;
one that was killed counts as an attempt, and what it used beside that is unknown.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Mapping
from decimal import ROUND_CEILING, Decimal
from typing import TYPE_CHECKING, Any, NamedTuple

from global_util import clock
from global_util.config import PLAY
from global_util.contracts.base import parse
from global_util.contracts.workstream import Budget
from global_util.errors import InvalidInput, Overspent, Parked

if TYPE_CHECKING:
    from global_util.config import Settings

    from global_core_state.store import Store

KINDS = ("attempts", "tokens", "cost_usd", "seconds")
"""What is limited. ``seconds`` are those of the calls, added up."""
RESTING = "E521"
"""The code of ``Parked`` while a tool's service wants no calls."""
_DAY_S = 24 * 60 * 60
_MICRO = Decimal(1_000_000)
_SUMS = """
    select count(*) as attempts, coalesce(sum(coalesce(tokens_in, 0) + coalesce(tokens_out, 0)), 0) as tokens,
        coalesce(sum(micro_usd), 0) as micro_usd, coalesce(sum(milliseconds), 0) as milliseconds,
        coalesce(sum(tokens_in is null or tokens_out is null), 0) as untold_tokens,
        coalesce(sum(micro_usd is null), 0) as untold_cost, coalesce(sum(milliseconds is null), 0) as untold_seconds,
        coalesce(min(began_at), '') as since
    from spending where
"""
_LIMITED = "select ended_at, wait_s from spending where tool = ? and wait_s is not null and ended_at <= ?"


class Spent(NamedTuple):
    """What calls used together, and how many of them did not tell. ``since``: when the first began; empty: there was none."""

    attempts: int
    tokens: int
    micro_usd: int
    milliseconds: int
    untold_tokens: int
    untold_cost: int
    untold_seconds: int
    since: str

    def of(self, kind: str) -> int:
        """The amount of a kind: cost in millionths of a dollar, time in milliseconds."""
        return int(getattr(self, {"cost_usd": "micro_usd", "seconds": "milliseconds"}.get(kind, kind)))

    def to_json(self) -> dict[str, Any]:
        """For people: dollars and seconds."""
        told = self._asdict()
        return {
            **{key: value for key, value in told.items() if key not in ("micro_usd", "milliseconds")},
            "cost_usd": self.micro_usd / 1_000_000,
            "seconds": self.milliseconds / 1_000,
        }


class Reached(NamedTuple):
    """A limit that is used up. ``spent`` and ``limit`` are amounts as ``Spent.of`` gives them."""

    scope: str
    kind: str
    spent: int
    limit: int
    since: str

    def line(self) -> str:
        """For people, without clocks."""
        return f"{self.kind} of the {self.scope}: {_shown(self.kind, self.spent)} of {_shown(self.kind, self.limit)}"


class Bounds(NamedTuple):
    """The limits that a call has to keep."""

    workstream: Budget
    run: Budget
    day: Budget
    longest_park_s: int

    @classmethod
    def of(cls, config: Settings, own: Budget | None) -> Bounds:
        """Those of a workstream are in its plan; those of run and day are what is configured now, so that they can be raised."""
        if config.get(PLAY):
            # What is played costs nothing. A workstream's own budget decides what becomes of it, then as now.
            return cls(own or Budget(), Budget(), Budget(), 0)
        longest = config.get("limits.longest_park_s") or 0
        return cls(own or Budget(), ceiling(config, "run"), ceiling(config, "day"), longest)


class Ledger:
    """What is spent, in one repository's state."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def begin(self, execution: str, ws: str, step: str, tool: str, bounds: Bounds) -> int:
        """Record that a paid step starts; the number of the attempt. Asked and recorded in one transaction.

        Raises Overspent when the workstream has used up its own budget; Parked when the run or the day has (E520), or
        while the tool's service wants no calls (E521). Nothing is recorded then.
        """
        with self._store.transaction() as db:
            _require_payable(db, execution, ws, tool, bounds)
            return self._store.append(db, execution, ws, "step_began", {"step": step, "tool": tool}).seq

    def workstream(self, execution: str, ws: str) -> Spent:
        """What a workstream has spent."""
        return self._sum("execution_id = ? and ws_id = ?", execution, ws)

    def run(self, execution: str) -> Spent:
        """What a run has spent."""
        return self._sum("execution_id = ?", execution)

    def day(self, day: str) -> Spent:
        """What all runs have spent on a day (``YYYY-MM-DD``, UTC)."""
        return self._sum("substr(began_at, 1, 10) = ?", day)

    def _sum(self, which: str, *values: str) -> Spent:
        return Spent(**self._store.rows(_SUMS + which, *values)[0])


def ceiling(config: Settings, scope: str) -> Budget:
    """``[limits.<scope>]`` of the configuration. Raises InvalidInput (E362) for what is no amount."""
    values = {kind: config.get(f"limits.{scope}.{kind}") for kind in KINDS}
    return amounts(values, f"limits.{scope}")


def amounts(values: Mapping[str, Any], where: str) -> Budget:
    """Limits from settings; a whole number of dollars will do."""
    cost = values.get("cost_usd")
    given = {**values, "cost_usd": float(cost) if type(cost) is int else cost}
    try:
        return parse(Budget, json.dumps({kind: value for kind, value in given.items() if value is not None}), where)
    except InvalidInput as fault:
        raise InvalidInput(fault.message, "mend it in pipeline.toml or with --set", "E362") from None


def reached(scope: str, spent: Spent, limits: Budget) -> list[Reached]:
    """The limits that are used up: nothing more may begin. 0 and absent are no limits."""
    found = []
    for kind in KINDS:
        limit = _amount(kind, getattr(limits, kind))
        if 0 < limit <= spent.of(kind):
            found.append(Reached(scope, kind, spent.of(kind), limit, spent.since))
    return found


def _amount(kind: str, value: float | None) -> int:
    unit = {"cost_usd": _MICRO, "seconds": Decimal(1_000)}.get(kind, Decimal(1))
    return int((Decimal(str(value or 0)) * unit).to_integral_value(ROUND_CEILING))


def _shown(kind: str, amount: int) -> str:
    if kind == "cost_usd":
        return f"${Decimal(amount) / _MICRO:f}"
    return f"{amount // 1_000} s" if kind == "seconds" else str(amount)


def _require_payable(db: sqlite3.Connection, execution: str, ws: str, tool: str, bounds: Bounds) -> None:
    now = clock.now()
    own = reached("workstream", _spent(db, "execution_id = ? and ws_id = ?", execution, ws), bounds.workstream)
    if own:
        raise Overspent(f"{ws}: its budget is used up: {own[0].line()}", tuple(one.line() for one in own))
    day = now[:10]
    for one in reached("run", _spent(db, "execution_id = ?", execution), bounds.run):
        raise Parked(f"{execution}: {one.line()}, since {one.since}", f"raise limits.run.{one.kind}")
    for one in reached("day", _spent(db, "substr(began_at, 1, 10) = ?", day), bounds.day):
        until = clock.stamp(clock.epoch_of(f"{day}T00:00:00Z") + _DAY_S)
        raise Parked(f"{day}: {one.line()}", f"wait until {until}, or raise limits.day.{one.kind}", until=until)
    until = _rests_until(db, tool, now, bounds.longest_park_s)
    if until > now:
        raise Parked(f"{tool}: its service wants no calls for now", f"wait until {until}", RESTING, until)


def _spent(db: sqlite3.Connection, which: str, *values: str) -> Spent:
    return Spent(**dict(db.execute(_SUMS + which, values).fetchone()))


def _rests_until(db: sqlite3.Connection, tool: str, now: str, longest_s: int) -> str:
    """Until when a tool is to be left alone: every call that was refused so far told for how long."""
    ends = [clock.epoch_of(ended_at) + min(wait_s, longest_s) for ended_at, wait_s in db.execute(_LIMITED, (tool, now))]
    return clock.stamp(max(ends)) if ends else ""
