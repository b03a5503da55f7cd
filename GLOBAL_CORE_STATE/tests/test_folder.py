"""Ids are minted once, a run has one worker, and artifacts are found or missed by name."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from global_core_state import run_id
from global_core_state.folder import RunFolder, link_into_worktree
from global_core_state.store import Store
from global_util.contracts.workstream_set import WorkstreamSet
from global_util.errors import Held, InvalidInput
from global_util.git import Repository
from global_util.testing import FILE, Sandbox

DAY = "2026-01-02"
EXEC = f"EXEC-{DAY}-001"
NOTHING = "sha256:" + "0" * 64


@pytest.fixture
def repo(sandbox: Sandbox) -> Repository:
    sandbox.start({b"f": (FILE, b"1\n")})
    return sandbox.repo


@pytest.fixture
def store(repo: Repository) -> Iterator[Store]:
    opened = Store(repo.state_dir / "state.db")
    yield opened
    opened.close()


MINT = """
import sys
from pathlib import Path
from global_core_state import run_id
from global_core_state.store import Store
from global_util.git import Repository
repo = Repository.discover(Path(sys.argv[1]))
store = Store(repo.state_dir / "state.db")
print(*(run_id.mint(repo, store, "2026-01-02") for _ in range(4)))
"""


def test_two_processes_that_mint_at_once_get_different_ids(repo: Repository, store: Store) -> None:
    words = [sys.executable, "-c", MINT, str(repo.cwd)]
    started = [subprocess.Popen(words, stdout=subprocess.PIPE, text=True) for _ in range(2)]
    minted = " ".join(process.communicate()[0] for process in started).split()
    assert sorted(minted) == [f"EXEC-{DAY}-{number:03}" for number in range(1, 9)]
    for execution in minted:
        run_id.release(repo, execution)
        run_id.release(repo, execution)
    assert repo.refs("refs/pipeline") == {}


def test_a_number_is_never_used_twice(repo: Repository, store: Store) -> None:
    store.create_run(f"EXEC-{DAY}-007", f"{DAY}T00:00:00Z", "p")
    repo.update_ref(f"refs/pipeline/runs/EXEC-{DAY}-009/ws-a", repo.resolve("HEAD") or "", None, "x")
    repo.update_ref("refs/pipeline/runs/EXEC-2026-01-03-999/run", repo.resolve("HEAD") or "", None, "x")
    assert run_id.mint(repo, store, DAY) == f"EXEC-{DAY}-010"
    repo.update_ref(f"refs/pipeline/runs/EXEC-{DAY}-999/run", repo.resolve("HEAD") or "", None, "x")
    assert run_id.mint(repo, store, DAY) == f"EXEC-{DAY}-1000"


def test_a_ref_that_cannot_be_made_is_told(repo: Repository, store: Store) -> None:
    lock = repo.common_dir / "refs/pipeline/runs" / EXEC / "run.lock"
    lock.parent.mkdir(parents=True)
    lock.touch()
    with pytest.raises(Held):
        run_id.mint(repo, store, DAY)


HOLD = """
import sys, time
from pathlib import Path
from global_core_state.folder import RunFolder
from global_util.git import Repository
with RunFolder(Repository.discover(Path(sys.argv[1])), sys.argv[2]).locked():
    print("held", flush=True)
    time.sleep(60)
