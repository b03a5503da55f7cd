"""Locks on files: held by a process as long as it lives, and free again the moment it dies."""

from __future__ import annotations

import fcntl
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from global_util.errors import EnvironmentFault


@dataclass(frozen=True)
class Holder:
    """Who holds a lock, as told by itself. ``execution`` and ``slot`` are empty when they are not known."""

    pid: int
    execution: str = ""
    slot: str = ""

    def __str__(self) -> str:
        parts = [f"process {self.pid}", self.execution, self.slot]
        return ", ".join(part for part in parts if part)


def try_lock(place: Path) -> int | None:
    """The locked file, made when it is missing; None when somebody holds it or its folder is gone.

    Raises EnvironmentFault (E440) for a file that cannot be opened.
    """
    while True:
        try:
            handle = os.open(place, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
        except FileNotFoundError:
            return None
        except OSError as fault:
            raise unwritable(place, fault) from None
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if _is_at(handle, place):
                return handle
        except OSError:
            os.close(handle)
            return None
        os.close(handle)


def unwritable(place: Path, fault: OSError) -> EnvironmentFault:
    """What is said when slots and locks cannot be where they should."""
    return EnvironmentFault(
        f"{place}: {fault.strerror}", "make room there, or set worktree.root to a folder that can be written", "E440"
    )


def _is_at(handle: int, place: Path) -> bool:
    """Somebody can have removed the file between opening and locking it."""
    with suppress(FileNotFoundError):
        return os.fstat(handle).st_ino == place.stat().st_ino
    return False


def release(handle: int) -> None:
    """Unlock, even where a child that is just being started holds a copy of the descriptor."""
    with suppress(OSError):
        fcntl.flock(handle, fcntl.LOCK_UN)
    os.close(handle)


def is_held(place: Path) -> bool:
    """Does anybody hold the lock right now?"""
    if not place.exists():
        return False
    handle = try_lock(place)
    if handle is None:
        return place.exists()
    release(handle)
    return False


def sign(handle: int, holder: Holder) -> None:
    """Say in the lock's file who holds it."""
    told = json.dumps({"execution": holder.execution, "pid": holder.pid, "slot": holder.slot}).encode()
    os.ftruncate(handle, 0)
    os.pwrite(handle, told, 0)


def read_holder(place: Path) -> Holder | None:
    """Who signed last; None when nobody did, or when it cannot be read."""
    with suppress(OSError, ValueError, KeyError, TypeError):
        told = json.loads(place.read_bytes())
        return Holder(int(told["pid"]), str(told["execution"]), str(told["slot"]))
    return None


@contextmanager
def guard(root: Path) -> Iterator[None]:
    """Adding and removing worktrees changes shared files of git: one at a time. The folder is made when it is gone.

    Who takes the folder away holds its guard meanwhile; who waited for that one takes the next.
    """
    while (handle := _wait_for(root)) is None:
        pass
    try:
        yield
    finally:
        release(handle)


def _wait_for(root: Path) -> int | None:
    """The guard, once nobody else has it; None when it was taken away meanwhile."""
    make_folder(root)
    with suppress(FileNotFoundError):
        handle = os.open(root / "guard", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
        fcntl.flock(handle, fcntl.LOCK_EX)
        if _is_at(handle, root / "guard"):
            return handle
        os.close(handle)
    return None


def make_folder(folder: Path) -> None:
    """Make a folder in a pool that somebody may be removing just now: what was there is gone the second time."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except FileNotFoundError:
        folder.mkdir(parents=True, exist_ok=True)
