"""What a tool did to its worktree, as git objects: every changed path, whether or not it may be changed.

The work tree is compared with an index saved before the tool ran, so that nothing the tool does to the index of its own
(staging, hiding, committing) changes the answer. What the tool staged counts as well, even where ``.gitignore`` hides it.
"""

from __future__ import annotations

import filecmp
import hashlib
import os
import re
import shutil
import stat
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from global_util import paths
from global_util.contracts.item import Change, State
from global_util.contracts.workstream import ScopeEntry
from global_util.git import GitError, Repository
from global_util.git.repository import parse_raw
from global_util.scratch import scratch

from global_aim.inventory import Inventory, is_untouched, read_inventory
from global_aim.setup import selected
from global_aim.slot import NOBODY, Slot, digest, make_accessible

GITLINK = "160000"
_GITMODULES = re.compile(rb"(?i)\.gitmodules|gitmod~|gi7eba")
"""As a link, git takes it nowhere."""


@dataclass(frozen=True)
class Left:
    """What a tool left: its tree, all changed paths, sorted, and what git cannot hold as a change.

    ``repositories`` are folders with a repository of their own, with a slash at the end; ``refused`` are files that git
    takes nowhere, because some system could read their names as ``.git``.
    """

    tree: str
    changes: tuple[Change, ...]
    repositories: tuple[str, ...]
    refused: tuple[str, ...]


def look(slot: Slot, start: State, literal: Sequence[ScopeEntry] = ()) -> Left:
    """What is there that was not at ``start``. ``literal``: paths that count even when they are ignored."""
    _open(slot)
    with scratch("snapshot") as folder:
        index = folder / "index"
        shutil.copy2(slot.pristine, index)
        modified, untracked = _listed(slot, index)
        known = read_inventory(slot)[1]
        refused = [name for name in untracked if not name.endswith(b"/") and _is_refused(slot, name)]
        tree = _tree(slot, start, index, [*modified, *untracked, *_named(slot, literal)], known)
        return Left(
            tree,
            slot.repo.diff(start.tree, tree),
            tuple(sorted(map(paths.from_bytes, _repositories(slot, modified, untracked, known)))),
            tuple(sorted(map(paths.from_bytes, refused))),
        )


def _tree(slot: Slot, start: State, index: Path, found: Sequence[bytes], known: Inventory) -> str:
    staged = _staged(slot, start)
    names = sorted(
        name
        for name in {*found, *staged}
        if not name.endswith(b"/") and not _is_refused(slot, name) and not _is_phantom(slot, known, name)
    )
    if not names:
        return start.tree
    exact = {name: change for name, change in staged.items() if name in names and _is_exact(slot, name, change)}
    rest = [name for name in names if name not in exact]
    _remove(slot, index, [name for name in rest if not _is_file(slot, name)])
    _add(slot, index, [name for name in rest if _is_file(slot, name)])
    _take(slot, index, exact)
    return slot.git("write-tree", index=index).decode().strip()


def _repositories(slot: Slot, modified: Sequence[bytes], untracked: Sequence[bytes], known: Inventory) -> set[bytes]:
    """Git lists those that are new with a slash at the end."""
    new = {name for name in untracked if name.endswith(b"/")} - {name + b"/" for name in known}
    return new | {name + b"/" for name in modified if os.path.isdir(_place(slot, name + b"/.git"))}  # noqa: PTH112


def keep(repo: Repository, start: State, tree: str, ref: str, why: str) -> str:
    """Anchor a tree as a commit under a private ref, so that it may be removed from the worktree."""
    commit = repo.commit(tree, (start.commit,), f"keep: {why}\n", NOBODY, repo.date_of(start.commit))
    repo.move_ref(ref, commit, f"phaseline: {why}")
    return commit


def keep_ignored(slot: Slot, start: State, prefix: str, why: str) -> str | None:
    """Anchor the tree as it is with its ignored files, if there are any that ``slot.ignored`` names; the ref.

    The ref tells the tree: a try that is made again takes nothing from the one before.
    """
    names = ignored(slot)
    left = look(slot, start, names) if names else None
    if left is None or not {change.path for change in left.changes}.intersection(names):
        return None
    ref = f"{prefix}-ignored-{left.tree[:12]}"
    keep(slot.repo, start, left.tree, ref, why)
    return ref


