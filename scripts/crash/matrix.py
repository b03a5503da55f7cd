"""The matrix: an undisturbed run that is recorded, then one run for every point, killed there, resumed and compared."""

from __future__ import annotations

import json
import os
import random
import shutil
import signal
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from pathlib import Path

from scripts.crash import invariants
from scripts.crash.stage import Desk, end

RUN, NEXT_RUN = "EXEC-2026-01-01-001", "EXEC-2026-01-01-002"
RESUMES = 3
OCCURRENCES = 3
"""Of what happens again and again, the first, one in the middle and the last are taken."""
_VOLATILE = ("scratch", "object")
"""Nothing refers to these after a kill: the first occurrence is taken."""
_PROGRAMS = ("process", "ref", "commit", "worktree", "object")
"""Kinds of effects that a program has which is started for them."""
_WRITER = "global_util.git.objects"
"""Here a program does it that was started long before and stays."""
_NOTHING_YET = ("error E432", "error E464", "error E465")
"""What ``--resume`` says when the run had no id yet, or was killed while its plan was read."""


@dataclass(frozen=True)
class Point:
    """A moment to die at: before an effect, while its program runs, or right after it. ``whom``: self or group."""

    name: str
    kind: str
    door: str
    moment: str = "before"
    whom: str = "self"


@dataclass(frozen=True)
class Result:
    """What became of a run that was killed at a point."""

    point: Point
    seconds: float
    resumes: int
    paid_again: int
    faults: tuple[str, ...]


@dataclass
class Calm:
    """An undisturbed run: the desk to begin with, what was recorded, how long it took, and what a run leaves, by its id."""

    base: Desk
    recorded: tuple[dict[str, str], ...]
    seconds: float
    left: dict[str, invariants.Left]
    lock: threading.Lock = field(default_factory=threading.Lock)

    def of(self, execution: str) -> invariants.Left:
        """What the run of this id leaves undisturbed. A second number is only needed where the first was lost by a kill."""
        with self.lock:
            if execution not in self.left:
                desk = self.base.copy(self.base.folder.with_name("second"))
                desk.git("update-ref", f"refs/pipeline/runs/{RUN}/run", "HEAD")
                _require_outcome(desk, *end(desk.begin()))
                self.left[execution] = invariants.look(desk, execution)
            return self.left[execution]


def observe(folder: Path, jobs: int = 1) -> Calm:
    """Run undisturbed, and record what happens where there is one job: with several, the order differs each time."""
    base = Desk.lay(folder / "base")
    desk, record = base.copy(folder / "first"), folder / "record.jsonl"
    began = time.monotonic()
    _require_outcome(desk, *end(desk.begin(jobs, {"record": str(record)} if jobs == 1 else None)))
    seconds = time.monotonic() - began
    rows = record.read_text("utf-8").splitlines() if jobs == 1 else ()
    return Calm(base, tuple(json.loads(row) for row in rows), seconds, {RUN: invariants.look(desk, RUN)})


def _require_outcome(desk: Desk, code: int, said: str) -> None:
    wrong = [] if code == 1 else [f"exit code {code}: {said}"]
    wrong += list(invariants.left_behind(desk))
    if wrong:
        raise RuntimeError("the undisturbed run is not as it should be: " + "; ".join(wrong))


def points(recorded: Iterable[dict[str, str]], every: bool = False) -> list[Point]:
    """The points of a record. ``every``: all occurrences, else those that ``OCCURRENCES`` and ``_VOLATILE`` leave."""
    by_label: dict[str, list[Point]] = {}
    for row in recorded:
        point = Point(row["point"], row["kind"], row["door"])
        by_label.setdefault(row["point"].rpartition("#")[0], []).append(point)
    return [made for found in by_label.values() for one in _taken(found, every) for made in _moments(one)]


