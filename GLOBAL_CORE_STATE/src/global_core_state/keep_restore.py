"""Bringing kept work back: as a new branch, or as files in a folder of their own. No checkout is touched.

Files are written as their bytes are, without filters. Names come from whoever made the tree: each folder is opened below
the one before without following links, and nothing that exists is opened for writing.
"""

from __future__ import annotations

import errno
import os
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from global_util import paths
from global_util.errors import EnvironmentFault, Held

from global_core_state import keep, keep_objects
from global_core_state.keep_objects import GITLINK, LINK, PROGRAM, Entry

if TYPE_CHECKING:
    from global_util.git import Repository

    from global_core_state.keep import Kept

_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_NEW_FILE = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
_NAME_IS_BAD = (errno.EEXIST, errno.ENOTDIR, errno.ELOOP, errno.ENAMETOOLONG, errno.EILSEQ, errno.EINVAL, errno.EISDIR)


@dataclass(frozen=True)
class Restored:
    """The paths that were written, and those that were left out with the reason. Both sorted."""

    written: tuple[bytes, ...]
    left_out: tuple[tuple[bytes, str], ...]


def branch_name(one: Kept) -> str:
    """The branch that kept work becomes when nobody names one."""
    return "keep/" + one.name.replace("/", "-")


def as_branch(repo: Repository, one: Kept, name: str) -> None:
    """Create a branch, or raise EnvironmentFault (E461): it is there, or checked out without a commit."""
    ref = f"refs/heads/{name}"
    if repo.checkouts(name) or repo.resolve(ref):
        raise EnvironmentFault(f"the branch {name!r} exists", "give another name with --branch NAME", "E461")
    try:
        repo.update_ref(ref, one.oid, None, f"phaseline: restored {one.shown}")
    except Held as fault:
        raise EnvironmentFault(
            f"the branch {name!r} cannot be made: {fault.message}", "give another name with --branch NAME", "E461"
        ) from None


def into_folder(repo: Repository, one: Kept, folder: Path, *, whole: bool = False) -> Restored:
    """Write the changed files of a kept commit, or its ``whole`` tree, into a folder that is new or empty.

    Raises EnvironmentFault (E461) for any other folder, for one inside a checkout or git folder of the repository, and
    when the disk does not take the files.
    """
    assert one.commit is not None
    entries = keep_objects.files(repo, one.commit.tree) if whole else keep.changed(repo, one.commit)
    wanted = [entry for entry in entries if entry.status != "D"]
    _require_outside(repo, folder)
    root = _open_empty(folder)
    try:
        return _write_all(repo, root, wanted)
    except OSError as fault:
        raise EnvironmentFault(
            f"{folder}: cannot be written: {fault.strerror}", "make room, remove the folder, and restore again", "E461"
        ) from None
    finally:
        os.close(root)


def _require_outside(repo: Repository, folder: Path) -> None:
    place = folder.absolute().parent.resolve() / folder.absolute().name
    raw = repo.run("worktree", "list", "--porcelain", "-z").split(b"\0")
    inside = [Path(os.fsdecode(row[len(b"worktree ") :])) for row in raw if row.startswith(b"worktree ")]
    for taken in (repo.common_dir, *inside):
        if place.resolve().is_relative_to(taken.resolve()):
            raise EnvironmentFault(
                f"{folder}: lies in {taken}, which belongs to the repository", "give a folder outside of it", "E461"
            )


def _open_empty(folder: Path) -> int:
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        with suppress(FileExistsError):
            folder.mkdir()
        opened = os.open(folder, _FOLDER)
    except OSError as fault:
        raise EnvironmentFault(f"{folder}: no folder to write to: {fault.strerror}", "give a new one", "E461") from None
    if os.listdir(opened):  # noqa: PTH208
        os.close(opened)
        raise EnvironmentFault(f"{folder}: is not empty", "give a new or an empty folder", "E461")
    return opened


def _write_all(repo: Repository, root: int, wanted: Sequence[Entry]) -> Restored:
    """Files first, links last: so there is no link to write through, and one that a name leads to is in the way."""
    left = {entry.path: _refusal(entry) for entry in wanted if _refusal(entry)}
    rest = [entry for entry in wanted if entry.path not in left]
    written: list[bytes] = []
    for kind in ([one for one in rest if one.mode != LINK], [one for one in rest if one.mode == LINK]):
        for entry, content in _filled(repo, kind):
            fault = "git has lost its content" if content is None else _write(root, entry, content)
            if fault:
                left[entry.path] = fault
            else:
                written.append(entry.path)
    return Restored(tuple(sorted(written)), tuple(sorted(left.items())))


def _refusal(entry: Entry) -> str:
    if entry.mode == GITLINK:
        return f"a submodule at commit {entry.oid}"
    fault = paths.fault(paths.from_bytes(entry.path))
    return f"its name {fault}" if fault else ""


def _filled(repo: Repository, entries: Sequence[Entry]) -> Iterable[tuple[Entry, bytes | None]]:
    """Each entry with its content, None where git has none. Contents come by object: equal files come together."""
    by_oid: dict[str, list[Entry]] = {}
    for entry in entries:
        by_oid.setdefault(entry.oid, []).append(entry)
    for oid, kind, content in keep_objects.contents(repo, by_oid):
        if kind == "blob":
            yield from ((entry, content) for entry in by_oid.pop(oid))
    yield from ((entry, None) for same in by_oid.values() for entry in same)


def _write(root: int, entry: Entry, content: bytes) -> str:
    """Write one file. Returns why its name cannot be used here, or an empty text; raises OSError for other faults."""
    *folders, name = entry.path.split(b"/")
    opened = os.dup(root)
    try:
        for part in folders:
            opened = _step(opened, part)
        _put(opened, name, entry.mode, content)
    except OSError as fault:
        if fault.errno not in _NAME_IS_BAD:
            raise
        return f"its name cannot be used here: {fault.strerror}"
    finally:
        os.close(opened)
    return ""


def _step(above: int, part: bytes) -> int:
    """The folder below, made if it is not there. Closes the one above when it is left."""
    with suppress(FileExistsError):
        os.mkdir(part, dir_fd=above)
    below = os.open(part, _FOLDER, dir_fd=above)
    os.close(above)
    return below


def _put(folder: int, name: bytes, mode: str, content: bytes) -> None:
    if mode == LINK:
        os.symlink(content, name, dir_fd=folder)
        return
    descriptor = os.open(name, _NEW_FILE, 0o777 if mode == PROGRAM else 0o666, dir_fd=folder)
    with os.fdopen(descriptor, "wb") as handle:
        handle.write(content)
