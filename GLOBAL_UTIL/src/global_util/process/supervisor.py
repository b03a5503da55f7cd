"""Starts foreign programs and sees to it that nothing of them survives. A script of its own, run by ``fork_server.py``.

    python -I -S supervisor.py CHANNEL

CHANNEL is a socket whose other end the orchestrator holds. For each order that comes through it this process forks: the
fork becomes the supervisor of one program, so that Python's start is paid for once and not by every check. An order is
the length of a body in four bytes, with descriptors (``DESCRIPTORS``, then what ``held`` counts on), and the body, a
marshalled dictionary: ``program``, ``argv``, ``env``, ``grace_s``; ``end`` and ``token``: the file that is to say, with
the token, how the program ended, empty when nobody asks; ``held``: descriptors that stay open until nothing of the
program is left, of a lock, or of an output's pipe and the log into which goes what the orchestrator did not live to read.

The lifeline is a pipe whose other end the orchestrator holds: a byte in it means "stop" and why, its end means that the
orchestrator is dead. The report takes one JSON object per line. ``gone`` ends when the supervisor has ended.
On Linux a supervisor adopts every orphan among its descendants, so that neither ``setsid`` nor a double fork gets away;
elsewhere the process group and what ``ps`` shows below the program are killed.
"""

from __future__ import annotations

import _signal  # type: ignore[import-not-found]  # signal.py would add enum, a third of the start-up time
import ctypes
import marshal
import os
import select
import socket
import sys
import time
import traceback
from typing import Any

DESCRIPTORS = ("lifeline", "report", "gone", "stdout", "stderr", "cwd")
MOST_DESCRIPTORS = 32
PR_SET_CHILD_SUBREAPER = 36
PARENT_CHECK_MS = 1000
STOPPED = {b"t": "timeout", b"i": "idle_timeout"}
"""Stops that are an end of their own. A program that is stopped for another reason did not end: it is run again."""


def serve(channel: socket.socket) -> None:
    """Fork a supervisor for each order, until nobody is left who could give one."""
    _signal.signal(_signal.SIGCHLD, lambda *_: reap(0))
    server, orchestrator = os.getpid(), os.getppid()
    while received := receive(channel, orchestrator):
        order, descriptors = received
        if os.fork() == 0:
            channel.close()
            become_supervisor(order, descriptors, server)
        for descriptor in descriptors:
            os.close(descriptor)


def receive(channel: socket.socket, orchestrator: int) -> tuple[dict[str, Any], list[int]] | None:
    """The next order; None when the orchestrator is gone. A fork of it may hold the channel, so its id is looked at too."""
    poll = select.poll()
    poll.register(channel, select.POLLIN)
    while not poll.poll(PARENT_CHECK_MS):
        if os.getppid() != orchestrator:
            return None
    head, descriptors, _, _ = socket.recv_fds(channel, 4, MOST_DESCRIPTORS)
    for descriptor in descriptors:
        os.set_inheritable(descriptor, False)
    head = take(channel, head, 4)
    body = take(channel, b"", int.from_bytes(head, "little"))
    # From nobody but the process that started this one.
    return (marshal.loads(body), list(descriptors)) if body else None  # noqa: S302


def take(channel: socket.socket, content: bytes, size: int) -> bytes:
    """Bytes until there are so many; none when the other end is closed before."""
    parts = [content]
    missing = size - len(content)
    while missing:
        part = channel.recv(missing)
        if not part:
            return b""
        parts.append(part)
        missing -= len(part)
    return b"".join(parts)


def become_supervisor(order: dict[str, Any], descriptors: list[int], server: int) -> None:
    """Do what is ordered, and end."""
    code = 1
    try:
        os.setsid()
        of = dict(zip(DESCRIPTORS, descriptors, strict=False))
        null = os.open(os.devnull, os.O_RDONLY)
        for number, descriptor in enumerate((null, of["stdout"], of["stderr"])):
            os.dup2(descriptor, number)
            os.close(descriptor)
        os.fchdir(of["cwd"])
        os.close(of["cwd"])
        tell(of["report"], f'{{"supervisor": {os.getpid()}}}\n')
        more = descriptors[len(DESCRIPTORS) :]
        kept = [[more[index] for index in indexes] for indexes in order["held"]]
        supervise(order, of["lifeline"], of["report"], kept, server)
        # ``gone`` is the last to be closed: whoever waits for it finds the lock free.
        for descriptor in more:
            os.close(descriptor)
        code = 0
    except BaseException:
        traceback.print_exc()
    finally:
        os._exit(code)


