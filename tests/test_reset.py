"""A workstream that did not land begins anew: its calls are paid again, those of others are not, and nothing is lost."""

from __future__ import annotations

import json
import sqlite3
import subprocess
import sys
from collections import Counter
from collections.abc import Callable
from contextlib import closing
from typing import TYPE_CHECKING, Any

import pytest
from global_core_state.folder import RunFolder
from global_util.git import Repository

if TYPE_CHECKING:
    from tests.conftest import Desk

RUN = "EXEC-2026-01-01-001"
UNCHECKED = ("--set", "checks.enabled=[]", "--set", 'policy.unverified="save"')

TOOL = """
import sys
from pathlib import Path
name, n = sys.argv[1:]
desk = next(place.parent for place in Path.cwd().parents if place.name == "cache")
with open(desk / "ledger", "a") as ledger:
    ledger.write(f"{name} {n}\\n")
if (desk / f"fail-{name}").exists():
    sys.exit(3)
word = desk / f"word-{name}"
said = word.read_text() if word.exists() else name
Path({"ws-one": "a.txt", "ws-two": "b.txt", "ws-three": "c.txt"}[name]).write_text(f"{said} {n}\\n")
"""
"""Writes down that it was called; fails, or says another word, where a file beside the repository wants that."""


@pytest.fixture(scope="module")
def planned(lay: Callable[[], Desk]) -> Desk:
    """Two workstreams side by side, and one that needs the first."""
    desk = lay()
    desk.tool(TOOL, "{workstream_id}", "{attempt}")
    desk.bundle("ws-one", files_scope=["a.txt"], tasks=["Do one"])
    desk.bundle("ws-two", files_scope=["b.txt"], tasks=["Do two"])
    desk.bundle("ws-three", files_create=["c.txt"], tasks=["Do three"], depends_on=["ws-one"])
    desk.mortal()
    return desk


@pytest.fixture(scope="module")
def calm(planned: Desk) -> Desk:
    """What a run leaves in which nothing began anew."""
    desk = planned.copy("calm")
    assert begin(desk).returncode == 0
    return desk


@pytest.fixture(scope="module")
def judged(planned: Desk) -> Desk:
    """A run that was killed when all was judged, and nothing had landed."""
    desk = planned.copy("judged")
    assert dying(desk, "phase_completed ph5", *words(desk)) == -9
    return desk


def words(desk: Desk, *more: str) -> tuple[str, ...]:
    return ("pipeline", "run", str(desk.plan), "--tool", "mine", "--jobs", "2", *(more or UNCHECKED))


def begin(desk: Desk, *more: str) -> subprocess.CompletedProcess[bytes]:
    return desk.run(*words(desk, *more))


def dying(desk: Desk, before: str, *command: str) -> int:
    """Run a command that is killed in the transaction of an event."""
    env = {**desk.env, "PYTHONPATH": str(desk.folder / "site"), "DIE_BEFORE": before}
    return subprocess.run(
        command, cwd=desk.repo, env=env, capture_output=True, check=False, start_new_session=True
    ).returncode


def reset(desk: Desk, *more: str) -> subprocess.CompletedProcess[bytes]:
    return desk.run("pipeline", "reset-workstream", *more)


def resume(desk: Desk) -> subprocess.CompletedProcess[bytes]:
    return desk.run("pipeline", "run", "--resume", RUN)


def paid(desk: Desk) -> Counter[str]:
    """How often the tool was called, by workstream and number of the call."""
    place = desk.folder / "ledger"
    return Counter(place.read_text("utf-8").splitlines() if place.exists() else ())


def ask(desk: Desk, sql: str) -> list[tuple[Any, ...]]:
    with closing(sqlite3.connect(f"file:{desk.repo}/.git/phaseline/state.db?mode=ro", uri=True)) as state:
        return state.execute(sql).fetchall()


def states(desk: Desk) -> dict[str, str]:
    found = dict(ask(desk, "select ws_id, status from workstreams"))
    return {**found, "": ask(desk, "select status from runs")[0][0]}


def ids(desk: Desk) -> dict[str, str]:
    return {schema: artifact["artifact_id"] for schema, artifact in desk.artifacts(RUN).items()}


def landed(desk: Desk) -> list[str]:
    return desk.git("rev-list", "main").split()


def kept(desk: Desk) -> dict[str, str]:
    rows = desk.git("for-each-ref", "--format=%(refname) %(objectname)", f"refs/pipeline/keep/{RUN}/").splitlines()
    return {ref.removeprefix(f"refs/pipeline/keep/{RUN}/"): oid for ref, _, oid in (row.partition(" ") for row in rows)}


