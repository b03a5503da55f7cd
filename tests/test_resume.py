"""A run that is killed anywhere goes on with ``pipeline run --resume`` to what an undisturbed run gives, and pays nothing twice."""

from __future__ import annotations

import json
import os
import signal
import sqlite3
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import closing, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from global_core_state.rebuild import compare
from global_core_state.store import Store

if TYPE_CHECKING:
    from tests.conftest import Desk

RUN = "EXEC-2026-01-01-001"
UNCHECKED = ("--set", "checks.enabled=[]", "--set", 'policy.unverified="save"')
MOMENTS = ("ph1", "ph2", "ph5", "ph7")

TOOL = """
import os, sys, time
from pathlib import Path
name = sys.argv[1]
desk = next(place.parent for place in Path.cwd().parents if place.name == "cache")
def note(what):
    with open(desk / "ledger", "a") as ledger:
        ledger.write(f"{what} {name} {os.getpid()}\\n")
note("began")
if name == "ws-four":
    sys.exit(3)
file = Path({"ws-one": "a.txt", "ws-two": "b.txt", "ws-three": "c.txt"}[name])
file.write_text("half\\n")
while (desk / f"hold-{name}").exists():
    time.sleep(0.02)
file.write_text(name + "\\n")
note("ended")
"""
"""Writes down when it begins and ends, waits as long as it is held, and fails for one workstream."""


@pytest.fixture(scope="module")
def planned(lay: Callable[[], Desk]) -> Desk:
    """Two workstreams side by side, one that needs both, and one that fails."""
    desk = lay()
    desk.tool(TOOL, "{workstream_id}")
    desk.bundle("ws-one", files_scope=["a.txt"], tasks=["Do one"])
    desk.bundle("ws-two", files_scope=["b.txt"], tasks=["Do two"])
    desk.bundle("ws-three", files_create=["c.txt"], tasks=["Do three"], depends_on=["ws-one", "ws-two"])
    desk.bundle("ws-four", tasks=["Do four"], files_scope=["d/"])
    desk.mortal()
    return desk


def words(desk: Desk, *more: str) -> tuple[str, ...]:
    """How the runs of these tests begin."""
    return ("pipeline", "run", str(desk.plan), "--tool", "mine", "--jobs", "2", *UNCHECKED, *more)


@pytest.fixture(scope="module")
def calm(planned: Desk) -> Desk:
    """What a run leaves that nobody disturbs."""
    desk = planned.copy("calm")
    done = desk.run(*words(desk))
    assert done.returncode == 1, done.stderr
    return desk


def start(desk: Desk, *more: str, **env: str) -> subprocess.Popen[bytes]:
    """Begin a run in a process group of its own."""
    return begin(desk, *words(desk, *more), **env)


def begin(desk: Desk, *command: str, **env: str) -> subprocess.Popen[bytes]:
    """A command in a process group of its own."""
    return subprocess.Popen(
        command,
        cwd=desk.repo,
        env={**desk.env, **env},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        start_new_session=True,
    )


@pytest.fixture
def ending() -> Iterator[list[subprocess.Popen[bytes]]]:
    """Processes that are gone after the test, whatever became of it."""
    started: list[subprocess.Popen[bytes]] = []
    yield started
    for process in started:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.communicate()


def ask(desk: Desk, sql: str, *values: str) -> list[tuple[Any, ...]]:
    """What the state says; nothing before there is one."""
    place = desk.repo / ".git/phaseline/state.db"
    try:
        with closing(sqlite3.connect(f"file:{place}?mode=ro", uri=True)) as state:
            return state.execute(sql, values).fetchall()
    except sqlite3.OperationalError:
        return []


def wait_for(true: Callable[[], object], process: subprocess.Popen[bytes]) -> None:
    """Wait for something to become true while a process lives."""
    end = time.monotonic() + 60
    while not true() and process.poll() is None and time.monotonic() < end:
        time.sleep(0.005)


def kill(process: subprocess.Popen[bytes]) -> None:
    """SIGKILL for the whole group."""
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.communicate()


def ledger(desk: Desk) -> list[list[str]]:
    """What tools wrote down."""
    place = desk.folder / "ledger"
    return [line.split() for line in place.read_text("utf-8").splitlines()] if place.exists() else []