"""


def test_a_run_has_one_worker_and_a_dead_one_does_not_count(repo: Repository) -> None:
    words = [sys.executable, "-c", HOLD, str(repo.cwd), EXEC]
    folder = RunFolder(repo, EXEC)
    with subprocess.Popen(words, stdout=subprocess.PIPE, text=True) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "held\n"
        with pytest.raises(Held, match=EXEC) as held, folder.locked():
            pass
        assert (held.value.exit_code, held.value.code) == (5, "E502")
        with RunFolder(repo, f"EXEC-{DAY}-002").locked():
            pass
        os.kill(holder.pid, signal.SIGKILL)
    with folder.locked(), pytest.raises(Held), folder.locked():
        pass
    assert list((repo.state_dir / "locks").iterdir()) == []


def test_a_lock_never_lets_two_in(repo: Repository) -> None:
    inside: list[int] = []
    folder = RunFolder(repo, EXEC)

    def work(number: int) -> int:
        entered = 0
        for _ in range(50):
            try:
                with folder.locked():
                    inside.append(number)
                    assert len(inside) == 1
                    inside.remove(number)
                    entered += 1
            except Held:
                pass
        return entered

    with ThreadPoolExecutor(4) as pool:
        assert sum(pool.map(work, range(4))) > 0
    assert list((repo.state_dir / "locks").iterdir()) == []


def make(**more: Any) -> WorkstreamSet:
    fields: dict[str, Any] = {
        "execution_id": EXEC,
        "run_clock": f"{DAY}T00:00:00Z",
        "producer": {"phase": "ph0", "distribution": "d", "version": "1"},
        "config": {},
        "inputs": [],
        "plan": {"id": "p", "title": "p", "format": "f", "root": ".", "files": []},
        "workstreams": [],
        "notes": [],
        "questions": [],
        "officially_valid": {"verdict": "not_checked"},
    }
    return WorkstreamSet.seal(**{**fields, **more})


def test_artifacts_are_kept_by_id_with_a_pointer_to_the_lines_own(repo: Repository) -> None:
    folder, first, second = RunFolder(repo, EXEC), make(), make(config={"a": 1})
    folder.save(first)
    folder.save(second)
    folder.save(make(config={"a": 2}), pointer=False)
    assert folder.load(first.artifact_id) == first
    pointer = folder.path / "artifacts" / "workstream_set.v1.json"
    assert pointer.is_symlink()
    assert pointer.read_bytes() == folder.artifact_file(second.artifact_id).read_bytes()
    assert len(list((folder.path / "artifacts").iterdir())) == 4


def test_an_ancestor_is_found_or_told_with_id_and_place(repo: Repository) -> None:
    folder, first = RunFolder(repo, EXEC), make()
    folder.save(first)
    child = make(inputs=[{"schema": first.SCHEMA, "artifact_id": first.artifact_id}], config={"a": 1})
    assert folder.ancestor(child, "workstream_set.v1") == child
    with pytest.raises(InvalidInput, match="no ancestor"):
        folder.ancestor(child, "phase_plan.v1")
    folder.artifact_file(first.artifact_id).unlink()
    with pytest.raises(InvalidInput) as fault:
        folder.ancestor(child, "phase_plan.v1")
    assert (fault.value.exit_code, fault.value.code) == (3, "E308")
    assert first.artifact_id in fault.value.message
    assert str(folder.artifact_file(first.artifact_id)) in fault.value.message


def test_an_artifact_that_was_edited_in_its_folder_is_refused(repo: Repository) -> None:
    folder, first = RunFolder(repo, EXEC), make()
    place = folder.save(first)
    place.write_text(place.read_text().replace('"not_checked"', '"valid"'))
    with pytest.raises(InvalidInput) as fault:
        folder.load(first.artifact_id)
    assert fault.value.code == "E303"


def test_the_link_in_the_worktree_is_ignored_and_nobodys_file_is_replaced(repo: Repository) -> None:
    exclude = repo.common_dir / "info" / "exclude"
    exclude.write_bytes(b"caf\xe9")
    repo.state_dir.mkdir()
    link_into_worktree(repo)
    link_into_worktree(repo)
    link = repo.cwd / ".pipeline"
    assert link.resolve() == repo.state_dir
    assert exclude.read_bytes() == b"caf\xe9\n/.pipeline\n"
    assert repo.run("status", "--porcelain") == b""
    link.unlink()
    link.write_text("mine")
    link_into_worktree(repo)
    assert link.read_text() == "mine"


def test_a_bare_repository_gets_no_link(tmp_path: Path) -> None:
    bare = Sandbox(tmp_path / "bare.git", "--bare").repo
    link_into_worktree(bare)
    assert not (bare.common_dir / ".pipeline").exists()
