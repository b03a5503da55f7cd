"""How long ``doc-id validate`` takes on git trees of 10,000 and 100,000 files, next to others that read every file.

    python benchmarks/doc_id.py [--files 10000 100000] [--runs 5] [--write docs/DOC_ID_SPEED.md]

Run it with the Python of an environment of installed wheels. Beside it, in the same rounds: ``rg -c`` (ripgrep), the
least that Python can do (list the files by git, read 512 bytes of each, one regular expression), and ``reuse lint``,
a public tool with the same kind of job. The rivals are fetched by pip into a temporary environment, or looked up in
PATH; a row without one says "not here". Everything is warm: the first round does not count. Prints Markdown with
medians and ratios to the Python loop of the same rounds; ``--write`` puts it between the markers of a document.
"""

from __future__ import annotations

import argparse
import os
import platform
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from doc_id_tree import git, lay
from startup import write

ENVIRONMENT = {key: value for key, value in os.environ.items() if key != "PYTHONDONTWRITEBYTECODE"} | {"NO_COLOR": "1"}
DOC_ID = str(Path(sys.executable).parent / "doc-id")
FORM = r"\b[A-Z]{3}-[A-Z][A-Z0-9]M[0-9]{3}-[A-Z]{3}-[0-9]{3}\b"

LOOP = f"""
import os, re, subprocess
search, start, read, close = re.compile(rb"{FORM}").search, os.open, os.read, os.close
found = 0
for path in subprocess.run(["git", "ls-files", "-z"], capture_output=True, check=True).stdout.split(b"\\0")[:-1]:
    file = start(path, os.O_RDONLY)
    if search(read(file, 512)):
        found += 1
    close(file)
print(found)
"""
"""The least a Python program does that reads the beginning of every file: no file object, no decoding, no handling."""

PLAIN_LOOP = (
    LOOP.replace("start(path, os.O_RDONLY)", "open(path, 'rb')")
    .replace("search(read(file, 512))", "search(file.read(512))")
    .replace("close(file)", "file.close()")
)
"""The same as most people would write it."""

PATIENCE = 900.0
"""Seconds that one run of a rival may take."""

LOOP_ROW, PLAIN_ROW = "Python loop: os.open, os.read(512), one regex", "the same with open() and read(512)"
RG_ROW, REUSE_ROW = "rg --count", "reuse lint"
START_ROW = "python -c 'import click'"


@dataclass(frozen=True)
class Row:
    """A command to measure. ``argv`` is empty for a rival that is not here."""

    name: str
    argv: tuple[str, ...]
    once: bool = False
    """Too slow for rounds: measured one time."""
    accepted: tuple[int, ...] = (0,)


def rivals(scratch: Path) -> Mapping[str, str]:
    """The programs ``rg`` and ``reuse``: from PATH, or from the package index where there is one."""
    python = scratch / "rivals/bin/python"
    subprocess.run([sys.executable, "-m", "venv", str(python.parent.parent)], check=True)
    found = {}
    for name, package in (("rg", "ripgrep==14.1.0"), ("reuse", "reuse")):
        install = [str(python), "-m", "pip", "install", "--quiet", package]
        place = shutil.which(name)
        if place is None:
            subprocess.run(install, check=False, env=ENVIRONMENT, capture_output=True)
            place = shutil.which(name, path=str(python.parent))
        found[name] = place or ""
    return found


