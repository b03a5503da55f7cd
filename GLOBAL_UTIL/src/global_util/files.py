"""Files that others write too: read without waiting for anybody, written whole or not at all."""

from __future__ import annotations

import errno
import os
import stat
from contextlib import suppress
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

LIMIT = 16 * 2**20
"""Bytes; what is larger is no settings file, manifest, source or document."""


def read_regular(path: str | os.PathLike[str], *, follow: bool = False) -> bytes:
    """The content of a regular file. Raises OSError for what is none (a pipe, a device), and for more than ``LIMIT``.

    ``follow``: a symbolic link stands for what it leads to; else it is none.
    """
    flags = os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK
    try:
        descriptor = os.open(path, flags if follow else flags | os.O_NOFOLLOW)
    except OSError as fault:
        if fault.errno == errno.ELOOP:
            raise OSError(errno.ELOOP, "is a symbolic link", str(path)) from None
        raise
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise OSError(errno.EINVAL, "is no regular file", str(path))
    with os.fdopen(descriptor, "rb") as handle:
        content = handle.read(LIMIT + 1)
    if len(content) > LIMIT:
        raise OSError(errno.EFBIG, f"is larger than {LIMIT // 2**20} MiB", str(path))
    return content


def partial_beside(path: Path) -> Path:
    """A name for what will be moved to ``path``. It tells whose it is, so that it can be forgotten after a kill."""
    return path.with_name(f".phaseline.{os.getpid()}.{os.urandom(4).hex()}.partial")


def forget_partials(folder: Path, *, below: bool = False) -> None:
    """Remove what processes that are gone have left half done in a folder, and ``below`` it."""
    waiting: list[str | os.PathLike[str]] = [folder]
    while waiting:
        with suppress(OSError), os.scandir(waiting.pop()) as entries:
            for entry in entries:
                if entry.name.startswith(".phaseline.") and entry.name.endswith(".partial"):
                    _forget(folder / entry.path)
                elif below and entry.is_dir(follow_symlinks=False):
                    waiting.append(entry.path)


def _forget(partial: Path) -> None:
    with suppress(OSError, OverflowError, ValueError):
        if not _is_alive(int(partial.name.split(".")[2])):
            partial.unlink(missing_ok=True)


def _is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def write_partial(path: Path, content: bytes, mode: int | None = None) -> Path:
    """A new file beside ``path``, on the disk when this returns, to be moved into its place. Raises OSError, leaving nothing."""
    partial = partial_beside(path)
    try:
        with partial.open("xb") as handle:
            handle.write(content)
            if mode is not None:
                os.fchmod(handle.fileno(), mode)
            handle.flush()
            os.fsync(handle.fileno())
    except BaseException as fault:
        partial.unlink(missing_ok=True)
        if isinstance(fault, OSError) and fault.errno and not fault.filename:
            # The system names a file where it is opened, not where it is written.
            fault.filename = str(path)
        raise
    return partial


def write_atomically(path: Path, content: bytes) -> None:
    """Write a file so that readers see the old content or the new, and so that it survives a crash."""
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = write_partial(path, content)
    try:
        partial.replace(path)
    except BaseException:
        partial.unlink(missing_ok=True)
        raise
