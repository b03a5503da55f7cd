"""Files of the user's own checkout that git does not hold, such as ``.env``, copied into a slot."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from global_util import paths
from global_util.files import read_regular


@dataclass(frozen=True)
class Copy:
    """A file to be copied. ``path`` is in text form, below both worktrees; ``fault`` says why it cannot be."""

    path: str
    content: bytes = b""
    mode: int = 0
    fault: str = ""


def find_copies(main: Path | None, patterns: Sequence[str]) -> list[Copy]:
    """What the patterns name in the main worktree, sorted, each read once. What cannot be copied has a fault."""
    if main is None:
        return [Copy(pattern, fault="a bare repository has no main worktree") for pattern in patterns]
    found: dict[str, Copy] = {}
    for pattern in patterns:
        names = sorted(_matching(main, pattern)) or [pattern]
        found |= {name: _read(main, name) for name in names}
    return [found[name] for name in sorted(found)]


def _matching(main: Path, pattern: str) -> Iterator[str]:
    """Files and links that a pattern names. Links to folders are not followed."""
    fixed = pattern.split("/")[:-1]
    marked = next((at for at, part in enumerate(fixed) if any(mark in part for mark in "*?[")), len(fixed))
    depth = None if "**" in pattern else pattern.count("/")
    waiting = ["/".join(fixed[:marked])] if _has_marks(pattern) else []
    while waiting:
        folder = waiting.pop()
        if _is_linked(main, folder):
            continue
        with suppress(OSError), os.scandir(main / os.fsdecode(paths.to_bytes(folder))) as entries:
            for entry in entries:
                name = "/".join(filter(None, (folder, paths.from_bytes(os.fsencode(entry.name)))))
                if entry.is_dir(follow_symlinks=False):
                    waiting += [name] if entry.name != ".git" and (depth is None or name.count("/") < depth) else []
                elif paths.covers(pattern, name):
                    yield name


def _has_marks(pattern: str) -> bool:
    return any(mark in pattern for mark in "*?[")


def _is_linked(main: Path, name: str) -> bool:
    """Does a path lead through a symbolic link, or is it one?"""
    parts = os.fsdecode(paths.to_bytes(name)).split("/") if name else []
    return any(main.joinpath(*parts[:count]).is_symlink() for count in range(1, len(parts) + 1))


def _read(main: Path, name: str) -> Copy:
    place = main / os.fsdecode(paths.to_bytes(name))
    if _is_linked(main, name):
        return Copy(name, fault="a symbolic link, or behind one")
    try:
        return Copy(name, read_regular(place), place.stat().st_mode & 0o777)
    except FileNotFoundError:
        return Copy(name, fault="is not there")
    except OSError as fault:
        return Copy(name, fault=fault.strerror or "cannot be read")


def put(root: Path, copy: Copy) -> str:
    """Copy a file into a worktree. Why it was left out, or an empty string."""
    *folders, last = os.fsdecode(paths.to_bytes(copy.path)).split("/")
    folder = root
    try:
        for part in folders:
            folder /= part
            if folder.is_symlink():
                return "the commit has a symbolic link on its way"
            folder.mkdir(exist_ok=True)
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
        with os.fdopen(os.open(folder / last, flags, 0o600), "wb") as handle:
            handle.write(copy.content)
            os.fchmod(handle.fileno(), copy.mode | 0o600)
    except OSError as fault:
        return fault.strerror or "cannot be written"
    return ""
