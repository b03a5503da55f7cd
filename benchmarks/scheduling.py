"""How long PH2 takes to decide the starts of 1,000 to 100,000 nodes, next to graphlib on the same graph.

    python benchmarks/scheduling.py [--nodes 1000 10000 100000] [--runs 5] [--write docs/OVERHEAD.md]

Nothing is run: a simulation of eight jobs lets a random one of the running nodes end. ``graphlib.TopologicalSorter`` of
the standard library is the limit: it only says which nodes are ready, without ranks, slots, jobs and recorded decisions.
Two graphs: ten layers with three random needs per node; and a wide layer where all but every hundredth node needs a slot
of which there are two. Both sides get the same graph in the same round, from building to the last end. Prints Markdown
with medians; the first round does not count.
"""

from __future__ import annotations

import argparse
import itertools
import os
import platform
import random
import statistics
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from graphlib import TopologicalSorter
from pathlib import Path

from global_util import graph
from ph2_execution_engine.schedule import Scheduler, Slots
from startup import write

JOBS = 8
LAYERS = 10


@dataclass(frozen=True)
class Case:
    """A graph, and what limits it."""

    name: str
    needs: dict[str, list[str]]
    slots: Slots
    ranked: list[str] = field(default_factory=list)


def layered(count: int) -> Case:
    """Ten layers, three random needs in the layer before, three priorities."""
    chance, names, width = random.Random(count), [f"n{number:06}" for number in range(count)], count // LAYERS  # noqa: S311
    layers = [names[start : start + width] for start in range(0, count, width)]
    needs: dict[str, list[str]] = {name: [] for name in layers[0]}
    for before, layer in itertools.pairwise(layers):
        needs |= {name: chance.choices(before, k=3) for name in layer}
    rank = graph.ranks(needs, {name: chance.randrange(3) for name in names})
    return Case("ten layers", needs, Slots({}, {}), sorted(names, key=rank.__getitem__))


def blocked(count: int) -> Case:
    """One layer; 99 of 100 nodes need a slot of two places."""
    names = [f"n{number:06}" for number in range(count)]
    kinds = {name: ("aider",) for number, name in enumerate(names) if number % 100}
    return Case("one layer, a slot of 2", {name: [] for name in names}, Slots({"aider": 2}, kinds), names)


def ours(case: Case) -> int:
    """Decide all starts; how many there were."""
    chance, scheduler = random.Random(0), Scheduler(case.ranked, case.needs, JOBS, case.slots)  # noqa: S311
    running: list[str] = []
    started = 0
    while True:
        while (decision := scheduler.start()) is not None:
            running.append(decision.node)
            started += 1
        if not running:
            return started
        scheduler.ended(running.pop(chance.randrange(len(running))))


def least(case: Case) -> int:
    """The same with graphlib, which starts whatever is ready."""
    chance, sorter = random.Random(0), TopologicalSorter(case.needs)  # noqa: S311
    sorter.prepare()
    ready: list[str] = []
    started = 0
    while sorter.is_active():
        ready += sorter.get_ready()
        sorter.done(ready.pop(-1 - chance.randrange(min(JOBS, len(ready)))))
        started += 1
    return started


def seconds(schedule: Callable[[Case], int], case: Case) -> float:
    """Wall time of one schedule, which must be whole."""
    began = time.perf_counter()
    if schedule(case) != len(case.needs):
        raise SystemExit(f"{case.name}: not every node was started")
    return time.perf_counter() - began


def row(case: Case, runs: int) -> str:
    """Both measured in turn."""
    rounds = [(seconds(ours, case), seconds(least, case)) for _ in range(runs + 1)][1:]
    mine, limit = (statistics.median(column) for column in zip(*rounds, strict=True))
    count = len(case.needs)
    return f"| {case.name} | {count:,} | {mine:.3f} | {limit:.3f} | {mine / limit:.1f} | {1e6 * mine / count:.1f} |"


def table(counts: list[int], runs: int) -> Iterator[str]:
    """The measurements as Markdown."""
    yield f"Medians of {runs} rounds; Python {platform.python_version()}, {os.cpu_count()} cores.\n"
    yield "| graph | nodes | seconds | graphlib, seconds | times graphlib | microseconds per node |"
    yield "|---|---:|---:|---:|---:|---:|"
    for make in (layered, blocked):
        for count in counts:
            yield row(make(count), runs)


def main() -> None:
    """Measure, print, and write when asked to."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--nodes", type=int, nargs="+", default=[1_000, 10_000, 100_000])
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--write", type=Path, metavar="DOCUMENT")
    asked = parser.parse_args()
    text = "\n".join(table(asked.nodes, asked.runs))
    print(text)
    if asked.write:
        write(asked.write, text, "scheduling")


if __name__ == "__main__":
    main()
