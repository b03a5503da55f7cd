"""The clone's record of numbers that were given: durable before a file gets one, shared by all its worktrees."""

from __future__ import annotations

import fcntl
import os
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from global_util.errors import Held

from global_doc_id.ledger import one_line

NAME = "minted.tsv"
PATIENCE_S = 60.0
_PAUSE_S = 0.005


@dataclass(frozen=True)
class Reservation:
    """A number kept for ``path`` of a worktree; ``written`` once the file has it, which makes it that file's for good."""

    doc_id: str
    path: str
    worktree: str
    written: bool


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Nobody else of this clone gives numbers meanwhile. Raises Held (exit 5) when somebody does for a minute."""
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "lock").open("ab") as handle:
        end = time.monotonic() + PATIENCE_S
        while not _take(handle.fileno()):
            if time.monotonic() > end:
                raise Held(
                    f"{folder / 'lock'}: held by another doc-id", "wait for it, or end it, and run again", "E506"
                )
            time.sleep(_PAUSE_S)
        yield


def read_reservations(folder: Path, family: str = "") -> dict[str, Reservation]:
    """By id; of one id the last line counts. A line that was cut short by a crash was never given out."""
    try:
        content = (folder / NAME).read_bytes()
    except FileNotFoundError:
        return {}
    found = {}
    for line in content.split(b"\n"):
        fields = line.decode("utf-8", "replace").split("\t")
        if len(fields) == 4 and fields[0].startswith(family):
            found[fields[0]] = Reservation(fields[0], fields[1], fields[2], fields[3] == "written")
    return found


def record(folder: Path, reservations: Sequence[Reservation]) -> None:
    """Append, and return when the lines are on the disk. Only with the lock held."""
    if not reservations:
        return
    with (folder / NAME).open("ab+") as handle:
        cut = handle.seek(0, os.SEEK_END) > 0 and os.pread(handle.fileno(), 1, handle.tell() - 1) != b"\n"
        lines = "".join(f"{_line(reservation)}\n" for reservation in reservations)
        handle.write((b"\n" if cut else b"") + lines.encode("utf-8", "backslashreplace"))
        handle.flush()
        os.fsync(handle.fileno())


def _line(reservation: Reservation) -> str:
    state = "written" if reservation.written else "reserved"
    return "\t".join([reservation.doc_id, one_line(reservation.path), one_line(reservation.worktree), state])


def _take(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
