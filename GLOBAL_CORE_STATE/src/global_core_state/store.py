"""The state store: a list of verbs. Each verb is one transaction that appends an event and updates what follows from it."""

from __future__ import annotations

import json
import sqlite3
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, cast

from global_util import clock

from global_core_state import machine
from global_core_state.schema import open_database, unreadable


class Store:
    """One repository's state. Threads share it; processes each open their own."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._connection = open_database(path)
        self._lock = threading.RLock()

    def close(self) -> None:
        """Release the database."""
        self._connection.close()

    @contextmanager
    def _transaction(self) -> Iterator[sqlite3.Connection]:
        with self._alone():
            self._connection.execute("begin immediate")
            try:
                yield self._connection
            except BaseException:
                with suppress(sqlite3.DatabaseError):
                    self._connection.execute("rollback")
                raise
            self._connection.execute("commit")

    def _rows(self, sql: str, *values: Any) -> list[dict[str, Any]]:
        with self._alone():
            return [dict(row) for row in self._connection.execute(sql, values)]

    @contextmanager
    def _alone(self) -> Iterator[None]:
        """One thread at a time; a database that broke meanwhile is the surroundings' fault (exit 4)."""
        with self._lock:
            try:
                yield
            except (sqlite3.IntegrityError, sqlite3.ProgrammingError):
                raise
            except sqlite3.DatabaseError as fault:
                raise unreadable(self.path, fault) from None

    @staticmethod
    def _event(db: sqlite3.Connection, execution: str, ws: str | None, kind: str, payload: Mapping[str, Any]) -> None:
        db.execute(
            "insert into events (execution_id, ws_id, at, type, payload) values (?, ?, ?, ?, ?)",
            (execution, ws, clock.now(), kind, json.dumps(payload, sort_keys=True)),
        )

    # -- runs -----------------------------------------------------------------------------------------------------

    def create_run(self, execution: str, run_clock: str, plan: str) -> bool:
        """Add a run in state ``created``; False when it is there already."""
        with self._transaction() as db:
            done = db.execute(
                "insert or ignore into runs (execution_id, status, run_clock, plan, created_at) values (?, 'created', ?, ?, ?)",
                (execution, run_clock, plan, clock.now()),
            )
            if done.rowcount:
                self._event(db, execution, None, "run_created", {"plan": plan, "run_clock": run_clock})
            return bool(done.rowcount)

    def runs(self) -> list[dict[str, Any]]:
        """All runs, oldest first."""
        return self._rows("select * from runs order by created_at, execution_id")

    def run(self, execution: str) -> dict[str, Any] | None:
        """One run, or None."""
        return next(iter(self._rows("select * from runs where execution_id = ?", execution)), None)

    def move_run(self, execution: str, after: str, why: str = "") -> bool:
        """Change a run's state; False (and an event) when the machine does not list the change."""
        with self._transaction() as db:
            row = db.execute("select status from runs where execution_id = ?", (execution,)).fetchone()
            if row is None or not machine.validate_state_transition(machine.RUN, row["status"], after):
                self._event(
                    db, execution, None, "transition_refused", {"before": row and row["status"], "after": after}
                )
                return False
            ended = clock.now() if not machine.RUN[after] else None
            db.execute("update runs set status = ?, completed_at = ? where execution_id = ?", (after, ended, execution))
            self._event(db, execution, None, "run_moved", {"before": row["status"], "after": after, "why": why})
            return True

    # -- phases ---------------------------------------------------------------------------------------------------

    def begin_phase(self, execution: str, phase: str, input_id: str, decided: str) -> dict[str, Any] | None:
        """Announce a phase on an input; what was recorded for this phase before, or None."""
        before = self._rows("select * from phase_runs where execution_id = ? and phase = ?", execution, phase)
        if before:
            return before[0]
        with self._transaction() as db:
            db.execute(
                "insert into phase_runs (execution_id, phase, input_id, decided) values (?, ?, ?, ?)",
                (execution, phase, input_id, decided),
            )
            self._event(db, execution, None, "phase_began", {"phase": phase, "input": input_id})
        return None

    def end_phase(self, execution: str, phase: str, output_id: str) -> None:
        """Confirm a phase with the artifact that it wrote."""
        with self._transaction() as db:
            db.execute(
                "update phase_runs set output_id = ? where execution_id = ? and phase = ?",
                (output_id, execution, phase),
            )
            self._event(db, execution, None, "phase_ended", {"phase": phase, "output": output_id})

    # -- workstreams ----------------------------------------------------------------------------------------------

    def create_workstream(self, execution: str, ws: str, depends_on: tuple[str, ...]) -> None:
        """Add a workstream in state ``pending``, unless it is there."""
        with self._transaction() as db:
            done = db.execute(
                "insert or ignore into workstreams (execution_id, ws_id, status, depends_on) values (?, ?, 'pending', ?)",
                (execution, ws, json.dumps(depends_on)),
            )
            if done.rowcount:
                self._event(db, execution, ws, "workstream_created", {"depends_on": list(depends_on)})

    def workstreams(self, execution: str) -> list[dict[str, Any]]:
        """The workstreams of a run with their states, by id."""
        return self._rows("select * from workstreams where execution_id = ? order by ws_id", execution)

    def move_workstream(self, execution: str, ws: str, after: str, why: str = "") -> bool:
        """Change a workstream's state; False (and an event) when the machine does not list the change."""
        with self._transaction() as db:
            row = db.execute(
                "select status from workstreams where execution_id = ? and ws_id = ?", (execution, ws)
            ).fetchone()
            before = row["status"] if row else None
            if before is None or not machine.validate_state_transition(machine.WORKSTREAM, before, after):
                self._event(db, execution, ws, "transition_refused", {"before": before, "after": after, "why": why})
                return False
            if before != after:
                db.execute(
                    "update workstreams set status = ? where execution_id = ? and ws_id = ?", (after, execution, ws)
                )
                self._event(db, execution, ws, "workstream_moved", {"before": before, "after": after, "why": why})
            return True

    # -- steps and errors -------------------------------------------------------------------------------------------

    def begin_step(self, execution: str, ws: str, step: str) -> int:
        """Record that a step of a workstream starts; the number of the attempt."""
        with self._transaction() as db:
            done = db.execute(
                "insert into step_attempts (execution_id, ws_id, step, started_at) values (?, ?, ?, ?)",
                (execution, ws, step, clock.now()),
            )
            self._event(db, execution, ws, "step_began", {"step": step})
            return int(done.lastrowid or 0)

    def end_step(self, attempt: int, execution: str, ws: str, result: Mapping[str, Any]) -> None:
        """Record how a step ended."""
        with self._transaction() as db:
            db.execute(
                "update step_attempts set completed_at = ?, result = ? where id = ?",
                (clock.now(), json.dumps(result, sort_keys=True), attempt),
            )
            self._event(db, execution, ws, "step_ended", {"attempt": attempt, **result})

    def record_error(self, execution: str, ws: str, step: str, code: str, signature: str) -> int:
        """Count an error by its signature; how often it was seen."""
        with self._transaction() as db:
            row = db.execute(
                "insert into errors values (?, ?, ?, ?, ?, 1) on conflict do update set count = count + 1 returning count",
                (execution, ws, step, code, signature),
            ).fetchone()
            self._event(db, execution, ws, "error", {"step": step, "code": code, "signature": signature})
            return int(row["count"])

    # -- journal --------------------------------------------------------------------------------------------------

    def intend(self, execution: str, key: str, kind: str, about: Mapping[str, Any]) -> str | None:
        """Announce a call or effect before it happens; the recorded answer when it has happened already."""
        known = self._rows("select answer from journal where execution_id = ? and key = ?", execution, key)
        if known:
            return cast("str | None", known[0]["answer"])
        with self._transaction() as db:
            db.execute(
                "insert or ignore into journal (execution_id, key, kind, about) values (?, ?, ?, ?)",
                (execution, key, kind, json.dumps(about, sort_keys=True)),
            )
            self._event(db, execution, about.get("workstream_id"), "intent", {"kind": kind, "key": key, **about})
        return None

    def confirm(self, execution: str, key: str, answer: str) -> None:
        """Record the answer of what was announced."""
        with self._transaction() as db:
            db.execute("update journal set answer = ? where execution_id = ? and key = ?", (answer, execution, key))
            self._event(db, execution, None, "confirmed", {"key": key})

    # -- events ---------------------------------------------------------------------------------------------------

    def record_event(self, execution: str, ws: str | None, kind: str, payload: Mapping[str, Any]) -> None:
        """Append an event that changes no state."""
        with self._transaction() as db:
            self._event(db, execution, ws, kind, payload)

    def events(self, execution: str) -> list[dict[str, Any]]:
        """All events of a run, in order."""
        return self._rows("select * from events where execution_id = ? order by seq", execution)
