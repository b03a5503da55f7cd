"""Watches one process: notes every durable effect in order, with the door that it goes through, or kills it there.

Loaded by ``site/sitecustomize.py``, only where the matrix puts that on the module path, and only in the first process
that starts: production code knows nothing of it. An effect is named ``label#occurrence``. Standard library only.
"""

from __future__ import annotations

import json
import os
import signal
import sqlite3
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Callable
from types import FrameType
from typing import Any

from scripts.crash import doors, labels
from scripts.crash.labels import Effect

VARIABLE = "PHASELINE_CRASH"
"""JSON: ``home``, the folder of the run; ``record``, a file to note in; ``point``, ``moment`` and ``whom`` to kill."""
_WRITING = os.O_WRONLY | os.O_RDWR
_CHANGING = os.O_CREAT | os.O_TRUNC | os.O_APPEND


class Witness:
    """What is known of the process. The hook of the interpreter cannot be taken away again: there is one for its life."""

    def __init__(self, order: dict[str, str]) -> None:
        self.home = order["home"]
        self.point, self.moment, self.whom = (order.get(name, "") for name in ("point", "moment", "whom"))
        flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC
        self.record = os.open(order["record"], flags, 0o600) if order.get("record") else None
        self.seen: Counter[str] = Counter()
        self.lock = threading.Lock()
        self.local = threading.local()

    def before(self, effect: Effect) -> str:
        """An effect is about to happen: note it, or die. Its name."""
        frame = sys._getframe(2)
        module = doors.module_of(frame)
        with self.lock:
            self.seen[effect.label] += 1
            name = f"{effect.label}#{self.seen[effect.label]}"
            if self.record is not None:
                told = {"point": name, "kind": effect.kind, "door": module, "fault": doors.fault(module, effect.kind)}
                os.write(self.record, json.dumps(told).encode() + b"\n")
        self.perhaps_die(name, "before")
        return name

    def perhaps_die(self, name: str, moment: str) -> None:
        """The end, if this is the moment."""
        if (name, moment) == (self.point, self.moment):
            if self.whom == "group":
                os.killpg(0, signal.SIGKILL)
            os.kill(os.getpid(), signal.SIGKILL)

    def hear(self, event: str, args: tuple[Any, ...]) -> None:
        """The hook."""
        listener = _LISTENERS.get(event)
        if listener is not None:
            effect = listener(self, *args)
            if effect is not None:
                self.local.last = self.before(effect)
                if event == "phaseline.program":
                    self.local.program = self.local.last

    # -- what the interpreter tells ---------------------------------------------------------------------------------

    def opened(self, path: Any, mode: str | None, flags: int) -> Effect | None:
        """A file that exists and is opened for reading and writing is one that is locked: that changes nothing."""
        if isinstance(path, int) or not flags & _WRITING or os.fsdecode(path).startswith("/dev/"):
            return None
        there = os.path.exists(path)
        if there and not flags & (os.O_TRUNC | os.O_APPEND | os.O_WRONLY) and "+" not in (mode or ""):
            return None
        if not there and not flags & os.O_CREAT:
            return None
        return labels.of_file("write" if there else "create", self.place(path), self.home)

    def moved(self, source: Any, target: Any, source_folder: int = -1, target_folder: int = -1) -> Effect | None:
        """A file takes its place."""
        return labels.of_file("rename", self.place(target, target_folder), self.home)

    def removed(self, path: Any, folder: int = -1) -> Effect | None:
        """A file or folder goes. What is not there changes nothing."""
        there = os.path.lexists(self.place(path, folder))
        return labels.of_file("remove", self.place(path, folder), self.home) if there else None

    def made(self, path: Any, mode: int, folder: int = -1) -> Effect | None:
        """A folder comes, unless it is there already or the one above is not."""
        place = self.place(path, folder)
        fits = os.path.isdir(os.path.dirname(place)) and not os.path.lexists(place)
        return labels.of_file("mkdir", place, self.home) if fits else None

    def linked(self, source: Any, target: Any, *folders: int) -> Effect | None:
        """A link comes."""
        return labels.of_file("link", self.place(target, folders[-1] if folders else -1), self.home)

    def cut(self, path: Any, length: int) -> Effect | None:
        """A file is made shorter or longer, to be written again."""
        place = self.place(f"/proc/self/fd/{path}") if isinstance(path, int) else self.place(path)
        return labels.of_file("truncate", os.path.realpath(place), self.home)

    def started(self, program: Any, argv: Any, *_: Any) -> Effect | None:
        """A program."""
        return labels.of_process(argv, sys._getframe(2), self.home)

    def program(self, moment: str, argv: Any) -> Effect | None:
        """A tool or a check, which the fork server starts for us."""
        if moment == "starts":
            return labels.of_process(argv, None, self.home)
        self.perhaps_die(self.local.program, "during" if moment == "runs" else "after")
        return None

    def wrote(self, kind: str, content: bytes) -> Effect:
        """An object that git is given to write by a process that stays."""
        return labels.of_object(kind, content, self.home)

    def forked(self, *_: Any) -> Effect | None:
        """A process by another way than ``subprocess``, which tells of its own."""
        frame: FrameType | None = sys._getframe(2)
        inside = frame is not None and frame.f_globals.get("__name__") == "subprocess"
        return None if inside else Effect("process", "fork")

    def connecting(self, database: Any) -> Effect | None:
        """A database is about to be opened. One that is not opened by ``sqlite3.connect`` could not be heard."""
        if database == ":memory:" or getattr(self.local, "connecting", False):
            return None
        return Effect("transaction", f"unheard {self.place(database)}")

    def place(self, path: Any, folder: int = -1) -> str:
        """The whole path."""
        above = os.readlink(f"/proc/self/fd/{folder}") if folder >= 0 else os.getcwd()
        return os.path.normpath(os.path.join(above, os.fsdecode(path)))


