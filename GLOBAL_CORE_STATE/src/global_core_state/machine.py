"""The state machines of runs and workstreams, as tables, and the one guard that every change of state passes."""

from __future__ import annotations

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
    "editing": _ASIDE | {"static_check"},
    "static_check": _ASIDE | {"fixing", "runtime_check", "done"},
    "fixing": _ASIDE | {"static_check"},
    "runtime_check": _ASIDE | {"fixing", "done"},
    "done": frozenset({"landing", "abandoned"}),
    "landing": frozenset({"landed", "quarantined", "abandoned"}),
    "landed": frozenset(),
    "interrupted": frozenset(
        {"pending", "ready", "parked", "editing", "static_check", "fixing", "runtime_check", "abandoned"}
    ),
    "failed": frozenset({"ready"}),
    "blocked": frozenset({"ready"}),
    "quarantined": frozenset({"ready"}),
    "abandoned": frozenset(),
}
"""A ``done`` workstream whose change conflicts when changes are combined goes ``landing -> quarantined``."""


def validate_state_transition(machine: dict[str, frozenset[str]], before: str, after: str) -> bool:
    """Whether a machine lists the change from ``before`` to ``after``; staying is always allowed."""
    return before == after or after in machine.get(before, frozenset())
