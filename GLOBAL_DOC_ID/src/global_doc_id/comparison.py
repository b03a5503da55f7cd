"""Commits, and how they differ from the index or the working copy: which paths, and which blobs on both sides."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from global_util.errors import EnvironmentFault, InvalidInput

from global_doc_id.carriers import read_name
from global_doc_id.file_types import form_of
from global_doc_id.git import Git, Process, fields

_REGULAR, _NONE = "100", "000000"


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


def has_commit(git: Git) -> bool:
    """Does HEAD name a commit, whether or not that can be read?"""
    return git.run("rev-parse", "--verify", "--quiet", "HEAD") is not None


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
                oid if mode.startswith(_REGULAR) else "" for mode, oid in ((old_mode, old), (new_mode, new))
            )
            yield Change(field, before, after, new_mode == _NONE)


def may_state(path: str) -> bool:
    """Can a file of this name state an id?"""
    return form_of(path) is not None or read_name(path) is not None


def _commit(git: Git, ref: str) -> str:
    said = git.run("rev-parse", "--verify", "--quiet", "--end-of-options", f"{ref}^{{commit}}", ok=(0,))
    return (said or b"").decode().strip()