def ids(desk: Desk) -> dict[str, str]:
    """The ids of the line's artifacts."""
    return {schema: artifact["artifact_id"] for schema, artifact in desk.artifacts(RUN).items()}


def commits(desk: Desk) -> list[str]:
    """All commits of the target branch and the refs of the run, but no orphans and no head of the chain of events."""
    refs = [line for line in desk.git("for-each-ref").splitlines() if "/audit/" not in line and "/orphans/" not in line]
    return desk.git("rev-list", "main").split() + refs


def states(desk: Desk) -> dict[str, str]:
    """The run's state and those of its workstreams."""
    found = dict(ask(desk, "select ws_id, status from workstreams where execution_id = ?", RUN))
    return {**found, "": ask(desk, "select status from runs where execution_id = ?", RUN)[0][0]}


def steps(desk: Desk) -> list[tuple[str, str, str]]:
    """Workstream, step and outcome of every attempt that was not interrupted."""
    rows = ask(desk, "select ws_id, step, result from step_attempts")
    told = [(name, step, json.loads(result)["outcome"] if result else "open") for name, step, result in rows]
    return sorted(row for row in told if row[2] != "interrupted")


def resume(desk: Desk, *more: str, cwd: Path | None = None) -> subprocess.CompletedProcess[bytes]:
    """Go on."""
    place = ("--repo", str(desk.repo)) if cwd else ()
    return desk.run("pipeline", "run", "--resume", *more, *place, cwd=cwd)


def assert_as_if_nothing_had_been(desk: Desk, calm: Desk) -> None:
    """The same artifacts, commits, states and attempts; events and tables agree; nothing is left."""
    assert ids(desk) == ids(calm)
    assert commits(desk) == commits(calm)
    assert states(desk) == states(calm)
    assert (set(steps(desk)), len(steps(desk))) == (set(steps(calm)), len(steps(calm)))
    assert desk.git("status", "--porcelain") == ""
    assert desk.looks()["left"] == []
    store = Store(desk.repo / ".git/phaseline/state.db")
    try:
        assert compare(store) == []
        assert [row for row in store.events(RUN) if row["type"] == "transition_refused"] == []
    finally:
        store.close()


def paid(desk: Desk) -> set[str]:
    """Workstreams whose call is confirmed."""
    return {
        row[0]
        for row in ask(
            desk,
            "select json_extract(payload, '$.workstream_id') from events join journal on intended = seq "
            "where journal.kind = 'attempt' and confirmed is not null",
        )
    }


def assert_goes_on(desk: Desk, calm: Desk, cwd: Path | None = None) -> None:
    """After a kill: resume, and compare. What had been paid is not paid again."""
    before, done_before = len(ledger(desk)), paid(desk)
    went_on = resume(desk, cwd=cwd)
    assert went_on.returncode == 1, went_on.stderr
    assert b"3 landed" in went_on.stdout
    again = {name for what, name, _ in ledger(desk)[before:] if what == "began"}
    assert not again & done_before
    assert_as_if_nothing_had_been(desk, calm)


@pytest.mark.parametrize("phase", MOMENTS)
def test_killed_when_a_phase_has_begun(planned: Desk, calm: Desk, tmp_path: Path, phase: str) -> None:
    desk = planned.copy(f"began-{phase}")
    running = start(desk)
    wait_for(lambda: ask(desk, "select 1 from phase_runs where phase = ?", phase), running)
    kill(running)
    assert_goes_on(desk, calm, cwd=tmp_path)


BOUNDARIES = (
    "run_moved idle",
    "phase_completed ph1",
    "workstream_moved editing",
    "confirmed attempt",
    "phase_completed ph2",
    "workstream_moved landed",
    "phase_completed ph7",
    "run_moved partial",
)


@pytest.mark.parametrize("boundary", BOUNDARIES)
def test_killed_before_an_event_was_told(planned: Desk, calm: Desk, boundary: str) -> None:
    desk = planned.copy(f"before-{boundary.replace(' ', '-')}")
    died = start(desk, PYTHONPATH=str(desk.folder / "site"), DIE_BEFORE=boundary)
    died.communicate()
    assert died.returncode == -signal.SIGKILL
    assert_goes_on(desk, calm)


