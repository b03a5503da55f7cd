"""Limits hold over processes and restarts: what was paid stays counted, whoever asks, and work that is put off goes on later."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import closing
from typing import TYPE_CHECKING, Any

import pytest
from global_core_state.rebuild import compare
from global_core_state.store import Store

if TYPE_CHECKING:
    from pathlib import Path

    from tests.conftest import Desk

RUN = "EXEC-2026-01-01-001"
UNCHECKED = ("--set", "checks.enabled=[]", "--set", 'policy.unverified="save"')
FILES = {"ws-one": "a.txt", "ws-two": "b.txt", "ws-three": "c.txt"}

TOOL = """
import json, os, sys, time
from pathlib import Path
name = sys.argv[1]
desk = next(place.parent for place in Path.cwd().parents if place.name == "cache")
with open(desk / "ledger", "a") as ledger:
    ledger.write(name + "\\n")
which = sys.argv[2] if len(sys.argv) > 2 else "mine"
limited = desk / f"limited-{name}"
if which == "other":
    Path("a.txt").write_text("by the other\\n")
    print("{}")
    sys.exit(0)
if limited.exists():
    print(limited.read_text())
    limited.unlink()
    sys.exit(1)
while (desk / f"hold-{name}").exists():
    time.sleep(0.02)
Path({"ws-one": "a.txt", "ws-two": "b.txt", "ws-three": "c.txt"}[name]).write_text(name + "\\n")
print(json.dumps({"usage": {"input_tokens": 900, "output_tokens": 100}, "total_cost_usd": 0.25}))
"""
"""Writes down that it was called, refuses once where a file says so, and tells what it used."""


@pytest.fixture(scope="module")
def planned(lay: Callable[[], Desk]) -> Desk:
    """Two workstreams, and one that needs the first."""
    desk = lay()
    (desk.repo / "tool.py").write_text(TOOL, "utf-8")
    profile = {
        "command": [sys.executable, "-S", "{worktree}/tool.py", "{workstream_id}"],
        "usage": "json-lines",
        "rate_limit": ["try again in (?P<seconds>[0-9]+)s"],
    }
    lines = [f"{key} = {json.dumps(value)}" for key, value in profile.items()]
    (desk.repo / "pipeline.toml").write_text("\n".join(["[tools.mine]", *lines, ""]), "utf-8")
    desk.commit("a tool")
    desk.bundle("ws-one", files_scope=["a.txt"], tasks=["Do one"])
    desk.bundle("ws-two", files_scope=["b.txt"], tasks=["Do two"])
    desk.bundle("ws-three", files_create=["c.txt"], files_scope=["c.txt"], tasks=["Do three"], depends_on=["ws-one"])
    return desk


@pytest.fixture
def desk(planned: Desk, tmp_path: Path) -> Desk:
    """A copy of it."""
    other = type(planned)(tmp_path / "desk")
    shutil.copytree(planned.folder, other.folder, symlinks=True)
    return other


def run(desk: Desk, *more: str) -> subprocess.CompletedProcess[bytes]:
    """A run from its beginning, one workstream after the other."""
    words = ("pipeline", "run", str(desk.plan), "--tool", "mine", "--jobs", "1", *UNCHECKED)
    return desk.run(*words, *limits(*more))


def resume(desk: Desk, *more: str) -> subprocess.CompletedProcess[bytes]:
    """The run in another process."""
    return desk.run("pipeline", "run", "--resume", RUN, *limits(*more))


def limits(*settings: str) -> list[str]:
    """Settings as words."""
    return [word for setting in settings for word in ("--set", f"limits.{setting}")]


def calls(desk: Desk) -> list[str]:
    """Which workstreams the tool was called for."""
    ledger = desk.folder / "ledger"
    return ledger.read_text("utf-8").split() if ledger.exists() else []


def states(desk: Desk) -> dict[str, str]:
    """The workstreams' states; the tables follow from the events."""
    state = desk.repo / ".git/phaseline/state.db"
    with closing(Store(state)) as store:
        assert compare(store) == []
        return {row["ws_id"]: row["status"] for row in store.workstreams(RUN)}


def budget(desk: Desk, *more: str) -> dict[str, Any]:
    """What ``pipeline budget`` says."""
    done = desk.run("pipeline", "budget", *more, "--json")
    assert done.returncode == 0, done.stderr
    told: dict[str, Any] = json.loads(done.stdout)
    return told


def landed(desk: Desk) -> list[str]:
    """The files of the target branch that the tool wrote."""
    return [
        name for name, file in FILES.items() if (desk.repo / file).exists() and name in (desk.repo / file).read_text()
    ]


def kill_while_it_pays(desk: Desk, *more: str) -> None:
    """SIGKILL for a run and its group while the tool works on ``ws-one``."""
    hold = desk.folder / "hold-ws-one"
    hold.touch()
    words = ("pipeline", "run", str(desk.plan), "--tool", "mine", *UNCHECKED, *more)
    process = subprocess.Popen(words, cwd=desk.repo, env=desk.env, stderr=subprocess.DEVNULL, start_new_session=True)
    end = time.monotonic() + 60
    while "ws-one" not in calls(desk) and time.monotonic() < end:
        time.sleep(0.01)
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    hold.unlink()


