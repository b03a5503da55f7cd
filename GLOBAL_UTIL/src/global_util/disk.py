"""Disks that take nothing: full, read-only or broken. What fails on one says nothing about the work, only about the place."""

from __future__ import annotations

import errno
import os
import re
from typing import TYPE_CHECKING

from global_util.errors import EnvironmentFault

if TYPE_CHECKING:
    from pathlib import Path

_TAKES_NOTHING = (errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EIO)
_MAY_NOT = (errno.EACCES, errno.EPERM)
_SAID = (
    "No space left on device",
    "Disk quota exceeded",
    "Read-only file system",
    "Input/output error",
    "Out of diskspace",
    "unable to write",
    "could not write",
    "unable to create temporary file",
    "unable to create directory",
    "insufficient permission for adding an object",
)
"""What git says when it cannot write, in the language that it is told to speak. Often without the system's own words."""
_QUOTED = re.compile(r"'[^']*'|\"[^\"]*\"")
"""Names, which a tool may have chosen."""
ROOM = 2**20
"""Bytes; a disk with less is taken for full when a program that worked there has failed."""
_HINT = "make room, or make it writable, then run it again"


class DiskFault(EnvironmentFault):
    """Something could not be written. It can be done again once there is room."""

    code = "E409"

    def __init__(self, message: str) -> None:
        super().__init__(message, _HINT)


def is_at_fault(fault: OSError) -> bool:
    """Is it the disk, whatever was written?"""
    return fault.errno in _TAKES_NOTHING


def disk_fault(fault: OSError) -> DiskFault | None:
    """What to tell when the system did not let us write or read; None for another fault."""
    if fault.errno not in (*_TAKES_NOTHING, *_MAY_NOT):
        return None
    name = fault.filename2 or fault.filename
    where = f"{os.fsdecode(name)}: " if isinstance(name, str | bytes | os.PathLike) else ""
    return DiskFault(f"{where}{fault.strerror}")


def blame(fault: Exception) -> None:
    """Raise DiskFault when it is the disk's: such a fault must not be taken for something that a program did."""
    if isinstance(fault, OSError) and is_at_fault(fault):
        raise disk_fault(fault) or DiskFault(str(fault)) from None


def git_says_so(stderr: str) -> bool:
    """Does git say that it could not write?"""
    lines = [_QUOTED.sub("", line) for line in stderr.splitlines() if line.startswith(("fatal: ", "error: "))]
    return any(sign in line for line in lines for sign in _SAID)


def is_full(place: Path) -> bool:
    """Is there hardly any room where a file or folder lies? False where nobody can say."""
    try:
        found = os.statvfs(place)
    except (OSError, AttributeError):
        return False
    return found.f_bavail * found.f_frsize < ROOM
