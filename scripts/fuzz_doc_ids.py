"""Reads a million hostile files as everything that ``doc-id`` reads: carriers, sidecars, references, ledger, registries.

    python scripts/fuzz_doc_ids.py [--files 1000000] [--seed 1] [--jobs 2]
    python scripts/fuzz_doc_ids.py --seed 1 --only 4711        # one file again

Half of the files are mutations of valid ones, half are noise; the same seed gives the same files. Nothing may happen but
an id that literally stands where the reader says, or InvalidInput. Prints a table, and each fault with the smallest
input that still shows it. Exit code 1 with faults.
"""

from __future__ import annotations

import argparse
import multiprocessing
import signal
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

from global_doc_id.testing import Hostile, hostile_file
from global_doc_id.testing.reading import Reading, read_everything

LIMIT = 3.0
"""Seconds for one file. The largest has 200 kB; a reader that needs this long would stop everyone's commit."""

SHARE = 2_000
"""Files per piece of work."""


class TooSlowError(Exception):
    """A file took longer than the limit."""


@dataclass
class Tally:
    """What came out of some files of one kind."""

    inputs: int = 0
    ids: int = 0
    refused: int = 0
    slowest: tuple[float, int] = (0.0, -1)
    """Seconds, and the number of the file."""
    faults: dict[str, int] = field(default_factory=dict)
    """What happened, and the number of the first file."""
    amount: Counter[str] = field(default_factory=Counter)

    def add(self, other: Tally) -> None:
        """Count in what came out of more files."""
        self.inputs += other.inputs
        self.ids += other.ids
        self.refused += other.refused
        self.slowest = max(self.slowest, other.slowest)
        self.faults = {**other.faults, **self.faults}
        self.amount += other.amount


def guarded(hostile: Hostile) -> Reading:
    """What the readers make of a file; whatever else happens is a fault."""
    signal.setitimer(signal.ITIMER_REAL, LIMIT)
    try:
        return read_everything(hostile.path, hostile.content)
    except TooSlowError:
        return Reading(faults=[f"more than {LIMIT} s"])
    except Exception as fault:
        place = fault.__traceback__
        while place is not None and place.tb_next is not None:
            place = place.tb_next
        where = f"{place.tb_frame.f_code.co_qualname}" if place else ""
        return Reading(faults=[f"{type(fault).__name__} in {where}"])
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)


def _too_slow(_number: int, _frame: Any) -> None:
    raise TooSlowError


def judge(work: tuple[int, range]) -> dict[str, Tally]:
    """The outcome of some files by kind."""
    signal.signal(signal.SIGALRM, _too_slow)
    seed, numbers = work
    found: dict[str, Tally] = {}
    for number in numbers:
        hostile = hostile_file(seed, number)
        began = time.perf_counter()
        reading = guarded(hostile)
        taken = time.perf_counter() - began
        faults = {fault.partition(":")[0]: number for fault in reversed(reading.faults)}
        one = Tally(1, reading.ids, reading.refused, (taken, number), faults, Counter(faults.keys()))
        found.setdefault(f"{hostile.kind}, {'noise' if number % 2 else 'mutated'}", Tally()).add(one)
    return found


def run(seed: int, files: int, jobs: int) -> dict[str, Tally]:
    """The outcome of all files by kind; progress goes to standard error."""
    work = [(seed, range(start, min(start + SHARE, files))) for start in range(0, files, SHARE)]
    found: dict[str, Tally] = {}
    with multiprocessing.Pool(jobs) as pool:
        for done, part in enumerate(pool.imap(judge, work), 1):
            for kind, tally in part.items():
                found.setdefault(kind, Tally()).add(tally)
            faults = sum(sum(tally.amount.values()) for tally in found.values())
            print(f"\r{min(done * SHARE, files):,} of {files:,}, {faults} faults", end="", file=sys.stderr)
    print(file=sys.stderr)
    return dict(sorted(found.items()))


def table(found: dict[str, Tally]) -> Iterator[str]:
    """The outcome as Markdown."""
    whole = Tally()
    yield "| input | files | ids and references read | refused | faults | slowest, ms | its number |"
    yield "|---|---:|---:|---:|---:|---:|---:|"
    for kind, tally in found.items():
        whole.add(tally)
        yield row(kind, tally)
    yield row("all", whole)


def row(kind: str, tally: Tally) -> str:
    """A line of the table."""
    cells = (tally.inputs, tally.ids, tally.refused, sum(tally.amount.values()))
    told = " | ".join(f"{value:,}" for value in cells)
    return f"| {kind} | {told} | {1000 * tally.slowest[0]:.1f} | {tally.slowest[1]} |"


def smallest(hostile: Hostile, shows: Callable[[Hostile], bool]) -> Hostile:
    """The file with as much taken out of its content as leaves the fault."""
    step = max(1, len(hostile.content) // 2)
    while step:
        at = 0
        while at < len(hostile.content):
            less = Hostile(
                hostile.number, hostile.kind, hostile.path, hostile.content[:at] + hostile.content[at + step :]
            )
            if shows(less):
                hostile = less
            else:
                at += step
        step //= 2
    return hostile


def show(seed: int, number: int, fault: str) -> None:
    """Print a fault with its smallest input."""
    signal.signal(signal.SIGALRM, _too_slow)

    def shows(hostile: Hostile) -> bool:
        return any(one.startswith(fault) for one in guarded(hostile).faults)

    found = hostile_file(seed, number)
    if "more than" not in fault:
        found = smallest(found, shows)
    text = (
        repr(found.content) if len(found.content) < 2_000 else f"{found.content[:200]!r}... {len(found.content)} bytes"
    )
    print(f"\nfile {number} ({found.kind}), {found.path!r}: {guarded(found).faults}\n  {text}")


def main() -> int:
    """Read, print, and 1 with faults."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--files", type=int, default=1_000_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--only", type=int, metavar="NUMBER", help="Read this one file, and let exceptions through.")
    asked = parser.parse_args()
    if asked.only is not None:
        hostile = hostile_file(asked.seed, asked.only)
        print(hostile)
        print(read_everything(hostile.path, hostile.content))
        return 0
    found = run(asked.seed, asked.files, asked.jobs)
    print("\n".join(table(found)))
    faults = {fault: number for tally in found.values() for fault, number in tally.faults.items()}
    for fault, number in sorted(faults.items()):
        show(asked.seed, number, fault)
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
