"""Directed acyclic graphs of names: order, waves, cycles, reachability. Everything is deterministic."""

from __future__ import annotations

import heapq
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

Needs = Mapping[str, Iterable[str]]
"""Every node with the nodes that must come before it."""


def followers(needs: Needs) -> dict[str, list[str]]:
    """Every node with the nodes that wait for it, sorted."""
    after: dict[str, list[str]] = {node: [] for node in needs}
    for node, before in needs.items():
        for name in set(before):
            after[name].append(node)
    return {node: sorted(names) for node, names in after.items()}


def cycle(needs: Needs) -> list[str]:
    """The nodes of one cycle, first repeated at the end; empty when there is none."""
    left = {node: set(before) & set(needs) for node, before in needs.items()}
    ready = [node for node, before in left.items() if not before]
    after = followers({node: sorted(before) for node, before in left.items()})
    while ready:
        node = ready.pop()
        del left[node]
        for name in after[node]:
            left[name].discard(node)
            if not left[name]:
                ready.append(name)
    if not left:
        return []
    path = [min(left)]
    while path[-1] not in path[:-1]:
        path.append(min(left[path[-1]] & set(left)))
    ring = path[path.index(path[-1]) :]
    return ring[::-1]


def longest_to_end(needs: Needs) -> dict[str, int]:
    """How many nodes the longest path from a node to an end has, itself included."""
    after = followers(needs)
    length: dict[str, int] = {}
    for node in reversed(order(needs, lambda name: name)):
        length[node] = 1 + max((length[name] for name in after[node]), default=0)
    return length


def ranks(needs: Needs, priorities: Mapping[str, int]) -> dict[str, tuple[int, int, str]]:
    """Who goes first of several that are free, smallest first: higher priority, longer path to an end, id."""
    length = longest_to_end(needs)
    return {node: (-priorities[node], -length[node], node) for node in needs}


def order(needs: Needs, key: Callable[[str], Any]) -> list[str]:
    """A topological order; of the nodes that are free, the one with the smallest key goes first."""
    after = followers(needs)
    waiting = {node: len(set(before)) for node, before in needs.items()}
    heap = [(key(node), node) for node, count in waiting.items() if count == 0]
    heapq.heapify(heap)
    out = []
    while heap:
        _, node = heapq.heappop(heap)
        out.append(node)
        for name in after[node]:
            waiting[name] -= 1
            if waiting[name] == 0:
                heapq.heappush(heap, (key(name), name))
    return out


def waves(needs: Needs, sequence: Sequence[str]) -> list[list[str]]:
    """Nodes that could start together: the first wave needs nothing, each next one only what came before."""
    level: dict[str, int] = {}
    for node in sequence:
        level[node] = 1 + max((level[name] for name in needs[node]), default=-1)
    out: list[list[str]] = [[] for _ in range(1 + max(level.values(), default=-1))]
    for node in sequence:
        out[level[node]].append(node)
    return out


def critical_path(needs: Needs, sequence: Sequence[str]) -> list[str]:
    """The longest chain, the earliest in the sequence among equals."""
    length = longest_to_end(needs)
    after = followers(needs)
    place = {node: number for number, node in enumerate(sequence)}
    path: list[str] = []
    choices = [node for node in sequence if not list(needs[node])]
    while choices:
        node = min(choices, key=lambda name: (-length[name], place[name]))
        path.append(node)
        choices = after[node]
    return path


def ancestors(needs: Needs, sequence: Sequence[str]) -> dict[str, set[str]]:
    """Every node with all nodes that come before it, directly or not."""
    known: dict[str, set[str]] = {}
    for node in sequence:
        known[node] = set(needs[node]).union(*(known[name] for name in needs[node]))
    return known
