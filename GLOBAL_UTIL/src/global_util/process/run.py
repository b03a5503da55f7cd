"""Running one foreign program to its end, within bounds of time and output, and leaving no process behind."""

from __future__ import annotations

import json
import os
import select
import selectors
import signal
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from global_util.process.fork_server import SERVER
from global_util.process.output import Output
from global_util.process.program import find_program

if TYPE_CHECKING:
    from global_util.process.end import End

ProcessOutcome = Literal["exited", "signalled", "timeout", "idle_timeout", "not_found", "interrupted"]

GRACE_S = 2.0
"""How long a program may take to end after SIGTERM."""
SWEEP_S = 10.0
"""How long to wait until everything is gone; what cannot be killed (asleep in a device) does not hold us for ever."""
STOP = threading.Event()
"""Set when a person or a signal stops this process: every program that is running, or would be started, ends."""
_CANCEL_CHECK_S = 0.1
_CHUNK = 65536
_LAST_CHUNKS = 32
_ENDS: tuple[Literal["exited", "signalled", "not_found"], ...] = ("exited", "signalled", "not_found")
_REASONS = {"timeout": b"t", "idle_timeout": b"i", "interrupted": b"."}
"""How the supervisor is told to stop, and why."""


@dataclass(frozen=True)
class ProcessResult:
    """How a program ended and what it printed.

    ``exit_code`` is given for ``exited`` only, ``signal`` for ``signalled`` only. ``stdout`` and ``stderr`` hold at most
    ``max_bytes`` each, beginning and end with a mark between; ``truncated`` says that one of them was cut. ``seconds``
    is the wall time, start and clearing up included.
    """

    outcome: ProcessOutcome
    exit_code: int | None
    signal: int | None
    stdout: bytes
    stderr: bytes
    truncated: bool
    seconds: float


def run_process(
    argv: Sequence[str],
    *,
    cwd: Path,
    env: Mapping[str, str],
    timeout_s: float,
    idle_timeout_s: float | None = None,
    stdout_file: Path | None = None,
    stderr_file: Path | None = None,
    max_bytes: int = 10_000_000,
    cancel: threading.Event | None = None,
    end: End | None = None,
) -> ProcessResult:
    """Run a program without a shell, in a session of its own, with standard input closed, and wait for it.

    When this returns or raises, or when the calling process dies by whatever cause, the program and all its descendants
    are gone: those that moved to another session, ignore signals or became daemons too (outside Linux: those of its
    process group). ``argv[0]`` is looked up on ``env["PATH"]``, never in ``cwd``; a program that is missing or cannot be
    started is outcome ``not_found``, with the reason in ``stderr``. ``idle_timeout_s`` is the longest time without
    output. On a timeout or when ``cancel`` (``STOP`` by default) is set the program gets SIGTERM and two seconds, then SIGKILL. The named
    files get what ``stdout`` and ``stderr`` of the result hold. ``end`` asks that the program's own end outlives a kill of
    this process, see there. Raises OSError when ``cwd`` or a file cannot be opened.
    """
    begin = time.monotonic()
    cancel = cancel or STOP
    with Output(stdout_file, max_bytes) as stdout, Output(stderr_file, max_bytes) as stderr:
        watch = _Watch(stdout, stderr, begin + timeout_s, idle_timeout_s, cancel)
        program = find_program(argv[0], env.get("PATH", ""))
        if cancel.is_set():
            watch.outcome = "interrupted"
        elif program is None:
            _refuse(watch, argv, "no such program on PATH")
        else:
            _run(watch, program, argv, cwd, env, end)
        return ProcessResult(
            watch.outcome,
            watch.code if watch.outcome == "exited" else None,
            watch.code if watch.outcome == "signalled" else None,
            stdout.kept(),
            stderr.kept(),
            stdout.truncated or stderr.truncated,
            time.monotonic() - begin,
        )


def _refuse(watch: _Watch, argv: Sequence[str], why: str) -> None:
    watch.outcome = "not_found"
    watch.stderr.add(f"cannot start {argv[0]!r}: {why}\n".encode("utf-8", "backslashreplace"))


def _run(watch: _Watch, program: str, argv: Sequence[str], cwd: Path, env: Mapping[str, str], end: End | None) -> None:
    try:
        words = [os.fsencode(word) for word in argv]
        variables = {os.fsencode(name): os.fsencode(value) for name, value in env.items()}
    except ValueError as fault:
        _refuse(watch, argv, str(fault))
        return
    about = {"program": os.fsencode(program), "argv": words, "env": variables, "grace_s": GRACE_S}
    sys.audit("phaseline.program", "starts", argv)
    for _ in range(2):
        supervisor = _start(about, cwd, _Kept(end, watch.stdout.log, watch.stderr.log))
        sys.audit("phaseline.program", "runs", argv)
        try:
            watch.follow(supervisor)
        finally:
            supervisor.dismiss()
        if watch.report or watch.stopped:
            break
        # The fork server was killed with the order in its hands: nobody has begun with it.
    sys.audit("phaseline.program", "ended", argv)


@dataclass(frozen=True)
class _Kept:
    """What the supervisor keeps for those who come after a kill: nothing unless somebody asks for the program's end."""

    end: End | None
    stdout: int | None
    stderr: int | None

    def order(self, pipes: Mapping[str, int]) -> tuple[dict[str, Any], list[int]]:
        """What it is told, and the descriptors that ``held`` counts on."""
        if self.end is None:
            return {"end": "", "token": "", "held": []}, []
        lock = [] if self.end.lock is None else [(self.end.lock,)]
        # With the readers in its hands, the program is not ended by its own output when the orchestrator dies.
        logs = [
            (pipes[name], log) for name, log in (("stdout", self.stdout), ("stderr", self.stderr)) if log is not None
        ]
        groups, more = [*lock, *logs], [fd for group in (*lock, *logs) for fd in group]
        held = [[more.index(fd) for fd in group] for group in groups]
        return {"end": str(self.end.file), "token": self.end.token, "held": held}, more


