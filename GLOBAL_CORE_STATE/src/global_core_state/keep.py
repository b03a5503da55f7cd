"""Kept work: commits under ``refs/pipeline/keep/``, which hold what would else have been lost. Listing and finding.

A ref there is a name that anybody may have made: it can be a symbol, or hold something that is no commit. Such a one is
listed with what is wrong with it, and never touched.
"""

from __future__ import annotations

import difflib
import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from global_util import paths
from global_util.errors import InvalidInput
from global_util.git import GitError

from global_core_state import keep_objects
from global_core_state.keep_objects import Commit, Entry

if TYPE_CHECKING:
    from global_util.git import Repository

PREFIX = "refs/pipeline/keep/"
_AT_ONCE = 200
"""Refs that one git process is asked about on its command line."""


@dataclass(frozen=True)
class Kept:
    """One kept commit. ``created``: seconds since 1970 at which the ref got its value; None when nobody knows.

    ``files``: how many paths differ from the first parent, or from nothing; None when git cannot say. ``fault``: why
    this is no kept commit, or an empty text; then ``commit`` is None.
    """

    ref: str
    oid: str
    commit: Commit | None
    created: int | None
    files: int | None
    fault: str = ""

    @property
    def name(self) -> str:
        """The ref without what all have in common."""
        return self.ref.removeprefix(PREFIX)

    @property
    def shown(self) -> str:
        """``name`` as text: bytes that are no UTF-8 are written as in paths."""
        return paths.from_bytes(os.fsencode(self.name))

    @property
    def why(self) -> str:
        """Why it was kept: the commit's subject, or what is wrong."""
        return self.commit.subject if self.commit else self.fault


def listing(repo: Repository, execution: str = "") -> list[Kept]:
    """All kept work, or that of one execution, sorted by name, numbers by value."""
    refs = [row for row in _refs(repo) if not execution or row[0].removeprefix(PREFIX).split("/")[0] == execution]
    if not refs:
        return []
    found = keep_objects.commits(repo, [oid for _, oid, symbol in refs if not symbol])
    times = _created(repo, [ref for ref, oid, symbol in refs if not symbol and isinstance(found.get(oid), Commit)])
    every = all_changed(repo, [one for one in found.values() if isinstance(one, Commit)])
    counts = {commit: len(entries) for commit, entries in every.items()}
    made = [_kept(ref, oid, symbol, found.get(oid), times.get(ref), counts) for ref, oid, symbol in refs]
    return sorted(made, key=lambda one: _order(one.name))


def find(repo: Repository, wanted: str) -> Kept:
    """The kept commit that a full ref, its name, or an end of it that no other has, names. Raises InvalidInput (E460)."""
    known = listing(repo)
    name = wanted.removeprefix(PREFIX)
    ends = _named(known, name)
    if not name or not ends:
        raise InvalidInput(f"no kept work is named {wanted!r}", _near(name, known), "E460")
    if len(ends) > 1:
        raise InvalidInput(f"{len(ends)} kept commits are named {wanted!r}", f"name one: {_some(ends)}", "E460")
    if ends[0].commit is None:
        raise InvalidInput(f"{ends[0].ref}: {ends[0].fault}", "this ref was not made by Phaseline", "E460")
    return ends[0]


def changed(repo: Repository, commit: Commit) -> tuple[Entry, ...]:
    """The paths in which a commit differs from its first parent, or from nothing when it has none."""
    return keep_objects.changes(repo, _pairs(repo, [commit]))[0]


def all_changed(repo: Repository, found: Sequence[Commit]) -> dict[Commit, tuple[Entry, ...]]:
    """``changed`` for many commits at once. One that git cannot compare is left out."""
    try:
        return dict(zip(found, keep_objects.changes(repo, _pairs(repo, found)), strict=True))
    except GitError:
        if len(found) == 1:
            return {}
        middle = len(found) // 2
        return all_changed(repo, found[:middle]) | all_changed(repo, found[middle:])


