"""What the definitions of ready and of done found missing, in lines for people."""

from __future__ import annotations

from typing import TYPE_CHECKING

from global_util.contracts.commit_plan import CommitPlan
from global_util.contracts.phase_plan import PhasePlan

if TYPE_CHECKING:
    from collections.abc import Iterator

MAX_LINES = 3
"""How many conditions are shown of a workstream; what ``artifact show`` tells has no end."""
_WIDTH = 160


def missing(ready: PhasePlan, done: CommitPlan, folder: str) -> dict[str | None, tuple[str, ...]]:
    """Lines by workstream, under None for all that lands; nothing about what is met, ready or not checked."""
    found: dict[str | None, list[tuple[str, str]]] = {}
    for name, line, schema in (*_not_met(done), *_not_ready(ready)):
        found.setdefault(name, []).append((line[:_WIDTH], schema))
    return {name: _bounded(lines, folder) for name, lines in found.items()}


def _not_met(plan: CommitPlan) -> Iterator[tuple[str | None, str, str]]:
    """Without those that the table tells: why a workstream is set aside, and that nothing lands."""
    told: set[str | None] = {entry.workstream_id for entry in plan.quarantine if entry.reason == "not_done"}
    told |= set() if plan.commit_groups else {None}
    for one in plan.definition_of_done:
        if one.verdict == "not_met" and one.workstream_id not in told:
            yield one.workstream_id, f"not met: {one.condition}: {one.evidence}", CommitPlan.SCHEMA


def _not_ready(plan: PhasePlan) -> Iterator[tuple[str | None, str, str]]:
    for one in plan.readiness:
        if one.verdict == "not_ready":
            yield one.workstream_id, f"not ready: {one.check}: {one.evidence}", PhasePlan.SCHEMA


def _bounded(lines: list[tuple[str, str]], folder: str) -> tuple[str, ...]:
    rest = [schema for _, schema in lines[MAX_LINES:]]
    more = [
        f"and {rest.count(schema)} more {word}: pipeline artifact show {folder}/artifacts/{schema}.json"
        for schema, word in ((CommitPlan.SCHEMA, "not met"), (PhasePlan.SCHEMA, "not ready"))
        if schema in rest
    ]
    return (*(line for line, _ in lines[:MAX_LINES]), *more)
