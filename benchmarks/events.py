"""How many events a second the state takes, next to plain sqlite3 with the same promises.

    python benchmarks/events.py [--events 2000] [--runs 5] [--write docs/OVERHEAD.md]

The limit is one row and one commit per event by ``sqlite3`` alone (WAL, ``synchronous=full``, ``begin immediate``). Beside it: an
event that changes nothing, a change of a workstream's state, and a journalled call (intent and confirmation with an answer
of 2 KB: two events). Then how long it takes to compute the chain again and to replay all of it. Prints Markdown with medians of interleaved
rounds and ratios to the limit of the same rounds.
"""

from __future__ import annotations

import argparse
import os
import platform
import sqlite3
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing
from pathlib import Path

from global_core_state.chain import Event, digest
from global_core_state.rebuild import compare
from global_core_state.store import Store
from startup import write

EXECUTION = "EXEC-2026-01-02-001"
LIMIT = "sqlite3 alone, one row per commit"
STATES = ("ready", "parked")
Way = Callable[[Path, int], None]


def plain(folder: Path, count: int) -> None:
    """What nothing that keeps every event can beat."""
    with closing(sqlite3.connect(folder / "plain.db", isolation_level=None)) as db:
        db.executescript("pragma journal_mode=wal; pragma synchronous=full; create table t (a, b, c, d, e, f, g, h)")
        row = (EXECUTION, 1, "ws-a", "2026-01-02T03:04:05Z", "x", '{"n":1}', "0" * 64, "0" * 64)
        for _ in range(count):
            db.execute("begin immediate")
            db.execute("insert into t values (?, ?, ?, ?, ?, ?, ?, ?)", row)
            db.execute("commit")


def opened(folder: Path) -> Store:
    """A state with one run and one workstream."""
    store = Store(folder / "state.db")
    store.create_run(EXECUTION, "2026-01-02T00:00:00Z", "plan")
    store.create_workstream(EXECUTION, "ws-a", ())
    store.move_workstream(EXECUTION, "ws-a", "ready")
    return store


def told(folder: Path, count: int) -> None:
    """Events that change nothing."""
    with closing(opened(folder)) as store:
        for number in range(count):
            store.record_event(EXECUTION, "ws-a", "x", {"n": number})


def moved(folder: Path, count: int) -> None:
    """Changes of state."""
    with closing(opened(folder)) as store:
        for number in range(count):
            store.move_workstream(EXECUTION, "ws-a", STATES[(number + 1) % 2])


def journalled(folder: Path, count: int) -> None:
    """Calls, two events each."""
    answer = {"item": "x" * 2000}
    with closing(opened(folder)) as store:
        for number in range(count // 2):
            store.intend(EXECUTION, f"call:{number}", "call", {"workstream_id": "ws-a"})
            store.confirm(EXECUTION, f"call:{number}", answer)


WAYS: Mapping[str, Way] = {LIMIT: plain, "event": told, "change of state": moved, "call, intent and answer": journalled}


def proofs(folder: Path, count: int) -> Iterator[tuple[str, float]]:
    """Seconds to compute the chain again, and to replay it and compare the tables."""
    journalled(folder, count)
    with closing(Store(folder / "state.db")) as store:
        began = time.perf_counter()
        assert all(digest(event := Event(**row)) == event.hash for row in store.events(EXECUTION))
        yield "compute the chain again", time.perf_counter() - began
        began = time.perf_counter()
        assert compare(store) == []
        yield "replay and compare", time.perf_counter() - began


def measure(count: int, runs: int) -> Iterator[str]:
    """The measurements as Markdown."""
    taken: dict[str, list[float]] = {name: [] for name in WAYS}
    shown: dict[str, list[float]] = {}
    for _ in range(runs):
        for name, way in WAYS.items():
            with tempfile.TemporaryDirectory(prefix="events-") as folder:
                began = time.perf_counter()
                way(Path(folder), count)
                taken[name].append(time.perf_counter() - began)
        with tempfile.TemporaryDirectory(prefix="events-") as folder:
            for name, seconds in proofs(Path(folder), count):
                shown.setdefault(name, []).append(seconds)
    limit = statistics.median(taken[LIMIT])
    yield f"{count:,} events, medians of {runs} rounds; Python {platform.python_version()}, SQLite {sqlite3.sqlite_version}, {os.cpu_count()} cores.\n"
    yield "| way | events per second | times the limit |\n|---|---:|---:|"
    for name, values in {**taken, **shown}.items():
        seconds = statistics.median(values)
        yield f"| {name} | {count / seconds:,.0f} | {seconds / limit:.2f} |"


def main() -> None:
    """Measure, print, and write when asked to."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--events", type=int, default=2000)
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--write", type=Path, metavar="DOCUMENT")
    asked = parser.parse_args()
    text = "\n".join(measure(asked.events, asked.runs))
    print(text)
    if asked.write:
        write(asked.write, text, "events")


if __name__ == "__main__":
    main()
