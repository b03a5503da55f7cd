"""The refs of a run, every object that they hold beyond the base, and the commits that landed."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence

from global_util.contracts import Artifact
from global_util.contracts.commit_plan import CommitPlan
from global_util.contracts.git_operation_log import GitOperationLog
from global_util.contracts.phase_plan import PhasePlan
from global_util.git import GitError, Repository

from global_core_state import audit, keep_objects
from global_core_state.audit import Anchor
from global_core_state.keep_objects import Commit
from global_core_state.verify_artifacts import Shelf
from global_core_state.verify_case import Case, Fault

_FSCK = "see git fsck; fetch the objects from another clone, or restore .git from a copy"


def refs(case: Case) -> Iterator[Fault]:
    """Every ref that the last anchor names still holds that commit, or one that was made from it."""
    if not case.anchors:
        return
    last = case.anchors[0]
    later = {str(about.get("head")) for event, about in case.told("step_ended") if event.seq > (last.point[0] or 0)}
    for ref, oid in sorted(last.refs.items()):
        found = case.refs.get(ref)
        if found is None and ref.startswith("refs/pipeline/keep/"):
            yield Fault(ref, "is gone since the last anchor", "nothing to do if pipeline keep gc removed it", note=True)
        elif found is None:
            yield Fault(ref, f"is gone; the last anchor names it with {oid}", f"git update-ref {ref} {oid}")
        elif found != oid and found not in later and not _descends(case.repo, oid, found):
            moved = f"holds {found}, which was not made from {oid} that the last anchor names"
            yield Fault(ref, moved, f"git update-ref {ref} {oid}")


def _descends(repo: Repository, older: str, newer: str) -> bool:
    try:
        return repo.is_ancestor(older, newer)
    except GitError:
        return False


def objects(case: Case, shelf: Shelf) -> Iterator[Fault]:
    """Every object of the run is there, and its content has the hash that is its name."""
    try:
        held, unread = _held(case, _excluded(case, list(shelf.known.values())))
    except GitError as fault:
        yield Fault("git objects", fault.message, _FSCK)
        return
    if unread:
        yield Fault("git objects", f"git cannot follow the run's commits: {unread}", _FSCK)
    gone = [oid.removeprefix("?") for oid in held if oid.startswith("?")]
    yield from (Fault(f"git object {oid}", "is missing", _FSCK) for oid in gone)
    there = [oid for oid in held if not oid.startswith("?")]
    case.counted["objects"] += len(there)
    yield from _unfit(case.repo, there)


def _excluded(case: Case, known: Sequence[Artifact]) -> list[str]:
    """Where the run started from: neither this nor what came before is the run's own."""
    found = {one.base.commit for one in known if isinstance(one, PhasePlan)}
    found |= {one.base_commit for one in known if isinstance(one, CommitPlan)}
    for ref, oid in case.refs.items():
        if ref == f"refs/pipeline/runs/{case.execution}/run":
            found.add(oid)
        if ref.startswith(f"refs/pipeline/keep/{case.execution}/target/"):
            found.add(oid)
    return sorted(found) or sorted(case.repo.refs("refs/heads").values())


def _held(case: Case, excluded: Sequence[str]) -> tuple[list[str], str]:
    """Objects, those that are missing with a question mark before them, and what git could not follow."""
    wanted = {*case.refs.values(), *(anchor.commit for anchor in case.anchors)}
    fed = "".join([*(f"{oid}\n" for oid in sorted(wanted)), *(f"^{oid}\n" for oid in excluded)])
    words = ("rev-list", "--objects", "--no-object-names", "--missing=print", "--ignore-missing", "--stdin")
    done = case.repo.sealed("-c", "core.commitGraph=false", *words, stdin=fed.encode(), ok=(0, 1, 128))
    said = done.stderr.decode("utf-8", "replace").strip().splitlines()
    reason = (said[-1] if said else f"exit {done.returncode}") if done.returncode else ""
    return sorted({*done.stdout.decode().split(), *(wanted - set(excluded))}), reason