def assert_fits(desk: Desk) -> None:
    """Chain, artifacts, files, commits and tables fit, and no change of state was refused."""
    for command in (("pipeline", "verify", RUN), ("core-state", "rebuild", "--check")):
        done = desk.run(*command)
        assert done.returncode == 0, done.stdout + done.stderr
    assert ask(desk, "select payload from events where type = 'transition_refused'") == []


def test_only_what_begins_anew_is_paid_again(judged: Desk, calm: Desk) -> None:
    desk = judged.copy("anew")
    head = desk.git("rev-parse", f"refs/pipeline/runs/{RUN}/ws-one")
    done = reset(desk, "ws-one", "--yes", "--why", "another model")
    assert done.returncode == 0, done.stderr
    assert "begins anew: ws-one, ws-three" in done.stdout.decode()
    assert f"go on with: pipeline run --resume {RUN}" in done.stdout.decode()
    assert states(desk) == {"ws-one": "pending", "ws-three": "pending", "ws-two": "done", "": "idle"}
    assert kept(desk)["ws-one/reset-1"] == head
    assert set(kept(desk)) == {"ws-one/reset-1", "ws-three/reset-1"}
    assert_fits(desk)
    went_on = resume(desk)
    assert went_on.returncode == 0, went_on.stderr
    assert paid(desk) == {"ws-one 1": 2, "ws-two 1": 1, "ws-three 1": 2}
    assert (ids(desk), landed(desk), states(desk)) == (ids(calm), landed(calm), states(calm))
    assert_fits(desk)
    folder = desk.repo / ".git/phaseline/runs" / RUN
    assert sorted(place.name for place in (folder / "ws/ws-one").iterdir()) == ["1", "again-1-1"]
    assert [place.name for place in (folder / "ws/ws-two").iterdir()] == ["1"]


def test_what_comes_out_may_be_another(judged: Desk, calm: Desk) -> None:
    desk = judged.copy("other")
    for turn in (1, 2):
        (desk.folder / "word-ws-one").write_text(f"better {turn}")
        assert reset(desk, "ws-one", "--run", RUN, "--yes").returncode == 0
        assert dying(desk, "phase_completed ph6", "pipeline", "run", "--resume", RUN) == -9
    assert resume(desk).returncode == 0
    assert (desk.repo / "a.txt").read_text() == "better 2 1\n"
    assert (desk.repo / "b.txt").read_text() == (calm.repo / "b.txt").read_text()
    assert paid(desk) == {"ws-one 1": 3, "ws-two 1": 1, "ws-three 1": 3}
    texts = {name: desk.git("show", f"{oid}:a.txt") for name, oid in kept(desk).items() if name.startswith("ws-one/")}
    assert texts == {"ws-one/reset-1": "ws-one 1", "ws-one/reset-2": "better 1 1"}
    assert_fits(desk)


def test_killed_in_the_middle_of_a_reset(judged: Desk, calm: Desk) -> None:
    desk = judged.copy("middle")
    assert dying(desk, "workstream_reset", "pipeline", "reset-workstream", "ws-one", "--yes") == -9
    assert states(desk)["ws-one"] == "done"
    assert reset(desk, "ws-one", "--yes").returncode == 0
    assert dying(desk, "confirmed attempt", "pipeline", "run", "--resume") == -9
    assert resume(desk).returncode == 0
    assert (ids(desk), landed(desk), states(desk)) == (ids(calm), landed(calm), states(calm))
    assert paid(desk)["ws-two 1"] == 1
    assert_fits(desk)


def test_killed_before_the_branch_moved(planned: Desk, calm: Desk) -> None:
    desk = planned.copy("landing")
    before = landed(desk)
    assert dying(desk, "workstream_moved landing", *words(desk)) == -9
    tip = desk.git("rev-parse", f"refs/pipeline/runs/{RUN}/landing")
    assert reset(desk, "ws-two", "--yes").returncode == 0
    assert kept(desk)["landing/1"] == tip
    assert landed(desk) == before
    assert resume(desk).returncode == 0
    assert (ids(desk), landed(desk), states(desk)) == (ids(calm), landed(calm), states(calm))
    assert desk.looks()["left"] == []
    assert_fits(desk)


