"""``pipeline worktree``: what it shows is so, and what it removes is ours, held by nobody, and kept first."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from global_aim import workspace
from global_aim.slot import Slot
from global_util.config import Settings, load_settings
from global_util.testing import FILE, Sandbox

ORPHANS = "refs/pipeline/keep/orphans"
MAIN = "from global_aim.worktree_command import worktree; from global_util.cli import PipelineGroup; PipelineGroup(commands={'worktree': worktree})()"
HOLD = """
import sys
from pathlib import Path
from global_aim import workspace
from global_util.config import load_settings
from global_util.git import Repository
repo = Repository.discover(Path(sys.argv[1]))
with workspace.lease(repo, load_settings(repo.cwd), sys.argv[2], "EXEC-2026-01-02-001") as slot:
    (slot.path / "a").write_text("work")
    (slot.path / "new").write_text("work")
    (slot.path / "x.log").write_text("ignored")
    print(slot.folder.name, flush=True)
    sys.stdin.read()
"""


class Lab:
    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.box = Sandbox(folder / "repo")
        self.repo = self.box.repo
        self.base = self.box.start({b"a": (FILE, b"one\n"), b".gitignore": (FILE, b"*.log\nmade\n")})
        self.settings = f'[worktree]\nroot = "{folder}/slots"\n'
        self.write()

    def write(self, more: str = "") -> None:
        (self.box.folder / "pipeline.toml").write_text(self.settings + more)

    @property
    def config(self) -> Settings:
        return load_settings(self.box.folder)

    @property
    def root(self) -> Path:
        return workspace.slots_root(self.repo, self.config)

    def run(self, *words: str, code: int = 0) -> str:
        argv = [sys.executable, "-c", MAIN, "worktree", *words, "--repo", str(self.box.folder)]
        done = subprocess.run(argv, capture_output=True, text=True, check=False)
        assert done.returncode == code, done.stderr
        return done.stdout + done.stderr

    def rows(self, *words: str) -> list[dict[str, Any]]:
        rows: list[dict[str, Any]] = json.loads(self.run(*words, "--json"))["slots"]
        return rows

    @contextmanager
    def held(self) -> Iterator[subprocess.Popen[str]]:
        words = [sys.executable, "-c", HOLD, str(self.box.folder), self.base]
        with subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as holder:
            assert holder.stdout is not None
            assert holder.stdout.readline() == "slot-1\n"
            yield holder
            holder.kill()

    def die(self) -> None:
        with self.held() as holder:
            os.kill(holder.pid, signal.SIGKILL)

    def use(self) -> Slot:
        with workspace.lease(self.repo, self.config, self.base) as slot:
            slot.settle()
            return slot

    def entries(self) -> int:
        return self.box.git("worktree", "list").count("\n") + 1


@pytest.fixture
def lab(tmp_path: Path) -> Iterator[Lab]:
    made = Lab(tmp_path)
    yield made
    made.write()
    workspace.remove_slots(made.repo, made.config)


def test_nothing_to_show(lab: Lab) -> None:
    assert lab.run("list").startswith("no slots below ")
    assert lab.run("cleanup") == "nothing to remove\n"
    assert lab.rows("list") == lab.rows("cleanup") == []
    told = lab.run("status", "1", code=3)
    assert "no slot '1'" in told
    assert not (lab.folder / "slots").exists()


def test_held_died_and_free_slots_are_told_apart(lab: Lab) -> None:
    lab.write("[worktree.resources]\nport = {count = 4, from = 42000}\n")
    with lab.held() as holder:
        (row,) = lab.rows("list")
        assert (row["slot"], row["state"], row["commit"]) == ("slot-1", "held", lab.base)
        assert (row["pid"], row["execution"]) == (holder.pid, "EXEC-2026-01-02-001")
        assert row["resources"] == {"PHASELINE_PORT": "42000"}
        assert row["path"] == str(lab.root / "trees/slot-1")
        assert 0 <= row["age_s"] < 60
        assert not row["left"]
        assert f"slot-1  held  {lab.base[:12]}" in lab.run("list")
        assert f"process {holder.pid}  EXEC-2026-01-02-001" in lab.run("list")
    (row,) = lab.rows("list")
    assert (row["state"], row["left"], row["pid"], row["resources"]) == ("free", True, holder.pid, {})
    assert "slot-1  died" in lab.run("list")
    lab.use()
    (row,) = lab.rows("list")
    assert (row["state"], row["left"], row["pid"], row["execution"]) == ("free", False, None, "")


def test_the_status_shows_what_was_changed_and_changes_nothing(lab: Lab) -> None:
    lab.die()
    before = sorted(path.relative_to(lab.root) for path in lab.root.rglob("*"))
    row = json.loads(lab.run("status", "slot-1", "--json"))
    assert (row["changed"], row["setup"], row["left"]) == (["a", "new"], "none", True)
    assert "changed: 2\n  a\n  new\n" in lab.run("status", "1")
    assert sorted(path.relative_to(lab.root) for path in lab.root.rglob("*")) == before
    with lab.held():
        assert json.loads(lab.run("status", "slot-1", "--json"))["changed"] == ["a", "new"]


def test_the_status_says_whether_the_setup_is_current(lab: Lab) -> None:
    lab.write('setup = [["touch", "made"]]\n')
    slot = lab.use()
    assert json.loads(lab.run("status", "1", "--json"))["setup"] == "current"
    (slot.path / "x.log").touch()
    assert "setup: current\n" in lab.run("status", "1")
    (slot.path / "made").write_text("other")
    assert json.loads(lab.run("status", "1", "--json"))["setup"] == "due"
    lab.write('setup = [["touch", "other"]]\n')
    assert json.loads(lab.run("status", "1", "--json"))["setup"] == "due"


def test_a_pipe_in_a_held_slot_is_no_trap(lab: Lab) -> None:
    with lab.held():
        place = lab.root / "trees/slot-1/.gitignore"
        place.unlink()
        os.mkfifo(place)
        assert "is no regular file" in lab.run("status", "slot-1", code=4)


@pytest.mark.parametrize("missing", ["pristine.index", "lock"])
def test_a_slot_that_cannot_be_read_is_told(lab: Lab, missing: str) -> None:
    place = lab.use().folder / missing
    place.unlink()
    if missing == "lock":
        place.mkdir()
        assert f"error E440: {place}: " in lab.run("list", code=4)
        shutil.rmtree(place)
    else:
        assert "pristine.index" in lab.run("status", "1", code=4)


def test_cleanup_keeps_what_a_dead_holder_left(lab: Lab) -> None:
    lab.die()
    (row,) = lab.rows("cleanup", "--dry-run")
    assert (row["action"], row["why"]) == ("would be removed", "holds work of a run that died")
    assert lab.repo.refs("refs/pipeline") == {}
    (row,) = lab.rows("cleanup")
    ((ref, commit),) = lab.repo.refs(ORPHANS).items()
    assert (row["name"], row["action"], row["kept"]) == ("slot-1", "removed", ref)
    assert lab.box.content(commit)[b"a"] == (FILE, b"work")
    assert lab.entries() == 1
    assert not list((lab.folder / "slots").rglob("*"))
    assert lab.rows("cleanup") == []


def test_cleanup_leaves_a_held_slot(lab: Lab) -> None:
    with lab.held() as holder:
        (row,) = lab.rows("cleanup")
        assert (row["action"], row["why"]) == ("held", f"process {holder.pid}, EXEC-2026-01-02-001, slot-1")
        assert (lab.root / "trees/slot-1/new").read_text() == "work"


def test_a_slot_whose_work_cannot_be_kept_stays(lab: Lab) -> None:
    lab.die()
    (lab.root / "slot-1/pristine.index").unlink()
    (row,) = lab.rows("cleanup")
    assert (row["action"], "pristine.index" in row["why"]) == ("left", True)
    assert (lab.root / "trees/slot-1/new").read_text() == "work"
    (lab.root / "slot-1/settled").touch()
    assert lab.rows("cleanup")[0]["action"] == "removed"


def test_cleanup_leaves_worktrees_that_are_not_ours(lab: Lab) -> None:
    mine = lab.folder / "mine"
    gone = lab.folder / "gone"
    inside = lab.root / "mine"
    for place in (mine, gone, inside):
        lab.box.git("worktree", "add", "--quiet", "--detach", str(place))
    (mine / "work").write_text("mine")
    shutil.rmtree(gone)
    lab.use()
    rows = lab.rows("cleanup")
    assert [(row["name"], row["action"]) for row in rows] == [("slot-1", "removed")]
    assert lab.entries() == 4
    assert (mine / "work").read_text() == "mine"
    assert subprocess.run(["git", "status"], cwd=inside, capture_output=True).returncode == 0
    lab.box.git("worktree", "remove", "--force", str(inside))


@pytest.mark.parametrize("all_of_it", [True, False], ids=["everything", "the worktree"])
def test_entries_whose_folder_was_taken_away_are_forgotten(lab: Lab, all_of_it: bool) -> None:
    slot = lab.use()
    shutil.rmtree(lab.root if all_of_it else slot.folder)
    if not all_of_it:
        shutil.rmtree(slot.path)
    assert lab.entries() == 2
    assert [row["action"] for row in lab.rows("cleanup", "--dry-run")] == ["would be forgotten"]
    assert lab.entries() == 2
    assert [row["action"] for row in lab.rows("cleanup")] == ["forgotten"]
    assert lab.entries() == 1


def test_a_hostile_name_does_not_steer_the_terminal(lab: Lab) -> None:
    with workspace.lease(lab.repo, lab.config, lab.base) as slot:
        (slot.path / "\x1b[2Jx\ny").touch()
    assert "  \\x1b[2Jx\\ny\n" in lab.run("status", "1")