def test_killed_twice(planned: Desk, calm: Desk) -> None:
    desk = planned.copy("twice")
    site = str(desk.folder / "site")
    start(desk, PYTHONPATH=site, DIE_BEFORE="confirmed attempt").communicate()
    died = begin(desk, "pipeline", "run", "--resume", PYTHONPATH=site, DIE_BEFORE="phase_completed ph4")
    died.communicate()
    assert died.returncode == -signal.SIGKILL
    assert_goes_on(desk, calm)


@pytest.mark.parametrize("boundary", ["line_began", "run_moved running"])
def test_killed_while_the_plan_is_read(planned: Desk, boundary: str) -> None:
    desk = planned.copy(f"early-{boundary.replace(' ', '-')}")
    start(desk, PYTHONPATH=str(desk.folder / "site"), DIE_BEFORE=boundary).communicate()
    refused = resume(desk)
    if boundary == "line_began":
        assert (refused.returncode, refused.stdout) == (3, b"")
        assert b"E464" in refused.stderr
        assert b"was killed while its plan was read" in refused.stderr
        assert desk.run("pipeline", "abandon-run", RUN).returncode == 0
        assert b"E465" in resume(desk).stderr
    else:
        assert refused.returncode == 1, refused.stderr


def held(desk: Desk, ending: list[subprocess.Popen[bytes]], name: str = "ws-one") -> subprocess.Popen[bytes]:
    """A run in which one tool is at work and does not end."""
    (desk.folder / f"hold-{name}").touch()
    running = start(desk)
    ending.append(running)
    wait_for(lambda: [row for row in ledger(desk) if row[:2] == ["began", name]], running)
    return running


def test_killed_in_the_middle_of_a_call(planned: Desk, calm: Desk, ending: list[subprocess.Popen[bytes]]) -> None:
    desk = planned.copy("middle")
    running = held(desk, ending)
    wait_for(lambda: {"ws-two", "ws-four"} <= paid(desk), running)
    judged = "select ws_id from workstreams where ws_id in ('ws-two', 'ws-four') and status not in ('done', 'failed')"
    wait_for(lambda: not ask(desk, judged), running)
    kill(running)
    (tool,) = (int(pid) for what, name, pid in ledger(desk) if (what, name) == ("began", "ws-one"))
    end = time.monotonic() + 20
    while Path(f"/proc/{tool}").exists() and time.monotonic() < end:
        time.sleep(0.02)
    told = json.loads(desk.run("pipeline", "show-run", RUN, "--json").stdout)
    assert told["state"] == "dead"
    assert [(one["kind"], one["workstream"]) for one in told["in_flight"]] == [("attempt", "ws-one")]
    recovered = desk.run("pipeline", "recover-run", RUN)
    assert recovered.returncode == 0, recovered.stderr
    assert f"go on with: pipeline run --resume {RUN}" in recovered.stdout.decode()
    assert states(desk)["ws-one"] == states(desk)[""] == "interrupted"
    (desk.folder / "hold-ws-one").unlink()
    assert_goes_on(desk, calm)
    kept = desk.git("for-each-ref", "--format=%(objectname)", "refs/pipeline/keep").split()
    assert "half" in [desk.git("show", f"{commit}:a.txt") for commit in kept]


def test_stopped_by_a_person(planned: Desk, calm: Desk, ending: list[subprocess.Popen[bytes]]) -> None:
    desk = planned.copy("stopped")
    running = held(desk, ending)
    running.send_signal(signal.SIGINT)
    _, said = running.communicate(timeout=60)
    assert running.returncode == 130
    assert f"go on with: pipeline run --resume {RUN}" in said.decode()
    assert states(desk)["ws-one"] == states(desk)[""] == "interrupted"
    (desk.folder / "hold-ws-one").unlink()
    assert_goes_on(desk, calm)


def test_one_of_two_who_go_on_is_held(planned: Desk, calm: Desk, ending: list[subprocess.Popen[bytes]]) -> None:
    desk = planned.copy("both")
    kill(held(desk, ending))
    first = begin(desk, "pipeline", "run", "--resume")
    ending.append(first)
    wait_for(lambda: len([row for row in ledger(desk) if row[:2] == ["began", "ws-one"]]) == 2, first)
    assert b"  running " in desk.run("pipeline", "list").stdout
    for command in (("run", "--resume"), ("run", "--resume", RUN), ("abandon-run", RUN), ("recover-run", RUN)):
        second = desk.run("pipeline", *command)
        assert (second.returncode, second.stdout) == (5, b""), command
        assert b"E502" in second.stderr
    (desk.folder / "hold-ws-one").unlink()
    first.communicate(timeout=60)
    assert first.returncode == 1
    assert_as_if_nothing_had_been(desk, calm)


