"""Files of a repository, which others write too: read without waiting, changed only while they are what was read."""

from __future__ import annotations

import errno
import os
import stat
from pathlib import Path

LIMIT = 16 * 2**20
"""Bytes; what is larger is no manifest, source or document."""


def read_bytes(path: Path) -> bytes:
    """The content of a regular file. Raises OSError for a link, for what is no file, and for more than ``LIMIT``."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_NOFOLLOW)
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


def read_text(path: Path) -> str:
    """The same as text. Raises OSError, and ValueError for what is not UTF-8."""
    return read_bytes(path).decode("utf-8").replace("\r\n", "\n").replace("\r", "\n")


def text_or_nothing(path: Path) -> str:
    """The text of a file whose faults somebody else tells: what is not UTF-8 is replaced, no file is an empty text."""
    try:
        return read_bytes(path).decode("utf-8", "replace")
    except OSError:
        return ""


def why(fault: Exception) -> str:
    """The reason of a failure on one line, without the path."""
    said = fault.strerror if isinstance(fault, OSError) else str(fault)
    return (said or type(fault).__name__).partition("\n")[0]


def link_in(root: Path, path: Path) -> str:
    """The first place on the way from ``root`` to ``path``, itself included, that is a symbolic link; "" without one."""
    place = root
    for part in path.relative_to(root).parts:
        place = place / part
        if place.is_symlink():
            return place.relative_to(root).as_posix()
    return ""


def create(path: Path, content: bytes) -> None:
    """Write a file that is not there, in one step. Raises OSError, also when it is there."""
    partial = _partial(path, content, None)
    try:
        os.link(partial, path)
    finally:
        partial.unlink(missing_ok=True)


def replace(path: Path, before: bytes, content: bytes) -> bool:
    """Write another content in one step, mode kept, unless the file has no longer the content ``before``.

    Whether it was written. Raises OSError for a read-only file too.
    """
    mode = stat.S_IMODE(path.lstat().st_mode)
    if not mode & stat.S_IWUSR:
        raise PermissionError(errno.EACCES, "is read-only", str(path))
    partial = _partial(path, content, mode)
    try:
        if not has(path, before):
            return False
        partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)
    return True


def has(path: Path, content: bytes) -> bool:
    """Is this a regular file with this content?"""
    try:
        return read_bytes(path) == content
    except OSError:
        return False


def _partial(path: Path, content: bytes, mode: int | None) -> Path:
    partial = path.with_name(f".capabilities.{os.getpid()}.{os.urandom(4).hex()}.partial")
    try:
        with partial.open("xb") as handle:
            handle.write(content)
            if mode is not None:
                os.fchmod(handle.fileno(), mode)
            handle.flush()
            os.fsync(handle.fileno())
    except BaseException:
        partial.unlink(missing_ok=True)
        raise
    return partial
