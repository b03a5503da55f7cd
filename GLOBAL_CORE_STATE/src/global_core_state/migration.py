"""From version 1 of the state, whose events had no chain and told less than the tables."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator
from typing import Any

from global_core_state.chain import GENESIS, Event, link
from global_core_state.projections import project
from global_core_state.schema import create_tables

_OLD = ("step_attempts", "errors", "journal", "phase_runs", "workstreams", "runs", "events")


def from_version_1(db: sqlite3.Connection) -> None:
    """Tell every run again as a chain: the old events with what the old tables knew besides, and the tables from them."""
    old = {table: [dict(row) for row in db.execute(f"select * from {table}")] for table in _OLD}  # noqa: S608  fixed names
    for table in _OLD:
        db.execute(f"drop table {table}")
    create_tables(db)
    tails: dict[str, Event] = {}
    for row, about in _told(old):
        execution = row["execution_id"]
        tail = tails.get(execution)
        seq, previous = (tail.seq + 1, tail.hash) if tail else (1, GENESIS)
        event = link(execution, seq, row["ws_id"], row["at"], about.pop("type"), about, previous)
        db.execute("insert into events values (?, ?, ?, ?, ?, ?, ?, ?)", event)
        project(db, event)
        tails[execution] = event


def _told(old: dict[str, list[dict[str, Any]]]) -> Iterator[tuple[dict[str, Any], dict[str, Any]]]:
    """The old events in order, with today's payloads."""
    answers = {(row["execution_id"], row["key"]): row["answer"] for row in old["journal"]}
    decided = {(row["execution_id"], row["phase"]): row["decided"] for row in old["phase_runs"]}
    counts: dict[str, int] = {}
    began: dict[int, int] = {}
    steps = iter(sorted(row["id"] for row in old["step_attempts"]))
    for row in sorted(old["events"], key=lambda event: event["seq"]):
        execution, about = row["execution_id"], json.loads(row["payload"])
        counts[execution] = counts.get(execution, 0) + 1
        kind = row["type"]
        if kind == "confirmed":
            about["answer"] = json.loads(answers[execution, about["key"]])
        elif kind == "phase_began":
            about["decided"] = decided[execution, about["phase"]]
        elif kind == "phase_ended" and "output" in about:
            kind = "phase_completed"
        elif kind == "step_began":
            began[next(steps)] = counts[execution]
        elif kind == "step_ended":
            about["attempt"] = began[about["attempt"]]
        yield row, {**about, "type": kind}