class Transactions:
    """The statements of one connection. A transaction is named for the events that it appends."""

    def __init__(self, witness: Witness) -> None:
        self.witness = witness
        self.told: list[str] | None = None
        self.changed = False

    def hear(self, sql: str) -> None:
        """A statement is about to be executed."""
        word = (sql.split() or [""])[0].lower().rstrip(";")
        if word in ("begin", "rollback"):
            self.told, self.changed = ([] if word == "begin" else None), False
        elif word == "commit":
            if self.changed:
                self._before(self.told or ["tables"])
            self.told, self.changed = None, False
        else:
            self._note(labels.of_statement(sql))

    def _note(self, more: str | None) -> None:
        if more is None:
            return
        if self.told is None:
            self._before([more or "statement"])
            return
        self.changed = True
        self.told += [more] if more else []

    def _before(self, told: list[str]) -> None:
        self.witness.local.last = self.witness.before(Effect("transaction", " + ".join(told)))


_LISTENERS: dict[str, Callable[..., Effect | None]] = {
    "open": Witness.opened,
    "os.rename": Witness.moved,
    "os.remove": Witness.removed,
    "os.rmdir": Witness.removed,
    "os.mkdir": Witness.made,
    "os.symlink": Witness.linked,
    "os.link": Witness.linked,
    "os.truncate": Witness.cut,
    "subprocess.Popen": Witness.started,
    "phaseline.object": Witness.wrote,
    "phaseline.program": Witness.program,
    "os.posix_spawn": Witness.forked,
    "os.fork": Witness.forked,
    "os.forkpty": Witness.forked,
    "os.exec": Witness.forked,
    "os.system": Witness.forked,
    "sqlite3.connect": Witness.connecting,
}


def watch() -> None:
    """Begin, if the environment says so; programs that this one starts are not watched."""
    text = os.environ.pop(VARIABLE, "")
    if not text:
        return
    os.environ.pop("PYTHONPATH", None)
    witness = Witness(json.loads(text))
    _hear_transactions(witness)
    if witness.moment in ("during", "after"):
        _hear_programs(witness)
    sys.addaudithook(witness.hear)


def _hear_transactions(witness: Witness) -> None:
    """Let every connection tell its statements, and when one was executed."""
    connect = sqlite3.connect

    class Connection(sqlite3.Connection):
        def execute(self, sql: str, *args: Any) -> sqlite3.Cursor:
            return self._done(super().execute, sql, *args)

        def executescript(self, script: str) -> sqlite3.Cursor:
            return self._done(super().executescript, script)

        def _done(self, execute: Callable[..., sqlite3.Cursor], *args: Any) -> sqlite3.Cursor:
            witness.local.last = ""
            cursor = execute(*args)
            witness.perhaps_die(witness.local.last, "after")
            return cursor

    def connected(database: Any, *args: Any, **more: Any) -> sqlite3.Connection:
        witness.local.connecting = True
        try:
            connection: sqlite3.Connection = connect(database, *args, **{"factory": Connection, **more})
        finally:
            witness.local.connecting = False
        if database != ":memory:":
            connection.set_trace_callback(Transactions(witness).hear)
        return connection

    sqlite3.connect = connected  # type: ignore[assignment]


def _hear_programs(witness: Witness) -> None:
    """The moments that the interpreter does not tell of: a program runs, a program has ended."""
    start, wait = subprocess.Popen.__init__, subprocess.Popen.wait

    def started(self: Any, *args: Any, **more: Any) -> None:
        witness.local.last = ""
        start(self, *args, **more)
        self.point = witness.local.last
        witness.perhaps_die(self.point, "during")

    def waited(self: Any, *args: Any, **more: Any) -> int:
        code = wait(self, *args, **more)
        witness.perhaps_die(getattr(self, "point", ""), "after")
        return code

    subprocess.Popen.__init__ = started  # type: ignore[method-assign]
    subprocess.Popen.wait = waited  # type: ignore[method-assign]