def supervise(order: dict[str, Any], lifeline: int, report: int, kept: list[list[int]], parent: int) -> None:
    """Run the program, report its end, sweep."""
    wake = listen()
    adopting = adopt_orphans()
    began = time.monotonic()
    words = order["argv"]
    try:
        child = os.posix_spawn(
            order["program"], words, order["env"], setsid=True, setsigmask=(), setsigdef=_signal.valid_signals()
        )
    except (OSError, ValueError) as fault:
        why = fault.strerror if isinstance(fault, OSError) else str(fault)
        tell(2, f"cannot start {os.fsdecode(words[0])!r}: {why}\n")
        tell(report, f'{{"not_found": {getattr(fault, "errno", 0)}}}\n')
        return
    tell(report, f'{{"started": {child}}}\n')
    status, stopped = watch(child, lifeline, wake, parent, order["grace_s"])
    code = -_signal.SIGKILL if status is None else os.waitstatus_to_exitcode(status)
    how = "exited" if code >= 0 else "signalled"
    outcome = STOPPED.get(stopped) if stopped else how if status is not None else None
    if order["end"] and outcome:
        seconds = round(time.monotonic() - began, 3)
        told = f'"token": "{order["token"]}", "outcome": "{outcome}", "code": {abs(code)}, "seconds": {seconds}'
        write_down(order["end"], f"{{{told}}}\n".encode())
    tell(report, f'{{"{how}": {abs(code)}}}\n')
    sweep(child, adopting)
    os.close(report)
    logs = [pair for pair in kept if len(pair) > 1]
    if logs:
        for fd in (1, 2):
            os.close(fd)
        wait_for_reader(lifeline, parent)
        for pipe, log in logs:
            pour(pipe, log)


def listen() -> int:
    """A pipe that gets the number of every signal that concerns us."""
    reader, writer = os.pipe()
    for fd in (reader, writer):
        os.set_blocking(fd, False)
    _signal.set_wakeup_fd(writer, warn_on_full_buffer=False)
    for number in (_signal.SIGCHLD, _signal.SIGTERM, _signal.SIGINT, _signal.SIGHUP, _signal.SIGQUIT):
        _signal.signal(number, lambda *_: None)
    _signal.pthread_sigmask(_signal.SIG_SETMASK, ())
    return reader


def adopt_orphans() -> bool:
    """Become the parent of all orphans among our descendants. False where the system knows nothing of the kind."""
    if not sys.platform.startswith("linux"):
        return False
    return bool(ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) == 0)


def tell(fd: int, text: str) -> None:
    """Write to somebody who may be gone already."""
    try:
        os.write(fd, text.encode("utf-8", "replace"))
    except OSError:
        return


def write_down(place: str, content: bytes) -> None:
    """Write a small file whole and onto the disk, or not at all: then the call is made again after a kill, no more."""
    # Named as ``global_util.files`` names them: what is left of it after a kill is forgotten by the next one.
    partial = f"{os.path.dirname(place)}/.phaseline.{os.getpid()}.end.partial"  # noqa: PTH120
    try:
        descriptor = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o666)
        try:
            os.write(descriptor, content)
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
        os.rename(partial, place)  # noqa: PTH104
    except OSError:
        try:
            os.unlink(partial)  # noqa: PTH108
        except OSError:
            return


def wait_for_reader(lifeline: int, parent: int) -> None:
    """Wait until the orchestrator has read what it wants to read, or is dead."""
    poll = select.poll()
    poll.register(lifeline, select.POLLIN)
    while os.getppid() == parent:
        if poll.poll(PARENT_CHECK_MS) and not os.read(lifeline, 64):
            return