def ignored(slot: Slot) -> list[str]:
    """The ignored files that ``slot.ignored`` names, sorted; those that the set-up made are no change, and stay out of one."""
    if not slot.ignored:
        return []
    words = ("ls-files", "--others", "--ignored", "--exclude-standard", "-z")
    names = [paths.from_bytes(name) for name in _split(slot.git(*words, index=slot.pristine))]
    return sorted(selected(slot.ignored, [name for name in names if not name.endswith("/")]))


def keep_everything(slot: Slot) -> str | None:
    """Anchor what a holder that died left in a slot; the ref, or None when there was nothing.

    Raises GitError or OSError for a slot that cannot be read any more.
    """
    if (slot.folder / "settled").exists() or not (slot.folder / "start").exists():
        return None
    head = slot.repo.commit_of((slot.folder / "start").read_text("utf-8"))
    if head is None or not slot.intact:
        return None
    tree = look(slot, head, ignored(slot)).tree
    if tree == head.tree:
        return None
    ref = f"refs/pipeline/keep/orphans/{tree}"
    keep(slot.repo, head, tree, ref, "left in a worktree by a run that died")
    return ref


def peek(slot: Slot) -> list[str]:
    """Paths that differ from the slot's start, without touching anything: somebody may be at work there.

    Raises GitError for a slot that cannot be read.
    """
    try:
        return _peek(slot)
    except OSError as fault:
        raise GitError(f"{fault.filename}: {fault.strerror}") from None


def _peek(slot: Slot) -> list[str]:
    slot.pristine.stat()
    _require_no_pipes(slot)
    known = read_inventory(slot)[1]
    modified, untracked = _listed(slot, slot.pristine)
    return sorted(paths.from_bytes(name) for name in {*modified, *untracked} if not _is_phantom(slot, known, name))


def _require_no_pipes(slot: Slot) -> None:
    """Git would wait for ever at a pipe that takes the place of one of its own files."""
    for folder, _, names in os.walk(slot.path):
        for name in {".gitignore", ".gitattributes"} & set(names):
            place = Path(folder) / name
            if not place.is_symlink() and not place.is_file():
                raise GitError(f"{place}: is no regular file")


def _staged(slot: Slot, start: State) -> dict[bytes, Change]:
    """What the tool put into its own index. An index that cannot be read says nothing."""
    try:
        if filecmp.cmp(slot.admin / "index", slot.pristine, shallow=False):
            return {}
        raw = slot.git(
            "diff-index", "--cached", "--raw", "-z", "--no-renames", "--full-index", "--diff-filter=ADMT", start.commit
        )
    except (GitError, OSError):
        return {}
    found = {paths.to_bytes(change.path): change for change in parse_raw(raw)}
    return {name: change for name, change in found.items() if not _is_submodule_left(slot, name, change)}


def _is_submodule_left(slot: Slot, name: bytes, change: Change) -> bool:
    """Out of the tool's index, but still there: as little a change as for a file."""
    return (change.old_mode, change.status) == (GITLINK, "D") and os.path.isdir(_place(slot, name))  # noqa: PTH112


def _listed(slot: Slot, index: Path) -> tuple[list[bytes], list[bytes]]:
    """Tracked paths whose files differ from the index, and paths that git neither tracks nor ignores."""
    words = ("status", "--porcelain=v1", "-z", "--untracked-files=all", "--no-renames", "--ignore-submodules=all")
    rows = _split(slot.git(*words, index=index))
    # The first column is about a HEAD that is not the slot's own.
    modified = [row[3:] for row in rows if row[1:2] not in (b" ", b"?")]
    return modified, [row[3:] for row in rows if row[:2] == b"??"]


def _named(slot: Slot, literal: Sequence[ScopeEntry]) -> list[bytes]:
    return [name for name in map(_as_file, literal) if name and _is_file(slot, name)]


