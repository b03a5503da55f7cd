"""A tool that had ended when its run was killed is not started again: what it left is found, looked at and saved."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from global_core_state.rebuild import compare
from global_core_state.store import Store

if TYPE_CHECKING:
    from tests.conftest import Desk

RUN = "EXEC-2026-01-01-001"
FOLDERS = {"edit:1": "1", "fixer:1": "fix-1", "repair:2": "2"}
"""The steps of the workstream, and the folder of each try."""

TOOL = """
import sys
from pathlib import Path
name, n = sys.argv[1:]
desk = next(place.parent for place in Path.cwd().parents if place.name == "cache")
with open(desk / "ledger", "a") as ledger:
    ledger.write(f"{name} {n}\\n")
Path(name + ".py").write_text("import os\\n\\nVALUE = 1\\n" if n == "1" else "VALUE = 2\\n")
print("x" * 30000 + f"the last word of {n}", end="")
"""
"""Writes down that it was paid. Its first answer has a fault that a fixer mends, and one that it has to mend itself."""

DEATH = """
import os, signal, threading
moment, _, step = os.environ["DIE"].partition(" ")
folder = f"ws-one/{os.environ['FOLDER']}"
def die():
    os.killpg(0, signal.SIGKILL)
if moment == "ended":
    from global_aim import attempt
    from global_util.process import run
    here = threading.local()
    run_process, read = attempt.run_process, run._Watch._read
    def running(*argv, **more):
        here.it = str(more["stdout_file"].parent).endswith(folder)
        return run_process(*argv, **more)
    def reading(self, fd, sink):
        going_on = read(self, fd, sink)
        if getattr(here, "it", False) and b"exited" in self.report:
            die()
        return going_on
    attempt.run_process, run._Watch._read = running, reading
elif moment in ("saving", "saved"):
    from global_aim import attempt, tries
    place, name = {"saving": (attempt, "_save"), "saved": (tries, "finish")}[moment]
    real = getattr(place, name)
    def acting(*words):
        known = [word for word in words if hasattr(word, "purpose") or hasattr(word, "joinpath")]
        if any(str(word).endswith(folder) or getattr(word, "name", "") == os.environ["FOLDER"] for word in known):
            if moment == "saved":
                real(*words)
            die()
        return real(*words)
    setattr(place, name, acting)
else:
    from global_core_state import store
    project = store.project
    def telling(db, event):
        if event.type == "step_ended":
            which = (event.execution_id, event.about["attempt"], step)
            if db.execute("select 1 from step_attempts where (execution_id, attempt, step) = (?, ?, ?)", which).fetchone():
                die()
        project(db, event)
    store.project = telling
"""
"""A process that ends, with all of its group, when a tool's end was just reported, or somewhere on the way to its confirmation."""


@pytest.fixture(scope="module")
def planned(lay: Callable[[], Desk]) -> Desk:
    """One workstream that takes an edit, a fixer and a repair, and a plan of another run."""
    desk = lay()
    for name in ("ws-one", "ws-other"):
        (desk.repo / f"{name}.py").write_text("VALUE = 0\n", "utf-8")
    desk.tool(TOOL, "{workstream_id}", "{attempt}")
    program = [sys.executable, "-c", "exec(open('ws-one.py').read()); assert VALUE == 2"]
    desk.bundle("ws-one", files_scope=["ws-one.py"], tasks=["Do one"], acceptance_tests=[{"run": program}])
    other = desk.folder / "other"
    other.mkdir()
    (other / "ws-other.json").write_text(json.dumps({"id": "ws-other", "files_scope": ["ws-other.py"], "tasks": ["x"]}))
    desk.mortal(DEATH)
    return desk


def words(plan: Path) -> tuple[str, ...]:
    """How a run begins."""
    return ("pipeline", "run", str(plan), "--tool", "mine", "--set", 'checks.enabled=["ruff", "acceptance"]')


@pytest.fixture(scope="module")
def calm(planned: Desk) -> Desk:
    """What a run leaves that nobody disturbs."""
    desk = planned.copy("calm")
    done = desk.run(*words(desk.plan))
    assert done.returncode == 0, done.stderr
    assert ledger(desk) == ["ws-one 1", "ws-one 2"]
    return desk


def killed(planned: Desk, name: str, moment: str = "ended", step: str = "edit:1") -> Desk:
    """A desk whose run was killed there."""
    desk = planned.copy(name)
    env = {"PYTHONPATH": str(desk.folder / "site"), "DIE": f"{moment} {step}", "FOLDER": FOLDERS[step]}
    died = subprocess.run(
        words(desk.plan),
        cwd=desk.repo,
        env={**desk.env, **env},
        capture_output=True,
        start_new_session=True,
        check=False,
    )
    assert died.returncode == -signal.SIGKILL, died.stderr
    return desk


def ledger(desk: Desk) -> list[str]:
    """The calls that were paid."""
    place = desk.folder / "ledger"
    return place.read_text("utf-8").splitlines() if place.exists() else []


