"""What a run that was killed and went on must have in common with one that nobody disturbed."""

from __future__ import annotations

import json
import os
import sqlite3
import subprocess
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import closing, suppress
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

from global_core_state.rebuild import compare
from global_core_state.store import Store
from global_core_state.verify import verify
from global_util.git import Repository

from scripts.crash.stage import Desk

_APART = ("/audit/", "/orphans/")
"""Refs that tell of the kill itself: heads of the chain of events, and what was found in a worktree."""
_PATIENCE_S = 5
"""How long a process may take to see that its orchestrator is dead."""


@dataclass(frozen=True)
class Left:
    """What a run left that no kill may change."""

    commits: list[str]
    refs: dict[str, str]
    moves: dict[str, list[str]]
    artifacts: dict[str, str]
    states: dict[str, str]
    steps: list[tuple[str, str, str]]

    def differs(self, other: Left) -> Iterator[str]:
        """What is not the same."""
        for name in ("commits", "refs", "moves", "artifacts", "states", "steps"):
            mine, its = getattr(self, name), getattr(other, name)
            if mine != its:
                yield f"other {name}: {_shown(mine, its)}"


@dataclass(frozen=True)
class Known:
    """What was on record when the process died: confirmed tries of tools, and the last event of each run."""

    confirmed: frozenset[tuple[str, str, str]]
    tails: dict[str, tuple[int, str]]


def look(desk: Desk, execution: str) -> Left:
    """What a run left."""
    listed = (
        line.partition(" ")[::2] for line in desk.git("for-each-ref", "--format=%(refname) %(objectname)").split("\n")
    )
    refs = {ref: oid for ref, oid in listed if _is_of(ref, execution)}
    folder = desk.repo / f".git/phaseline/runs/{execution}/artifacts"
    artifacts = {
        place.stem: json.loads(place.read_bytes())["artifact_id"] for place in sorted(folder.glob("*.v1.json"))
    }
    states = dict(_ask(desk, "select ws_id, status from workstreams where execution_id = ?", execution))
    states[""] = next(iter(_ask(desk, "select status from runs where execution_id = ?", execution)), ("none",))[0]
    rows = _ask(desk, "select ws_id, step, result from step_attempts where execution_id = ?", execution)
    steps = [(ws, step, json.loads(result)["outcome"] if result else "open") for ws, step, result in rows]
    return Left(
        desk.git("rev-list", "main").split(),
        refs,
        _moves(desk, execution),
        artifacts,
        states,
        sorted(step for step in steps if step[2] != "interrupted"),
    )


def _is_of(ref: str, execution: str) -> bool:
    return not any(part in ref for part in _APART) and ("/EXEC-" not in ref or f"/{execution}/" in ref)


def _moves(desk: Desk, execution: str) -> dict[str, list[str]]:
    """Every move of every ref, from its log: one that is made twice stands there twice."""
    logs = desk.repo / ".git/logs"
    found = {}
    for place in sorted(logs.rglob("*")):
        name = place.relative_to(logs).as_posix()
        if place.is_file() and _is_of(name, execution):
            found[name] = [line[:81] for line in place.read_text("utf-8", "replace").splitlines()]
    return found


def known(desk: Desk) -> Known:
    """What is on record now."""
    rows = _ask(desk, "select execution_id, ws_id, step, result from step_attempts where result is not null")
    confirmed = {(run, ws, step) for run, ws, step, result in rows if json.loads(result)["outcome"] != "interrupted"}
    tails = _ask(desk, "select execution_id, max(seq), hash from events group by execution_id")
    return Known(frozenset(confirmed), {run: (seq, digest) for run, seq, digest in tails})


def has_ended(desk: Desk, execution: str) -> bool:
    """Whether a run has come to its end."""
    rows = _ask(desk, "select completed_at from runs where execution_id = ?", execution)
    return rows != [] and rows[0][0] is not None


def paid_again(desk: Desk) -> int:
    """Calls of the tool beyond the first of each, from the tool's own ledger."""
    return sum(count - 1 for count in _ledger(desk).values())


def faults(desk: Desk, execution: str, calm: Left, before: Known) -> Iterator[str]:
    """Everything that is not as it must be."""
    yield from look(desk, execution).differs(calm)
    yield from _lost_or_repeated(desk, before)
    yield from _unproven(desk, execution)
    yield from left_behind(desk)