def _is_phantom(slot: Slot, known: Inventory, name: bytes) -> bool:
    """Did git call this file modified before the tool came, or did the set-up make it, and is it still the same?"""
    modified = name in slot.phantoms and slot.phantoms[name] == digest(slot.path, name)
    return modified or is_untouched(slot, known, name)


def _is_refused(slot: Slot, name: bytes) -> bool:
    return bool(paths.fault(paths.from_bytes(name))) or (
        _GITMODULES.match(name.rpartition(b"/")[2]) is not None and os.path.islink(_place(slot, name))  # noqa: PTH114
    )


def _open(slot: Slot) -> None:
    """See what is there: a tool may have locked folders, or taken its whole worktree away."""
    if not slot.intact:
        slot.path.unlink(missing_ok=True)
        slot.path.mkdir(parents=True)
    make_accessible(slot.path)


def _remove(slot: Slot, index: Path, names: Sequence[bytes]) -> None:
    if not names:
        return
    fed = b"".join(name + b"\0" for name in names)
    slot.git("update-index", "--force-remove", "-z", "--stdin", stdin=fed, index=index)


def _add(slot: Slot, index: Path, names: Sequence[bytes]) -> None:
    if not names:
        return None
    fed = b"".join(name + b"\0" for name in names)
    try:
        slot.git("update-index", "--add", "--replace", "-z", "--stdin", stdin=fed, index=index)
    except GitError:
        if len(names) == 1:
            return _add_raw(slot, index, names[0])
        for name in names:
            _add(slot, index, [name])


def _add_raw(slot: Slot, index: Path, name: bytes) -> None:
    """A file that its attributes say is in an encoding that it is not in: its bytes count, as they are."""
    place = Path(os.fsdecode(_place(slot, name)))
    mode = place.lstat().st_mode
    place.chmod(mode | stat.S_IRUSR)
    oid = slot.git("hash-object", "-w", "--no-filters", "--stdin", stdin=place.read_bytes(), index=index).strip()
    row = (b"100755 " if mode & stat.S_IXUSR else b"100644 ") + oid + b"\t" + name + b"\0"
    slot.git("update-index", "-z", "--index-info", stdin=row, index=index)


def _take(slot: Slot, index: Path, exact: dict[bytes, Change]) -> None:
    fed = b"".join(
        f"{change.new_mode} {change.new_blob}\t".encode() + name + b"\0" for name, change in sorted(exact.items())
    )
    if fed:
        slot.git("update-index", "-z", "--index-info", stdin=fed, index=index)


def _is_exact(slot: Slot, name: bytes, change: Change) -> bool:
    """A staged entry that is the file byte for byte is taken as it is: adding it again might convert line endings."""
    if change.new_mode == GITLINK:
        return True
    return change.new_mode in ("100644", "100755") and _is_object(slot, name, change.new_blob)


def _is_object(slot: Slot, name: bytes, oid: str) -> bool:
    place = _place(slot, name)
    if not _is_file(slot, name) or os.path.islink(place):  # noqa: PTH114
        return False
    with open(place, "rb") as handle:
        content = handle.read()
    form = hashlib.sha1 if len(oid) == 40 else hashlib.sha256
    return form(b"blob %d\0" % len(content) + content).hexdigest() == oid


def _is_file(slot: Slot, name: bytes) -> bool:
    """Is there a file or a link, not seen through a link to another folder?"""
    parts = name.split(b"/")
    folders = (_place(slot, b"/".join(parts[:end])) for end in range(1, len(parts)))
    if any(os.path.islink(folder) for folder in folders):  # noqa: PTH114
        return False
    place = _place(slot, name)
    return os.path.islink(place) or os.path.isfile(place)  # noqa: PTH113, PTH114


def _place(slot: Slot, name: bytes) -> bytes:
    return os.path.join(os.fsencode(slot.path), name)  # noqa: PTH118


def _as_file(entry: ScopeEntry) -> bytes:
    path = paths.entry_path(entry)
    return b"" if path.endswith("/") or paths.fault(path) else paths.to_bytes(path)


def _split(raw: bytes) -> list[bytes]:
    return [name for name in raw.split(b"\0") if name]
