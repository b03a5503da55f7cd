"""Runs whose process died: how they are recognised, what is marked, and how they go on or are given up.

A run is worked on as long as somebody holds its lock, which the system frees the moment its holder dies. Whoever holds the
lock of a run in state ``running`` therefore knows that the one before is gone.
"""

from __future__ import annotations

import fcntl
import os
from functools import cached_property
from typing import TYPE_CHECKING

from global_util import scratch
from global_util.errors import Held
from global_util.files import forget_partials

from global_core_state import machine
from global_core_state.context import RunContext
from global_core_state.working import claimed

if TYPE_CHECKING:
    from global_core_state.folder import RunFolder
    from global_core_state.store import Store

ACTIVE = frozenset(name for name, after in machine.WORKSTREAM.items() if "interrupted" in after) - {"pending"}
"""States of a workstream that somebody works on: from ``ready`` on, and not ``done`` yet."""
INSTANT_S = 60.0
"""The lease of who only has something to tell."""
_BEGUN = frozenset(machine.WORKSTREAM) - {"pending", "ready", "parked"}
_BEYOND = {"ready": _BEGUN, "editing": _BEGUN, "landing": frozenset({"landed", "quarantined"})}
"""States in which a workstream is not taken up again, by the state that would say so."""
GONE = "the process that worked on it is gone"


class RepeatableContext(RunContext):
    """For a phase that may be run again: it takes up every workstream once more, and none goes back for that."""

    def move(self, workstream_id: str, state: str, why: str = "") -> None:
        """Change a workstream's state, unless this takes up one that an earlier try of the phase had brought further."""
        if self._found.get(workstream_id) not in _BEYOND.get(state, ()):
            super().move(workstream_id, state, why)

    @cached_property
    def _found(self) -> dict[str, str]:
        """The states in which this try of the phase found the workstreams."""
        return {row["ws_id"]: row["status"] for row in self.store.workstreams(self.execution_id)}


def is_worked_on(folder: RunFolder) -> bool:
    """Whether anybody holds the run's lock right now. Asking takes nothing away from those who work."""
    try:
        handle = os.open(folder.repo.state_dir / "locks" / f"{folder.execution_id}.lock", os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError:
        return False
    try:
        fcntl.flock(handle, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(handle)
    return False


def is_dead(store: Store, folder: RunFolder) -> bool:
    """Whether a run says that it is worked on, and nobody does."""
    return _status(store, folder.execution_id) == "running" and not is_worked_on(folder)


def mark_interrupted(store: Store, folder: RunFolder, why: str) -> tuple[str, ...]:
    """The run and the workstreams that were worked on become ``interrupted``; the names of these. The lock must be held.

    Steps that never ended are told as interrupted. The run comes last: a kill in between leaves it to be marked again.
    """
    execution = folder.execution_id
    for step in store.open_steps(execution):
        store.end_step(step["attempt"], execution, step["ws_id"], {"outcome": "interrupted"})
    names = tuple(row["ws_id"] for row in store.workstreams(execution) if row["status"] in ACTIVE)
    for name in names:
        store.move_workstream(execution, name, "interrupted", why)
    store.move_run(execution, "interrupted", why)
    return names


def tidy(folder: RunFolder) -> None:
    """Remove temporary files of processes that are gone. The run's lock must be held."""
    scratch.sweep()
    forget_partials(folder.path, below=True)
    for place in (folder.repo.state_dir / "sealed.git", folder.repo.common_dir / "info"):
        forget_partials(place)


def take_over(store: Store, folder: RunFolder) -> tuple[str, ...]:
    """Mark a run as interrupted that says ``running``: its lock, which must be held here, was free. Else do nothing."""
    if _status(store, folder.execution_id) != "running":
        return ()
    tidy(folder)
    return mark_interrupted(store, folder, GONE)


def go_on(store: Store, execution: str) -> None:
    """Interrupted workstreams return to the state that they left."""
    for row in store.workstreams(execution):
        if row["status"] == "interrupted":
            store.move_workstream(execution, row["ws_id"], row["left_state"] or "pending", "goes on")


def recover(store: Store, folder: RunFolder) -> tuple[str, ...]:
    """Mark a dead run as interrupted. Raises Held: E502 when somebody works on it, E510 when it has ended."""
    with folder.locked():
        _require_open(store, folder.execution_id)
        if _status(store, folder.execution_id) != "running":
            return ()
        with claimed(store, folder, INSTANT_S) as fence:
            return take_over(store.behind(fence), folder)


def abandon(store: Store, folder: RunFolder, why: str) -> None:
    """Give a run up, with its workstreams; what landed, failed or was set aside keeps its state. All refs stay.

    Raises Held: E502 when somebody works on it, E510 when it has ended or its commits have landed already.
    """
    execution = folder.execution_id
    with folder.locked():
        _require_open(store, execution)
        require_not_landed(folder)
        with claimed(store, folder, INSTANT_S) as fence:
            fenced = store.behind(fence)
            take_over(fenced, folder)
            for row in fenced.workstreams(execution):
                if "abandoned" in machine.WORKSTREAM[row["status"]]:
                    fenced.move_workstream(execution, row["ws_id"], "abandoned", why)
            fenced.move_run(execution, "abandoned", why)


def _status(store: Store, execution: str) -> str:
    run = store.run(execution)
    return str(run["status"]) if run else ""


def _require_open(store: Store, execution: str) -> None:
    status = _status(store, execution)
    if not machine.RUN[status]:
        raise Held(f"{execution} has ended: {status}", f"see pipeline show-run {execution}", "E510")


def require_not_landed(folder: RunFolder) -> None:
    """A kill between moving the branch and telling so leaves commits on it that the state does not know."""
    anchored = folder.repo.resolve(f"refs/pipeline/runs/{folder.execution_id}/landing")
    holders = anchored and folder.repo.run("for-each-ref", "--count=1", "--contains", anchored, "refs/heads/").strip()
    if holders:
        raise Held(
            f"{folder.execution_id}: its commits have landed already, only the last word is missing",
            f"let it end: pipeline run --resume {folder.execution_id}",
            "E510",
        )