def told(desk: Desk, kind: str) -> list[dict[str, Any]]:
    """What the events of a type say, in order."""
    store = Store(desk.repo / ".git/phaseline/state.db")
    try:
        return [json.loads(row["payload"]) for row in store.events(RUN) if row["type"] == kind]
    finally:
        store.close()


def steps(desk: Desk) -> list[tuple[str, str]]:
    """Every step with its outcome, in order."""
    store = Store(desk.repo / ".git/phaseline/state.db")
    try:
        assert compare(store) == []
        return [(row["step"], json.loads(row["result"])["outcome"]) for row in store.table("step_attempts")]
    finally:
        store.close()


def outputs(desk: Desk) -> dict[str, bytes]:
    """What the tools printed."""
    folder = desk.repo / f".git/phaseline/runs/{RUN}/ws/ws-one"
    return {str(place.relative_to(folder)): place.read_bytes() for place in sorted(folder.glob("*/std*.log"))}


def looks(desk: Desk) -> dict[str, Any]:
    """What must be as if nobody had been killed."""
    refs = [line for line in desk.git("for-each-ref").splitlines() if "/audit/" not in line and "/orphans/" not in line]
    ids = {schema: artifact["artifact_id"] for schema, artifact in desk.artifacts(RUN).items()}
    return {"refs": refs, "ids": ids, "outputs": outputs(desk), "left": desk.looks()["left"]}


def resume(desk: Desk) -> None:
    done = desk.run("pipeline", "run", "--resume", RUN)
    assert done.returncode == 0, done.stderr
    fits = desk.run("pipeline", "verify", RUN)
    assert fits.returncode == 0, fits.stdout


MOMENTS = [
    ("ended", "edit:1"),
    ("ended", "fixer:1"),
    ("ended", "repair:2"),
    ("saving", "repair:2"),
    ("saved", "edit:1"),
    ("told", "edit:1"),
    ("told", "fixer:1"),
    ("told", "repair:2"),
]


@pytest.mark.parametrize(("moment", "step"), MOMENTS, ids=str)
def test_a_call_that_had_ended_is_found(planned: Desk, calm: Desk, moment: str, step: str) -> None:
    desk = killed(planned, f"{moment}-{FOLDERS[step]}", moment, step)
    resume(desk)
    assert ledger(desk) == ledger(calm)
    assert looks(desk) == looks(calm)
    assert steps(desk) == steps(calm)
    found = told(desk, "attempt_found")
    assert [f"{one['purpose']}:{one['n']}" for one in found] == [step]
    assert [one["happened"] for one in told(desk, "asked") if one["kind"] == "attempt"] == [True]
    assert told(desk, "attempt_paid_again") == []
    started = Counter((one["purpose"], one["n"]) for one in told(desk, "tool_started"))
    assert started == Counter((one["purpose"], one["n"]) for one in told(calm, "tool_started"))
    assert desk.git("for-each-ref", "refs/pipeline/keep/orphans") == ""


def test_others_keep_away_from_what_was_paid_for(planned: Desk, calm: Desk) -> None:
    desk = killed(planned, "kept-away")
    cleaned = json.loads(desk.run("pipeline", "worktree", "cleanup", "--json").stdout)
    assert [(row["name"], row["action"]) for row in cleaned["slots"]] == [("slot-1", "left")]
    assert f"pipeline run --resume {RUN}" in cleaned["slots"][0]["why"]
    other = desk.run(*words(desk.folder / "other"), "--target", "elsewhere")
    assert b"1 landed" in other.stdout, other.stderr
    paid = ledger(desk)
    resume(desk)
    assert Counter(ledger(desk)) - Counter(paid) == Counter(["ws-one 2"])
    assert looks(desk)["ids"] == looks(calm)["ids"]
    assert desk.looks()["left"] == []


def test_what_somebody_removed_is_paid_again_and_told(planned: Desk, calm: Desk) -> None:
    desk = killed(planned, "removed")
    cleaned = json.loads(desk.run("pipeline", "worktree", "cleanup", "--force", "--json").stdout)
    (removed,) = cleaned["slots"]
    assert desk.git("show", f"{removed['kept']}:ws-one.py") == "import os\n\nVALUE = 1"
    resume(desk)
    assert ledger(desk) == ["ws-one 1", *ledger(calm)]
    assert looks(desk) == looks(calm)
    (again,) = told(desk, "attempt_paid_again")
    assert (again["n"], again["purpose"], again["why"]) == (
        1,
        "edit",
        "its worktree was used again, is held, or was removed",
    )
    assert told(desk, "attempt_found") == []


def test_a_run_that_was_given_up_holds_nothing_back(planned: Desk) -> None:
    desk = killed(planned, "given-up")
    assert desk.run("pipeline", "abandon-run", RUN).returncode == 0
    cleaned = json.loads(desk.run("pipeline", "worktree", "cleanup", "--json").stdout)
    assert [row["action"] for row in cleaned["slots"]] == ["removed"]
    assert desk.looks()["left"] == []
