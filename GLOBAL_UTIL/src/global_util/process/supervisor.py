"""Starts one foreign program and sees to it that nothing of it survives. A script of its own, run by ``run.py``.

    python -I -S supervisor.py LIFELINE REPORT PARENT GRACE LC_CTYPE END TOKEN HELD PROGRAM ARGV0 [ARGUMENT ...]

LIFELINE is a pipe whose other end the orchestrator holds: a byte in it means "stop" and why, its end means that the
orchestrator is dead. REPORT takes one JSON object per line. END names the file that is to say, with TOKEN, how the
program ended; empty when nobody asks. HELD are descriptors that stay open until nothing of the program is left
(``5,7>9``): of a lock, or of an output's pipe and the log into which goes what the orchestrator did not live to read.
On Linux this process adopts every orphan among its descendants, so that neither ``setsid`` nor a double fork gets away;
elsewhere the process group and what ``ps`` shows below the program are killed. Its start-up is paid for by every check,
so it imports next to nothing.
"""

from __future__ import annotations

import _signal  # type: ignore[import-not-found]  # signal.py would add enum, a third of the start-up time
import ctypes
import os
import select
import sys
import time

PR_SET_CHILD_SUBREAPER = 36
PARENT_CHECK_MS = 1000
STOPPED = {b"t": "timeout", b"i": "idle_timeout"}
"""Stops that are an end of their own. A program that is stopped for another reason did not end: it is run again."""


def main(arguments: list[str]) -> None:
    """Run the program, report its end, sweep."""
    lifeline, report, parent = (int(word) for word in arguments[:3])
    grace_s, locale, end, token, held, program, *words = arguments[3:]
    kept = [[int(word) for word in pair.split(">")] for pair in held.split(",") if pair]
    for fd in (lifeline, report, *(fd for pair in kept for fd in pair)):
        os.set_inheritable(fd, False)
    wake = listen()
    adopting = adopt_orphans()
    restore_locale(os.fsencode(locale))
    began = time.monotonic()
    try:
        child = os.posix_spawn(
            program, words, os.environb, setsid=True, setsigmask=(), setsigdef=_signal.valid_signals()
        )
    except OSError as fault:
        tell(2, f"cannot start {words[0]!r}: {fault.strerror}\n")
        tell(report, f'{{"not_found": {fault.errno}}}\n')
        return
    tell(report, f'{{"started": {child}}}\n')
    status, stopped = watch(child, lifeline, wake, parent, float(grace_s))
    code = -_signal.SIGKILL if status is None else os.waitstatus_to_exitcode(status)
    how = "exited" if code >= 0 else "signalled"
    outcome = STOPPED.get(stopped) if stopped else how if status is not None else None
    if end and outcome:
        seconds = round(time.monotonic() - began, 3)
        told = f'"token": "{token}", "outcome": "{outcome}", "code": {abs(code)}, "seconds": {seconds}'
        write_down(end, f"{{{told}}}\n".encode())
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


def restore_locale(original: bytes) -> None:
    """Python may have set LC_CTYPE for itself; the program gets the caller's (``=VALUE``, or nothing)."""
    if original:
        os.environb[b"LC_CTYPE"] = original[1:]
    else:
        os.environb.pop(b"LC_CTYPE", None)


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
    main(sys.argv[1:])
