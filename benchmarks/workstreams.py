"""What a workstream costs whose tool does nothing, next to a bare shell loop of git commands, ``make`` and ``doit``.

    python benchmarks/workstreams.py [--workstreams 1000] [--files 20 20000] [--runs 3] [--write docs/OVERHEAD.md]

Run it with the Python of an environment of installed wheels, in which nothing else runs. Workstreams lie in ten layers;
each of a layer waits for one of the layer before. The loop is the limit: per workstream a worktree on the commit that it
builds on, the tool, ``git add``, ``git commit``, a ref, the worktree removed; at the end one merge commit for each. The
others do the same by the same script: ``make`` in parallel, without a memory of its own; ``doit`` (fetched by pip into a
temporary environment, or found in PATH) in parallel, with its database. What Phaseline does beside that: scope, state,
audit chain, recordings, artifacts, a private index, a supervisor. Rounds are interleaved. Prints Markdown with medians
per workstream and ratios to the loop of the same rounds; ``--write`` puts it between the markers of a document.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from startup import write

ENVIRONMENT = {key: value for key, value in os.environ.items() if key != "PYTHONDONTWRITEBYTECODE"} | {"NO_COLOR": "1"}
BIN = Path(sys.executable).parent
LAYERS = 10
TOOL = "mkdir -p w; echo done > w/$0"
LIMIT = "shell loop"

EDIT = """#!/bin/sh
# NAME FROM: one workstream, from a worktree to a ref.
set -e
git worktree add -q --detach "../trees/$1" "$2" 2> /dev/null
cd "../trees/$1"
/bin/sh -c 'mkdir -p w; echo done > w/$0' "$1"
git add "w/$1"
git commit -q -m "$1"
git update-ref "refs/bare/$1" HEAD
cd ../../repo
git worktree remove --force "../trees/$1"
"""
MERGE = """#!/bin/sh
# NAME...: one merge commit for each.
set -e
for name in "$@"; do git merge -q --no-ff -m "$name" "refs/bare/$name"; done
"""


@dataclass(frozen=True)
class Cost:
    """Seconds of one run: by the clock, and of the processor."""

    wall: float
    processor: float


@dataclass(frozen=True)
class Layout:
    """How many workstreams, on how many files."""

    workstreams: int
    files: int

    @property
    def names(self) -> list[str]:
        """In the order of their layers."""
        return [f"ws-{number:05d}" for number in range(self.workstreams)]

    def before(self, number: int) -> str | None:
        """What a workstream waits for."""
        above = number - self.workstreams // LAYERS
        return f"ws-{above:05d}" if above >= 0 else None

    def start(self, number: int) -> str:
        """The commit that it builds on."""
        before = self.before(number)
        return f"refs/bare/{before}" if before else "main"


def git(repo: Path, *words: str) -> None:
    """Git, quietly."""
    subprocess.run(["git", *words], cwd=repo, check=True, stdout=subprocess.DEVNULL)


def lay(folder: Path, layout: Layout) -> Path:
    """A repository with one commit, the plan and the scripts beside it."""
    repo = folder / "repo"
    repo.mkdir(parents=True)
    (folder / "trees").mkdir()
    git(repo, "init", "-q", "-b", "main")
    git(repo, "config", "user.name", "Ada")
    git(repo, "config", "user.email", "ada@example.org")
    for number in range(layout.files):
        place = repo / f"src/{number // 100:03d}/{number:05d}.txt"
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(f"line {number}\n" * 10, "utf-8")
    command = json.dumps(["/bin/sh", "-c", TOOL, "{workstream_id}"])
    (repo / "pipeline.toml").write_text(
        f'[tools.noop]\ncommand = {command}\n[checks]\nenabled = []\n[policy]\nunverified = "save"\n', "utf-8"
    )
    git(repo, "add", "--all")
    git(repo, "commit", "-q", "-m", "base")
    plan = [
        {
            "id": name,
            "title": name,
            "tasks": ["nothing"],
            "files_scope": [f"w/{name}"],
            "depends_on": [before] if (before := layout.before(number)) else [],
        }
        for number, name in enumerate(layout.names)
    ]
    (folder / "plan.json").write_text(json.dumps(plan), "utf-8")
    for name, text in (("edit", EDIT), ("merge", MERGE)):
        (folder / name).write_text(text, "utf-8")
        (folder / name).chmod(0o755)
    return repo


def loop(repo: Path, layout: Layout, _jobs: int) -> list[list[str]]:
    """The limit: one after the other."""
    rows = [f"../edit {name} {layout.start(number)}\n" for number, name in enumerate(layout.names)]
    script = repo.parent / "loop"
    script.write_text(f"set -e\n{''.join(rows)}../merge {' '.join(layout.names)}\n", "utf-8")
    return [["/bin/sh", "../loop"]]


def make(repo: Path, layout: Layout, jobs: int) -> list[list[str]]:
    """The same script by a build tool."""
    rows = [f".PHONY: all {' '.join(layout.names)}\nall: {' '.join(layout.names)}\n"]
    rows += [
        f"{name}: {layout.before(number) or ''}\n\t@../edit {name} {layout.start(number)}\n"
        for number, name in enumerate(layout.names)
    ]
    (repo.parent / "Makefile").write_text("".join(rows), "utf-8")
    return [["make", f"-j{jobs}", "-f", "../Makefile"], ["../merge", *layout.names]]


def doit(repo: Path, layout: Layout, jobs: int) -> list[list[str]]:
    """The same script by a task runner with a database of what it has done."""
    rows = [
        {
            "name": name,
            "actions": [["../edit", name, layout.start(number)]],
            "task_dep": [f"ws:{before}"] if (before := layout.before(number)) else [],
        }
        for number, name in enumerate(layout.names)
    ]
    (repo.parent / "dodo.py").write_text(f"def task_ws():\n    yield from {rows!r}\n", "utf-8")
    words = ["-f", "../dodo.py", "-d", ".", "--db-file", "../doit.db", "-n", str(jobs), "-v", "0"]
    return [["doit", "run", *words], ["../merge", *layout.names]]


def phaseline(_repo: Path, _layout: Layout, jobs: int) -> list[list[str]]:
    """The whole line, with landing."""
    return [[str(BIN / "pipeline"), "run", "../plan.json", "--tool", "noop", "--jobs", str(jobs)]]


RIVALS: dict[str, Callable[[Path, Layout, int], list[list[str]]]] = {
    LIMIT: loop,
    "make": make,
    "doit": doit,
    "phaseline": phaseline,
}


def measure(rival: str, layout: Layout, jobs: int, env: dict[str, str]) -> Cost:
    """One run of one rival in a repository of its own. Raises when what came out is not what should."""
    with tempfile.TemporaryDirectory() as place:
        repo = lay(Path(place), layout)
        commands = RIVALS[rival](repo, layout, jobs)
        own = {**env, "HOME": place, "XDG_CACHE_HOME": f"{place}/cache"}
        before, began = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
        for command in commands:
            subprocess.run(command, cwd=repo, check=True, env=own, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        wall, after = time.perf_counter() - began, resource.getrusage(resource.RUSAGE_CHILDREN)
        made = subprocess.check_output(["git", "ls-tree", "main:w"], cwd=repo).count(b"\n")
        if made != layout.workstreams:
            raise RuntimeError(f"{rival}: {made} of {layout.workstreams} workstreams have landed")
        return Cost(wall, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)


def rivals_here(folder: str) -> tuple[list[str], dict[str, str]]:
    """Who can be measured, and the environment that finds them."""
    env = dict(ENVIRONMENT)
    if not shutil.which("doit"):
        subprocess.run([sys.executable, "-m", "venv", folder], check=True)
        done = subprocess.run([f"{folder}/bin/pip", "install", "-q", "doit"], check=False)
        if done.returncode == 0:
            env["PATH"] = f"{folder}/bin{os.pathsep}{env['PATH']}"
    found = [name for name in RIVALS if name in (LIMIT, "phaseline") or shutil.which(name, path=env["PATH"])]
    return found, env


def table(layout: Layout, jobs: int, taken: dict[str, list[Cost]], failed: set[str]) -> str:
    """Medians per workstream. ``failed``: rivals that ended with an error, as with two ``git worktree add`` at once."""
    rows = [
        f"{layout.workstreams:,} workstreams in {LAYERS} layers, {layout.files:,} files; {jobs} at once where a tool can.\n",
        "| | ms by the clock | times the loop | ms of processor | times the loop |",
        "|---|---:|---:|---:|---:|",
    ]
    limit = _medians(taken[LIMIT])
    for rival in RIVALS:
        if rival not in taken:
            rows.append(f"| {rival} | {'failed' if rival in failed else 'not here'} | | | |")
            continue
        wall, processor = (value * 1000 / layout.workstreams for value in _medians(taken[rival]))
        ratios = [one / of for one, of in zip(_medians(taken[rival]), limit, strict=True)]
        rows.append(f"| {rival} | {wall:.1f} | {ratios[0]:.2f} | {processor:.1f} | {ratios[1]:.2f} |")
    return "\n".join(rows) + "\n"


def _medians(costs: Sequence[Cost]) -> tuple[float, float]:
    return statistics.median(one.wall for one in costs), statistics.median(one.processor for one in costs)


def main() -> None:
    """Measure, print, and write where asked."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--workstreams", type=int, nargs="+", default=[1000])
    parser.add_argument("--files", type=int, nargs="+", default=[20, 20000])
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--write", type=Path)
    given = parser.parse_args()
    numbers = given.workstreams * len(given.files) if len(given.workstreams) == 1 else given.workstreams
    told = [
        f"Medians of {given.runs} rounds per workstream; Python {platform.python_version()}, {os.cpu_count()} cores.\n"
    ]
    with tempfile.TemporaryDirectory() as folder:
        here, env = rivals_here(folder)
        for workstreams, files in zip(numbers, given.files, strict=True):
            layout, taken, failed = Layout(workstreams, files), dict[str, list[Cost]](), set[str]()
            for _ in range(given.runs):
                for rival in list(here):
                    try:
                        cost = measure(rival, layout, given.jobs, env)
                    except subprocess.CalledProcessError as fault:
                        if rival in (LIMIT, "phaseline"):
                            raise
                        print(f"{rival}: {fault}", file=sys.stderr)
                        here.remove(rival)
                        failed.add(rival)
                        continue
                    taken.setdefault(rival, []).append(cost)
                    print(f"{rival}: {taken[rival][-1]}", file=sys.stderr)
            told.append(table(layout, given.jobs, taken, failed))
    print("\n".join(told))
    if given.write:
        write(given.write, "\n".join(told), "workstreams")


if __name__ == "__main__":
    main()