def test_a_run_in_which_all_failed_goes_on(planned: Desk, calm: Desk) -> None:
    desk = planned.copy("failed")
    for name in ("ws-one", "ws-two"):
        (desk.folder / f"fail-{name}").touch()
    assert begin(desk).returncode == 1
    assert states(desk)[""] == "failed"
    for name in ("ws-one", "ws-two"):
        (desk.folder / f"fail-{name}").unlink()
        assert reset(desk, name, "--yes").returncode == 0
    assert states(desk)[""] == "idle"
    assert resume(desk).returncode == 0
    assert (ids(desk), landed(desk), states(desk)) == (ids(calm), landed(calm), states(calm))
    assert paid(desk) == {"ws-one 1": 2, "ws-two 1": 2, "ws-three 1": 1}
    assert_fits(desk)


def test_after_a_rehearsal(planned: Desk, calm: Desk) -> None:
    desk = planned.copy("rehearsal")
    assert begin(desk, *UNCHECKED, "--dry-run").returncode == 0
    assert reset(desk, "ws-two", "--yes").returncode == 0
    again = resume(desk)
    assert (again.returncode, b"would land" in again.stdout) == (0, True)
    assert paid(desk) == {"ws-one 1": 1, "ws-two 1": 2, "ws-three 1": 1}
    assert_fits(desk)


def test_a_run_of_the_pipe_says_what_is_next(planned: Desk) -> None:
    desk = planned.copy("pipe")
    line = desk.run("ph0", "run", str(desk.plan)).stdout
    for phase, *more in (("ph1", "--tool", "mine", *UNCHECKED), ("ph2",), ("ph3",)):
        line = desk.run(phase, "run", *more, stdin=line).stdout
    done = reset(desk, "ws-two", "--yes", "--json")
    assert done.returncode == 0, done.stderr
    command = json.loads(done.stdout)["next"].split()
    assert command[:3] == ["ph2", "run", "--in"]
    assert desk.run(*command).returncode == 0
    assert paid(desk) == {"ws-one 1": 1, "ws-two 1": 2, "ws-three 1": 1}
    assert_fits(desk)


def test_what_cannot_begin_anew_is_refused(judged: Desk, calm: Desk, planned: Desk) -> None:
    ended, waiting = calm.copy("ended"), judged.copy("waiting")
    untold = planned.copy("untold")
    assert dying(untold, "workstream_moved landed", *words(untold)) == -9
    cases = (
        (ended, ("ws-one", "--yes"), 5, "E511"),
        (waiting, ("ws-on", "--yes"), 3, "near are: ws-one"),
        (waiting, ("ws-one", "--run", "EXEC-2026-01-01-002", "--yes"), 3, "E465"),
        (waiting, ("ws-one", "--to", "2", "--yes"), 3, "it has: 1"),
        (waiting, ("ws-one",), 2, "add --yes"),
        (untold, ("ws-one", "--yes"), 5, "E510"),
    )
    for desk, given, code, said in cases:
        seen, events = desk.looks()["refs"], ask(desk, "select count(*) from events")
        refused = reset(desk, *given)
        assert (refused.returncode, refused.stdout) == (code, b""), (given, refused.stderr)
        assert said in refused.stderr.decode()
        assert (desk.looks()["refs"], ask(desk, "select count(*) from events")) == (seen, events)
    with RunFolder(Repository.discover(waiting.repo), RUN).locked():
        held = reset(waiting, "ws-one", "--yes")
    assert (held.returncode, b"E502" in held.stderr) == (5, True)


def test_back_to_an_earlier_try(planned: Desk) -> None:
    desk = planned.copy("tries")
    program = [sys.executable, "-c", "import sys; sys.exit('x 3' not in open('a.txt').read())"]
    (desk.folder / "word-ws-one").write_text("x")
    for name in ("ws-two", "ws-three"):
        (desk.plan / f"{name}.json").unlink()
    desk.bundle(
        "ws-one",
        files_scope=["a.txt"],
        tasks=["Do one"],
        acceptance_tests=[{"run": program}],
        circuit_breaker={"max_attempts": 5},
    )
    begun = dying(desk, "phase_completed ph5", *words(desk, "--set", 'checks.enabled=["acceptance"]'))
    assert begun == -9
    assert paid(desk) == {"ws-one 1": 1, "ws-one 2": 1, "ws-one 3": 1}
    second = desk.git("rev-parse", f"refs/pipeline/runs/{RUN}/ws-one~1")
    done = reset(desk, "ws-one", "--to", "2", "--yes")
    assert done.returncode == 0, done.stderr
    assert desk.git("rev-parse", f"refs/pipeline/runs/{RUN}/ws-one") == second
    assert states(desk) == {"ws-one": "static_check", "": "idle"}
    assert_fits(desk)
    went_on = resume(desk)
    assert went_on.returncode == 0, went_on.stderr
    assert paid(desk) == {"ws-one 1": 1, "ws-one 2": 1, "ws-one 3": 2}
    assert states(desk) == {"ws-one": "landed", "": "completed"}
    assert_fits(desk)