@dataclass(frozen=True)
class _Supervisor:
    lifeline: int
    report: int
    gone: int
    streams: tuple[int, int]

    def stop(self, why: ProcessOutcome, pid: int | None) -> None:
        """Ask for the end of the program. SIGCONT, because the program can have stopped its supervisor."""
        with suppress(OSError):
            os.write(self.lifeline, _REASONS[why])
        if pid is not None:
            with suppress(OSError):
                os.kill(pid, signal.SIGCONT)

    def dismiss(self) -> None:
        """Cut the lifeline and wait until everything is swept and gone, but not for ever."""
        os.close(self.lifeline)
        os.close(self.report)
        poll = select.poll()
        poll.register(self.gone, select.POLLHUP)
        poll.poll(SWEEP_S * 1000)
        for stream in (*self.streams, self.gone):
            os.close(stream)


def _start(about: Mapping[str, Any], cwd: Path, kept: _Kept) -> _Supervisor:
    theirs: list[int] = []
    ours: list[int] = []
    try:
        for mine in (1, 0, 0, 0, 0):
            pair = os.pipe()
            ours.append(pair[mine])
            theirs.append(pair[1 - mine])
        lifeline, report, gone, stdout, stderr = ours
        words, more = kept.order({"stdout": stdout, "stderr": stderr})
        theirs.append(os.open(cwd, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC))
        SERVER.order({**about, **words}, [*theirs, *more])
    except BaseException:
        for fd in ours:
            os.close(fd)
        raise
    finally:
        for fd in theirs:
            os.close(fd)
    return _Supervisor(lifeline, report, gone, (stdout, stderr))


@dataclass
class _Watch:
    """What is known of the running program, and when to lose patience."""

    stdout: Output
    stderr: Output
    deadline: float
    idle_timeout_s: float | None
    cancel: threading.Event | None
    outcome: ProcessOutcome = "signalled"
    code: int = signal.SIGKILL
    stopped: bool = False
    give_up: float | None = None
    last_output: float = field(default_factory=time.monotonic)
    report: bytes = b""

    def follow(self, supervisor: _Supervisor) -> None:
        """Read until the supervisor has ended, and stop the program when its time is over."""
        sinks = dict(zip(supervisor.streams, (self.stdout, self.stderr), strict=True))
        with selectors.DefaultSelector() as selector:
            for fd in (*sinks, supervisor.report):
                os.set_blocking(fd, False)
                selector.register(fd, selectors.EVENT_READ)
            while supervisor.report in selector.get_map() and not self._gave_up():
                for key, _ in selector.select(self._patience()):
                    if not self._read(key.fd, sinks.get(key.fd)):
                        selector.unregister(key.fd)
                self._judge(supervisor)
        self._conclude(sinks)

    def _read(self, fd: int, sink: Output | None) -> bool:
        """Take in what is there. False at the end of the stream."""
        try:
            data = os.read(fd, _CHUNK)
        except BlockingIOError:
            return True
        if sink is None:
            self.report += data
        elif data:
            self.last_output = time.monotonic()
            sink.add(data)
        return bool(data)

    def _judge(self, supervisor: _Supervisor) -> None:
        if self.give_up is not None:
            return
        if self._events().keys() & set(_ENDS):
            self.give_up = time.monotonic() + SWEEP_S
            return
        reason = self._reason_to_stop()
        if reason:
            self.outcome, self.stopped = reason, True
            self.give_up = time.monotonic() + GRACE_S + SWEEP_S
            supervisor.stop(reason, self._events().get("supervisor"))

    def _reason_to_stop(self) -> ProcessOutcome | None:
        now = time.monotonic()
        if self.cancel is not None and self.cancel.is_set():
            return "interrupted"
        if now >= self.deadline:
            return "timeout"
        if self.idle_timeout_s is not None and now >= self.last_output + self.idle_timeout_s:
            return "idle_timeout"
        return None

    def _patience(self) -> float:
        """Seconds until something must be looked at again."""
        moments = [self.deadline if self.give_up is None else self.give_up]
        if self.give_up is None and self.idle_timeout_s is not None:
            moments.append(self.last_output + self.idle_timeout_s)
        if self.give_up is None and self.cancel is not None:
            moments.append(time.monotonic() + _CANCEL_CHECK_S)
        return max(0.0, min(moments) - time.monotonic())

    def _gave_up(self) -> bool:
        return self.give_up is not None and time.monotonic() >= self.give_up

    def _events(self) -> dict[str, int]:
        whole, _, _ = self.report.rpartition(b"\n")
        return {name: number for line in whole.splitlines() for name, number in json.loads(line).items()}

    def _conclude(self, sinks: Mapping[int, Output]) -> None:
        """Take what is left in the pipes (bounded: somebody who escaped might go on writing), and name the outcome."""
        for fd, sink in sinks.items():
            for _ in range(_LAST_CHUNKS):
                if not self._read(fd, sink):
                    break
        events = self._events()
        end = next((kind for kind in _ENDS if kind in events), None)
        if end and not self.stopped:
            self.outcome, self.code = end, events[end]
        if not end and "started" in events:
            # The supervisor was killed before it could sweep: the least that can be done from here.
            with suppress(OSError):
                os.killpg(events["started"], signal.SIGKILL)
