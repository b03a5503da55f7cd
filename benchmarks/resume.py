"""How fast a killed run of many workstreams goes on, next to plain sqlite3 and json that read the same.

    python benchmarks/resume.py [--workstreams 10000] [--runs 5] [--write docs/OVERHEAD.md] [--keep FOLDER]

The run is made by ``resume_tree.py``. It is killed half of the way through PH2, and as PH7 begins; then it ends. Each
time, and on a fresh copy for each round, ``pipeline run --resume`` is measured from the start of its process to the first
effect that is begun anew (an intent or a step in the state, looked for every two milliseconds), or to its end where nothing
is left to do. Beside it commands that look at the run, and a Python process that reads all rows of the state that are
the run's own tables and the artifacts of the phases that have ended, with sqlite3 and json alone: the limit. ``--keep``
keeps the repositories, and takes those that are there. Prints Markdown with medians of interleaved rounds.
"""

from __future__ import annotations

import argparse
import os
import platform
import shutil
import signal
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from pathlib import Path

from resume_tree import MOMENTS, RUN, drive, environment, lay
from startup import write

READ = """
import json, sqlite3, sys
from pathlib import Path
folder = Path(sys.argv[1]) / "repo/.git/phaseline"
state = sqlite3.connect(folder / "state.db")
for table in ("runs", "workstreams", "phase_runs", "step_attempts", "journal"):
    state.execute(f"select * from {table}").fetchall()
for place in (folder / "runs" / sys.argv[2] / "artifacts").glob("*.v1.json"):
    json.loads(place.read_bytes())
"""
"""The least that a Python program does that knows what the run has come to."""

STATES = {"half": "killed, half of PH2 done", "ph7": "killed, only PH7 open", "end": "ended"}
LOOKS = {
    "pipeline list": ("list",),
    "pipeline show-run": ("show-run", RUN),
    "pipeline recover-run": ("recover-run", RUN),
    "pipeline verify": ("verify", RUN),
}
ONCE = ("pipeline verify",)
"""Reads every event, file and object: measured one time."""
PATIENCE_S = 600.0
RESUME, LIMIT = "pipeline run --resume", "sqlite3 and json alone"


def made(folder: Path, count: int) -> dict[str, Path]:
    """The repositories by moment; those that are there are taken."""
    found = {moment: folder / f"{count}-{moment}" for moment in MOMENTS}
    if all(place.exists() for place in found.values()):
        return found
    desk = folder / "desk"
    lay(desk, count)
    for moment, place in found.items():
        drive(desk, moment)
        copy(desk, place)
    return found


def copy(one: Path, other: Path) -> None:
    """The same repository in another place."""
    shutil.rmtree(other, ignore_errors=True)
    subprocess.run(["cp", "-a", "--reflink=auto", str(one), str(other)], check=True)


def pipeline(folder: Path, *words: str) -> subprocess.Popen[bytes]:
    """A command, started in a process group of its own."""
    argv = [str(Path(sys.executable).parent / "pipeline"), *words]
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL, "start_new_session": True}
    return subprocess.Popen(argv, cwd=folder / "repo", env=environment(folder), **quiet)  # type: ignore[call-overload]


def resumed(folder: Path) -> float:
    """Seconds until something new is begun, or all is told."""
    with closing(sqlite3.connect(folder / "repo/.git/phaseline/state.db")) as state:
        (last,) = state.execute("select max(seq) from events").fetchone()
        asked = "select 1 from events where execution_id = ? and seq > ? and type in ('intent', 'step_began')"
        began = time.perf_counter()
        process = pipeline(folder, "run", "--resume", RUN)
        while process.poll() is None and not state.execute(asked, (RUN, last)).fetchone():
            time.sleep(0.002)
            if time.perf_counter() - began > PATIENCE_S:
                break
        taken = time.perf_counter() - began
    if process.poll() is None:
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    return taken


def looked(folder: Path, words: Sequence[str]) -> float:
    """Seconds of a command that looks, on the same copy."""
    began = time.perf_counter()
    code = pipeline(folder, *words).wait(PATIENCE_S)
    if code not in (0, 1):
        sys.exit(f"pipeline {' '.join(words)}: exit {code}")
    return time.perf_counter() - began


def read(folder: Path) -> float:
    """Seconds of the leanest reader."""
    began = time.perf_counter()
    subprocess.run([sys.executable, "-c", READ, str(folder), RUN], check=True, env=environment(folder))
    return time.perf_counter() - began


def measured(place: Path, scratch: Path, runs: int) -> Mapping[str, float]:
    """Medians by what was done, in one state of the run."""
    taken: dict[str, list[float]] = {}
    for number in range(runs + 1):
        copy(place, scratch)
        found = {LIMIT: read(scratch)}
        found |= {name: looked(scratch, words) for name, words in LOOKS.items() if name not in ONCE or number == 1}
        if number:
            copy(place, scratch)
        found[RESUME] = resumed(scratch)
        for name, value in found.items() if number else ():
            taken.setdefault(name, []).append(value)
    shutil.rmtree(scratch)
    return {name: statistics.median(values) for name, values in taken.items()}


def table(folder: Path, count: int, runs: int) -> Iterator[str]:
    """The measurements as Markdown."""
    places = made(folder, count)
    found = {moment: measured(place, folder / "scratch", runs) for moment, place in places.items()}
    yield f"{count:,} workstreams, medians of {runs} rounds; Python {platform.python_version()}, {os.cpu_count()} cores.\n"
    yield "| seconds | " + " | ".join(STATES[moment] for moment in found) + " |\n|---|" + "---:|" * len(found)
    for name in (RESUME, *LOOKS, LIMIT):
        yield f"| `{name}` | " + " | ".join(f"{one[name]:.2f}" for one in found.values()) + " |"


def main() -> None:
    """Make, measure, print, and write when asked to."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--workstreams", type=int, default=10_000)
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--write", type=Path, metavar="DOCUMENT")
    parser.add_argument("--keep", type=Path, metavar="FOLDER")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="resume-") as scratch:
        text = "\n".join(table(asked.keep or Path(scratch), asked.workstreams, asked.runs))
    print(text)
    if asked.write:
        write(asked.write, text, "resume")


if __name__ == "__main__":
    main()
