"""The order of workstreams: what a format's own order means, and edges that the text adds without making a cycle."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field


@dataclass
class Block:
    """A phase or group. ``stages`` run one after the other, the workstreams within a stage side by side.

    Blocks with a ``lane`` (a story) wait for the last block without one, and for earlier blocks of their own lane;
    blocks without a lane wait for everything before them, or for the blocks that ``after`` names, and nothing else.
    """

    stages: list[list[str]]
    lane: str = ""
    name: str = ""
    after: tuple[str, ...] | None = None


@dataclass
class Order:
    """Which workstream waits for which."""

    before: dict[str, set[str]] = field(default_factory=dict)

    def waits(self, later: str, earlier: Iterable[str]) -> None:
        """Let ``later`` wait for each of ``earlier``."""
        self.before.setdefault(later, set()).update(earlier)

    def reaches(self, start: str, goal: str) -> bool:
        """Does ``start`` wait for ``goal``, directly or not?"""
        seen: set[str] = set()
        waiting = [start]
        while waiting:
            here = waiting.pop()
            if here == goal:
                return True
            if here not in seen:
                seen.add(here)
                waiting.extend(self.before.get(here, ()))
        return False

    def add(self, later: str, earlier: str) -> bool:
        """Add an edge; False when the opposite order is already fixed, and nothing is added."""
        if self.reaches(earlier, later):
            return False
        self.waits(later, [earlier])
        return True


def in_sequence(blocks: Iterable[Block]) -> Order:
    """The order that a list of blocks means."""
    order = Order()
    barrier: list[str] = []
    lanes: dict[str, list[str]] = {}
    ended: dict[str, list[str]] = {}
    for block in blocks:
        if block.after is not None:
            entry = [end for name in block.after for end in ended.get(name, [])]
            ends = _chain(order, block, entry) if any(block.stages) else []
            barrier = [end for end in barrier if end not in entry] + ends
        elif block.lane:
            ends = _chain(order, block, lanes.get(block.lane, barrier))
            lanes[block.lane] = ends
        else:
            entry = [end for ends in lanes.values() for end in ends] or barrier
            barrier, lanes = _chain(order, block, entry), {}
            ends = barrier if any(block.stages) else []
        ended[block.name] = ends
    return order


def _chain(order: Order, block: Block, entry: list[str]) -> list[str]:
    ends = entry
    for stage in filter(None, block.stages):
        for workstream_id in stage:
            order.waits(workstream_id, ends)
        ends = stage
    return ends
