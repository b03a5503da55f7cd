"""Commits: what they hold, and how they differ from the index or the working copy, as paths and blobs."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from typing import NamedTuple

from global_util.errors import EnvironmentFault, InvalidInput

from global_doc_id.git import Git, Process, fields

MANY = 1000
"""So many paths a command line takes for sure."""
REGULAR = "100"
"""How the modes of regular files begin."""
_NONE = "000000"


class Change(NamedTuple):
    """A path that differs: its blobs before and after, empty texts where there is no regular file.

    ``removed``: nothing is there any more. A file of the working copy that git does not know yet has zeros for ``new``.
    """

    path: str
    old: str
    new: str
    removed: bool


def resolve(git: Git, ref: str) -> str:
    """The commit that a name leads to. Raises InvalidInput (E382) for a name that leads to none."""
    found = _commit(git, ref)
    if not found:
        raise InvalidInput(f"--since {ref}: no such commit", "see git log, or fetch more of the history", "E382")
    return found


def head(git: Git) -> str:
    """The commit that is checked out; an empty text before the first one.

    Raises EnvironmentFault (exit 4) for a commit that cannot be read: that is no missing baseline.
    """
    found = _commit(git, "HEAD")
    if not found and has_commit(git):
        raise EnvironmentFault("HEAD names a commit that cannot be read", "see git fsck", "E408")
    return found


def tree_of_head(git: Git) -> str:
    """The tree of the commit that is checked out; the empty one before the first commit."""
    said = git.run("rev-parse", "--verify", "--quiet", "HEAD^{tree}")
    said = said or git.run("hash-object", "-t", "tree", "/dev/null")
    return (said or b"").decode().strip()


def has_commit(git: Git) -> bool:
    """Does HEAD name a commit, whether or not that can be read?"""
    return git.run("rev-parse", "--verify", "--quiet", "HEAD") is not None


def start_listing(git: Git, tree: str, paths: Collection[str]) -> Process:
    """Let git list a tree's files, or those named; of very many all, as a command line has an end."""
    named = paths if len(paths) <= MANY else ()
    return git.start("--literal-pathspecs", "ls-tree", "-r", "-z", tree, "--", *named)


def read_listing(listing: Process) -> Iterator[tuple[str, str]]:
    """Path and blob of every regular file of a tree."""
    for lines in fields(listing):
        for line in lines:
            meta, _, path = line.partition("\t")
            mode, _, oid = meta.split(" ")
            if mode.startswith(REGULAR):
                yield path, oid


def start_comparison(git: Git, commit: str, *, staged: bool) -> Process:
    """Let git compare a commit with the index, or with the working copy."""
    cached = ["--cached"] if staged else []
    words = ("diff-index", "--raw", "-z", "--no-renames", "--relative", *cached, commit, "--")
    return git.start(*words, compares=not staged)


def read_changes(process: Process) -> Iterator[Change]:
    """What a comparison says. An unmerged path has both sides, too."""
    meta = ""
    for portion in fields(process):
        for field in portion:
            if not meta:
                meta = field
                continue
            old_mode, new_mode, old, new, _ = meta.lstrip(":").split(" ")
            meta = ""
            before, after = (
                oid if mode.startswith(REGULAR) else "" for mode, oid in ((old_mode, old), (new_mode, new))
            )
            yield Change(field, before, after, new_mode == _NONE)


def _commit(git: Git, ref: str) -> str:
    said = git.run("rev-parse", "--verify", "--quiet", "--end-of-options", f"{ref}^{{commit}}", ok=(0,))
    return (said or b"").decode().strip()