def _taken(found: Sequence[Point], every: bool) -> Sequence[Point]:
    if every or len(found) == 1:
        return found
    if found[0].kind in _VOLATILE:
        return found[:1]
    return found if len(found) <= OCCURRENCES else [found[0], found[len(found) // 2], found[-1]]


def _moments(point: Point) -> Iterator[Point]:
    yield point
    if point.door == _WRITER:
        return
    if point.kind in _PROGRAMS:
        yield Point(point.name, point.kind, point.door, "during", "self")
        yield Point(point.name, point.kind, point.door, "during", "group")
    if point.kind in _PROGRAMS or point.kind == "transaction":
        yield Point(point.name, point.kind, point.door, "after")


def chosen(found: Sequence[Point], glob: str, moments: Sequence[str], sample: int = 0, seed: int = 1) -> list[Point]:
    """Points whose names match, at some moments; ``sample`` of them (0: all) by a seed."""
    fitting = [point for point in found if fnmatchcase(point.name, glob) and point.moment in moments]
    if not 0 < sample < len(fitting):
        return fitting
    return random.Random(seed).sample(fitting, sample)


def one_of_each(found: Sequence[Point], seed: int) -> dict[str, Point]:
    """A point of each kind, chosen by a seed."""
    kinds = sorted({point.kind for point in found})
    chance = random.Random(seed)
    return {kind: chance.choice([point for point in found if point.kind == kind]) for kind in kinds}


def disturb(calm: Calm, folder: Path, point: Point) -> Result:
    """Begin, die at the point, go on, compare. The desk stays where something is wrong."""
    desk = calm.base.copy(folder)
    order = {"point": point.name, "moment": point.moment, "whom": point.whom}
    code, said = end(desk.begin(1, order))
    if code != -signal.SIGKILL:
        return Result(point, 0.0, 0, 0, (f"the point was not reached: exit code {code}: {said[-300:]}",))
    return _go_on(calm, desk, point)


def disturb_at(calm: Calm, folder: Path, after_s: float, jobs: int) -> Result:
    """The same without cooperation: SIGKILL for the whole group after some seconds."""
    desk = calm.base.copy(folder)
    point = Point(f"after {after_s:.3f} s", "time", "", "any", "group")
    run = desk.begin(jobs)
    with suppress(TimeoutError):
        _wait(run.poll, after_s)
    with suppress(ProcessLookupError):
        os.killpg(run.pid, signal.SIGKILL)
    code, _ = end(run)
    if code != -signal.SIGKILL:
        point = Point(point.name, "ended before", "", "any", "group")
    return _go_on(calm, desk, point)


def _wait(ended: Callable[[], object], seconds: float) -> None:
    limit = time.monotonic() + seconds
    while ended() is None:
        if time.monotonic() > limit:
            raise TimeoutError
        time.sleep(0.002)


def _go_on(calm: Calm, desk: Desk, point: Point) -> Result:
    before = invariants.known(desk)
    began = time.monotonic()
    code, said, tries = 1, "", 0
    if point.kind != "ended before":
        code, said, tries = _resumed(desk)
    seconds = time.monotonic() - began
    if code not in (0, 1):
        return Result(point, seconds, tries, 0, (f"did not go on: exit code {code}: {said[-2000:]}",))
    execution = NEXT_RUN if (desk.repo / f".git/phaseline/runs/{NEXT_RUN}").exists() else RUN
    wrong = tuple(invariants.faults(desk, execution, calm.of(execution), before))
    unsound = invariants.sound(desk)
    wrong += (f"git fsck: {unsound}",) if unsound else ()
    result = Result(point, seconds, tries, invariants.paid_again(desk), wrong)
    if not wrong:
        shutil.rmtree(desk.folder)
    return result


def _resumed(desk: Desk) -> tuple[int, str, int]:
    """Go on until it ends, or begin anew where there is nothing to go on with. Exit code, last words, how many tries."""
    for tries in range(1, RESUMES + 1):
        code, said = end(desk.resume())
        if any(line.startswith(_NOTHING_YET) for line in said.splitlines()):
            code, said = end(desk.resume(RUN) if invariants.has_ended(desk, RUN) else desk.begin())
        if code in (0, 1):
            return code, said, tries
    return code, said, RESUMES


def run_all(calm: Calm, folder: Path, taken: Sequence[Point], jobs: int) -> Iterator[Result]:
    """Disturb at every point, ``jobs`` at a time, in the order given."""
    places = [folder / f"point-{number}" for number in range(len(taken))]
    with ThreadPoolExecutor(jobs) as pool:
        yield from pool.map(lambda point, place: disturb(calm, place, point), taken, places)


def run_random(calm: Calm, folder: Path, count: int, seed: int, jobs: int) -> Iterator[Result]:
    """Kill ``count`` runs of two jobs at moments by chance; those that had ended before do not count, and are looked at, too."""
    chance = random.Random(seed)
    killed = number = 0
    while killed < count and number < 3 * count:
        moments = [chance.uniform(0.1, calm.seconds) for _ in range(min(jobs, count - killed))]
        places = [folder / f"random-{number + one}" for one in range(len(moments))]
        with ThreadPoolExecutor(jobs) as pool:
            for result in pool.map(lambda moment, place: disturb_at(calm, place, moment, 2), moments, places):
                killed += result.point.kind == "time"
                yield result
        number += len(moments)
