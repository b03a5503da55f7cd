"""The tables of the state. A database knows its version; an older one is migrated, a newer one is refused."""

from __future__ import annotations

import os
import sqlite3
from contextlib import closing
from pathlib import Path

from global_util.disk import is_full
from global_util.errors import EnvironmentFault, Held, PipelineError

VERSION = 2
WAIT_S = 30.0
"""How long to wait for another who writes."""
DAMAGED = "copy it and what lies beside it (-wal, -shm) away, then see the runbook, Without the state"
_CLOSED = (sqlite3.SQLITE_READONLY, sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_PERM)
_TOLD_MOST = 100
"""Characters of a fault: SQLite repeats what it could not decode."""

MILESTONES = """type in (
    'artifact_adopted', 'dry_run_ended', 'line_began', 'phase_completed', 'phase_failed', 'workstream_reset'
)"""
"""Events that are few, and asked for whenever somebody looks at a run: an index of these costs other events nothing."""

TABLES = f"""
    create table events (
        execution_id text not null, seq integer not null, ws_id text, at text not null, type text not null,
        payload text not null, previous text not null, hash text not null, primary key (execution_id, seq)
    ) strict;
    create index milestones on events (execution_id, type, seq) where {MILESTONES};
    create table runs (
        execution_id text primary key, status text not null, run_clock text not null, plan text not null,
        created_at text not null, completed_at text
    ) strict;
    create table workstreams (
        execution_id text not null references runs, ws_id text not null, status text not null, left_state text,
        depends_on text not null, resets integer not null default 0, primary key (execution_id, ws_id)
    ) strict;
    create index workstreams_by_status on workstreams (execution_id, status);
    create table phase_runs (
        execution_id text not null references runs, phase text not null, input_id text not null,
        decided text not null, output_id text, primary key (execution_id, phase)
    ) strict;
    create table step_attempts (
        execution_id text not null references runs, attempt integer not null, ws_id text not null, step text not null,
        started_at text not null, completed_at text, result text, primary key (execution_id, attempt)
    ) strict;
    create index step_attempts_by_workstream on step_attempts (execution_id, ws_id);
    create table errors (
        execution_id text not null references runs, ws_id text not null, step text not null, error_code text not null,
        signature text not null, count integer not null, primary key (execution_id, ws_id, step, error_code, signature)
    ) strict;
    create table journal (
        execution_id text not null references runs, key text not null, kind text not null, ws_id text,
        intended integer not null, confirmed integer, primary key (execution_id, key)
    ) strict;
    create table decisions (
        execution_id text not null, seq integer not null, ws_id text, rule text not null, about text not null,
        primary key (execution_id, seq)
    ) strict;
    create table spending (
        execution_id text not null references runs, attempt integer not null, ws_id text not null, tool text not null,
        began_at text not null, ended_at text, milliseconds integer, tokens_in integer, tokens_out integer,
        micro_usd integer, wait_s integer, primary key (execution_id, attempt)
    ) strict;
    create index spending_by_time on spending (began_at);
    create table claims (
        execution_id text not null references runs, item text not null, holder text, token integer not null,
        at text not null, primary key (execution_id, item)
    ) strict;
    create table leases (
        execution_id text not null references runs, item text not null, token integer not null, until real not null,
        boot text not null, primary key (execution_id, item)
    ) strict;
"""
"""The events, and what follows from them. ``left_state``: what an interrupted workstream returns to. ``resets``: how often
it began anew. ``attempt``,
``intended`` and ``confirmed`` are numbers of events; the answer of a call stands in the event that confirms it. A claim without a holder was released;
its row stays, so that no token is given twice. ``leases`` alone follows from no event: renewals would fill the chain, and a
lease that is lost has merely run out. ``until`` is a ``clock.Moment`` of the boot named beside it."""


def open_database(path: Path) -> sqlite3.Connection:
    """Open the state, making or migrating it first. Raises EnvironmentFault (exit 4) for what cannot be used."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        connection = sqlite3.connect(path, timeout=WAIT_S, isolation_level=None, check_same_thread=False)
    except (OSError, sqlite3.DatabaseError) as fault:
        raise unusable(path, fault) from None
    try:
        connection.row_factory = sqlite3.Row
        connection.executescript("pragma journal_mode=wal; pragma synchronous=full; pragma foreign_keys=on")
        _migrate(connection, path)
    except BaseException as fault:
        connection.close()
        if isinstance(fault, sqlite3.DatabaseError | OSError):
            raise unusable(path, fault) from None
        raise
    return connection


def create_tables(connection: sqlite3.Connection) -> None:
    """Lay out an empty state."""
    for statement in filter(str.strip, TABLES.split(";")):
        connection.execute(statement)


def unusable(path: Path, fault: Exception) -> PipelineError:
    """What to tell about a database that cannot be used."""
    code = getattr(fault, "sqlite_errorcode", 0) & 0xFF
    if code == sqlite3.SQLITE_FULL or (code == sqlite3.SQLITE_IOERR and is_full(path.parent)):
        # Nothing is wrong with the state: moving it away would lose what it knows.
        return EnvironmentFault(f"{path}: the disk is full", "make room, then run the phase again", "E434")
    if code in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
        return Held(
            f"{path}: another process has been writing for {WAIT_S:.0f} seconds",
            "see who does (fuser), then run again",
            "E508",
        )
    if code in _CLOSED or isinstance(fault, OSError):
        return EnvironmentFault(
            f"{path}: the state cannot be opened for writing: {fault}",
            "see what lies there, and its permissions",
            "E435",
        )
    told = str(fault)[:_TOLD_MOST]
    if code == sqlite3.SQLITE_IOERR:
        return EnvironmentFault(
            f"{path}: {told}", "see the disk, then run again; the file itself need not be damaged", "E430"
        )
    return EnvironmentFault(f"{path}: the state cannot be read: {told}", DAMAGED, "E430")


def _version(connection: sqlite3.Connection) -> int:
    return int(connection.execute("pragma user_version").fetchone()[0])


def _migrate(connection: sqlite3.Connection, path: Path) -> None:
    if _version(connection) == VERSION:
        # Whoever only looks writes nothing.
        return
    if 0 < _version(connection) < VERSION:
        _back_up(connection, path)
    connection.execute("begin immediate")
    version = _version(connection)
    if version > VERSION:
        connection.execute("rollback")
        raise EnvironmentFault(
            f"{path}: made by a newer Phaseline (state version {version}, this one knows {VERSION})",
            "update Phaseline",
            "E431",
        )
    if version == 0:
        create_tables(connection)
    elif version < VERSION:
        from global_core_state.migration import from_version_1

        try:
            from_version_1(connection)
        except (LookupError, ValueError) as fault:
            raise EnvironmentFault(
                f"{path}: the state of an older version cannot be taken over: {fault!r}",
                f"it is as it was, with a copy beside it ({path.name}.version-1); move both away to start afresh",
                "E436",
            ) from None
    connection.execute(f"pragma user_version = {VERSION}")
    connection.execute("commit")


def _back_up(connection: sqlite3.Connection, path: Path) -> None:
    """Copy the state beside itself before it is changed: ``state.db.version-1``."""
    partial = path.with_name(f".{path.name}.{os.getpid()}.partial")
    with closing(sqlite3.connect(partial)) as copy:
        connection.backup(copy)
    partial.replace(path.with_name(f"{path.name}.version-{_version(connection)}"))