def held_by(desk: Desk) -> tuple[str, float]:
    """Who has the claim on the run, and for how many seconds more."""
    (told,) = json.loads(desk.run("pipeline", "status", RUN, "--json").stdout)
    (claim,) = told["claims"]
    assert (claim["item"], told["working"]) == ("run", True)
    return claim["holder"], claim["left"]


def paused(desk: Desk, ending: list[subprocess.Popen[bytes]]) -> subprocess.Popen[bytes]:
    """A run that is stopped in the middle of a call, for longer than its lease."""
    (desk.folder / "hold-ws-one").touch()
    running = start(desk, "--set", "claims.lease_s=1")
    ending.append(running)
    wait_for(lambda: [row for row in ledger(desk) if row[:2] == ["began", "ws-one"]], running)
    holder, left = held_by(desk)
    assert (holder.split()[-1], left > 0) == (str(running.pid), True)
    running.send_signal(signal.SIGSTOP)
    wait_for(lambda: held_by(desk)[1] == 0, running)
    return running


def test_a_run_that_sleeps_beyond_its_lease_is_still_held(
    planned: Desk, calm: Desk, ending: list[subprocess.Popen[bytes]]
) -> None:
    desk = planned.copy("asleep")
    running = paused(desk, ending)
    for command in (("run", "--resume"), ("abandon-run", RUN), ("reset-workstream", "ws-one", "--yes")):
        refused = desk.run("pipeline", *command)
        assert (refused.returncode, b"E502" in refused.stderr) == (5, True), command
    (desk.folder / "hold-ws-one").unlink()
    running.send_signal(signal.SIGCONT)
    running.communicate(timeout=60)
    assert running.returncode == 1
    assert_as_if_nothing_had_been(desk, calm)


def test_where_locks_do_not_hold_one_of_two_stops(
    planned: Desk, calm: Desk, ending: list[subprocess.Popen[bytes]]
) -> None:
    desk = planned.copy("lockless")
    first = paused(desk, ending)
    (desk.repo / f".git/phaseline/locks/{RUN}.lock").unlink()
    second = begin(desk, "pipeline", "run", "--resume")
    ending.append(second)
    wait_for(lambda: len([row for row in ledger(desk) if row[:2] == ["began", "ws-one"]]) == 2, second)
    first.send_signal(signal.SIGCONT)
    _, said = first.communicate(timeout=60)
    assert (first.returncode, b"error E507" in said) == (5, True), said
    (desk.folder / "hold-ws-one").unlink()
    second.communicate(timeout=60)
    assert second.returncode == 1
    assert_as_if_nothing_had_been(desk, calm)


def test_a_secret_is_never_told(planned: Desk) -> None:
    desk = planned.copy("secret")
    refused = desk.run(*words(desk, "--set", 'tools.mine.env.API_KEY="very-secret-1234"'))
    assert (refused.returncode, b"E427" in refused.stderr, b"very-secret" in refused.stderr) == (3, True, False)
    assert ask(desk, "select * from events") == []


def test_a_run_that_has_ended_shows_its_table_again(calm: Desk) -> None:
    desk = calm.copy("ended")
    seen, events = commits(desk), ask(desk, "select count(*) from events")
    again = resume(desk, RUN)
    assert again.returncode == 1
    assert b"3 landed" in again.stdout
    assert (commits(desk), ask(desk, "select count(*) from events")) == (seen, events)
    nothing = resume(desk)
    assert (nothing.returncode, nothing.stdout) == (3, b"")
    assert b"E465" in nothing.stderr


def test_the_target_moved_meanwhile(planned: Desk, calm: Desk) -> None:
    desk = planned.copy("moved")
    start(desk, PYTHONPATH=str(desk.folder / "site"), DIE_BEFORE="phase_completed ph6").communicate()
    (desk.repo / "other.txt").write_text("other\n", "utf-8")
    other = desk.commit("other")
    went_on = resume(desk)
    assert went_on.returncode == 1, went_on.stderr
    assert desk.git("merge-base", "--is-ancestor", other, "main") == ""
    assert [(desk.repo / name).read_text("utf-8") for name in ("a.txt", "b.txt", "c.txt", "other.txt")] == [
        "ws-one\n",
        "ws-two\n",
        "ws-three\n",
        "other\n",
    ]
    assert steps(desk) == steps(calm)


