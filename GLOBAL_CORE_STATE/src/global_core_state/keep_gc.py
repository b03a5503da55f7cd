"""Removing kept work that is old and proven to be held elsewhere. Everything else stays."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from global_util.errors import Held
from global_util.git import GitError

from global_core_state import keep
from global_core_state.keep_proof import Elsewhere, Proof

if TYPE_CHECKING:
    from global_util.git import Repository

    from global_core_state.keep import Kept

DAYS = 30
"""The age from which kept work may go, where ``keep.days`` says nothing else."""

_DAY = 86_400


@dataclass(frozen=True)
class Verdict:
    """What became of one kept ref, or would become of it in a dry run, and why."""

    kept: Kept
    removed: bool
    reason: str


def collect(repo: Repository, days: int, now: float, *, dry_run: bool = False) -> list[Verdict]:
    """Remove the refs that are older than ``days`` and proven elsewhere, each by compare-and-swap.

    ``now``: seconds since 1970. Raises GitError when the history of the repository's own refs cannot be read.
    """
    kept = keep.listing(repo)
    elsewhere = Elsewhere(repo, [one for one in kept if not _stays(one, days, now)])
    return [_judged(repo, one, _stays(one, days, now), elsewhere, dry_run) for one in kept]


def _stays(one: Kept, days: int, now: float) -> str:
    """Why a ref stays whatever holds its content, or an empty text."""
    if one.commit is None:
        return one.fault
    if one.created is None:
        return "its age is not known"
    if now < max(one.created, one.commit.date or 0):
        return "the clock stands before its date"
    return "" if now - one.created > days * _DAY else f"is not older than {days} days"


def _judged(repo: Repository, one: Kept, stays: str, elsewhere: Elsewhere, dry_run: bool) -> Verdict:
    if stays:
        return Verdict(one, False, stays)
    try:
        proof = elsewhere.proof(one)
    except GitError as fault:
        return Verdict(one, False, f"git cannot tell where else it is: {fault.message}")
    if proof is None:
        return Verdict(one, False, "nothing else is proven to hold its content")
    held = "" if dry_run else _remove(repo, one, proof)
    return Verdict(one, not held, held or proof.told)


def _remove(repo: Repository, one: Kept, proof: Proof) -> str:
    """Delete the ref if it and all that the proof rests on still stand. Else: why it stays."""
    try:
        repo.delete_ref(one.ref, one.oid, proof.refs)
    except (Held, GitError) as fault:
        return f"could not be removed: {fault.message}" if repo.resolve(one.ref) else "is gone: another removed it"
    return ""