def _unfit(repo: Repository, oids: Sequence[str]) -> Iterator[Fault]:
    """Objects whose content is not what their name says. Where git gives up, the one that it gave up on is searched."""
    if not oids:
        return
    try:
        found = {oid: _name_of(kind, content, oid) for oid, kind, content in keep_objects.contents(repo, oids)}
    except GitError as fault:
        if len(oids) == 1:
            yield Fault(f"git object {oids[0]}", f"cannot be read: {fault.message}", _FSCK)
            return
        half = len(oids) // 2
        yield from _unfit(repo, oids[:half])
        yield from _unfit(repo, oids[half:])
        return
    for oid in oids:
        if oid not in found:
            yield Fault(f"git object {oid}", "is missing or cannot be read", _FSCK)
        elif found[oid] != oid:
            yield Fault(f"git object {oid}", f"its content has the hash {found[oid]}: it was changed", _FSCK)


def _name_of(kind: str, content: bytes, oid: str) -> str:
    """The name that git would give to this content, in the same kind of hash."""
    hashed = hashlib.sha1(usedforsecurity=False) if len(oid) == 40 else hashlib.sha256()
    hashed.update(f"{kind} {len(content)}\0".encode())
    hashed.update(content)
    return hashed.hexdigest()


def landed(case: Case, shelf: Shelf) -> Iterator[Fault]:
    """What landed is in the target branch or was, and has the trees that were proven."""
    for _, about in case.told("phase_completed"):
        log = shelf.known.get(str(about.get("output")))
        if not isinstance(log, GitOperationLog) or log.dry_run or not log.commits:
            continue
        plan = shelf.known.get(log.commit_plan)
        proven = (
            {group.group_id: group.proven_tree for group in plan.commit_groups} if isinstance(plan, CommitPlan) else {}
        )
        wanted = {oid: proven.get(one.group_id) for one in log.commits for oid in (one.commit, one.merge) if oid}
        try:
            yield from _trees(case.repo, wanted)
            last = log.commits[-1]
            yield from _reached(case.repo, f"refs/heads/{log.target_branch}", last.merge or last.commit, list(wanted))
        except GitError as fault:
            yield Fault("landed commits", fault.message, _FSCK)


def _trees(repo: Repository, wanted: dict[str, str | None]) -> Iterator[Fault]:
    found = keep_objects.commits(repo, wanted)
    for oid, tree in wanted.items():
        commit = found.get(oid)
        if isinstance(commit, Commit) and tree and commit.tree != tree:
            yield Fault(f"landed commit {oid}", f"its tree is {commit.tree}, the commit plan proved {tree}", _FSCK)


def _reached(repo: Repository, ref: str, tip: str, wanted: Sequence[str]) -> Iterator[Fault]:
    """The tip is in the branch or its log, and all that landed is below the tip."""
    now = repo.resolve(ref)
    if not (now and _descends(repo, tip, now)) and tip not in _log(repo, ref):
        yield Fault(f"landed commit {tip}", f"is neither in {ref} nor in its log", f"git branch found {tip}")
    words = ("-c", "core.commitGraph=false", "rev-list", f"--max-count={len(wanted)}", "--topo-order", tip)
    below = set(repo.sealed(*words).stdout.decode().split())
    for oid in sorted(set(wanted) - below):
        yield Fault(f"landed commit {oid}", f"is not below {tip}, the last that landed", _FSCK)


def _log(repo: Repository, ref: str) -> set[str]:
    try:
        return set(repo.run("reflog", "show", "--format=%H", ref, "--").decode().split())
    except GitError:
        return set()


def read_anchors(repo: Repository, execution: str) -> tuple[dict[str, str], list[Anchor], list[Fault]]:
    """The refs of a run, its anchors, the youngest first, and what git cannot read of them."""
    last, found = audit.refs(repo, execution)
    try:
        return found, audit.history(repo, last), []
    except GitError as fault:
        return found, [], [Fault(audit.ref(execution), f"cannot be read: {fault.message}", _FSCK)]