def pour(pipe: int, log: int) -> None:
    """Move what is left in a pipe into a log. Nobody writes any more who could make it endless."""
    os.set_blocking(pipe, False)
    try:
        while content := os.read(pipe, 65536):
            os.write(log, content)
    except OSError:
        return


def watch(child: int, lifeline: int, wake: int, parent: int, grace_s: float) -> tuple[int | None, bytes]:
    """Wait for the program. Its wait status, None when it is to be killed; and why it was stopped, if it was.

    Signals that concern this process concern the program too, and are a stop for a reason of the system's.
    """
    poll = select.poll()
    for fd in (lifeline, wake):
        poll.register(fd, select.POLLIN)
    polite_until, why = 0.0, b""
    while True:
        status = reap(child)
        if status is not None:
            return status, why or signalled(wake)
        ready = [fd for fd, _ in poll.poll(20 if polite_until else PARENT_CHECK_MS)]
        if lifeline in ready:
            word = os.read(lifeline, 1)
            if not word or why:
                return reap(child), why
            polite_until, why = time.monotonic() + grace_s, word
            ask_to_end(child)
        other = signalled(wake) if wake in ready else b""
        late = polite_until and time.monotonic() > polite_until
        # A fork of the orchestrator may hold the lifeline's other end, so its death is seen by the parent's id as well.
        if late or other or os.getppid() != parent:
            return reap(child), why or other


def signalled(wake: int) -> bytes:
    """A byte of its own when a signal came that is not about a child."""
    try:
        return b"s" if os.read(wake, 512).strip(bytes([_signal.SIGCHLD])) else b""
    except BlockingIOError:
        return b""


def reap(child: int) -> int | None:
    """Collect whoever has ended. The wait status of ``child`` if it is among them."""
    found = None
    while True:
        try:
            pid, status = os.waitpid(-1, os.WNOHANG)
        except ChildProcessError:
            return found
        if pid == 0:
            return found
        if pid == child:
            found = status


def ask_to_end(child: int) -> None:
    """SIGTERM for the program's group; SIGCONT lets a stopped one hear it."""
    for number in (_signal.SIGTERM, _signal.SIGCONT):
        try:
            os.killpg(child, number)
        except OSError:
            return


def sweep(child: int, adopting: bool) -> None:
    """Kill all descendants until there is none. What cannot be killed at once is tried again for as long as it lives."""
    if not adopting:
        kill([-child])
    pause_s = 0.001
    while have_children():
        kill(descendants(process_table(), os.getpid()))
        time.sleep(pause_s)
        pause_s = min(2 * pause_s, 0.1)


def have_children() -> bool:
    """Whether a child is left after collecting those that have ended. Orphans come to us, so none means nobody."""
    while True:
        try:
            if os.waitpid(-1, os.WNOHANG)[0] == 0:
                return True
        except ChildProcessError:
            return False


def kill(targets: list[int]) -> None:
    """SIGKILL for processes (positive) and groups (negative)."""
    for target in targets:
        try:
            os.kill(target, _signal.SIGKILL)
        except OSError:
            continue


def descendants(parents: dict[int, int], root: int) -> list[int]:
    """Everybody below ``root`` in a table from process to parent."""
    found = [pid for pid, parent in parents.items() if parent == root]
    for pid in found:
        found += [child for child, parent in parents.items() if parent == pid]
    return found


def process_table() -> dict[int, int]:
    """The parent of every process."""
    if not os.path.isdir("/proc/self"):  # noqa: PTH112  pathlib would double the start-up time
        return table_of_ps()
    table = {}
    for name in os.listdir("/proc"):  # noqa: PTH208
        if name.isdigit():
            try:
                with open(f"/proc/{name}/stat", "rb") as stat:
                    table[int(name)] = int(stat.read().rpartition(b")")[2].split()[1])
            except OSError:
                continue
    return table


def table_of_ps() -> dict[int, int]:
    """The parent of every process, where there is no /proc."""
    import subprocess

    rows = subprocess.run(["ps", "-axo", "pid=,ppid="], capture_output=True, check=False).stdout.split()
    numbers = [int(word) for word in rows]
    return dict(zip(numbers[::2], numbers[1::2], strict=True))


if __name__ == "__main__":
    serve(socket.socket(fileno=int(sys.argv[1])))