def rollback(desk: Desk, *more: str) -> subprocess.CompletedProcess[bytes]:
    return desk.run("pipeline", "rollback-workstream", *more)


@pytest.mark.parametrize("strategy", ["safe_merge_v1", "ff_only"])
def test_what_landed_is_taken_back_by_one_more_commit(planned: Desk, strategy: str) -> None:
    desk = planned.copy(f"back-{strategy}")
    first = landed(desk)
    assert begin(desk, *UNCHECKED, "--strategy", strategy).returncode == 0
    tip, files = landed(desk), desk.git("ls-tree", "-r", "main")
    shown = rollback(desk, "ws-two", "--dry-run")
    assert shown.returncode == 0, shown.stderr
    assert shown.stdout.decode().splitlines()[1:] == ["  M b.txt"]
    assert landed(desk) == tip
    done = rollback(desk, "ws-two", "--why", "not wanted", "--json")
    assert done.returncode == 0, done.stderr
    assert landed(desk) == [json.loads(done.stdout)["commit"], *tip]
    assert json.loads(done.stdout)["commit"] in shown.stdout.decode()
    assert ((desk.repo / "a.txt").read_text(), (desk.repo / "b.txt").read_text()) == ("ws-one 1\n", "b\n")
    assert desk.git("status", "--porcelain") == ""
    message = desk.git("log", "-1", "--format=%B")
    assert message.startswith('Revert "')
    assert "Workstream-Id: ws-two\nReverts: " in message
    assert kept(desk)["target/rollback-ws-two"] == tip[0]
    assert states(desk) == {"ws-one": "landed", "ws-three": "landed", "ws-two": "rolled_back", "": "completed"}
    assert_fits(desk)
    for name in ("ws-three", "ws-one"):
        assert rollback(desk, name).returncode == 0
    assert desk.git("diff", "--stat", first[0], "main") == ""
    assert (files != desk.git("ls-tree", "-r", "main"), len(landed(desk))) == (True, len(tip) + 3)
    assert_fits(desk)
    assert desk.looks()["left"] == []


def test_what_cannot_be_taken_back_is_refused(calm: Desk, judged: Desk) -> None:
    desk, waiting = calm.copy("refused"), judged.copy("not-landed")
    (desk.repo / "b.txt").write_text("mine\n", "utf-8")
    tip = landed(desk)
    for given, code, said in (
        (("ws-one",), 5, "ws-three landed on top of it"),
        (("ws-zero",), 3, "near are: "),
        (("ws-three",), 4, "E407"),
    ):
        refused = rollback(desk, *given)
        assert (refused.returncode, refused.stdout) == (code, b""), refused.stderr
        assert said in refused.stderr.decode()
    desk.commit("mine")
    refused = rollback(desk, "ws-two")
    assert (refused.returncode, b"E512" in refused.stderr) == (5, True)
    command = refused.stderr.decode().rpartition("by hand: ")[2].split()
    assert command[:4] == ["git", "revert", "-m", "1"]
    assert landed(desk)[1:] == tip
    assert rollback(desk, "ws-three").returncode == 0
    again = rollback(desk, "ws-three", "--run", RUN)
    assert (again.returncode, b"taken back already" in again.stderr) == (5, True)
    early = rollback(waiting, "ws-one")
    assert (early.returncode, b"nothing of it has landed" in early.stderr) == (5, True)
    assert_fits(desk)


@pytest.mark.parametrize("boundary", ["intent rollback", "confirmed rollback", "workstream_moved rolled_back"])
def test_killed_while_it_is_taken_back(calm: Desk, boundary: str) -> None:
    desk = calm.copy(f"killed-{boundary.partition(' ')[0]}")
    tip = landed(desk)
    assert dying(desk, boundary, "pipeline", "rollback-workstream", "ws-two") == -9
    assert rollback(desk, "ws-two").returncode == 0
    assert landed(desk)[1:] == tip
    assert states(desk)["ws-two"] == "rolled_back"
    assert_fits(desk)
