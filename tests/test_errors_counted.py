"""An error is counted with the answer that tells of it: a kill between both counts none twice and loses none."""

from __future__ import annotations

import json
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from contextlib import closing
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.conftest import Desk

TOOL = """
import sys
from pathlib import Path
if sys.argv[1] == "ws-fails":
    sys.exit(3)
Path("found.py").write_text("import os\\n")
"""
BOUNDARIES = (
    "error edit",
    "error ruff",
    "error acceptance",
    "step_ended ws-fails",
    "confirmed F401",
    "phase_completed ph2",
)
"""Before a failed call is counted, before findings are, before the answers that tell of them, and after all of it."""


@pytest.fixture(scope="module")
def planned(lay: Callable[[], Desk]) -> Desk:
    """A workstream whose call fails, and one with findings that no AI tool repairs."""
    desk = lay()
    desk.tool(TOOL, "{workstream_id}")
    desk.bundle("ws-fails", tasks=["Fail"])
    test = {"run": [sys.executable, "-c", "raise SystemExit(1)"]}
    desk.bundle("ws-finds", files_scope=["found.py"], tasks=["Find"], acceptance_tests=[test])
    desk.mortal()
    return desk


def words(desk: Desk) -> tuple[str, ...]:
    """One workstream after the other, and no repairs."""
    more = ("checks.enabled=['ruff', 'acceptance']", "circuit_breaker.max_attempts=0")
    return ("pipeline", "run", str(desk.plan), "--tool", "mine", "--jobs", "1", *(f"--set={one}" for one in more))


def counted(desk: Desk) -> list[tuple[str, str, str, int]]:
    """The errors of the run."""
    place = desk.repo / ".git/phaseline/state.db"
    with closing(sqlite3.connect(f"file:{place}?mode=ro", uri=True)) as state:
        return state.execute("select ws_id, step, error_code, count from errors order by 1, 2, 3").fetchall()


@pytest.fixture(scope="module")
def calm(planned: Desk) -> list[tuple[str, str, str, int]]:
    """What a run counts that nobody disturbs."""
    desk = planned.copy("calm")
    assert desk.run(*words(desk)).returncode == 1
    found = counted(desk)
    assert {step for _, step, _, _ in found} >= {"edit", "ruff"}
    assert {ws for ws, _, _, _ in found} == {"ws-fails", "ws-finds"}
    return found


@pytest.mark.parametrize("boundary", BOUNDARIES)
def test_killed_around_the_count_each_error_counts_once(
    planned: Desk, calm: list[tuple[str, str, str, int]], boundary: str
) -> None:
    desk = planned.copy(f"killed-{boundary.replace(' ', '-')}")
    env = {**desk.env, "PYTHONPATH": str(desk.folder / "site"), "DIE_BEFORE": boundary}
    died = subprocess.run(words(desk), cwd=desk.repo, env=env, capture_output=True, check=False, start_new_session=True)
    assert died.returncode == -signal.SIGKILL, died.stderr
    resumed = desk.run("pipeline", "run", "--resume")
    assert resumed.returncode == 1, resumed.stderr
    assert counted(desk) == calm
    shown = desk.run("pipeline", "show-errors", "EXEC-2026-01-01-001", "--json")
    assert sum(row["count"] for row in json.loads(shown.stdout)["errors"]) == sum(row[-1] for row in calm)
