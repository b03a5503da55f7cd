"""Files of a repository, which others write too: read without waiting, changed only while they are what was read."""

from __future__ import annotations

import errno
import os
import stat
from pathlib import Path

from global_util.files import read_regular, write_partial


def read_text(path: Path) -> str:
    """The same as text. Raises OSError, and ValueError for what is not UTF-8."""
    return read_regular(path).decode("utf-8").replace("\r\n", "\n").replace("\r", "\n")


def text_or_nothing(path: Path) -> str:
    """The text of a file whose faults somebody else tells: what is not UTF-8 is replaced, no file is an empty text."""
    try:
        return read_regular(path).decode("utf-8", "replace")
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
    partial = write_partial(path, content)
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
    partial = write_partial(path, content, mode)
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
        return read_regular(path) == content
    except OSError:
        return False
