"""A file of the working copy, changed so that nothing is lost: whole or not at all, and never over somebody's change."""

from __future__ import annotations

import contextlib
import os
import stat
from dataclasses import dataclass
from pathlib import Path

from global_util.errors import InvalidInput
from global_util.files import write_partial


@dataclass(frozen=True)
class WorkingFile:
    """What was read: ``content`` of ``place`` and the marks by which a change since then is noticed."""

    path: str
    place: Path
    content: bytes
    mode: int
    marks: tuple[int, ...]


def inside(root: Path, file: Path) -> str:
    """The path below ``root`` of a file that somebody named. Raises InvalidInput (E382) for one outside.

    The folder's links are followed, the file itself is not: a link is a file of its own to git.
    """
    place = file.parent.resolve() / file.name
    if file.name in ("", ".", "..") or not place.is_relative_to(root):
        raise InvalidInput(f"{file}: lies outside {root}", "name files of the repository, see --repo", "E382")
    return place.relative_to(root).as_posix()


def read_file(root: Path, path: str) -> WorkingFile:
    """A regular file that may be changed. Raises InvalidInput: E382 not there, E390 a link or special."""
    _refuse_unsafe_folders(root, path)
    place = root / path
    try:
        found = place.lstat()
        _refuse_unfit(path, found)
        return WorkingFile(path, place, place.read_bytes(), stat.S_IMODE(found.st_mode), _marks(found))
    except (FileNotFoundError, NotADirectoryError):
        raise InvalidInput(f"{path}: no such file", "check the name", "E382") from None
    except OSError as fault:
        raise InvalidInput(f"{path}: not readable: {fault.strerror}", "check the file's mode", "E382") from None


def replace_file(file: WorkingFile, content: bytes) -> None:
    """Write new content in one step, mode kept.

    Raises InvalidInput: E390 for a read-only file, E391 when it changed since it was read.
    """
    refuse_read_only(file)
    partial = _write_partial(file.place, content, file.mode)
    try:
        if not _unchanged(file):
            raise InvalidInput(f"{file.path}: changed while it was being edited", "run again", "E391")
        partial.replace(file.place)
    except BaseException:
        partial.unlink(missing_ok=True)
        raise


def refuse_read_only(file: WorkingFile) -> None:
    """Raises InvalidInput (E390) for a file that its owner may not write."""
    if not file.mode & stat.S_IWUSR:
        raise InvalidInput(f"{file.path}: is read-only", "make it writable (chmod u+w), or leave it out", "E390")


def create_file(root: Path, path: str, content: bytes) -> None:
    """Write a file that is not there yet. Raises InvalidInput (E391) when it is."""
    _refuse_unsafe_folders(root, path)
    place = root / path
    place.parent.mkdir(parents=True, exist_ok=True)
    partial = _write_partial(place, content)
    try:
        os.link(partial, place)
    except FileExistsError:
        raise InvalidInput(f"{path}: is there already", "choose another name", "E391") from None
    finally:
        partial.unlink(missing_ok=True)


def refuse_taken(root: Path, path: str) -> None:
    """Raises InvalidInput (E391) for a name that something has."""
    if os.path.lexists(root / path):
        raise InvalidInput(f"{path}: is there already", "move it out of the way", "E391")


def move_file(file: WorkingFile, path: str, root: Path) -> None:
    """Give a file another name in its folder. Raises InvalidInput (E391) when that name is taken or the file changed."""
    if not _unchanged(file):
        raise InvalidInput(f"{file.path}: changed while it was being renamed", "run again", "E391")
    try:
        os.link(file.place, root / path)
    except FileExistsError:
        raise InvalidInput(f"{path}: is there already", "move it out of the way", "E391") from None
    file.place.unlink()


def _write_partial(place: Path, content: bytes, mode: int | None = None) -> Path:
    try:
        return write_partial(place, content, mode)
    except OSError as fault:
        raise InvalidInput(f"{place}: not writable: {fault.strerror}", "check the folder's mode", "E390") from None


def _unchanged(file: WorkingFile) -> bool:
    """Marks first, then the content: a file system with coarse clocks shows two writes as one."""
    with contextlib.suppress(OSError):
        return _marks(file.place.lstat()) == file.marks and file.place.read_bytes() == file.content
    return False


def _marks(found: os.stat_result) -> tuple[int, ...]:
    return found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns, found.st_mode


def _refuse_unfit(path: str, found: os.stat_result) -> None:
    if stat.S_ISLNK(found.st_mode):
        raise InvalidInput(f"{path}: is a symbolic link", "name the file that it points to", "E390")
    if not stat.S_ISREG(found.st_mode):
        raise InvalidInput(f"{path}: is no regular file", "name a file", "E390")


def _refuse_unsafe_folders(root: Path, path: str) -> None:
    """No folder on the way may be a link or git's own: a write must not end up elsewhere."""
    parts = path.split("/")
    if not path or ".." in parts or "" in parts or ".git" in (part.lower() for part in parts):
        raise InvalidInput(f"{path}: is no file of the working copy", "name files of the repository", "E382")
    folder = root
    for part in parts[:-1]:
        folder = folder / part
        if folder.is_symlink():
            raise InvalidInput(f"{path}: lies behind the symbolic link {folder.name}", "name the real path", "E390")
