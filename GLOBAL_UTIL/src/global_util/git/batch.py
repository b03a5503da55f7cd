"""Git processes that answer one request after the other: reading and writing objects without a process for each."""

from __future__ import annotations

import subprocess
import threading
import weakref
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO, TypeVar, cast

from global_util.git.door import failure, launch, shown

R = TypeVar("R")


class Batch:
    """One git command that reads requests from its standard input. It starts with the first, and ends with its owner.

    When the owner is killed, git comes to the end of its input and ends as well. Requests must be such that they can be
    made twice: git may have died over one (a signal to all of a terminal's processes) and is then started again.
    """

    def __init__(self, command: Callable[[], tuple[Sequence[str | bytes], Path, Mapping[str, str]]]) -> None:
        self._command = command
        self._lock = threading.Lock()
        self._process: subprocess.Popen[bytes] | None = None
        self._end: weakref.finalize[..., Batch] | None = None

    def ask(self, request: bytes, read: Callable[[BinaryIO], R | None]) -> R:
        """Send a request and read its answer; ``read`` gives None when the answer is cut off. Raises GitError."""
        with self._lock:
            for _ in range(2):
                found = self._try(request, read)
                if found is not None:
                    return found
                why = self._stop()
            told = f"git {shown(self._command()[0])}: ended without an answer: {why or 'no message'}"
            raise failure(told, why)

    def _try(self, request: bytes, read: Callable[[BinaryIO], R | None]) -> R | None:
        if self._process is None:
            argv, cwd, env = self._command()
            self._process = launch(argv, cwd=cwd, env=env)
            self._end = weakref.finalize(self, _end, self._process)
        process = self._process
        try:
            stdin = cast("BinaryIO", process.stdin)
            stdin.write(request)
            stdin.flush()
        except OSError:
            return None
        return read(cast("BinaryIO", process.stdout))

    def _stop(self) -> str:
        """Give up the process; what it said last."""
        process, self._process = self._process, None
        if self._end is None or process is None:
            return ""
        self._end.detach()
        said = _end(process).decode("utf-8", "replace").strip().splitlines()
        return said[0] if said else ""


def _end(process: subprocess.Popen[bytes]) -> bytes:
    with suppress(OSError):
        cast("BinaryIO", process.stdin).close()
    process.kill()
    said = cast("BinaryIO", process.stderr).read()
    process.wait()
    for stream in (process.stdout, process.stderr):
        cast("BinaryIO", stream).close()
    return said
