"""The state machines of runs and workstreams, as tables, and the one guard that every change of state passes."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal

RunState = Literal["created", "running", "idle", "interrupted", "completed", "partial", "failed", "abandoned"]

RUN: dict[str, frozenset[str]] = {
    "created": frozenset({"running", "failed", "abandoned"}),
    "running": frozenset({"idle", "interrupted", "completed", "partial", "failed", "abandoned"}),
    "idle": frozenset({"running", "failed", "abandoned"}),
    "interrupted": frozenset({"running", "failed", "abandoned"}),
    "completed": frozenset(),
    "partial": frozenset(),
    "failed": frozenset(),
    "abandoned": frozenset(),
}
"""``idle``: between two phases of a pipe."""

_ASIDE = frozenset({"failed", "blocked", "quarantined", "abandoned", "interrupted"})

WORKSTREAM: dict[str, frozenset[str]] = {
    "pending": _ASIDE | {"ready"},
    "ready": _ASIDE | {"editing", "parked"},
    "parked": _ASIDE | {"ready"},
    "editing": _ASIDE | {"static_check", "parked"},
    "static_check": _ASIDE | {"fixing", "runtime_check", "done"},
    "fixing": _ASIDE | {"static_check", "parked"},
    "runtime_check": _ASIDE | {"fixing", "done"},
    "done": frozenset({"landing", "abandoned"}),
    "landing": frozenset({"landed", "quarantined", "abandoned"}),
    "landed": frozenset({"rolled_back"}),
    "rolled_back": frozenset(),
    "interrupted": frozenset(
        {"pending", "ready", "parked", "editing", "static_check", "fixing", "runtime_check", "abandoned"}
    ),
    "failed": frozenset({"ready"}),
    "blocked": frozenset({"ready"}),
    "quarantined": frozenset({"ready"}),
    "abandoned": frozenset(),
}
"""A ``done`` workstream whose change conflicts when changes are combined goes ``landing -> quarantined``."""


RESET_RUN = frozenset({"idle", "interrupted", "failed"})
"""States of a run in which workstreams may begin anew; the run is ``idle`` afterwards."""
RESET_WORKSTREAM = frozenset(WORKSTREAM) - {"landed", "rolled_back", "abandoned"}
"""States of a workstream that may begin anew. ``landing``: only while no branch holds its commits."""
RESTARTED = {False: "pending", True: "static_check"}
"""What a workstream is that begins anew, and what it is when some of its tries still stand: their head is to be judged."""


def validate_reset(run: str, workstreams: Iterable[str]) -> bool:
    """Whether workstreams in these states may begin anew in a run in this state."""
    return run in RESET_RUN and RESET_WORKSTREAM.issuperset(workstreams)


def validate_state_transition(machine: dict[str, frozenset[str]], before: str, after: str) -> bool:
    """Whether a machine lists the change from ``before`` to ``after``; staying is always allowed."""
    return before == after or after in machine.get(before, frozenset())
