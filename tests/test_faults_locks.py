"""Locks that others hold, or that died with who held them: files of git, and the database of the state."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING

import pytest

from tests.faults import RUN, Ground, call, fits, goes_on, ground, killed, outcome, resume, says, some, words

if TYPE_CHECKING:
    from tests.conftest import Desk

LANDING = f"refs/pipeline/runs/{RUN}/landing"


@pytest.fixture(scope="module")
def laid(tmp_path_factory: pytest.TempPathFactory) -> Ground:
    """What is run."""
    return ground(tmp_path_factory)


@pytest.mark.parametrize("name", some("index.lock", "refs/heads/main.lock", f"refs/pipeline/runs/{RUN}/ws-one.lock"))
def test_a_lock_of_git_that_nobody_gives_up(laid: Ground, name: str) -> None:
    desk = laid.copy(f"lock-{name.replace('/', '_')}")
    lock = desk.repo / ".git" / name
    lock.parent.mkdir(parents=True, exist_ok=True)
    lock.touch()
    held = call(desk, *words(desk))
    says(held, "E513", str(lock), "remove that file", f"then go on with: pipeline run --resume {RUN}")
    assert held.returncode == 5
    assert desk.git("status", "--porcelain") == ""
    lock.unlink()
    goes_on(desk, laid.want)


def test_locks_that_do_not_matter(laid: Ground) -> None:
    desk = laid.copy("lock-others")
    (desk.repo / ".git/packed-refs.lock").touch()
    (desk.folder / "do-ws-one").write_text('touch "$desk"/repo/.git/worktrees/*/index.lock\n', "utf-8")
    assert call(desk, *words(desk)).returncode == 0
    (desk.repo / ".git/packed-refs.lock").unlink()
    assert outcome(desk) == laid.want
    fits(desk)


def halfway(laid: Ground, name: str) -> tuple[Desk, str]:
    """A run that was killed when it was about to land, and where it was about to land."""
    desk = killed(laid.copy(name), "workstream_moved landing")
    desk.git("update-index", "-q", "--refresh")
    return desk, desk.git("rev-parse", LANDING)


def test_killed_while_git_wrote_the_files_of_the_checkout(laid: Ground) -> None:
    desk, _ = halfway(laid, "half-files")
    (desk.repo / "a.txt").write_text("ws-one\n", "utf-8")
    (desk.repo / "b.txt").unlink()
    (desk.repo / "c.txt").write_text("ws-", "utf-8")
    goes_on(desk, laid.want)


def test_killed_between_the_index_and_the_branch(laid: Ground) -> None:
    desk, tip = halfway(laid, "half-index")
    desk.git("read-tree", "-m", "-u", "HEAD", tip)
    (desk.repo / ".git/index.lock").touch()
    says(resume(desk), "E513", "index.lock")
    (desk.repo / ".git/index.lock").unlink()
    goes_on(desk, laid.want)


@pytest.mark.parametrize("name", ["a.txt", "pipeline.toml"])
def test_what_a_person_changed_is_not_taken_back(laid: Ground, name: str) -> None:
    desk, tip = halfway(laid, f"half-{name}")
    desk.git("read-tree", "-m", "-u", "HEAD", tip)
    (desk.repo / name).write_text("# mine\n", "utf-8")
    says(resume(desk), "E407", "commit or stash them")
    assert (desk.repo / name).read_text("utf-8") == "# mine\n"
    assert (desk.repo / "b.txt").read_text("utf-8") == "ws-two\n"


def test_an_untracked_file_in_the_way_stays(laid: Ground) -> None:
    desk = laid.copy("in-the-way")
    (desk.repo / "c.txt").write_text("ws-", "utf-8")
    says(call(desk, *words(desk)), "E451", "c.txt", "move them away")
    assert (desk.repo / "c.txt").read_text("utf-8") == "ws-"
    (desk.repo / "c.txt").unlink()
    goes_on(desk, laid.want)


def test_the_state_is_locked_by_another(laid: Ground) -> None:
    desk = killed(laid.copy("state"), "confirmed attempt")
    place = desk.repo / ".git/phaseline/state.db"
    with closing(sqlite3.connect(place, isolation_level=None)) as other:
        other.execute("begin exclusive")
        for command in ("list", "verify"):
            shown = call(desk, "pipeline", command, *(() if command == "list" else (RUN,)))
            assert shown.returncode == 0, shown.stderr
        held = resume(desk, WAIT_S="0.3")
        says(held, "E508", str(place), "fuser")
        assert held.returncode == 5
    goes_on(desk, laid.want)


def test_the_state_is_locked_in_the_middle(laid: Ground) -> None:
    desk = laid.copy("state-middle")
    place = desk.repo / ".git/phaseline/state.db"
    script = "import sqlite3,sys,time; c = sqlite3.connect(sys.argv[1], isolation_level=None, timeout=60)"
    script += "; c.execute('begin exclusive'); time.sleep(600)"
    hold = f'{{ python3 -S -c "{script}" {place} & }}; echo $! > {desk.folder}/holder'
    try:
        held = call(desk, *words(desk), AT="step_began", DO=f"({hold}) < /dev/null > /dev/null 2>&1", WAIT_S="1")
        says(held, "E508", f"then go on with: pipeline run --resume {RUN}")
    finally:
        call(desk, "sh", "-c", f"kill -9 $(cat {desk.folder}/holder)")
    goes_on(desk, laid.want)