def _lost_or_repeated(desk: Desk, before: Known) -> Iterator[str]:
    for run, (seq, digest) in before.tails.items():
        if _ask(desk, "select hash from events where execution_id = ? and seq = ?", run, seq) != [(digest,)]:
            yield f"event {seq} of {run} was confirmed and is lost"
    tries = Counter(_ask(desk, "select execution_id, ws_id, step from step_attempts"))
    yield from (f"was confirmed and is done again: {one}" for one in sorted(before.confirmed) if tries[one] != 1)
    paid = _ledger(desk)
    for _, ws, step in sorted(before.confirmed):
        purpose, _, n = step.partition(":")
        if purpose != "fixer" and paid[f"{ws} {n}"] > 1:
            yield f"was confirmed and is paid again: {ws} {n}"
    yield from (f"was paid {count} times: {name}" for name, count in paid.items() if count > 2)


def _ledger(desk: Desk) -> Counter[str]:
    return Counter(desk.ledger.read_text("utf-8").splitlines()) if desk.ledger.exists() else Counter()


def _unproven(desk: Desk, execution: str) -> Iterator[str]:
    """``pipeline verify`` and ``core-state rebuild --check``, without their start-up."""
    store = Store(desk.state)
    try:
        for fault in islice(verify(Repository.discover(desk.repo), store, execution), 5):
            if not fault.note:
                yield f"verify: {fault.where}: {fault.what}"
        yield from (f"rebuild: {difference}" for difference in compare(store)[:5])
        refused = [row["payload"] for row in store.events(execution) if row["type"] == "transition_refused"]
        yield from (f"transition refused: {payload}" for payload in refused)
    finally:
        store.close()


def left_behind(desk: Desk) -> Iterator[str]:
    """Worktrees, processes, locks and temporary files."""
    worktrees = desk.git("worktree", "list", "--porcelain").count("worktree ")
    if worktrees != 1:
        yield f"{worktrees - 1} worktrees are left"
    changed = desk.git("status", "--porcelain")
    if changed:
        yield f"the checkout has changes: {changed}"
    yield from (f"a process is left: {name}" for name in _processes(str(desk.folder)))
    places = [place for place in desk.folder.rglob("*") if not place.is_dir() or place.is_symlink()]
    for place in sorted(place for place in places if not _is_trial(place)):
        name = place.relative_to(desk.folder).as_posix()
        if name.startswith(("tmp/", "cache/")) or name.endswith((".lock", ".partial")) or "/tmp_obj_" in name:
            yield f"a file is left: {name}"
    folders = [*(desk.folder / "tmp").iterdir(), *(desk.folder / "cache").rglob("slot-*")]
    yield from (f"a folder is left: {place.relative_to(desk.folder)}" for place in folders if place.is_dir())


def _is_trial(place: Path) -> bool:
    """Python tries the temporary folder with a file of its own, which a kill in between leaves there."""
    return place.parent.name == "tmp" and len(place.name) == 8 and place.read_bytes() in (b"", b"blat")


def _processes(folder: str) -> list[str]:
    """Processes of a run: its places stand in their environment. They get a moment to end."""
    patience = time.monotonic() + _PATIENCE_S
    while (found := list(_running(folder))) and time.monotonic() < patience:
        time.sleep(0.05)
    return found


def _running(folder: str) -> Iterator[str]:
    mark = os.fsencode(f"={folder}/home")
    for place in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            if any(mark in entry for entry in (place / "environ").read_bytes().split(b"\0")):
                yield (place / "cmdline").read_bytes().replace(b"\0", b" ").decode("utf-8", "replace")[:200]


def _ask(desk: Desk, sql: str, *values: Any) -> list[tuple[Any, ...]]:
    """Rows of the state; none before there is one."""
    try:
        with closing(sqlite3.connect(f"file:{desk.state}?mode=ro", uri=True)) as state:
            return state.execute(sql, values).fetchall()
    except sqlite3.OperationalError:
        return []


def sound(desk: Desk) -> str:
    """What git says about its objects; empty when all is well."""
    done = subprocess.run(
        ["git", "fsck", "--no-dangling", "--no-progress"], cwd=desk.repo, env=desk.env, capture_output=True, check=False
    )
    return done.stderr.decode("utf-8", "replace").strip() if done.returncode else ""


def _shown(mine: Any, its: Any) -> str:
    """The first thing that differs."""
    if isinstance(mine, dict):
        for name in sorted({*mine, *its}):
            if mine.get(name) != its.get(name):
                return f"{name}: {mine.get(name)} instead of {its.get(name)}"
    for one, other in zip(mine, its, strict=False):
        if one != other:
            return f"{one} instead of {other}"
    return f"{len(mine)} instead of {len(its)}"