def base_of(repo: Repository, commit: Commit) -> str:
    """The tree of the first parent, or the empty one."""
    return _pairs(repo, [commit])[0][0]


def _named(known: Sequence[Kept], name: str) -> list[Kept]:
    """Those that have the name; else those whose last parts it is; else those whose end it is."""
    exact = [one for one in known if name in (one.name, one.shown)]
    parts = exact or [one for one in known if one.name.endswith(f"/{name}") or one.shown.endswith(f"/{name}")]
    return parts or [one for one in known if one.name.endswith(name) or one.shown.endswith(name)]


def _refs(repo: Repository) -> list[tuple[str, str, bool]]:
    """Ref, object, and whether it is a symbol."""
    rows = repo.run("for-each-ref", "--format=%(objectname) %(symref) %(refname)", PREFIX).splitlines()
    split = (row.split(b" ", 2) for row in rows)
    return [(os.fsdecode(ref), oid.decode(), bool(symbol)) for oid, symbol, ref in split]


def _kept(
    ref: str, oid: str, symbol: bool, found: Commit | str | None, created: int | None, counts: Mapping[Commit, int]
) -> Kept:
    if symbol:
        return Kept(ref, oid, None, None, None, "is a symbolic ref")
    if not isinstance(found, Commit):
        return Kept(
            ref,
            oid,
            None,
            None,
            None,
            f"holds a {found}, which is no kept work" if found else "git has lost its object",
        )
    return Kept(ref, oid, found, found.date if created is None else created, counts.get(found))


def _created(repo: Repository, refs: Sequence[str]) -> dict[str, int]:
    """When refs got their values, as far as their logs say: the youngest entry counts."""
    found: dict[str, int] = {}
    for begin in range(0, len(refs), _AT_ONCE):
        for line in _log(repo, refs[begin : begin + _AT_ONCE]):
            entry = re.fullmatch(rb"(.*)@\{(-?\d{1,18})\}", line)
            if entry:
                ref = os.fsdecode(entry[1])
                found[ref] = max(found.get(ref, int(entry[2])), int(entry[2]))
    return found


def _log(repo: Repository, refs: Sequence[str]) -> list[bytes]:
    words = ("log", "--walk-reflogs", "--no-show-signature", "--format=%gD", "--date=unix", "--end-of-options")
    try:
        return repo.run(*words, *refs, "--").splitlines()
    except GitError:
        middle = len(refs) // 2
        return [] if len(refs) == 1 else _log(repo, refs[:middle]) + _log(repo, refs[middle:])


def _pairs(repo: Repository, found: Sequence[Commit]) -> list[tuple[str, str]]:
    """Base and tree of commits. A parent that is not there stands for itself: git will say so."""
    above = keep_objects.commits(repo, [one.parents[0] for one in found if one.parents])
    empty = repo.empty_tree() if any(not one.parents for one in found) else ""
    return [(_tree(above.get(one.parents[0]), one.parents[0]) if one.parents else empty, one.tree) for one in found]


def _tree(parent: Commit | str | None, oid: str) -> str:
    return parent.tree if isinstance(parent, Commit) else oid


def _order(name: str) -> list[tuple[int, str]]:
    """Numbers by value, all else by its letters."""
    return [(len(part) if part.isdecimal() else 0, part) for part in re.split(r"(\d+)", name)]


def _near(name: str, known: Sequence[Kept]) -> str:
    if not known:
        return "nothing is kept in this repository"
    ends = {end: one for one in known for end in _ends(one.shown)}
    near = difflib.get_close_matches(name, sorted(ends), n=5, cutoff=0.5)
    best = [one for one in known if one in [ends[end] for end in near]]
    return f"near are: {_some(best)}" if best else "see pipeline keep list"


def _ends(name: str) -> list[str]:
    parts = name.split("/")
    return ["/".join(parts[begin:]) for begin in range(len(parts))]


def _some(kept: Sequence[Kept]) -> str:
    more = f" and {len(kept) - 5} more" if len(kept) > 5 else ""
    return ", ".join(one.shown for one in kept[:5]) + more
