"""Nodes that are ready and need the same slots, by rank."""

from __future__ import annotations

import heapq
from bisect import insort

SHOWN = 20
"""How many nodes of a queue can be listed."""


class Ready:
    """A queue of ranks, the smallest first. The first ones lie sorted, so that a list of them costs no walk over a heap."""

    def __init__(self, slots: tuple[str, ...]) -> None:
        self.slots = slots
        """The limited kinds that each of its nodes takes a place of."""
        self.first: list[int] = []
        self.due = False
        """Its first node missed a slot that came free, because another was full: a place of each is kept for it."""
        self.running = 0
        """How many of its nodes run."""
        self._rest: list[int] = []

    def __len__(self) -> int:
        return len(self.first) + len(self._rest)

    def push(self, rank: int) -> None:
        """Put a rank where it belongs."""
        if len(self.first) == SHOWN and rank > self.first[-1]:
            heapq.heappush(self._rest, rank)
            return
        insort(self.first, rank)
        if len(self.first) > SHOWN:
            heapq.heappush(self._rest, self.first.pop())

    def pop(self) -> int:
        """Take the first rank out. Raises IndexError when there is none."""
        self.due = False
        rank = self.first.pop(0)
        if self._rest:
            self.first.append(heapq.heappop(self._rest))
        return rank
