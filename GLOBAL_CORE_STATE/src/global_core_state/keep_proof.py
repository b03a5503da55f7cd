"""Is the content of a kept commit held elsewhere? A proof names the refs that hold it, so that they can be watched.

Branches, tags and remote-tracking branches count. Symbolic refs do not: they may lead back to kept work. History is read
without grafts and replacements.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING

from global_core_state import keep_objects
from global_core_state.keep import PREFIX, Kept, all_changed

if TYPE_CHECKING:
    from global_util.git import Repository

    from global_core_state.keep_objects import Commit, Entry

DEPTH = 10_000
"""How many of the latest commits are searched for an equal tree."""

_PUBLIC = ("refs/heads/", "refs/tags/", "refs/remotes/")
_PIPELINE = "refs/pipeline/"
_TRUE_HISTORY = {"GIT_GRAFT_FILE": os.devnull}
_PROBES = 16
"""How many changed paths are looked up in branches before one of them is compared in full."""


@dataclass(frozen=True)
class Proof:
    """What holds the content, for people, and the refs that must stand for this to be true."""

    told: str
    refs: Mapping[str, str]


@dataclass
class Elsewhere:
    """The refs of a repository that can hold content, seen once."""

    repo: Repository
    kept: Sequence[Kept]
    _refs: dict[str, str] = field(init=False)

    def __post_init__(self) -> None:
        rows = self.repo.run("for-each-ref", "--format=%(objectname) %(symref) %(refname)").splitlines()
        split = (row.split(b" ", 2) for row in rows)
        refs = {os.fsdecode(ref): oid.decode() for oid, symbol, ref in split if not symbol}
        self._refs = {ref: oid for ref, oid in refs.items() if ref.startswith((*_PUBLIC, _PIPELINE))}

    def proof(self, one: Kept) -> Proof | None:
        """The first proof that holds, or None. Whatever git cannot answer proves nothing."""
        if one.commit is None:
            return None
        if one.oid not in self._unreached:
            ref = self._holder(one.oid, _PUBLIC)
            return Proof(f"{ref} holds the commit", {ref: self._refs[ref]}) if ref else None
        found = self._by_tree(one.commit) or self._by_files(one.commit)
        above = self._parents(one.commit) if found else None
        return None if found is None or above is None else Proof(found.told, {**above, **found.refs})

    def _by_tree(self, commit: Commit) -> Proof | None:
        holder = self._trees.get(commit.tree)
        ref = self._holder(holder, _PUBLIC) if holder else None
        return Proof(f"{ref} holds the same tree in commit {holder}", {ref: self._refs[ref]}) if ref else None

    def _by_files(self, commit: Commit) -> Proof | None:
        """Is every changed path in one branch as it is in the commit, removed ones removed?"""
        entries = self._changed.get(commit)
        if entries is None:
            return None
        names = {entry.path for entry in entries}
        for ref, tree in self._probed(entries[:_PROBES]):
            other = keep_objects.changes(self.repo, [(commit.tree, tree)])[0]
            if not names & {entry.path for entry in other}:
                return Proof(f"{ref} holds every changed file", {ref: self._refs[ref]})
        return None

    def _probed(self, entries: Sequence[Entry]) -> list[tuple[str, str]]:
        """The branches in which some paths may be as they are in a commit, with their trees: fewer with each path."""
        left = [(ref, tree) for tree, ref in self._branches.items()]
        for entry in entries:
            if entry.status == "D" or entry.mode == keep_objects.GITLINK:
                continue
            found = _looked_up(self.repo, [tree.encode() + b":" + entry.path for _, tree in left])
            left = [tip for tip, oid in zip(left, found, strict=True) if oid == entry.oid]
        return left

    def _parents(self, commit: Commit) -> dict[str, str] | None:
        """Refs that are not kept work and hold the parents; None when one is held by nothing else."""
        holders = [self._holder(parent, (*_PUBLIC, _PIPELINE)) for parent in commit.parents]
        found = {ref: self._refs[ref] for ref in holders if ref}
        return found if None not in holders else None

    def _holder(self, commit: str, prefixes: Iterable[str]) -> str | None:
        words = ("for-each-ref", "--format=%(refname)", f"--contains={commit}", *prefixes)
        names = map(os.fsdecode, self.repo.run(*words, env=_TRUE_HISTORY, ok=(0, 129)).splitlines())
        return next((ref for ref in names if ref in self._refs and not ref.startswith(PREFIX)), None)

    @cached_property
    def _public(self) -> list[str]:
        """The commits that branches, tags and remote-tracking branches lead to."""
        oids = [oid for ref, oid in self._refs.items() if ref.startswith(_PUBLIC)]
        return sorted(set(filter(None, _looked_up(self.repo, [f"{oid}^{{commit}}".encode() for oid in oids]))))

    @cached_property
    def _unreached(self) -> set[str]:
        """Commits behind kept work that nothing public leads to: one walk for all."""
        oids = {one.oid for one in self.kept if one.commit}
        fed = [*sorted(oids), *(f"^{oid}" for oid in self._public)]
        return set(self._walk(fed)) if oids else set()

    @cached_property
    def _trees(self) -> dict[str, str]:
        """Tree to commit, of the latest public commits."""
        words = (f"--max-count={DEPTH}", "--no-commit-header", "--format=%T %H")
        rows = self._walk(self._public, *words) if self._public else []
        return dict(row.split(" ") for row in reversed(rows))

    @cached_property
    def _branches(self) -> dict[str, str]:
        """The trees of local branches, each with the first branch that has it."""
        refs = sorted((ref for ref in self._refs if ref.startswith("refs/heads/")), reverse=True)
        trees = _looked_up(self.repo, [f"{self._refs[ref]}^{{tree}}".encode() for ref in refs])
        return {tree: ref for ref, tree in zip(refs, trees, strict=True) if tree}

    @cached_property
    def _changed(self) -> dict[Commit, tuple[Entry, ...]]:
        """What kept commits changed, as far as no public ref leads to them."""
        left = {one.commit: None for one in self.kept if one.commit and one.oid in self._unreached}
        return all_changed(self.repo, list(left))

    def _walk(self, fed: Sequence[str], *words: str) -> list[str]:
        lines = "".join(f"{line}\n" for line in fed).encode()
        return self.repo.run("rev-list", *words, "--stdin", stdin=lines, env=_TRUE_HISTORY).decode().splitlines()


def _looked_up(repo: Repository, names: Sequence[bytes]) -> list[str]:
    """The object that each name leads to, or an empty text."""
    if not names:
        return []
    fed = b"".join(name + b"\0" for name in names)
    answer = repo.sealed("cat-file", "--batch-check=%(objectname)", "-z", stdin=fed).stdout
    return _answers(answer, names)


def _answers(raw: bytes, names: Sequence[bytes]) -> list[str]:
    """A name that leads nowhere is said again, with any line ends that it has."""
    found, place = [], 0
    for name in names:
        missing = next((word for word in (b" missing\n", b" ambiguous\n") if raw.startswith(name + word, place)), b"")
        if missing:
            found.append("")
            place += len(name) + len(missing)
            continue
        end = raw.index(b"\n", place)
        found.append(raw[place:end].decode())
        place = end + 1
    return found
