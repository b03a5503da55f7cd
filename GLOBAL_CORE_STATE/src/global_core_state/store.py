"""The state store: a list of verbs. Each verb is one transaction that appends an event and updates what follows from it."""

from __future__ import annotations

import json
import sqlite3
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from copy import copy
from pathlib import Path
from typing import Any

from global_util import clock
from global_util.clock import Moment
from global_util.errors import PipelineError

from global_core_state import machine
from global_core_state.chain import GENESIS, Event, link
from global_core_state.claims_fence import Fence
from global_core_state.projections import RESERVED, TABLES, project
from global_core_state.schema import open_database, unusable


class Store:
    """One repository's state. Threads share it; processes each open their own. ``moment``: the clock that leases run on."""

    def __init__(self, path: Path, moment: Callable[[], Moment] = clock.moment) -> None:
        self.path = path
        self.moment = moment
        self._fences: tuple[Fence, ...] = ()
        self._connection = open_database(path)
        self._lock = threading.RLock()

    def close(self) -> None:
        """Release the database."""
        self._connection.close()

    def fenced(self, execution: str, item: str, token: int) -> Store:
        """This store for the holder of a claim; it shares the database, and can be fenced again for another claim.

        What is written through it for that run raises Held (E507, exit 5), and nothing is written, once the item was
        taken over or released. The same while the lease has run out, until ``Claims.renew`` succeeds.
        """
        return self.behind(Fence(execution, item, token))

    def behind(self, fence: Fence) -> Store:
        """``fenced``, with a fence that may be another process's or may prolong its lease."""
        view = copy(self)
        view._fences = (*self._fences, fence)
        return view

    @contextmanager
    def transaction(self) -> Iterator[sqlite3.Connection]:
        """All or nothing, and nobody else writes meanwhile. For verbs that belong to the state; a fault takes all back."""
        with self._alone():
            self._connection.execute("begin immediate")
            try:
                yield self._connection
            except BaseException:
                with suppress(sqlite3.DatabaseError):
                    self._connection.execute("rollback")
                raise
            self._connection.execute("commit")

    def rows(self, sql: str, *values: Any) -> list[dict[str, Any]]:
        """What a question to the database gives."""
        with self._alone():
            return [dict(row) for row in self._connection.execute(sql, values)]

    @contextmanager
    def _alone(self) -> Iterator[None]:
        """One thread at a time; a database that broke meanwhile is the surroundings' fault (exit 4), one that another holds is exit 5."""
        with self._lock:
            try:
                yield
            except (sqlite3.IntegrityError, sqlite3.ProgrammingError):
                raise
            except sqlite3.DatabaseError as fault:
                raise unusable(self.path, fault) from None

    def _require_claims(self, db: sqlite3.Connection, execution: str) -> None:
        """Let nobody go on whose claim is lost. To be asked inside the transaction."""
        for fence in self._fences:
            if fence.execution == execution:
                fence.require(db, self.moment())

    def append(
        self, db: sqlite3.Connection, execution: str, ws: str | None, kind: str, about: Mapping[str, Any]
    ) -> Event:
        """Add an event to the chain of its run, and let the tables follow. To be used within a ``transaction`` of this store.

        Raises Held (E507, exit 5) when a claim that this store writes under is lost.
        """
        self._require_claims(db, execution)
        tail = db.execute(
            "select seq, hash from events where execution_id = ? order by seq desc limit 1", (execution,)
        ).fetchone()
        seq, previous = (tail["seq"] + 1, tail["hash"]) if tail else (1, GENESIS)
        event = link(execution, seq, ws, clock.now(), kind, about, previous)
        db.execute("insert into events values (?, ?, ?, ?, ?, ?, ?, ?)", event)
        project(db, event)
        return event

    # -- runs -----------------------------------------------------------------------------------------------------

    def create_run(self, execution: str, run_clock: str, plan: str) -> bool:
        """Add a run in state ``created``; False when it is there already."""
        with self.transaction() as db:
            if db.execute("select 1 from runs where execution_id = ?", (execution,)).fetchone():
                return False
            self.append(db, execution, None, "run_created", {"plan": plan, "run_clock": run_clock})
            return True

    def runs(self) -> list[dict[str, Any]]:
        """All runs, oldest first."""
        return self.rows("select * from runs order by created_at, execution_id")

    def run(self, execution: str) -> dict[str, Any] | None:
        """One run, or None."""
        return next(iter(self.rows("select * from runs where execution_id = ?", execution)), None)

    def move_run(self, execution: str, after: str, why: str = "") -> bool:
        """Change a run's state; False (and an event) when the machine does not list the change."""
        with self.transaction() as db:
            row = db.execute("select status from runs where execution_id = ?", (execution,)).fetchone()
            before = row["status"] if row else None
            if before is None or not machine.validate_state_transition(machine.RUN, before, after):
                self.append(db, execution, None, "transition_refused", {"before": before, "after": after})
                return False
            self.append(db, execution, None, "run_moved", {"before": before, "after": after, "why": why})
            return True

    # -- phases ---------------------------------------------------------------------------------------------------

    def begin_phase(self, execution: str, phase: str, input_id: str, decided: str) -> dict[str, Any] | None:
        """Announce a phase on an input; what was recorded for this phase before, or None."""
        with self.transaction() as db:
            before = db.execute(
                "select * from phase_runs where execution_id = ? and phase = ?", (execution, phase)
            ).fetchone()
            if before:
                return dict(before)
            about = {"phase": phase, "input": input_id, "decided": decided}
            self.append(db, execution, None, "phase_began", about)
            return None

    def end_phase(self, execution: str, phase: str, output_id: str, sha256: str = "") -> None:
        """Confirm a phase with the artifact that it wrote, and the SHA-256 of its file."""
        with self.transaction() as db:
            about = {"phase": phase, "output": output_id, "sha256": sha256}
            self.append(db, execution, None, "phase_completed", about)

    # -- workstreams ----------------------------------------------------------------------------------------------

    def create_workstream(self, execution: str, ws: str, depends_on: tuple[str, ...]) -> None:
        """Add a workstream in state ``pending``, unless it is there."""
        with self.transaction() as db:
            if _status(db, execution, ws) is None:
                self.append(db, execution, ws, "workstream_created", {"depends_on": list(depends_on)})

    def workstreams(self, execution: str) -> list[dict[str, Any]]:
        """The workstreams of a run with their states, by id."""
        return self.rows("select * from workstreams where execution_id = ? order by ws_id", execution)

    def workstream_status(self, execution: str, ws: str) -> str | None:
        """The state of a workstream; None of one that is not known here."""
        with self._alone():
            return _status(self._connection, execution, ws)

    def move_workstream(self, execution: str, ws: str, after: str, why: str = "") -> bool:
        """Change a workstream's state; False (and an event) when the machine does not list the change."""
        with self.transaction() as db:
            before = _status(db, execution, ws)
            about = {"before": before, "after": after, "why": why}
            if before is None or not machine.validate_state_transition(machine.WORKSTREAM, before, after):
                self.append(db, execution, ws, "transition_refused", about)
                return False
            if before != after:
                self.append(db, execution, ws, "workstream_moved", about)
            return True

    def reset_workstreams(
        self, execution: str, ws: str, keeps: Mapping[str, int], phases: Sequence[str], about: Mapping[str, Any]
    ) -> bool:
        """Let a workstream begin anew, with others that depend on it; False (and an event) when the machine does not list that.

        ``keeps`` names them all, each with the event up to which its answers still count, 0 where none does. ``phases``:
        those whose outcome is forgotten. All of it is one event, and one transaction.
        """
        with self.transaction() as db:
            found = {row["ws_id"]: row["status"] for row in self.workstreams(execution) if row["ws_id"] in keeps}
            run = self.run(execution)
            told = {**about, "keeps": dict(keeps), "phases": list(phases), "before": found}
            if not run or len(found) < len(keeps) or not machine.validate_reset(run["status"], found.values()):
                self.append(db, execution, ws, "transition_refused", {**told, "run": run and run["status"]})
                return False
            self.append(db, execution, ws, "workstream_reset", told)
            return True

    def resets(self, execution: str, ws: str) -> int:
        """How often a workstream began anew."""
        found = self.rows("select resets from workstreams where execution_id = ? and ws_id = ?", execution, ws)
        return int(found[0]["resets"]) if found else 0

    # -- steps and errors -------------------------------------------------------------------------------------------

    def begin_step(self, execution: str, ws: str, step: str) -> int:
        """Record that a step of a workstream starts; the number of the attempt."""
        with self.transaction() as db:
            return self.append(db, execution, ws, "step_began", {"step": step}).seq

    def last_step(self, execution: str, ws: str, step: str) -> int | None:
        """The number of the attempt in which a step of a workstream began last."""
        which = "execution_id = ? and ws_id = ? and step = ?"
        found = self.rows(f"select max(attempt) as last from step_attempts where {which}", execution, ws, step)  # noqa: S608
        return found[0]["last"] if found else None

    def end_step(
        self,
        attempt: int,
        execution: str,
        ws: str,
        result: Mapping[str, Any],
        confirms: tuple[str, Mapping[str, Any]] | None = None,
    ) -> None:
        """Record how a step ended, and at once what it ``confirms``: key and answer of the call that it was the work for."""
        with self.transaction() as db:
            self.append(db, execution, ws, "step_ended", {**result, "attempt": attempt})
            if confirms:
                self.append(db, execution, None, "confirmed", {"key": confirms[0], "answer": confirms[1]})

    def record_error(self, execution: str, ws: str, step: str, code: str, signature: str) -> int:
        """Count an error by its signature; how often it was seen."""
        with self.transaction() as db:
            self.append(db, execution, ws, "error", {"step": step, "code": code, "signature": signature})
            row = db.execute(
                "select count from errors where execution_id = ? and ws_id = ? and step = ? and error_code = ? and signature = ?",
                (execution, ws, step, code, signature),
            ).fetchone()
            return int(row["count"])

    # -- journal --------------------------------------------------------------------------------------------------

    def intend(self, execution: str, key: str, kind: str, about: Mapping[str, Any]) -> dict[str, Any] | None:
        """Announce a call or effect before it happens; the recorded answer when it has happened already."""
        with self.transaction() as db:
            row = db.execute(
                "select confirmed from journal where execution_id = ? and key = ?", (execution, key)
            ).fetchone()
            if row and row["confirmed"]:
                return _answer(db, execution, row["confirmed"])
            # Without an answer the caller goes and does it, which is not for one whose claim is lost.
            self._require_claims(db, execution)
            if row is None:
                told = {**about, "kind": kind, "key": key}
                self.append(db, execution, about.get("workstream_id"), "intent", told)
            return None

    def is_announced(self, execution: str, key: str) -> bool:
        """Was it announced, and never confirmed?"""
        return bool(
            self.rows("select 1 from journal where execution_id = ? and key = ? and confirmed is null", execution, key)
        )

    def confirm(self, execution: str, key: str, answer: Mapping[str, Any]) -> None:
        """Record the answer of what was announced."""
        with self.transaction() as db:
            self.append(db, execution, None, "confirmed", {"key": key, "answer": answer})

    # -- events ---------------------------------------------------------------------------------------------------

    def record_event(self, execution: str, ws: str | None, kind: str, payload: Mapping[str, Any]) -> None:
        """Append an event that changes no state. Raises PipelineError for one that would: those have verbs of their own."""
        if kind in RESERVED:
            raise PipelineError(f"event {kind!r} changes the state and cannot be told as if it had happened")
        with self.transaction() as db:
            self.append(db, execution, ws, kind, payload)

    def events(self, execution: str) -> list[dict[str, Any]]:
        """All events of a run, in order."""
        return self.rows("select * from events where execution_id = ? order by seq", execution)

    def tail(self, execution: str) -> Event | None:
        """The last event of a run, or None."""
        found = self.rows("select * from events where execution_id = ? order by seq desc limit 1", execution)
        return Event(**found[0]) if found else None

    def executions(self) -> list[str]:
        """Every execution that has events, by id."""
        return [row["execution_id"] for row in self.rows("select distinct execution_id from events order by 1")]

    def table(self, name: str) -> list[dict[str, Any]]:
        """The rows of a table that follows from the events, in the order of its key."""
        if name not in TABLES:
            raise PipelineError(f"{name} is no table that follows from the events")
        return self.rows(f"select * from {name} order by 1, 2, 3, 4, 5")  # noqa: S608  one of ours


def _status(db: sqlite3.Connection, execution: str, ws: str) -> str | None:
    row = db.execute("select status from workstreams where execution_id = ? and ws_id = ?", (execution, ws)).fetchone()
    return str(row["status"]) if row else None


def _answer(db: sqlite3.Connection, execution: str, seq: int) -> dict[str, Any]:
    row = db.execute("select payload from events where execution_id = ? and seq = ?", (execution, seq)).fetchone()
    found: dict[str, Any] = json.loads(row["payload"])["answer"]
    return found
