"""Temporary folders that a kill does not leave behind for long: the next process removes those of processes that are gone.

Each process has one folder in the temporary folder, and a file beside it that it keeps locked as long as it lives.
"""

from __future__ import annotations

import atexit
import fcntl
import itertools
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import lru_cache
from pathlib import Path

_PREFIX, _LOCK = "phaseline-", ".lock"
_NUMBERS = itertools.count()


@contextmanager
def scratch(purpose: str) -> Iterator[Path]:
    """A temporary folder for as long as the context lasts."""
    with tempfile.TemporaryDirectory(prefix=f"{purpose}-", dir=_own(), ignore_cleanup_errors=True) as folder:
        yield Path(folder)


@contextmanager
def scratch_file(content: bytes) -> Iterator[Path]:
    """A temporary file with this content for as long as the context lasts; cheaper than a folder."""
    place = _own() / f"file-{next(_NUMBERS)}"
    try:
        place.write_bytes(content)
        yield place
    finally:
        place.unlink(missing_ok=True)


def sweep() -> None:
    """Remove what processes of this user that are gone have left; once per process."""
    _sweep(tempfile.gettempdir())


@lru_cache(maxsize=1)
def _sweep(root: str) -> None:
    for place in Path(root).glob(f"{_PREFIX}*{_LOCK}"):
        with suppress(OSError):
            _remove_if_left(place)


def _own() -> Path:
    """This process's own folder, made again when somebody has removed it."""
    root = tempfile.gettempdir()
    if not _home(root).is_dir():
        _home.cache_clear()
    return _home(root)


@lru_cache(maxsize=1)
def _home(root: str) -> Path:
    """This process's own folder below ``root``."""
    _sweep(root)
    while (made := _locked(Path(root))) is None:
        pass
    handle, place = made
    folder = place.with_suffix("")
    folder.mkdir(mode=0o700)
    atexit.register(_give_up, handle, place)
    return folder


def _locked(root: Path) -> tuple[int, Path] | None:
    """A new file that is locked; None when somebody took it for one that was left before it was."""
    handle, name = tempfile.mkstemp(_LOCK, _PREFIX, root)
    place = Path(name)
    with suppress(OSError):
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        if os.fstat(handle).st_ino == place.stat().st_ino:
            return handle, place
    os.close(handle)
    return None


def _remove_if_left(place: Path) -> None:
    """Remove the folder of a process of this user that is gone. Raises OSError when it is alive."""
    handle = os.open(place, os.O_RDWR | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        if os.fstat(handle).st_uid == os.getuid():
            _remove(place)
    finally:
        os.close(handle)


def _remove(place: Path) -> None:
    """The lock goes last: what cannot be removed is tried again by the next process."""
    shutil.rmtree(place.with_suffix(""), ignore_errors=True)
    if not place.with_suffix("").exists():
        place.unlink(missing_ok=True)


def _give_up(handle: int, place: Path) -> None:
    _remove(place)
    os.close(handle)