def test_a_run_that_is_over_its_limit_parks_what_it_did_not_start_and_goes_on_when_it_is_raised(desk: Desk) -> None:
    first = run(desk, "run.attempts=1")
    assert first.returncode == 5, first.stderr
    assert b"E520" in first.stderr
    assert f"pipeline run --resume {RUN}".encode() in first.stderr
    assert len(calls(desk)) == 1
    assert sorted(states(desk).values()) == ["done", "parked", "parked"] or "parked" in states(desk).values()
    again = resume(desk)
    assert again.returncode == 5, again.stderr
    assert len(calls(desk)) == 1
    last = resume(desk, "run.attempts=3")
    assert last.returncode == 0, last.stderr
    assert sorted(calls(desk)) == ["ws-one", "ws-three", "ws-two"]
    assert landed(desk) == list(FILES)
    assert set(states(desk).values()) == {"landed"}
    assert desk.run("pipeline", "verify").returncode == 0


@pytest.mark.parametrize(
    "limit",
    [
        pytest.param("run.tokens=1500", id="tokens of the run"),
        pytest.param("run.cost_usd=0.5", id="cost of the run"),
        pytest.param("run.cost_usd=0.4", id="cost of the run, passed by the last call"),
        pytest.param("day.tokens=2000", id="tokens of the day"),
        pytest.param("day.attempts=2", id="attempts of the day"),
    ],
)
def test_what_a_tool_tells_is_counted(desk: Desk, limit: str) -> None:
    done = run(desk, limit)
    assert done.returncode == 5, done.stderr
    assert len(calls(desk)) == 2
    assert resume(desk).returncode == 5
    assert len(calls(desk)) == 2


def test_a_limit_does_not_change_what_comes_out(desk: Desk, planned: Desk, tmp_path: Path) -> None:
    calm = type(desk)(tmp_path / "calm")
    shutil.copytree(planned.folder, calm.folder, symlinks=True)
    assert run(calm).returncode == 0
    assert run(desk, "run.attempts=1").returncode == 5
    assert resume(desk, "run.attempts=2").returncode == 5
    assert resume(desk, "run.attempts=0").returncode == 0
    assert desk.git("rev-parse", "main") == calm.git("rev-parse", "main")
    ids = [{name: made["artifact_id"] for name, made in one.artifacts().items()} for one in (desk, calm)]
    assert ids[0] == ids[1]


def test_a_day_limit_counts_all_runs_and_says_until_when(desk: Desk) -> None:
    assert run(desk).returncode == 0
    done = run(desk, "day.attempts=3")
    assert done.returncode == 5, done.stderr
    assert b"T00:00:00Z" in done.stderr
    assert len(calls(desk)) == 3


def test_a_workstream_over_its_own_budget_is_set_aside_and_the_others_land(desk: Desk) -> None:
    desk.bundle("ws-one", files_scope=["a.txt"], tasks=["Do one"], budget={"attempts": 1})
    kill_while_it_pays(desk, "--jobs", "2")
    done = resume(desk)
    assert done.returncode == 1, done.stderr
    assert calls(desk).count("ws-one") == 1
    assert states(desk)["ws-one"] == "quarantined"
    assert states(desk)["ws-three"] == "blocked"
    assert states(desk)["ws-two"] == "landed"
    items = {item["workstream_id"]: item for item in desk.artifacts()["error_pipeline_result.v1"]["items"]}
    assert items["ws-one"]["breaker"]["kind"] == "budget"
    assert items["ws-one"]["breaker"]["evidence"] == ["attempts of the workstream: 1 of 1"]
    assert desk.run("pipeline", "verify").returncode == 0


def test_a_kill_at_the_limit_does_not_reset_it(desk: Desk) -> None:
    kill_while_it_pays(desk, "--jobs", "1", *limits("run.attempts=1"))
    for _ in range(2):
        done = resume(desk)
        assert done.returncode == 5, done.stderr
        assert b"attempts of the run: 1 of 1" in done.stderr
    assert calls(desk) == ["ws-one"]
    assert resume(desk, "run.attempts=4").returncode == 0
    assert calls(desk).count("ws-one") == 2


def test_a_refused_call_is_parked_until_its_service_takes_calls_again(desk: Desk) -> None:
    refusal = desk.folder / "limited-ws-one"
    refusal.write_text("Rate limit reached: try again in 4s\n", "utf-8")
    began = time.monotonic()
    done = run(desk)
    assert done.returncode == 5, done.stderr
    assert b"E521" in done.stderr
    assert calls(desk) == ["ws-one"], "the same tool is left alone by the others, too"
    assert states(desk) == {"ws-one": "parked", "ws-two": "parked", "ws-three": "pending"}
    early = resume(desk)
    if time.monotonic() - began < 3:
        assert early.returncode == 5, early.stderr
        assert calls(desk) == ["ws-one"]
    time.sleep(5)
    assert resume(desk).returncode == 0
    assert sorted(calls(desk)) == ["ws-one", "ws-one", "ws-three", "ws-two"]
    assert set(states(desk).values()) == {"landed"}
    assert desk.run("pipeline", "verify").returncode == 0


