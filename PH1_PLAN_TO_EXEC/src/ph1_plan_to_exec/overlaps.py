"""Scopes that two workstreams share: found by index, resolved by policy."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence

from global_util import graph, paths
from global_util.contracts.phase_plan import Edge, ScopeOverlap
from global_util.contracts.workstream import ScopeEntry, Workstream
from global_util.errors import InvalidInput

from ph1_plan_to_exec.selection import files_scope

MAX_SHOWN = 20


def shared_paths(workstreams: Sequence[Workstream]) -> dict[tuple[str, str], tuple[str, ...]]:
    """Pairs of ids (in the given order) with the paths or patterns that both may change."""
    singles: dict[str, list[int]] = defaultdict(list)
    wide: list[tuple[int, ScopeEntry]] = []
    for number, workstream in enumerate(workstreams):
        for entry in (*files_scope(workstream), *workstream.files_create):
            text = paths.entry_path(entry)
            if text.endswith("/") or (isinstance(entry, str) and any(mark in text for mark in "*?[")):
                wide.append((number, entry))
            else:
                singles[text].append(number)
    found: dict[tuple[int, int], set[str]] = defaultdict(set)
    for text, numbers in singles.items():
        _pair(found, sorted(set(numbers)), text)
    for place, (number, entry) in enumerate(wide):
        for text, numbers in singles.items():
            if paths.covers(entry, text):
                for other in numbers:
                    _pair(found, sorted({number, other}), text)
        for other, second in wide[place + 1 :]:
            shared = paths.overlap(entry, second)
            if shared:
                _pair(found, sorted({number, other}), shared)
    return {
        (workstreams[one].id, workstreams[two].id): tuple(sorted(texts)) for (one, two), texts in sorted(found.items())
    }


def _pair(found: dict[tuple[int, int], set[str]], numbers: Sequence[int], text: str) -> None:
    for place, one in enumerate(numbers):
        for two in numbers[place + 1 :]:
            found[one, two].add(text)


def resolve(
    workstreams: Sequence[Workstream], needs: dict[str, list[str]], policy: str, allowed: Iterable[Iterable[str]]
) -> tuple[list[ScopeOverlap], list[Edge]]:
    """Decide every overlap. ``workstreams`` are in launch order, so that an added edge never makes a cycle.

    Raises InvalidInput (exit 3) when the policy refuses one.
    """
    sequence = [workstream.id for workstream in workstreams]
    place = {name: number for number, name in enumerate(sequence)}
    before = graph.ancestors(needs, sequence)
    free = {frozenset(pair) for pair in allowed}
    overlaps: list[ScopeOverlap] = []
    edges: list[Edge] = []
    for (first, second), texts in sorted(
        shared_paths(workstreams).items(), key=lambda pair: (place[pair[0][1]], -place[pair[0][0]])
    ):
        if first in before[second]:
            resolution = "already_ordered"
        elif policy == "allow" or frozenset((first, second)) in free:
            resolution = "allowed"
        elif policy == "refuse":
            raise InvalidInput(
                f"workstreams {first} and {second} may both change {texts[0]}",
                'order them with depends_on, list the pair in policy.allowed_overlaps, or set policy.scope_overlap = "order"',
                "E354",
            )
        else:
            resolution = "edge_added"
            edges.append(Edge(before=first, after=second, why="scope_overlap"))
            needs[second].append(first)
            for name in sequence[place[second] :]:
                if name == second or second in before[name]:
                    before[name] |= before[first] | {first}
        overlaps.append(
            ScopeOverlap.model_validate(
                {"first": first, "second": second, "paths": texts[:MAX_SHOWN], "resolution": resolution}
            )
        )
    return overlaps, edges
