"""Joining changes: pure functions from trees to a tree. A change is a pair (base tree, head tree), never a guess of git's.

Rungs: ``path`` puts a change on a tree when the two touch different paths; ``ort`` is git's own merge, in a sealed
configuration, on synthetic commits that make the pair's base the merge base (git before 2.40 cannot be told it).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from global_util import paths
from global_util.contracts.item import Change
from global_util.git import Person, Repository

_NOBODY = Person("Phaseline", "phaseline@localhost")


@dataclass(frozen=True)
class Joined:
    """The tree of a join and the rung that gave it; without a tree: the paths that conflict."""

    tree: str | None
    rung: Literal["path", "ort"]
    conflicts: tuple[str, ...] = ()


def join(repo: Repository, onto: str, base: str, head: str) -> Joined:
    """Put the change ``base -> head`` on the tree ``onto``."""
    if base in (onto, head):
        return Joined(head if base == onto else onto, "path")
    if onto == head:
        return Joined(onto, "path")
    changes = repo.diff(base, head)
    if all(repo.agree(base, onto, change.path) for change in changes):
        return Joined(repo.overlay(onto, changes), "path")
    theirs, ours = ({change.path: change for change in found} for found in (changes, repo.diff(base, onto)))
    fresh = [change for change in theirs.values() if not _same(change, ours.get(change.path))]
    if not _touch(fresh, (change for change in ours.values() if not _same(change, theirs.get(change.path)))):
        return Joined(repo.overlay(onto, fresh), "path")
    return _ort(repo, onto, base, head)


def _same(one: Change, other: Change | None) -> bool:
    return other is not None and (one.new_mode, one.new_blob) == (other.new_mode, other.new_blob)


def _touch(theirs: Iterable[Change], ours: Iterable[Change]) -> bool:
    """Do two changes name one path, or a path and a folder above it?"""
    taken = {change.path for change in ours}
    folders = {folder for path in taken for folder in _folders(path)}
    return any(
        change.path in taken or change.path in folders or any(folder in taken for folder in _folders(change.path))
        for change in theirs
    )


def _folders(path: str) -> Iterable[str]:
    position = path.find("/")
    while position > 0:
        yield path[:position]
        position = path.find("/", position + 1)


def _ort(repo: Repository, onto: str, base: str, head: str) -> Joined:
    root = repo.commit(base, (), "base", _NOBODY, 0)
    sides = [repo.commit(tree, (root,), side, _NOBODY, 0) for tree, side in ((onto, "ours"), (head, "theirs"))]
    done = repo.sealed("merge-tree", "--write-tree", "-z", "--name-only", "--no-messages", *sides, ok=(0, 1))
    tree, *names = done.stdout.rstrip(b"\0").split(b"\0")
    if done.returncode == 0:
        return Joined(tree.decode().strip(), "ort")
    return Joined(None, "ort", tuple(sorted({paths.from_bytes(name) for name in names if name})))