def ten(repository: Path) -> list[str]:
    """Ten files with ids, spread over the tree."""
    pages = [path for path in git(repository, "ls-files", "-z").decode().split("\0") if "/page_" in path]
    return pages[:: max(1, len(pages) // 10)][:10]


def stage(repository: Path, paths: Sequence[str]) -> None:
    """Change some files and stage them, as before a commit."""
    for path in paths:
        with (repository / path).open("a", encoding="utf-8") as file:
            file.write("One more line.\n")
    git(repository, "add", "--", *paths)


def rows(repository: Path, programs: Mapping[str, str]) -> list[Row]:
    """What is measured in a tree."""
    few = ten(repository)
    stage(repository, few)
    rg, reuse = programs["rg"], programs["reuse"]
    return [
        Row("python -c pass", (sys.executable, "-c", "pass")),
        Row(START_ROW, (sys.executable, "-c", "import click")),
        Row(LOOP_ROW, (sys.executable, "-c", LOOP)),
        Row(PLAIN_ROW, (sys.executable, "-c", PLAIN_LOOP)),
        Row("doc-id validate", (DOC_ID, "validate")),
        Row(RG_ROW, (rg, "--count", "--no-messages", "-e", FORM, ".") if rg else ()),
        Row(REUSE_ROW, (reuse, "lint", "--quiet") if reuse else (), once=True, accepted=(0, 1)),
        Row("doc-id validate, ten files", (DOC_ID, "validate", *few)),
        Row("doc-id validate --staged, ten files", (DOC_ID, "validate", "--staged", *few)),
    ]


@dataclass(frozen=True)
class Taken:
    """Seconds of one run: on the clock, and of the processors."""

    wall: float
    cpu: float


def run(row: Row, repository: Path) -> Taken:
    """One run. Ends the program when the command fails: its time would mean nothing."""
    began, used = time.perf_counter(), processors()
    try:
        done = subprocess.run(
            row.argv, cwd=repository, env=ENVIRONMENT, capture_output=True, check=False, timeout=PATIENCE
        )
    except subprocess.TimeoutExpired:
        return Taken(float("inf"), float("inf"))
    taken = Taken(time.perf_counter() - began, processors() - used)
    if done.returncode not in row.accepted:
        text = (done.stdout[-1000:] + done.stderr[-1000:]).decode(errors="replace")
        sys.exit(f"{row.name}: exit {done.returncode}\n{text}")
    return taken


def processors() -> float:
    """Processor seconds of all children that have ended."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def medians(measured: Sequence[Row], repository: Path, runs: int) -> dict[str, Taken]:
    """Medians by row; the rounds are interleaved, so that noise meets all alike, and the first does not count."""
    here = [row for row in measured if row.argv]
    taken: dict[str, list[Taken]] = {row.name: [] for row in here}
    for row in here * (runs + 1):
        if not row.once:
            taken[row.name].append(run(row, repository))
    found = {name: values[1:] for name, values in taken.items()}
    found |= {row.name: [run(row, repository)] for row in here if row.once}
    return {
        name: Taken(statistics.median(one.wall for one in values), statistics.median(one.cpu for one in values))
        for name, values in found.items()
    }


def table(count: int, measured: Sequence[Row], found: Mapping[str, Taken]) -> Iterator[str]:
    """The measurements in one tree as Markdown."""
    yield f"\n**{count:,} files**\n"
    yield "| command | seconds | processor seconds | times the Python loop | times `import click` |\n|---|---:|---:|---:|---:|"
    for row in measured:
        yield f"| `{row.name}` | {' | '.join(cells(found.get(row.name), found))} |"


def cells(taken: Taken | None, found: Mapping[str, Taken]) -> tuple[str, ...]:
    """The columns of a row."""
    loop, start = found[LOOP_ROW].wall, found[START_ROW].wall
    if taken is None:
        return "not here", "", "", ""
    if taken.wall == float("inf"):
        return f"more than {PATIENCE:.0f}", "", f"more than {PATIENCE / loop:.0f}", ""
    return f"{taken.wall:.3f}", f"{taken.cpu:.3f}", f"{taken.wall / loop:.2f}", f"{taken.wall / start:.1f}"


def main() -> None:
    """Generate, measure, print, and write when asked to."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--files", type=int, nargs="+", default=[10_000, 100_000])
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--write", type=Path, metavar="DOCUMENT")
    asked = parser.parse_args()
    lines = [f"Medians of {asked.runs} rounds; Python {platform.python_version()}, {os.cpu_count()} cores."]
    with tempfile.TemporaryDirectory(prefix="doc-id-speed-") as name:
        programs = rivals(Path(name))
        for count in asked.files:
            repository = Path(name) / str(count)
            lay(repository, count)
            measured = rows(repository, programs)
            lines += table(count, measured, medians(measured, repository, asked.runs))
            shutil.rmtree(repository)
    print("\n".join(lines))
    if asked.write:
        write(asked.write, "\n".join(lines), "doc-id-speed")


if __name__ == "__main__":
    main()
