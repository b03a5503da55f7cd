"""Kills a run at every durable boundary, resumes it, and compares it with an undisturbed one. See docs/CRASH_MATRIX.md.

Exit code 1: something is not as it must be.
"""

from __future__ import annotations

import argparse
import shutil
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from scripts.crash import matrix, report


def main() -> int:
    """The command."""
    given = _arguments()
    folder = Path(tempfile.mkdtemp(prefix="crash-matrix-", dir=given.folder))
    began = time.monotonic()
    results, kept = [], False
    for result in _results(given, folder):
        results.append(result)
        kept = kept or bool(result.faults)
        if not given.quiet or result.faults:
            print(report.row(result), flush=True)
    table = report.summary(results)
    print(f"\n{table}\n\n{len(results)} kills in {time.monotonic() - began:.0f} s, --jobs {given.jobs}")
    if given.write:
        report.write(given.write, _blocks(given, table))
    if kept:
        print(f"the desks of faults are kept in {folder}")
    else:
        shutil.rmtree(folder)
    return 1 if kept or not results else 0


def _blocks(given: argparse.Namespace, table: str) -> list[tuple[str, str]]:
    """What goes into the document; a part of the matrix is no summary of it."""
    made = [("doors", report.doors())]
    if given.random:
        made.append(("random", table))
    elif not given.sample and given.points == "*":
        made.append(("summary", table))
    return made


def _results(given: argparse.Namespace, folder: Path) -> Iterator[matrix.Result]:
    if given.random:
        calm = matrix.observe(folder, jobs=2)
        yield from matrix.run_random(calm, folder, given.random, given.seed, given.jobs)
        return
    calm = matrix.observe(folder)
    for row in calm.recorded:
        if row["fault"]:
            yield matrix.Result(matrix.Point(row["point"], row["kind"], row["door"]), 0.0, 0, 0, (row["fault"],))
    found = matrix.points(calm.recorded, given.every)
    print(f"{len(calm.recorded)} effects in {calm.seconds:.1f} s, {len(found)} kills to choose from", flush=True)
    taken = matrix.chosen(found, given.points, given.moments.split(","), given.sample, given.seed)
    yield from matrix.run_all(calm, folder, taken, given.jobs)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sample", metavar="N", type=int, default=0, help="only N kills, chosen by the seed")
    parser.add_argument("--seed", metavar="S", type=int, default=1)
    parser.add_argument("--points", metavar="GLOB", default="*", help="only points whose names match")
    parser.add_argument("--moments", metavar="M,M", default="before,during,after")
    parser.add_argument("--every", action="store_true", help="all occurrences of what happens again and again")
    parser.add_argument(
        "--random", metavar="N", type=int, default=0, help="SIGKILL for the group at N moments by chance"
    )
    parser.add_argument("--jobs", metavar="N", type=int, default=2, help="how many kills at once")
    parser.add_argument("--folder", metavar="DIR", type=Path, help="where to work; a folder in memory is faster")
    parser.add_argument("--quiet", action="store_true", help="print faults and the summary only")
    parser.add_argument("--write", metavar="FILE", type=Path, help="write the summary into the document")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
