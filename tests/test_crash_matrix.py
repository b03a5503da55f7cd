"""A run that is killed at a recorded boundary goes on as if nothing had been; and nothing durable happens but at the doors."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from scripts.crash import doors, matrix, report, source
from scripts.crash.stage import OUTCOMES
from scripts.crash.witness import VARIABLE

ROOT = Path(__file__).resolve().parent.parent
KINDS = ("commit", "file", "object", "process", "ref", "scratch", "transaction", "worktree")
SEED = 4
"""Which point of each kind is taken; the whole matrix is run by ``hatch run crash-matrix``."""


@pytest.fixture(scope="module")
def calm(tmp_path_factory: pytest.TempPathFactory) -> matrix.Calm:
    """The undisturbed run."""
    return matrix.observe(tmp_path_factory.mktemp("calm"))


@pytest.mark.parametrize("kind", KINDS)
def test_killed_at_a_boundary(calm: matrix.Calm, tmp_path: Path, kind: str) -> None:
    point = matrix.one_of_each(matrix.points(calm.recorded), SEED)[kind]
    result = matrix.disturb(calm, tmp_path / "desk", point)
    assert result.faults == (), point
    assert result.paid_again <= 1, point


FOUND = {
    "after the last word of the run": "git update-ref refs/pipeline/audit/RUN#*",
    "between a repair and the verdict": "workstream_moved ws-repaired done#1",
    "between writing a file and moving it into place": "rename */recording/ws-broken/1.patch#1",
    "while a check is at work": "grep five failing.txt#1",
}
"""Points at which the whole matrix once found something wrong: the last that matches."""


@pytest.mark.parametrize("when", FOUND)
def test_killed_where_something_was_wrong_once(calm: matrix.Calm, tmp_path: Path, when: str) -> None:
    point = matrix.chosen(matrix.points(calm.recorded, every=True), FOUND[when], ("before",))[-1]
    assert matrix.disturb(calm, tmp_path / "desk", point).faults == (), point


def test_the_undisturbed_run_has_every_outcome_and_enough_boundaries(calm: matrix.Calm) -> None:
    states = {name: state for name, state in calm.of(matrix.RUN).states.items() if name}
    assert states == {name: "done" if outcome == "nothing" else outcome for name, outcome in OUTCOMES.items()}
    assert {row["kind"] for row in calm.recorded} == set(KINDS)
    assert len({row["point"] for row in calm.recorded}) == len(calm.recorded) >= 150


def test_no_effect_of_a_run_goes_past_the_doors(calm: matrix.Calm) -> None:
    assert [row for row in calm.recorded if row["fault"]] == []


def test_no_code_goes_past_the_doors() -> None:
    assert source.past_the_doors(ROOT) == [], "let a door do it, or declare one in scripts/crash/doors.py and say why"


def test_every_door_is_one(calm: matrix.Calm) -> None:
    used = {one.module for folder in ROOT.glob("*/src") for one in source.effects(folder)}
    assert set(doors.DOORS) == used | {row["door"] for row in calm.recorded}


def test_the_document_shows_the_doors() -> None:
    text = (ROOT / "docs/CRASH_MATRIX.md").read_text("utf-8")
    assert report.doors() in text, "mend with: hatch run crash-matrix --sample 1 --write docs/CRASH_MATRIX.md"


PAST = {
    "open('x', 'w')": "file",
    "Path('x').write_text('')": "file",
    "Path('x').replace('y')": "file",
    "rename('x', 'y')": "file",
    "os.open('x', FLAGS)": "file",
    "shutil.rmtree('x')": "file",
    "subprocess.run(['true'])": "process",
    "run(['true'])": "process",
    "sqlite3.connect('x')": "transaction",
    "TemporaryDirectory()": "scratch",
}
HEAD = """
import os, shutil, sqlite3, subprocess
from os import rename
from pathlib import Path
from subprocess import run
from tempfile import TemporaryDirectory
FLAGS = os.O_RDWR | os.O_CREAT
"""
HARMLESS = (
    "open('x')",
    "'x'.replace('x', 'y')",
    "os.open('x', os.O_RDONLY)",
    "sqlite3.connect(':memory:')",
    "os.open(os.devnull, os.O_WRONLY)",
)


def test_code_past_the_doors_is_seen(tmp_path: Path) -> None:
    place = tmp_path / "ROOM/src/global_ui/fresh.py"
    place.parent.mkdir(parents=True)
    place.write_text(HEAD + "\n".join((*PAST, *HARMLESS)), "utf-8")
    found = list(source.effects(tmp_path / "ROOM/src"))
    assert sorted(one.kind for one in found) == sorted(PAST.values())
    assert len(source.past_the_doors(tmp_path)) == len(PAST)


ACTS = """
import os, sqlite3, subprocess
from pathlib import Path
Path("made").write_text("")
os.replace("made", "moved")
subprocess.run(["true"])
db = sqlite3.connect("state", isolation_level=None)
db.execute("create table t (x)")
"""


def test_an_effect_past_the_doors_is_seen(tmp_path: Path) -> None:
    record, room = tmp_path / "record", tmp_path / "rooms/global_ui"
    room.mkdir(parents=True)
    (room / "__init__.py").touch()
    (room / "fresh.py").write_text(ACTS, "utf-8")
    (tmp_path / "work").mkdir()
    site = (str(ROOT / "scripts/crash/site"), str(ROOT), str(room.parent))
    order = json.dumps({"home": str(tmp_path / "work"), "record": str(record)})
    env = {**os.environ, "PYTHONPATH": os.pathsep.join(site), VARIABLE: order, "PYTHONDONTWRITEBYTECODE": "1"}
    subprocess.run([sys.executable, "-c", "import global_ui.fresh"], cwd=tmp_path / "work", env=env, check=True)
    rows = [json.loads(row) for row in record.read_text("utf-8").splitlines()]
    assert [(row["kind"], row["point"]) for row in rows] == [
        ("file", "create /made#1"),
        ("file", "rename /moved#1"),
        ("process", "true#1"),
        ("transaction", "statement#1"),
    ]
    assert {row["fault"] for row in rows} == {"global_ui.fresh is no door"}
