"""Which node starts next: decided by rank, without threads and clocks, and recorded. ``run_graph`` drives it with threads."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from itertools import chain
from queue import Empty, SimpleQueue
from threading import Event
from typing import Any

from global_util.errors import Interrupted, Parked
from global_util.process import STOP

from ph2_execution_engine.ready import SHOWN, Ready

RULE = "priority, longest chain, id"
"""What ranks nodes, as decisions name it. The caller of ``Scheduler`` sorts by it."""

_AWAKE_S = 0.2


class Slots:
    """How many nodes of a kind may run at once. A kind without a limit is free."""

    def __init__(self, limits: Mapping[str, int], kinds: Mapping[str, Sequence[str]]) -> None:
        self.limits = limits
        self.kinds = kinds

    def of(self, node: str) -> tuple[str, ...]:
        """The limited kinds of a node; it takes one place of each."""
        return tuple(sorted({kind for kind in self.kinds.get(node, ()) if kind in self.limits}))


@dataclass(frozen=True)
class Skipped:
    """Ready nodes that rank above the pick and had to wait for slots: full ones, or kept for a node that ranks above."""

    node: str
    """The first of them."""
    slots: tuple[str, ...]
    waiting: int
    """How many nodes wait for the same slots."""


@dataclass(frozen=True)
class Decision:
    """A start, and why it was this node."""

    node: str
    candidates: tuple[str, ...]
    """Ready nodes whose slots were free, by rank: the pick and up to 19 more."""
    among: int
    """How many candidates there were."""
    skipped: tuple[Skipped, ...]

    def payload(self) -> dict[str, Any]:
        """The fields of the event ``decision``."""
        skipped = [{"node": one.node, "slots": list(one.slots), "waiting": one.waiting} for one in self.skipped]
        return {
            "rule": RULE,
            "node": self.node,
            "candidates": list(self.candidates),
            "among": self.among,
            "skipped": skipped,
        }


Decide = Callable[[Decision], None]
"""Told about every start before it happens."""


class Scheduler:
    """A graph while it runs: ``start`` picks, ``ended`` makes place. Equal calls give equal decisions.

    ``ranked`` has every node once, the most important first; it need not be a topological order. Time is O((n + e) log n)
    for n nodes and e needs, times what depends on the number of different sets of slots only, which are no more than tools.

    The highest-ranked node whose slots are free starts, so one that waits for a slot is passed by others. Once it has
    missed a slot, because another one of its was full, its slots are kept for it: it waits for nodes that run or rank
    above it, and for no others.
    """

    def __init__(self, ranked: Sequence[str], needs: Mapping[str, Sequence[str]], jobs: int, slots: Slots) -> None:
        self.jobs = jobs
        self.running: set[str] = set()
        self.unstarted = len(ranked)
        self._ranked = ranked
        self._spare = dict(slots.limits)
        self._rank = {node: rank for rank, node in enumerate(ranked)}
        queues: dict[tuple[str, ...], Ready] = {}
        self._queue = [queues.setdefault(kinds, Ready(kinds)) for kinds in map(slots.of, ranked)]
        self._queues = tuple(queues.values())
        self._after: list[list[int]] = [[] for _ in ranked]
        self._missing = [0] * len(ranked)
        for rank, node in enumerate(ranked):
            self._await(rank, {self._rank[name] for name in needs[node]})

    def _await(self, rank: int, before: set[int]) -> None:
        self._missing[rank] = len(before)
        for other in before:
            self._after[other].append(rank)
        if not before:
            self._queue[rank].push(rank)

    def start(self) -> Decision | None:
        """Start the highest-ranked node whose slots are free; None while there is no such node or no place."""
        if len(self.running) >= self.jobs:
            return None
        free, skipped = self._survey()
        if not free:
            return None
        shown = sorted(chain.from_iterable([queue.first for queue in free]))[:SHOWN]
        candidates = tuple(map(self._ranked.__getitem__, shown))
        decision = Decision(candidates[0], candidates, sum(map(len, free)), tuple(skipped))
        free[0].pop()
        free[0].running += 1
        for slot in free[0].slots:
            self._spare[slot] -= 1
        self.running.add(decision.node)
        self.unstarted -= 1
        return decision

    def _survey(self) -> tuple[list[Ready], list[Skipped]]:
        """The queues that may start, by the rank of their first node, and what ranks above all of these and may not."""
        free: list[Ready] = []
        skipped: list[Skipped] = []
        spare = dict(self._spare)
        for queue in sorted([queue for queue in self._queues if queue.first], key=lambda queue: queue.first[0]):
            full = tuple([slot for slot in queue.slots if spare[slot] < 1])
            if not full:
                free.append(queue)
                continue
            if not free:
                skipped.append(Skipped(self._ranked[queue.first[0]], full, len(queue)))
            if queue.due:
                for slot in queue.slots:
                    spare[slot] -= 1
        return free, skipped

    def put_off(self, node: str) -> None:
        """A running node stopped before its end: its place and slots are free, and what waits for it goes on waiting."""
        self.running.remove(node)
        self._release(self._queue[self._rank[node]])

    def ended(self, node: str) -> None:
        """A running node has ended: its place and slots are free, and what waited for it may be ready."""
        self.put_off(node)
        for after in self._after[self._rank[node]]:
            self._missing[after] -= 1
            if not self._missing[after]:
                self._queue[after].push(after)

    def _release(self, queue: Ready) -> None:
        opened = {slot for slot in queue.slots if self._spare[slot] == 0}
        queue.running -= 1
        for slot in queue.slots:
            self._spare[slot] += 1
        for other in self._queues if opened else ():
            if other.first and not opened.isdisjoint(other.slots):
                other.due = other.due or self._missed(other, opened.intersection(other.slots))

    def _missed(self, queue: Ready, opened: set[str]) -> bool:
        """Whether a slot of a queue stays full by nodes that can end without opening these again."""
        return any(
            self._spare[slot] == 0 and holder.running and slot in holder.slots and not opened.issubset(holder.slots)
            for slot in queue.slots
            for holder in self._queues
        )


def run_graph(
    ranked: Sequence[str],
    needs: Mapping[str, Sequence[str]],
    work: Callable[[str], None],
    jobs: int,
    slots: Slots,
    decide: Decide,
) -> dict[str, Parked]:
    """Run every node after what it needs, as ``Scheduler`` decides. The first failure ends it, when all have stopped.

    Once ``STOP`` is set nothing starts any more: raises Interrupted when what ran has ended, if something is left to start.
    Nodes that were parked are answered, with what they wait for; what needs them was not started, all others have ended.
    """
    scheduler = Scheduler(ranked, needs, jobs, slots)
    parked: dict[str, Parked] = {}
    running: dict[Future[None], str] = {}
    ended: SimpleQueue[Future[None]] = SimpleQueue()
    with ThreadPoolExecutor(max_workers=jobs, thread_name_prefix="workstream") as pool:
        _open_threads(pool, min(jobs, len(ranked)))
        try:
            while scheduler.unstarted or running:
                while not STOP.is_set() and (decision := scheduler.start()) is not None:
                    decide(decision)
                    future = pool.submit(work, decision.node)
                    running[future] = decision.node
                    future.add_done_callback(ended.put)
                if not running and STOP.is_set():
                    raise Interrupted("stopped: no further step starts", "run the phase again to go on")
                if not running and parked:
                    break
                if not running:
                    raise ValueError("the nodes that are left wait for each other")
                future = _next(ended)
                node = running.pop(future)
                try:
                    future.result()
                except Parked as fault:
                    parked[node] = fault
                    scheduler.put_off(node)
                else:
                    scheduler.ended(node)
        except KeyboardInterrupt:
            STOP.set()
            raise
        finally:
            for future in running:
                future.cancel()
    return parked


def _next(ended: SimpleQueue[Future[None]]) -> Future[None]:
    """What ended next. A wait without an end would not see a Ctrl-C that comes just before it begins."""
    while True:
        with suppress(Empty):
            return ended.get(timeout=_AWAKE_S)


def _open_threads(pool: ThreadPoolExecutor, count: int) -> None:
    """Start all threads before there is work: a pool forgets one whose start Ctrl-C interrupts, and would not wait for it."""
    done = Event()
    try:
        for _ in range(count):
            pool.submit(done.wait)
    finally:
        done.set()
