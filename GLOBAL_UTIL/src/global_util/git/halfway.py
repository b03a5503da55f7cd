"""A checkout that a fast-forward left halfway: git writes the files first, then the index, then the branch.

Killed in between, or without room, or at a lock of the branch, the files lie there as if a person had changed them.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Collection, Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from global_util import paths
from global_util.git.door import Git

if TYPE_CHECKING:
    from global_util.contracts.item import Change
    from global_util.git.repository import Repository

_GONE = ("000000", "")
_LINK, _SUBMODULE = "120000", "160000"


def take_back(repo: Repository, place: Path, old: str, tip: str, spared: Collection[str] = ()) -> bool:
    """Put the checkout at ``place`` back to the commit ``old``, from which a fast-forward to ``tip`` had begun.

    False, and nothing is touched, when anything is changed there that is not on the way from one to the other: that is
    a person's. What is taken away is in ``tip``, whole. ``spared``: untracked files that were there before.
    """
    ways = {one.path: one for one in repo.diff(repo.tree_of(old), repo.tree_of(tip))}
    fresh = [name for name, one in ways.items() if one.status == "A" and name not in spared]
    touched = {*repo.tracked_changes(place), *(name for name in fresh if os.path.lexists(_at(place, name)))}
    if not touched:
        return True
    if not touched <= ways.keys():
        return False
    git = Git(place, repo.common_dir)
    index = _index(git, touched)
    if not all(_is_on_the_way(repo, git, place, ways[name], index.get(name, _GONE)) for name in touched):
        return False
    _remove(place, (name for name in fresh if name in touched))
    git.run("read-tree", "--reset", "-u", old)
    return True


def present(repo: Repository, place: Path, old: str, tip: str) -> set[str]:
    """Files that a fast-forward would add, and that are there already: a person's."""
    added = (one.path for one in repo.diff(repo.tree_of(old), repo.tree_of(tip)) if one.status == "A")
    return {name for name in added if os.path.lexists(_at(place, name))}


def _index(git: Git, names: Iterable[str]) -> Mapping[str, tuple[str, str]]:
    """Mode and blob of files in the index; those of an unfinished merge are of no kind that we know."""
    wanted = {paths.to_bytes(name) for name in names}
    rows = (row.partition(b"\t")[::2] for row in git.run("ls-files", "--stage", "-z").split(b"\0") if row)
    found = {}
    for about, name in rows:
        if name in wanted:
            mode, blob, stage = about.decode().split(" ")
            found[paths.from_bytes(name)] = (mode, blob) if stage == "0" else ("", "")
    return found


def _is_on_the_way(repo: Repository, git: Git, place: Path, change: Change, index: tuple[str, str]) -> bool:
    ends = [_GONE if change.status == "A" else (change.old_mode, change.old_blob)]
    ends.append(_GONE if change.status == "D" else (change.new_mode, change.new_blob))
    if index not in ends:
        return False
    if _SUBMODULE in (change.old_mode, change.new_mode):
        return True
    return _lies_there(repo, git, place, change, ends)


def _lies_there(repo: Repository, git: Git, place: Path, change: Change, ends: list[tuple[str, str]]) -> bool:
    """Is the file one of the two, the beginning of the new one, or gone? Git removes a file before it writes it anew."""
    file = Path(os.fsdecode(_at(place, change.path)))
    try:
        mode = file.lstat().st_mode
    except (FileNotFoundError, NotADirectoryError):
        return True
    if stat.S_ISDIR(mode):
        return True
    if stat.S_ISLNK(mode):
        target = os.fsencode(file.readlink())
        return any(kind == _LINK and _content(repo, blob) == target for kind, blob in ends)
    if not stat.S_ISREG(mode):
        return False
    shown = git.run(
        "hash-object", f"--path={os.fsdecode(paths.to_bytes(change.path))}", "--stdin", stdin=file.read_bytes()
    )
    if shown.decode().strip() in (blob for kind, blob in ends if kind != _LINK):
        return True
    return ends[1] != _GONE and _content(repo, ends[1][1]).startswith(file.read_bytes())


def _content(repo: Repository, blob: str) -> bytes:
    return repo.sealed("cat-file", "blob", blob).stdout


def _remove(place: Path, names: Iterable[str]) -> None:
    for name in names:
        file = Path(os.fsdecode(_at(place, name)))
        if file.is_symlink() or file.is_file():
            file.unlink()


def _at(place: Path, name: str) -> bytes:
    return os.path.join(os.fsencode(place), paths.to_bytes(name))  # noqa: PTH118  a name need not be text
