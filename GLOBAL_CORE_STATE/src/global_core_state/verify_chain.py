"""The chain of a run, its anchors, and the tables that follow from it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from global_util.git import GitError

from global_core_state import audit, machine, recovery
from global_core_state.chain import GENESIS, canonical, digest
from global_core_state.verify_case import Case, Fault

_COPY = "restore state.db from a copy"


def chain(case: Case) -> Iterator[Fault]:
    """Every event has the number and the hash that follow from the one before."""
    if not case.events:
        yield Fault("chain", "the state has no event of this run", _COPY)
    previous, expected = GENESIS, 1
    for event in case.events:
        case.counted["events"] += 1
        where = f"event {event.seq} ({event.type})"
        if event.seq != expected:
            gap = f"event {expected}" if event.seq == expected + 1 else f"events {expected} to {event.seq - 1}"
            yield Fault(where, f"{gap} missing before it", _COPY)
        elif event.previous != previous:
            yield Fault(where, "does not name the hash of the event before it", _COPY)
        if digest(event) != event.hash:
            yield Fault(where, "its content does not match its hash: it was changed", _COPY)
        previous, expected = event.hash, event.seq + 1


def anchors(case: Case) -> Iterator[Fault]:
    """Every anchor names an event that the chain has, and every announced anchor is there."""
    hashes = {event.seq: event.hash for event in case.events}
    last = max(hashes, default=0)
    for anchor in case.anchors:
        case.counted["anchors"] += 1
        seq, named = anchor.point
        where = f"anchor {anchor.commit}"
        if anchor.head.get("execution_id") != case.execution or not isinstance(seq, int):
            yield Fault(where, f"its {audit.FILE} cannot be read, or is of another run", "see git fsck")
        elif seq > last:
            yield Fault(where, f"names event {seq}, but the chain ends at {last}: events were cut off", _COPY)
        elif hashes.get(seq) != named:
            yield Fault(where, f"names another event {seq} than the chain has: the chain was made anew", _COPY)
    if not case.anchors and case.events and case.events[-1].type == audit.RELEASED:
        return
    yield from _announced(case)


def _announced(case: Case) -> Iterator[Fault]:
    """An event names the anchor before the one that it announces."""
    known = {anchor.commit for anchor in case.anchors}
    reached = max((seq for anchor in case.anchors if isinstance(seq := anchor.point[0], int)), default=0)
    ref = audit.ref(case.execution)
    told = [row for row in case.told(audit.KIND, "phase_completed") if row[0].type == audit.KIND or "sha256" in row[1]]
    for event, about in told:
        if about.get("previous") not in (None, *known):
            lost = f"the anchor {about['previous']} that event {event.seq} names is not in its history"
            yield Fault(ref, lost, f"look for it: git reflog {ref}, git fsck --lost-found")
    if told and told[-1][0].seq > reached and not recovery.is_worked_on(case.folder):
        yield _unmade(case, ref, told[-1][0].seq)


def _unmade(case: Case, ref: str, seq: int) -> Fault:
    """The last anchor was announced, and is not there. Of a run that goes on, a kill is the plain reason."""
    removed = _removed(case, ref, seq)
    if removed:
        return Fault(ref, f"the anchor {removed} of event {seq} was removed", f"git update-ref {ref} {removed}")
    moved, way = case.told("run_moved"), f"pipeline run --resume {case.execution}"
    if not moved or machine.RUN.get(str(moved[-1][1].get("after"))):
        return Fault(ref, f"event {seq} is not anchored yet: an interrupted run", way, note=True)
    lost = f"no anchor reaches event {seq}: it was removed, or the process was killed before it was made"
    return Fault(ref, lost, f"if it was killed: {way}; else look into git fsck --lost-found")


def _removed(case: Case, ref: str, seq: int) -> str | None:
    """An anchor that reaches an event and that the log of the ref tells of."""
    try:
        logged = case.repo.run("reflog", "show", "--format=%H", ref, "--").decode().split()
        heads = {commit: audit.head(case.repo, commit).point[0] for commit in dict.fromkeys(logged)}
    except GitError:
        return None
    return next((commit for commit, reached in heads.items() if isinstance(reached, int) and reached >= seq), None)


def tables(case: Case) -> Iterator[Fault]:
    """The tables say what the events say."""
    for table, found, told in case.differences:
        yield Fault(f"table {table}", difference(found, told), "core-state rebuild")


def difference(found: dict[str, Any], told: dict[str, Any]) -> str:
    """How a row of a table differs from what the events say, in words."""
    if not found:
        return f"a row is missing: {canonical(told)}"
    if not told:
        return f"a row that no event tells: {canonical(found)}"
    unlike = [name for name in found if found[name] != told.get(name)]
    shown = ", ".join(f"{name} is {found[name]!r}, the events say {told.get(name)!r}" for name in unlike)
    return f"{' '.join(str(value) for value in list(found.values())[:2])}: {shown}"
