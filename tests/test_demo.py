"""The demo shows every outcome, always with the same commits, and tells what the artifacts say."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from global_ui.demo_command import SCRIPT

PIPELINE = str(Path(sys.executable).parent / "pipeline")
Demo = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def demo(tmp_path: Path) -> Demo:
    """Starts ``pipeline demo``, far from everybody's home."""
    env = {key: value for key, value in os.environ.items() if not key.startswith(("GIT_", "XDG_", "SOURCE_DATE_"))}
    (tmp_path / "home").mkdir()
    env = {**env, "HOME": str(tmp_path / "home"), "COLUMNS": "160"}

    def start(*words: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run([PIPELINE, "demo", *words], env=env, capture_output=True, text=True, check=False)

    return start


def git(folder: Path, *words: str) -> list[str]:
    """Git's answer in the demo's repository."""
    words = ("git", "-C", str(folder / "repository"), *words)
    return subprocess.run(words, capture_output=True, text=True, check=True).stdout.splitlines()


def assert_every_outcome(told: str) -> None:
    """The rows of ``--json`` hold what the script promises."""
    rows = {row["workstream"][-1]: row for row in json.loads(told)["rows"]}
    assert {name: row["outcome"] for name, row in rows.items()} == SCRIPT
    assert [rows[name]["repairs"] for name in "123"] == [[], ["ruff fixer: clean"], ["replay: clean"]]
    assert "outside its scope" in rows["5"]["why"]
    assert "findings stay open" in rows["6"]["why"]
    assert "ws-add-discounts-06" in rows["7"]["why"]
    assert all(row["commit"] for row in rows.values() if row["outcome"] == "landed")


def assert_two_on_one_file_are_ordered(folder: Path) -> None:
    """The plan added an edge between the two that change the same file."""
    place = folder / "repository/.git/phaseline/runs/EXEC-2026-01-01-001/artifacts/phase_plan.v1.json"
    overlaps = json.loads(place.read_text("utf-8"))["scope_overlaps"]
    added = [entry for entry in overlaps if entry["resolution"] == "edge_added"]
    assert [(entry["first"][-1], entry["second"][-1]) for entry in added] == [("3", "4")]


def test_the_demo_shows_every_outcome_and_twice_the_same_commits(demo: Demo, tmp_path: Path) -> None:
    one, two = tmp_path / "one", tmp_path / "two"
    first = demo("--keep", str(one), "--json")
    assert first.returncode == 0, first.stderr
    assert_every_outcome(first.stdout)
    assert_two_on_one_file_are_ordered(one)
    assert git(one, "status", "--porcelain") == []
    assert not list((one / "worktrees").rglob("slot-*"))
    again = demo("--keep", str(two), "--jobs", "1")
    assert again.returncode == 0, again.stderr
    assert git(one, "log", "--format=%H") == git(two, "log", "--format=%H")
    for name, outcome in SCRIPT.items():
        assert any(f"ws-add-discounts-0{name}" in line and outcome in line for line in again.stdout.splitlines())


CORRUPTED = """
import sys
from global_ui import demo_stage
build = demo_stage.build
def corrupted(folder):
    repository = build(folder)
    (folder / "recordings/ws-add-discounts-01/1.patch").write_bytes(b"no patch at all\\n")
    for name in ("03", "06"):
        (folder / f"recordings/ws-add-discounts-{name}/1.json").write_text('{"exit_code": 9}')
    return repository
demo_stage.build = corrupted
sys.argv = ["pipeline", "demo", "--keep", sys.argv[1], "--json"]
from global_ui.cli import main
main()
"""


def test_a_corrupted_recording_changes_the_outcome(tmp_path: Path) -> None:
    env = {**os.environ, "HOME": str(tmp_path), "SOURCE_DATE_EPOCH": "1767225600"}
    words = [sys.executable, "-c", CORRUPTED, str(tmp_path / "demo")]
    done = subprocess.run(words, env=env, capture_output=True, text=True, check=False)
    assert done.returncode == 1, done.stderr
    outcomes = {row["workstream"][-1]: row["outcome"] for row in json.loads(done.stdout)["rows"]}
    assert outcomes == {
        "1": "failed", "2": "blocked", "3": "failed", "4": "blocked", "5": "quarantined", "6": "failed", "7": "blocked"
    }  # fmt: skip


def test_a_folder_that_is_there_is_not_touched(demo: Demo, tmp_path: Path) -> None:
    there = tmp_path / "there"
    there.mkdir()
    done = demo("--keep", str(there))
    assert (done.returncode, done.stdout) == (3, "")
    assert "E346" in done.stderr
    assert list(there.iterdir()) == []