def test_the_settings_changed_meanwhile(planned: Desk, calm: Desk) -> None:
    desk = planned.copy("settings")
    start(desk, PYTHONPATH=str(desk.folder / "site"), DIE_BEFORE="phase_completed ph5").communicate()
    settings = (desk.repo / "pipeline.toml").read_text("utf-8")
    (desk.repo / "pipeline.toml").write_text(settings + '[run]\ntool = "replay"\n', "utf-8")
    desk.git("update-index", "--assume-unchanged", "pipeline.toml")
    went_on = resume(desk)
    assert went_on.returncode == 1, went_on.stderr
    assert (ids(desk), steps(desk)) == (ids(calm), steps(calm))


def test_a_rehearsal_goes_on_as_a_rehearsal(planned: Desk) -> None:
    desk = planned.copy("rehearsal")
    seen = desk.git("for-each-ref", "refs/heads")
    start(desk, "--dry-run", PYTHONPATH=str(desk.folder / "site"), DIE_BEFORE="phase_completed ph6").communicate()
    went_on = resume(desk)
    assert went_on.returncode == 1, went_on.stderr
    assert b"would land" in went_on.stdout
    assert desk.git("for-each-ref", "refs/heads") == seen
    assert b"E465" in resume(desk).stderr
    assert resume(desk, RUN).stdout == went_on.stdout


def test_a_run_of_the_pipe_says_what_is_next(planned: Desk) -> None:
    desk = planned.copy("pipe")
    begun = desk.run("ph0", "run", str(desk.plan))
    assert desk.run("ph1", "run", "--tool", "mine", *UNCHECKED, stdin=begun.stdout).returncode == 0
    refused = resume(desk)
    said = refused.stderr.decode()
    assert (refused.returncode, "E464" in said) == (3, True)
    command = said.rpartition("go on, with the same options, with: ")[2].split()
    assert command[:3] == ["ph2", "run", "--in"]
    assert desk.run(*command).returncode == 0


def test_a_run_that_is_given_up_does_not_go_on(planned: Desk, ending: list[subprocess.Popen[bytes]]) -> None:
    desk = planned.copy("abandoned")
    kill(held(desk, ending))
    given_up = desk.run("pipeline", "abandon-run", RUN, "--why", "the plan was wrong")
    assert given_up.returncode == 0, given_up.stderr
    found = states(desk)
    assert (found[""], found["ws-one"], found["ws-three"]) == ("abandoned", "abandoned", "abandoned")
    for command in (("abandon-run", RUN), ("recover-run", RUN)):
        refused = desk.run("pipeline", *command)
        assert (refused.returncode, b"E510" in refused.stderr) == (5, True)
    refused = resume(desk, RUN)
    assert (refused.returncode, b"E464" in refused.stderr) == (3, True)


def test_a_run_that_has_landed_cannot_be_given_up(planned: Desk, calm: Desk) -> None:
    desk = planned.copy("landed")
    start(desk, PYTHONPATH=str(desk.folder / "site"), DIE_BEFORE="workstream_moved landed").communicate()
    refused = desk.run("pipeline", "abandon-run", RUN)
    assert (refused.returncode, b"E510" in refused.stderr) == (5, True)
    assert_goes_on(desk, calm)


def test_the_newest_of_several_is_taken(planned: Desk) -> None:
    desk = planned.copy("several")
    for _ in range(2):
        start(desk, PYTHONPATH=str(desk.folder / "site"), DIE_BEFORE="phase_began ph1").communicate()
    went_on = resume(desk)
    assert went_on.returncode == 1, went_on.stderr
    assert b"2 runs did not end" in went_on.stderr
    assert b"taking EXEC-2026-01-01-002" in went_on.stderr
    assert b"E465" in resume(desk, "EXEC-2026-01-01-009").stderr


def test_going_on_takes_no_plan_and_no_options(planned: Desk) -> None:
    desk = planned.copy("usage")
    for more in ((str(desk.plan), "--resume"), ("--resume", RUN, "--jobs", "2"), ()):
        refused = desk.run("pipeline", "run", *more)
        assert (refused.returncode, refused.stdout) == (2, b""), more
