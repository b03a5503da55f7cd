"""Who works on a run has its lock and its claim: the lock says who lives, the claim refuses what is written too late."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import closing

import pytest
from global_core_state import audit, recovery
from global_core_state.claims import Claims
from global_core_state.folder import RunFolder
from global_core_state.rebuild import compare
from global_core_state.store import Store
from global_core_state.working import ITEM, claimed, forsake, lease_seconds, working
from global_util.config import Settings
from global_util.errors import Held, InvalidInput
from global_util.process import STOP
from global_util.testing import FILE, Sandbox

EXEC = "EXEC-2026-01-02-001"
WORK = """
import sys
from pathlib import Path
from global_core_state.folder import RunFolder
from global_core_state.store import Store
from global_core_state.working import working
from global_util.git import Repository
from global_util.program import guarded
repo = Repository.discover(Path(sys.argv[1]))
store = Store(repo.state_dir / "state.db")
def work():
    with working(store, RunFolder(repo, sys.argv[2]), float(sys.argv[3])) as fence:
        print("works", flush=True)
        for line in sys.stdin:
            store.behind(fence).record_event(sys.argv[2], None, "written", {"line": line.strip()})
            print("wrote", flush=True)
sys.exit(guarded(work))
"""
"""Works on the run, and writes a line as often as it is told to."""


@pytest.fixture
def folder(sandbox: Sandbox) -> RunFolder:
    sandbox.start({b"f": (FILE, b"1\n")})
    return RunFolder(sandbox.repo, EXEC)


@pytest.fixture
def store(folder: RunFolder) -> Iterator[Store]:
    """A state in which the run is at rest."""
    with closing(Store(folder.repo.state_dir / "state.db")) as made:
        made.create_run(EXEC, "2026-01-02T00:00:00Z", "plan")
        yield made
        assert compare(made) == []
        STOP.clear()


@pytest.fixture
def worker(folder: RunFolder, store: Store) -> Iterator[subprocess.Popen[str]]:
    """A process that works on the run, with a lease of a third of a second."""
    started = subprocess.Popen(
        [sys.executable, "-c", WORK, str(folder.repo.cwd), EXEC, "0.3"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    with started:
        assert started.stdout is not None
        assert started.stdout.readline() == "works\n"
        yield started
        started.kill()
        started.communicate()


def order(worker: subprocess.Popen[str]) -> str:
    """Let a process write a line; what it answers."""
    assert worker.stdin is not None
    assert worker.stdout is not None
    worker.stdin.write("x\n")
    worker.stdin.flush()
    return worker.stdout.readline()


def left(store: Store) -> float:
    claim = Claims(store).holder_of(EXEC, ITEM)
    assert claim is not None
    return claim.left


def wait_until_it_ran_out(store: Store) -> None:
    end = time.monotonic() + 30
    while left(store) > 0 and time.monotonic() < end:
        time.sleep(0.02)
    assert left(store) == 0


def written(store: Store) -> int:
    return sum(row["type"] == "written" for row in store.events(EXEC))


def test_the_claim_is_renewed_while_one_works_and_released_after(store: Store, folder: RunFolder) -> None:
    claims = Claims(store)
    with working(store, folder, 0.3) as fence:
        assert fence.token == 1
        time.sleep(1)
        assert 0 < left(store) <= 0.3
        store.behind(fence).record_event(EXEC, None, "written", {})
    assert claims.holder_of(EXEC, ITEM) is None
    assert not any(thread.name == "lease" for thread in threading.enumerate())
    with working(store, folder, 60) as fence:
        assert fence.token == 2
    anchored = folder.repo.refs("refs/pipeline/audit/")
    tail = store.tail(EXEC)
    assert tail is not None
    assert (len(anchored), tail.type) == (1, "anchor")


def test_a_claim_that_a_dead_process_left_is_taken_over_at_once(
    store: Store, folder: RunFolder, worker: subprocess.Popen[str]
) -> None:
    worker.kill()
    worker.wait()
    assert Claims(store).holder_of(EXEC, ITEM) is not None
    with folder.locked():
        forsake(store, EXEC)
        forsake(store, EXEC)
    assert Claims(store).all(EXEC) == []
    with working(store, folder, 60) as fence:
        assert fence.token == 2


def test_a_claim_that_is_left_does_not_keep_the_next_one_off(
    store: Store, folder: RunFolder, worker: subprocess.Popen[str]
) -> None:
    worker.kill()
    worker.wait()
    with working(store, folder, 60) as fence:
        assert fence.token == 2


def test_a_paused_process_keeps_the_run_and_goes_on_when_it_wakes(
    store: Store, folder: RunFolder, worker: subprocess.Popen[str]
) -> None:
    assert order(worker) == "wrote\n"
    worker.send_signal(signal.SIGSTOP)
    wait_until_it_ran_out(store)
    with pytest.raises(Held, match="by another process") as held, working(store, folder, 60):
        pass
    assert held.value.code == "E502"
    assert recovery.is_worked_on(folder)
    worker.send_signal(signal.SIGCONT)
    assert order(worker) == "wrote\n"
    assert left(store) > 0
    out, _ = worker.communicate("", timeout=30)
    assert (worker.returncode, out, written(store)) == (0, "", 2)


def test_where_locks_do_not_hold_the_later_one_has_the_run(
    store: Store, folder: RunFolder, worker: subprocess.Popen[str]
) -> None:
    assert order(worker) == "wrote\n"
    worker.send_signal(signal.SIGSTOP)
    lock = folder.repo.state_dir / "locks" / f"{EXEC}.lock"
    lock.unlink()
    with working(store, folder, 60) as fence:
        worker.send_signal(signal.SIGCONT)
        _, said = worker.communicate("x\n", timeout=30)
        assert worker.returncode == 5
        assert "error E507" in said
        assert "was taken over by " in said
        assert lock.exists()
        assert fence.token == 2
        assert written(store) == 1
        store.behind(fence).record_event(EXEC, None, "written", {})
    assert written(store) == 2


def test_who_lost_the_claim_stops(store: Store, folder: RunFolder) -> None:
    def work() -> None:
        with claimed(store, folder, 0.3):
            Claims(store).seize(EXEC, ITEM, "other", 60)
            assert STOP.wait(30)
            raise KeyboardInterrupt

    with pytest.raises(Held, match="was taken over by other") as held:
        work()
    assert (held.value.code, held.value.exit_code) == ("E507", 5)
    claim = Claims(store).holder_of(EXEC, ITEM)
    assert claim is not None
    assert claim.holder == "other"


def test_a_run_that_was_refused_is_not_anchored_again(store: Store, folder: RunFolder) -> None:
    with working(store, folder, 60) as fence:
        audit.anchor(folder.repo, store.behind(fence), EXEC)
        audit.release(folder.repo, store.behind(fence), EXEC)
    tail = store.tail(EXEC)
    assert tail is not None
    assert (folder.repo.refs("refs/pipeline/audit/"), tail.type) == ({}, audit.RELEASED)


def test_a_fault_of_ones_own_is_told_as_it_is(store: Store, folder: RunFolder) -> None:
    with pytest.raises(KeyError, match="mine"), working(store, folder, 60):
        raise KeyError("mine")
    assert Claims(store).all(EXEC) == []


def test_what_is_refused_stays_refused_within_the_line(store: Store, folder: RunFolder) -> None:
    with claimed(store, folder, 60) as fence:
        later = Claims(store).seize(EXEC, ITEM, "other", 60)
        for verb in ("record_event", "intend", "confirm"):
            with pytest.raises(Held, match="was taken over by other"):
                getattr(store.behind(fence), verb)(EXEC, *{
                    "record_event": (None, "written", {}),
                    "intend": ("key", "call", {}),
                    "confirm": ("key", {}),
                }[verb])  # fmt: skip
    assert written(store) == 0
    assert Claims(store).release(EXEC, ITEM, later)


@pytest.mark.parametrize("value", [0, -1, True, "60", None, 1e9])
def test_a_lease_that_is_no_number_of_seconds_is_refused(value: object) -> None:
    settings = Settings((("pipeline.toml", {"claims.lease_s": value}),))
    with pytest.raises(InvalidInput, match=r"claims\.lease_s") as fault:
        lease_seconds(settings)
    assert fault.value.code == "E363"


def test_the_claim_names_its_process(store: Store, folder: RunFolder) -> None:
    with working(store, folder, 60):
        claim = Claims(store).holder_of(EXEC, ITEM)
        assert claim is not None
        assert claim.holder.split()[-1] == str(os.getpid())
    told = [json.loads(row["payload"]) for row in store.events(EXEC) if row["type"] == "claimed"]
    assert [one["item"] for one in told] == [ITEM]
