"""Many git objects in few processes: commits, changes between trees, contents. Names stay bytes."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from global_util.git import GitError

if TYPE_CHECKING:
    from global_util.git import Repository

GITLINK, LINK, PROGRAM = "160000", "120000", "100755"
_PORTION = 32 * 2**20
"""Bytes of contents that are held at once; a larger file is held alone."""

_OID = re.compile(rb"[0-9a-f]{40}|[0-9a-f]{64}")
_COMMITTER = re.compile(rb"^committer .* (-?\d{1,18}) [+-]\d{4}$", re.MULTILINE)


@dataclass(frozen=True)
class Commit:
    """What a commit object says. ``date`` is the committer's, in seconds since 1970; None when it has none."""

    tree: str
    parents: tuple[str, ...]
    date: int | None
    subject: str


@dataclass(frozen=True)
class Entry:
    """A file of a tree, or a path that differs between two: then ``status`` is A, M, D or T, else it is empty."""

    path: bytes
    mode: str
    oid: str
    status: str = ""


def contents(repo: Repository, oids: Iterable[str]) -> Iterator[tuple[str, str, bytes]]:
    """Object, kind and content of those objects that are there, a portion at a time."""
    for portion in _portions(_sizes(repo, sorted(set(oids)))):
        raw = repo.sealed("cat-file", "--batch", stdin="".join(f"{oid}\n" for oid in portion).encode()).stdout
        place = 0
        while place < len(raw):
            end = raw.index(b"\n", place)
            oid, kind, *size = raw[place:end].decode().split(" ")
            place = end + 1
            if size:
                yield oid, kind, raw[place : place + int(size[0])]
                place += int(size[0]) + 1


def _sizes(repo: Repository, oids: Sequence[str]) -> list[tuple[str, int]]:
    if not oids:
        return []
    words = ("cat-file", "--batch-check=%(objectname) %(objectsize)")
    rows = repo.sealed(*words, stdin="".join(f"{oid}\n" for oid in oids).encode()).stdout.decode().splitlines()
    return [(oid, int(size)) for oid, _, size in (row.partition(" ") for row in rows) if size.isdecimal()]


def _portions(sizes: Iterable[tuple[str, int]]) -> Iterator[list[str]]:
    held, portion = 0, list[str]()
    for oid, size in sizes:
        if portion and held + size > _PORTION:
            yield portion
            held, portion = 0, []
        held += size
        portion.append(oid)
    if portion:
        yield portion


def commits(repo: Repository, oids: Iterable[str]) -> dict[str, Commit | str]:
    """What each object says as a commit, or what kind of object it is instead. One that is not there is left out."""
    return {oid: parse(content) if kind == "commit" else kind for oid, kind, content in contents(repo, oids)}


def parse(content: bytes) -> Commit | str:
    """Read a commit object. What cannot be read as one is ``"damaged commit"``."""
    head, _, message = content.partition(b"\n\n")
    rows = [line.partition(b" ") for line in head.split(b"\n")]
    trees, parents = (tuple(value for key, _, value in rows if key == name) for name in (b"tree", b"parent"))
    if len(trees) != 1 or not all(map(_OID.fullmatch, (*trees, *parents))):
        return "damaged commit"
    date = _COMMITTER.search(head)
    subject = next(iter(message.strip().splitlines()), b"").decode("utf-8", "replace")
    return Commit(trees[0].decode(), tuple(map(bytes.decode, parents)), int(date[1]) if date else None, subject)


def changes(repo: Repository, pairs: Sequence[tuple[str, str]]) -> list[tuple[Entry, ...]]:
    """The paths that differ, for each pair of trees, sorted by git. Raises GitError when a tree is not there."""
    if not pairs:
        return []
    words = ("diff-tree", "--stdin", "-r", "-z", "--raw", "--no-renames", "--full-index")
    raw = repo.sealed(*words, stdin="".join(f"{base} {head}\n" for base, head in pairs).encode()).stdout
    found: list[list[Entry]] = []
    place, width = 0, len(" ".join(pairs[0])) + 1
    while place < len(raw):
        if raw[place : place + 1] != b":":
            found.append([])
            place += width
            continue
        middle = raw.index(b"\0", place)
        end = raw.index(b"\0", middle + 1)
        found[-1].append(_entry(raw[place:middle], raw[middle + 1 : end]))
        place = end + 1
    if len(found) != len(pairs):
        raise GitError(f"git diff-tree: {len(pairs) - len(found)} of {len(pairs)} pairs of trees cannot be read")
    return [tuple(entries) for entries in found]


def _entry(meta: bytes, path: bytes) -> Entry:
    _, mode, _, oid, status = meta.decode().split(" ")
    return Entry(path, mode, oid, status[:1])


def files(repo: Repository, tree: str) -> tuple[Entry, ...]:
    """All files of a tree."""
    raw = repo.sealed("ls-tree", "-r", "-z", "--full-tree", tree).stdout
    rows = (row.partition(b"\t") for row in raw.split(b"\0") if row)
    return tuple(Entry(path, *_mode_and_oid(meta)) for meta, _, path in rows)


def _mode_and_oid(meta: bytes) -> tuple[str, str]:
    mode, _, oid = meta.decode().split(" ")
    return mode, oid
