"""The tables that follow from the events: what an event changes in them. Used when it happens, and when it is replayed."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from typing import Any

from global_core_state import machine
from global_core_state.chain import Event, canonical

TABLES = ("runs", "workstreams", "phase_runs", "step_attempts", "errors", "journal", "decisions", "spending", "claims")
"""All that can be made again from the events."""


def project(db: sqlite3.Connection, event: Event) -> None:
    """Let the tables follow an event. Most events change none."""
    change = _CHANGES.get(event.type)
    if change is not None:
        change(db, event, event.about)


def _run_created(db: sqlite3.Connection, event: Event, about: dict[str, Any]) -> None:
    db.execute(
        "insert into runs (execution_id, status, run_clock, plan, created_at) values (?, 'created', ?, ?, ?)",
        (event.execution_id, about["run_clock"], about["plan"], event.at),
    )


def _run_moved(db: sqlite3.Connection, event: Event, about: dict[str, Any]) -> None:
    ended = event.at if not machine.RUN[about["after"]] else None
    db.execute(
        "update runs set status = ?, completed_at = ? where execution_id = ?",
        (about["after"], ended, event.execution_id),
    )


def _phase_began(db: sqlite3.Connection, event: Event, about: dict[str, Any]) -> None:
    db.execute(
        "insert into phase_runs (execution_id, phase, input_id, decided) values (?, ?, ?, ?)",
        (event.execution_id, about["phase"], about["input"], about["decided"]),
    )


def _phase_ended(db: sqlite3.Connection, event: Event, about: dict[str, Any]) -> None:
    db.execute(
        "update phase_runs set output_id = ? where execution_id = ? and phase = ?",
        (about["output"], event.execution_id, about["phase"]),
    )


def _workstream_created(db: sqlite3.Connection, event: Event, about: dict[str, Any]) -> None:
    db.execute(
        "insert into workstreams (execution_id, ws_id, status, depends_on) values (?, ?, 'pending', ?)",
        (event.execution_id, event.ws_id, canonical(about["depends_on"])),
    )


def _workstream_moved(db: sqlite3.Connection, event: Event, about: dict[str, Any]) -> None:
    left = about["before"] if about["after"] == "interrupted" else None
    db.execute(
        "update workstreams set status = ?, left_state = ? where execution_id = ? and ws_id = ?",
        (about["after"], left, event.execution_id, event.ws_id),
    )


def _workstream_reset(db: sqlite3.Connection, event: Event, about: dict[str, Any]) -> None:
    """``keeps``: per workstream the event up to which its answers stand; 0: none does. What phases came to is forgotten."""
    keeps: dict[str, int] = about["keeps"]
    asked = db.execute("select key, ws_id, confirmed from journal where execution_id = ?", (event.execution_id,))
    forgotten = [
        (event.execution_id, key)
        for key, ws, confirmed in asked.fetchall()
        if ws in keeps and (confirmed is None or confirmed > keeps[ws])
    ]
    db.executemany("delete from journal where execution_id = ? and key = ?", forgotten)
    db.executemany(
        "update workstreams set status = ?, left_state = null, resets = resets + 1 where execution_id = ? and ws_id = ?",
        [(machine.RESTARTED[bool(kept)], event.execution_id, ws) for ws, kept in keeps.items()],
    )
    db.executemany(
        "delete from phase_runs where execution_id = ? and phase = ?",
        [(event.execution_id, phase) for phase in about["phases"]],
    )
    db.execute("update runs set status = 'idle', completed_at = null where execution_id = ?", (event.execution_id,))


def _step_began(db: sqlite3.Connection, event: Event, about: dict[str, Any]) -> None:
    db.execute(
        "insert into step_attempts (execution_id, attempt, ws_id, step, started_at) values (?, ?, ?, ?, ?)",
        (event.execution_id, event.seq, event.ws_id, about["step"], event.at),
    )
    if "tool" in about:
        db.execute(
            "insert into spending (execution_id, attempt, ws_id, tool, began_at) values (?, ?, ?, ?, ?)",
            (event.execution_id, event.seq, event.ws_id, about["tool"], event.at),
        )


def _step_ended(db: sqlite3.Connection, event: Event, about: dict[str, Any]) -> None:
    result = {key: value for key, value in about.items() if key != "attempt"}
    db.execute(
        "update step_attempts set completed_at = ?, result = ? where execution_id = ? and attempt = ?",
        (event.at, canonical(result), event.execution_id, about["attempt"]),
    )
    used = about.get("usage") or {}
    amounts = [used.get(name) for name in ("milliseconds", "tokens_in", "tokens_out", "micro_usd")]
    db.execute(
        "update spending set ended_at = ?, milliseconds = ?, tokens_in = ?, tokens_out = ?, micro_usd = ?, wait_s = ?"
        " where execution_id = ? and attempt = ?",
        (event.at, *amounts, about.get("wait_s"), event.execution_id, about["attempt"]),
    )


def _error(db: sqlite3.Connection, event: Event, about: dict[str, Any]) -> None:
    db.execute(
        "insert into errors values (?, ?, ?, ?, ?, 1) on conflict do update set count = count + 1",
        (event.execution_id, event.ws_id, about["step"], about["code"], about["signature"]),
    )


def _intent(db: sqlite3.Connection, event: Event, about: dict[str, Any]) -> None:
    db.execute(
        "insert into journal (execution_id, key, kind, ws_id, intended) values (?, ?, ?, ?, ?)",
        (event.execution_id, about["key"], about["kind"], event.ws_id, event.seq),
    )


def _confirmed(db: sqlite3.Connection, event: Event, about: dict[str, Any]) -> None:
    db.execute(
        "update journal set confirmed = ? where execution_id = ? and key = ?",
        (event.seq, event.execution_id, about["key"]),
    )


def _decision(db: sqlite3.Connection, event: Event, about: dict[str, Any]) -> None:
    db.execute(
        "insert into decisions (execution_id, seq, ws_id, rule, about) values (?, ?, ?, ?, ?)",
        (event.execution_id, event.seq, event.ws_id, str(about.get("rule", "")), event.payload),
    )


def _claimed(db: sqlite3.Connection, event: Event, about: dict[str, Any]) -> None:
    db.execute(
        "insert into claims (execution_id, item, holder, token, at) values (?, ?, ?, ?, ?) on conflict do update"
        " set holder = excluded.holder, token = excluded.token, at = excluded.at",
        (event.execution_id, about["item"], about["holder"], about["token"], event.at),
    )


def _released(db: sqlite3.Connection, event: Event, about: dict[str, Any]) -> None:
    db.execute(
        "update claims set holder = null, at = ? where execution_id = ? and item = ?",
        (event.at, event.execution_id, about["item"]),
    )


_CHANGES: dict[str, Callable[[sqlite3.Connection, Event, dict[str, Any]], None]] = {
    "run_created": _run_created,
    "run_moved": _run_moved,
    "phase_began": _phase_began,
    "phase_completed": _phase_ended,
    "workstream_created": _workstream_created,
    "workstream_moved": _workstream_moved,
    "workstream_reset": _workstream_reset,
    "step_began": _step_began,
    "step_ended": _step_ended,
    "error": _error,
    "intent": _intent,
    "confirmed": _confirmed,
    "decision": _decision,
    "claimed": _claimed,
    "released": _released,
}

RESERVED = frozenset(_CHANGES) - {"decision"}
"""Events that only the store's own verbs may tell."""
