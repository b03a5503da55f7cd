"""Running the nodes of the graph side by side: every choice is made by rank among those that are ready, and recorded."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait

from global_util.process import STOP

Decide = Callable[[str, Sequence[str]], None]
"""Told about every start: the node that was picked and the candidates it was picked from."""


class Slots:
    """How many nodes of a kind may run at once. A kind without a limit is free."""

    def __init__(self, limits: Mapping[str, int], kinds: Mapping[str, Sequence[str]]) -> None:
        self.limits = limits
        self.kinds = kinds
        self.taken: dict[str, int] = {}

    def free(self, node: str) -> bool:
        """May this node start now?"""
        return all(self.taken.get(kind, 0) < self.limits[kind] for kind in self._limited(node))

    def take(self, node: str, count: int) -> None:
        """A node starts (1) or has ended (-1)."""
        for kind in self._limited(node):
            self.taken[kind] = self.taken.get(kind, 0) + count

    def _limited(self, node: str) -> list[str]:
        return [kind for kind in self.kinds.get(node, ()) if kind in self.limits]


def run_graph(
    nodes: Sequence[str],
    needs: Mapping[str, Sequence[str]],
    work: Callable[[str], None],
    jobs: int,
    slots: Slots,
    decide: Decide,
) -> None:
    """Run every node after what it needs, the earliest of ``nodes`` first. The first failure ends it, when all have stopped."""
    waiting = {node: set(needs[node]) for node in nodes}
    running: dict[Future[None], str] = {}
    with ThreadPoolExecutor(max_workers=jobs, thread_name_prefix="workstream") as pool:
        try:
            while waiting or running:
                for node in _startable(nodes, waiting, slots, jobs - len(running), decide):
                    del waiting[node]
                    running[pool.submit(work, node)] = node
                done, _ = wait(running, return_when=FIRST_COMPLETED)
                for future in done:
                    node = running.pop(future)
                    slots.take(node, -1)
                    future.result()
                    for left in waiting.values():
                        left.discard(node)
        except KeyboardInterrupt:
            STOP.set()
            raise
        finally:
            for future in running:
                future.cancel()


def _startable(
    nodes: Sequence[str], waiting: Mapping[str, set[str]], slots: Slots, places: int, decide: Decide
) -> list[str]:
    picked: list[str] = []
    ready = [node for node in nodes if node in waiting and not waiting[node]]
    for node in ready:
        if len(picked) >= places:
            break
        if slots.free(node):
            decide(node, [other for other in ready if other not in picked])
            slots.take(node, 1)
            picked.append(node)
    return picked
