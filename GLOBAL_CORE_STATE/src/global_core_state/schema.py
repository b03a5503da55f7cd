"""The tables, as migrations. A database knows its version; a newer one than the code's is refused."""

from __future__ import annotations

import sqlite3
from pathlib import Path

from global_util.errors import EnvironmentFault

MIGRATIONS: tuple[str, ...] = (
    """
    create table runs (
        execution_id text primary key, status text not null, run_clock text not null, plan text not null,
        created_at text not null, completed_at text, metadata text not null default '{}'
    ) strict;
    create table workstreams (
        execution_id text not null references runs, ws_id text not null, status text not null,
        depends_on text not null default '[]', metadata text not null default '{}',
        primary key (execution_id, ws_id)
    ) strict;
    create index workstreams_by_status on workstreams (execution_id, status);
    create table phase_runs (
        execution_id text not null references runs, phase text not null, input_id text not null,
        decided text not null, output_id text, primary key (execution_id, phase)
    ) strict;
    create table step_attempts (
        id integer primary key, execution_id text not null references runs, ws_id text not null, step text not null,
        started_at text not null, completed_at text, result text
    ) strict;
    create index step_attempts_by_workstream on step_attempts (execution_id, ws_id);
    create table errors (
        execution_id text not null references runs, ws_id text not null, step text not null, error_code text not null,
        signature text not null, count integer not null, primary key (execution_id, ws_id, step, error_code, signature)
    ) strict;
    create table journal (
        execution_id text not null references runs, key text not null, kind text not null, about text not null,
        answer text, primary key (execution_id, key)
    ) strict;
    create table events (
        seq integer primary key, execution_id text not null, ws_id text, at text not null, type text not null,
        payload text not null
    ) strict;
    create index events_by_run on events (execution_id, seq);
    """,
)


def open_database(path: Path) -> sqlite3.Connection:
    """Open the state, making or migrating it first. Raises EnvironmentFault (exit 4) for what cannot be used."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        connection = sqlite3.connect(path, timeout=30, isolation_level=None, check_same_thread=False)
    except (OSError, sqlite3.DatabaseError) as fault:
        raise unreadable(path, fault) from None
    try:
        connection.row_factory = sqlite3.Row
        connection.executescript("pragma journal_mode=wal; pragma synchronous=full; pragma foreign_keys=on")
        _migrate(connection, path)
    except BaseException as fault:
        connection.close()
        if isinstance(fault, sqlite3.DatabaseError):
            raise unreadable(path, fault) from None
        raise
    return connection


def unreadable(path: Path, fault: Exception) -> EnvironmentFault:
    """What to tell about a database that cannot be used."""
    if getattr(fault, "sqlite_errorcode", None) == sqlite3.SQLITE_FULL:
        # Nothing is wrong with the state: moving it away would lose what it knows.
        return EnvironmentFault(f"{path}: the disk is full", "make room, then run the phase again", "E434")
    return EnvironmentFault(f"{path}: the state cannot be read: {fault}", "move the file away to start afresh", "E430")


def _migrate(connection: sqlite3.Connection, path: Path) -> None:
    connection.execute("begin immediate")
    version = connection.execute("pragma user_version").fetchone()[0]
    if version > len(MIGRATIONS):
        connection.execute("rollback")
        raise EnvironmentFault(
            f"{path}: made by a newer Phaseline (state version {version}, this one knows {len(MIGRATIONS)})",
            "update Phaseline",
            "E431",
        )
    for number, script in enumerate(MIGRATIONS[version:], start=version + 1):
        for statement in filter(str.strip, script.split(";")):
            connection.execute(statement)
        connection.execute(f"pragma user_version = {number}")
    connection.execute("commit")
