"""The state store: a list of verbs. Each verb is one transaction that appends an event and updates what follows from it."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from copy import copy
from pathlib import Path
from typing import Any, NamedTuple

from global_util import clock
from global_util.clock import Moment
from global_util.errors import Held, PipelineError

from global_core_state import machine
from global_core_state.chain import GENESIS, Event, link, proven
from global_core_state.claims_fence import Fence
from global_core_state.projections import RESERVED, TABLES, project
from global_core_state.schema import MILESTONES, WAIT_S, open_database, unusable

_HURRIED_S = 1.0


_WRITTEN = ("artifact_adopted", "dry_run_ended", "phase_completed")
_SETTLED = """
    select last.ws_id from (
        select ws_id, intended, max(confirmed) from journal where execution_id = ?1 and ws_id is not null
        group by ws_id having count(*) = count(confirmed) and sum(kind = 'attempt')
    ) as last join events on execution_id = ?1 and seq = intended
    where json_extract(payload, '$.kind') = 'call' and json_extract(payload, '$.phase') = ?2
"""
"""What was confirmed last of a workstream is the outermost call: it ends after all that was announced within it."""


class Error(NamedTuple):
    """Something that went wrong in a step of a workstream. ``signature``: by what it is known when it comes back."""

    step: str
    code: str
    signature: str


class Intent(NamedTuple):
    """What was on record of a call or effect that is announced. ``again``: it was announced before."""

    again: bool
    answer: dict[str, Any] | None
    """What it came to; None: it was never confirmed."""


class Store:
    """One repository's state. Threads share it; processes each open their own. ``moment``: the clock that leases run on."""

    def __init__(self, path: Path, moment: Callable[[], Moment] = clock.moment) -> None:
        self.path = path
        self.moment = moment
        self._fences: tuple[Fence, ...] = ()
        self._connection = open_database(path)
        self._lock = threading.RLock()
        self._hurried = threading.Event()

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
            if self._hurried.is_set():
                self._wait(WAIT_S)

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
                told = unusable(self.path, fault)
                if isinstance(told, Held):
                    # What is still to be told on the way out must not wait as long again, each time.
                    self._wait(_HURRIED_S)
                raise told from None

    def _wait(self, seconds: float) -> None:
        """How long to wait from now on for another who writes."""
        self._connection.execute(f"pragma busy_timeout={int(seconds * 1_000)}")
        (self._hurried.set if seconds < WAIT_S else self._hurried.clear)()

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

    def end_phase(
        self, execution: str, phase: str, output_id: str, sha256: str = "", seconds: float | None = None
    ) -> None:
        """Confirm a phase with the artifact that it wrote, the SHA-256 of its file, and how long it took."""
        with self.transaction() as db:
            about = {"phase": phase, "output": output_id, "sha256": sha256, "seconds": seconds}
            self.append(db, execution, None, "phase_completed", about)

    def written(self, execution: str) -> dict[str, str]:
        """The SHA-256 of the file of every artifact that the events name with it."""
        told = [proven(event).about for event in self.milestones(execution, *_WRITTEN)]
        return {str(one.get("output") or one.get("artifact")): str(one["sha256"]) for one in told if one.get("sha256")}

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

    def open_steps(self, execution: str) -> list[dict[str, Any]]:
        """Steps that began and never ended."""
        which = "execution_id = ? and completed_at is null order by attempt"
        return self.rows(f"select * from step_attempts where {which}", execution)  # noqa: S608  ours

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
        errors: Iterable[Error] = (),
    ) -> None:
        """Record how a step ended, and at once what it ``confirms``: key and answer of the call that it was the work for.

        ``errors`` that it met are counted in the same transaction: none twice, none lost.
        """
        with self.transaction() as db:
            self.append(db, execution, ws, "step_ended", {**result, "attempt": attempt})
            self._count(db, execution, ws, errors)
            if confirms:
                self.append(db, execution, None, "confirmed", {"key": confirms[0], "answer": confirms[1]})

    def _count(self, db: sqlite3.Connection, execution: str, ws: str | None, errors: Iterable[Error]) -> None:
        for error in errors:
            self.append(db, execution, ws, "error", error._asdict())

    # -- journal --------------------------------------------------------------------------------------------------

    def intend(self, execution: str, key: str, kind: str, about: Mapping[str, Any]) -> Intent:
        """Announce a call or effect before it happens; what is on record of it when it was announced already."""
        with self.transaction() as db:
            row = db.execute(
                "select confirmed from journal where execution_id = ? and key = ?", (execution, key)
            ).fetchone()
            if row and row["confirmed"]:
                return Intent(again=True, answer=_answer(db, execution, row["confirmed"]))
            # Without an answer the caller goes and does it, which is not for one whose claim is lost.
            self._require_claims(db, execution)
            if row is None:
                told = {**about, "kind": kind, "key": key}
                self.append(db, execution, about.get("workstream_id"), "intent", told)
            return Intent(again=row is not None, answer=None)

    def confirm(
        self,
        execution: str,
        key: str,
        answer: Mapping[str, Any],
        ws: str | None = None,
        errors: Iterable[Error] = (),
    ) -> None:
        """Record the answer of what was announced, and count the ``errors`` of a workstream that it tells of."""
        with self.transaction() as db:
            self._count(db, execution, ws, errors)
            self.append(db, execution, None, "confirmed", {"key": key, "answer": answer})

    def settled(self, execution: str, phase: str) -> frozenset[str]:
        """Workstreams with a try on record, a call of ``phase`` as the last word, and nothing announced and never confirmed."""
        return frozenset(row["ws_id"] for row in self.rows(_SETTLED, execution, phase))

    def in_flight(self, execution: str) -> list[Event]:
        """The intents that were never confirmed, in order."""
        asked = (
            "select events.* from journal join events on events.execution_id = journal.execution_id and seq = intended"
            " where journal.execution_id = ? and confirmed is null order by seq"
        )
        return [Event(**row) for row in self.rows(asked, execution)]

    def confirmed(self, execution: str) -> int:
        """How many calls and effects are on record."""
        asked = "select count(confirmed) as confirmed from journal where execution_id = ?"
        return int(self.rows(asked, execution)[0]["confirmed"])

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

    def milestones(self, execution: str, *kinds: str) -> list[Event]:
        """Events of some of the kinds in ``schema.MILESTONES``, in order; found without reading the others."""
        # Asked for one by one: for several, SQLite would rather read all events in order than sort these few.
        asked = f"select * from events where execution_id = ? and {MILESTONES} and type = ?"  # noqa: S608  ours
        found = [Event(**row) for kind in kinds for row in self.rows(asked, execution, kind)]
        return sorted(found, key=lambda event: event.seq)

    def tail(self, execution: str) -> Event | None:
        """The last event of a run, or None."""
        found = self.rows("select * from events where execution_id = ? order by seq desc limit 1", execution)
        return Event(**found[0]) if found else None

    def executions(self) -> list[str]:
        """Every execution that has events, by id."""
        return [row["execution_id"] for row in self.rows("select distinct execution_id from events order by 1")]

    def table(self, name: str, execution: str = "") -> list[dict[str, Any]]:
        """The rows of a table that follows from the events, in the order of its key: of one run, or all."""
        if name not in TABLES:
            raise PipelineError(f"{name} is no table that follows from the events")
        which, values = ("where execution_id = ?", (execution,)) if execution else ("", ())
        return self.rows(f"select * from {name} {which} order by 1, 2, 3, 4, 5", *values)  # noqa: S608  one of ours


def _status(db: sqlite3.Connection, execution: str, ws: str) -> str | None:
    row = db.execute("select status from workstreams where execution_id = ? and ws_id = ?", (execution, ws)).fetchone()
    return str(row["status"]) if row else None


def _answer(db: sqlite3.Connection, execution: str, seq: int) -> dict[str, Any]:
    row = db.execute("select * from events where execution_id = ? and seq = ?", (execution, seq)).fetchone()
    found: dict[str, Any] = proven(Event(*row)).about["answer"]
    return found
