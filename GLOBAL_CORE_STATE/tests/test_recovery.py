"""A run whose process died is recognised by its lock, marked, and goes on or is given up."""

from __future__ import annotations

import fcntl
import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from global_core_state import recovery
from global_core_state.folder import RunFolder
from global_core_state.rebuild import compare
from global_core_state.store import Store
from global_util.errors import Held
from global_util.testing import FILE, Sandbox

EXEC = "EXEC-2026-01-02-001"
WAYS = {
    "ws-done": ("ready", "editing", "static_check", "done"),
    "ws-editing": ("ready", "editing"),
    "ws-failed": ("ready", "editing", "failed"),
    "ws-fixing": ("ready", "editing", "static_check", "fixing"),
    "ws-parked": ("ready", "parked"),
    "ws-pending": (),
}
AT_WORK = {"ws-editing", "ws-fixing", "ws-parked"}


@pytest.fixture
def folder(sandbox: Sandbox) -> RunFolder:
    """The folder of a run whose lock is free."""
    sandbox.start({b"f": (FILE, b"1\n")})
    return RunFolder(sandbox.repo, EXEC)


@pytest.fixture
def store(folder: RunFolder) -> Iterator[Store]:
    """A state in which the run says that it is at work, on workstreams of all kinds, with a step that has not ended."""
    made = Store(folder.repo.state_dir / "state.db")
    made.create_run(EXEC, "2026-01-02T00:00:00Z", "plan")
    made.move_run(EXEC, "running")
    for name, way in WAYS.items():
        made.create_workstream(EXEC, name, ())
        for state in way:
            assert made.move_workstream(EXEC, name, state)
    made.begin_step(EXEC, "ws-editing", "edit:1")
    made.end_step(made.begin_step(EXEC, "ws-done", "edit:1"), EXEC, "ws-done", {"outcome": "ok"})
    yield made
    assert compare(made) == []
    made.close()


def states(store: Store) -> dict[str, str]:
    return {row["ws_id"]: row["status"] for row in store.workstreams(EXEC)}


def status(store: Store) -> str:
    run = store.run(EXEC)
    assert run is not None
    return str(run["status"])


HOLD = """
import signal, sys
from pathlib import Path
from global_core_state.folder import RunFolder
from global_util.git import Repository
with RunFolder(Repository.discover(Path(sys.argv[1])), sys.argv[2]).locked():
    print("held", flush=True)
    signal.pause()
"""
"""Works on the run until the end of the world."""


@contextmanager
def holder(folder: RunFolder) -> Iterator[int]:
    """A process that works on the run."""
    words = [sys.executable, "-c", HOLD, str(folder.repo.cwd), EXEC]
    with subprocess.Popen(words, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "held\n"
        try:
            yield process.pid
        finally:
            process.kill()


def test_a_run_is_dead_when_it_says_running_and_nobody_holds_its_lock(store: Store, folder: RunFolder) -> None:
    assert recovery.is_dead(store, folder)
    with holder(folder) as pid:
        assert not recovery.is_dead(store, folder)
        with pytest.raises(Held, match="by another process"):
            recovery.recover(store, folder)
        with pytest.raises(Held, match="by another process"):
            recovery.abandon(store, folder, "why")
        os.kill(pid, signal.SIGKILL)
        end = time.monotonic() + 60
        while recovery.is_worked_on(folder) and time.monotonic() < end:
            time.sleep(0.01)
        assert recovery.is_dead(store, folder)
    store.move_run(EXEC, "idle")
    assert not recovery.is_dead(store, folder)


def test_asking_leaves_no_lock_and_no_file(folder: RunFolder) -> None:
    assert not recovery.is_worked_on(folder)
    assert not (folder.repo.state_dir / "locks").exists()


def test_what_was_worked_on_is_interrupted_and_returns_to_what_it_left(store: Store, folder: RunFolder) -> None:
    before = states(store)
    assert set(recovery.recover(store, folder)) == AT_WORK
    assert {name for name, state in states(store).items() if state == "interrupted"} == AT_WORK
    assert {name: state for name, state in states(store).items() if name not in AT_WORK}.items() <= before.items()
    assert status(store) == "interrupted"
    assert store.open_steps(EXEC) == []
    outcomes = [json.loads(row["result"])["outcome"] for row in store.table("step_attempts")]
    assert outcomes == ["interrupted", "ok"]
    store.move_run(EXEC, "running")
    recovery.go_on(store, EXEC)
    assert states(store) == before


def test_marking_twice_changes_nothing(store: Store, folder: RunFolder) -> None:
    recovery.recover(store, folder)
    events = store.events(EXEC)
    assert recovery.recover(store, folder) == ()
    assert store.events(EXEC) == events


def test_a_mark_that_was_cut_short_is_made_again(store: Store, folder: RunFolder) -> None:
    store.move_workstream(EXEC, "ws-editing", "interrupted", "cut short")
    assert set(recovery.recover(store, folder)) == AT_WORK - {"ws-editing"}
    store.move_run(EXEC, "running")
    recovery.go_on(store, EXEC)
    assert states(store)["ws-editing"] == "editing"


def test_a_run_that_is_given_up_takes_its_open_workstreams_along(store: Store, folder: RunFolder) -> None:
    recovery.abandon(store, folder, "the plan was wrong")
    assert status(store) == "abandoned"
    assert states(store) == {**dict.fromkeys(WAYS, "abandoned"), "ws-failed": "failed"}
    for ended in (lambda: recovery.recover(store, folder), lambda: recovery.abandon(store, folder, "again")):
        with pytest.raises(Held, match="has ended: abandoned") as caught:
            ended()
        assert caught.value.code == "E510"


def test_a_run_whose_commits_are_on_a_branch_is_not_given_up(store: Store, folder: RunFolder) -> None:
    head = folder.repo.commit_of("HEAD")
    assert head is not None
    folder.repo.update_ref(f"refs/pipeline/runs/{EXEC}/landing", head.commit, None, "anchor")
    with pytest.raises(Held, match="landed already"):
        recovery.abandon(store, folder, "why")
    assert status(store) == "running"


def test_whoever_asks_does_not_hold_the_lock(store: Store, folder: RunFolder) -> None:
    with folder.locked():
        assert recovery.is_worked_on(folder)
    with folder.locked():
        pass
    assert not recovery.is_worked_on(folder)


def test_whoever_begins_is_not_held_up_by_one_who_asks(folder: RunFolder) -> None:
    place = folder.repo.state_dir / "locks" / f"{EXEC}.lock"
    place.parent.mkdir(parents=True, exist_ok=True)
    asking = os.open(place, os.O_RDONLY | os.O_CREAT)
    fcntl.flock(asking, fcntl.LOCK_SH)
    threading.Timer(0.05, os.close, [asking]).start()
    with folder.locked():
        assert recovery.is_worked_on(folder)