def test_a_short_refusal_is_waited_for_inside_the_run_and_changes_nothing(desk: Desk, tmp_path: Path) -> None:
    calm = desk.copy("calm")
    (desk.folder / "limited-ws-one").write_text("Rate limit reached: try again in 1s\n", "utf-8")
    assert run(desk, "wait_s=30").returncode == 0
    assert calls(desk)[:2] == ["ws-one", "ws-one"]
    assert run(calm).returncode == 0
    ids = [{name: made["artifact_id"] for name, made in one.artifacts().items()} for one in (desk, calm)]
    assert ids[0] == ids[1]
    assert desk.git("rev-parse", "main") == calm.git("rev-parse", "main")


def test_nobody_is_left_alone_longer_than_configured(desk: Desk) -> None:
    (desk.folder / "limited-ws-one").write_text("try again in 99999999s\n", "utf-8")
    assert run(desk).returncode == 5
    assert resume(desk, "longest_park_s=0").returncode == 0


def test_budget_shows_what_is_spent_and_what_may_be(desk: Desk) -> None:
    desk.bundle("ws-one", files_scope=["a.txt"], tasks=["Do one"], budget={"tokens": 5000})
    assert run(desk, "run.cost_usd=2", "day.attempts=9").returncode == 0
    told = budget(desk, RUN)
    assert told["run"]["limits"] == {"cost_usd": 2.0}
    assert told["day"]["limits"] == {"attempts": 9}
    for spent in (told["run"]["spent"], told["day"]["spent"]):
        assert (spent["attempts"], spent["tokens"], spent["cost_usd"], spent["untold_tokens"]) == (3, 3000, 0.75, 0)
        assert spent["seconds"] > 0
    one = told["workstreams"]["ws-one"]
    assert one["limits"] == {"tokens": 5000}
    assert (one["spent"]["attempts"], one["spent"]["tokens"]) == (1, 1000)
    shown = desk.run("pipeline", "budget").stdout.decode()
    assert "ws-one" in shown
    assert "1000 tokens of 5000" in shown
    usage = desk.artifacts()["execution_result.v1"]["observed"]["usage"]["ws-one"]["1"]
    assert (usage["tokens_in"], usage["tokens_out"], usage["micro_usd"]) == (900, 100, 250_000)
    recorded = json.loads((desk.repo / ".git/phaseline/runs" / RUN / "recording/ws-one/1.json").read_text("utf-8"))
    assert recorded["usage"] == {"tokens_in": 900, "tokens_out": 100, "cost_usd": 0.25}


def test_what_no_limit_can_be_is_refused_before_anything_is_spent(desk: Desk) -> None:
    for setting in ("run.attempts=-1", "day.cost_usd=-0.5", "workstream.seconds=-1", "wait_s=-1"):
        done = run(desk, setting)
        assert done.returncode == 3, done.stderr
    assert calls(desk) == []


def test_the_next_tool_that_can_takes_over_while_a_service_refuses(desk: Desk) -> None:
    profiles = [
        f'[tools.{name}]\ncapabilities = ["art"]\ncommand = {json.dumps(words)}\nrate_limit = ["try again"]\n'
        for name, words in (
            ("first", [sys.executable, "-S", "{worktree}/tool.py", "{workstream_id}"]),
            ("second", [sys.executable, "-S", "{worktree}/tool.py", "{workstream_id}", "other"]),
        )
    ]
    (desk.repo / "pipeline.toml").write_text("\n".join(profiles), "utf-8")
    desk.commit("two tools")
    for plan in desk.plan.glob("*.json"):
        plan.unlink()
    desk.bundle("ws-one", files_scope=["a.txt"], tasks=["Do one"], capability="art")
    (desk.folder / "limited-ws-one").write_text("try again later\n", "utf-8")
    done = desk.run("pipeline", "run", str(desk.plan), *UNCHECKED, *limits("fail_over=true"))
    assert done.returncode == 0, done.stderr
    assert calls(desk) == ["ws-one", "ws-one"]
    assert (desk.repo / "a.txt").read_text("utf-8") == "by the other\n"
    (item,) = desk.artifacts()["execution_result.v1"]["items"]
    assert [(call["n"], call["tool"], call["outcome"]) for call in item["calls"]] == [(1, "second", "ok")]
    assert (item["work"]["tool"], item["work"]["instead"]) == ("first", ["second"])
    assert desk.run("pipeline", "verify").returncode == 0
    again = desk.run("pipeline", "replay", RUN)
    assert again.returncode == 0, again.stderr


def test_without_leave_nobody_takes_over(desk: Desk) -> None:
    (desk.folder / "limited-ws-one").write_text("try again in 600s\n", "utf-8")
    assert run(desk, "fail_over=true").returncode == 5, "a tool was given, not a capability"
    assert calls(desk) == ["ws-one"]
