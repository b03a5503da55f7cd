"""Anchors outside this clone: pushed when somebody asks, one ref by name, and never over another history."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from global_util.errors import EnvironmentFault, Held
from global_util.git import GitError

from global_core_state import audit

if TYPE_CHECKING:
    from global_util.git import Repository

_CONFIG = {"push.followTags": "false", "push.gpgSign": "false", "push.recurseSubmodules": "no"}


def push(repo: Repository, execution: str, remote: str) -> str | None:
    """Let a remote (a name, a URL or a folder) have the anchors of a run; the last of them, None when the run has none.

    What the remote has must be one of ours: the ref there only moves on from the place where it was seen. Raises Held
    (E530, exit 5) when it is not, or when somebody moves it meanwhile, EnvironmentFault (E467, exit 4) when git cannot push.
    """
    ref = audit.ref(execution)
    ours = repo.resolve(ref)
    if ours is None:
        return None
    theirs = _held(repo, remote, ref)
    if theirs == ours:
        return ours
    if theirs and not _is_ours(repo, theirs, ours):
        raise Held(
            f"{ref}: {remote} has the anchor {theirs}, which is not in the history of ours: events were cut off or made "
            "anew here, or another clone worked on the run",
            f"see pipeline verify {execution}; git fetch {remote} {ref} brings theirs",
            "E530",
        )
    _move(repo, remote, ref, ours, theirs)
    return ours


def _held(repo: Repository, remote: str, ref: str) -> str | None:
    answer = _asked(repo, remote, "ls-remote", "--quiet", "--", remote, ref)
    rows = (os.fsdecode(row).partition("\t")[::2] for row in answer.splitlines())
    return next((oid for oid, name in rows if name == ref), None)


def _is_ours(repo: Repository, theirs: str, ours: str) -> bool:
    """Git cannot say so of a commit that is not here."""
    try:
        return repo.is_ancestor(theirs, ours)
    except GitError:
        return False


def _move(repo: Repository, remote: str, ref: str, new: str, old: str | None) -> None:
    words = ("push", "--quiet", "--no-verify", f"--force-with-lease={ref}:{old or ''}")
    try:
        _asked(repo, remote, *words, "--", remote, f"{new}:{ref}")
    except EnvironmentFault as fault:
        if "stale info" in fault.message or "fetch first" in fault.message:
            raise Held(f"{ref}: somebody moved it at {remote} meanwhile", "run again", "E530") from None
        raise


def _asked(repo: Repository, remote: str, *words: str) -> bytes:
    try:
        return repo.run(*words, config=_CONFIG)
    except GitError as fault:
        told = " ".join(fault.stderr.split()) or fault.message
        raise EnvironmentFault(
            f"{remote}: {told[:500]}", "see git remote -v, and whether you may push", "E467"
        ) from None
