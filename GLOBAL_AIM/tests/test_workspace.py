"""Slots are clean when they are given out, nothing in them is lost, and nothing of them stays behind."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from global_aim import workspace
from global_aim.lock import guard
from global_aim.workspace import Slot
from global_util.config import Settings
from global_util.errors import EnvironmentFault
from global_util.testing import FILE, GITLINK, LINK, Sandbox, Tree

BASE: Tree = {
    b"a": (FILE, b"one\n"),
    b"dir/f": (FILE, b"f\n"),
    b"link": (LINK, b"dir"),
    b"sub": (GITLINK, b"1" * 40),
    b".gitignore": (FILE, b"*.log\n"),
}
NEXT: Tree = {b"b": (FILE, b"b\n"), b"dir": (FILE, b"a file now\n")}
ORPHANS = "refs/pipeline/keep/orphans"


class Lab:
    def __init__(self, folder: Path, *options: str) -> None:
        self.box = Sandbox(folder / "repo", *options)
        self.repo = self.box.repo
        self.root = folder / "slots"
        self.config = Settings().over("test", {"worktree.root": str(self.root)})
        self.base = self.box.start(BASE)
        self.next = self.box.commit(NEXT, self.base)

    def worktrees(self) -> list[str]:
        return [line for line in self.box.git("worktree", "list", "--porcelain").splitlines() if line[:8] == "worktree"]

    def use(self, act: Callable[[Slot], object], settle: bool = True) -> Path:
        with workspace.lease(self.repo, self.config, self.base) as slot:
            assert files(slot.path) == wanted(BASE)
            act(slot)
            if settle:
                slot.settle()
            return slot.path

    def check_reuse(self) -> None:
        """The slot serves two different commits after whatever happened to it."""
        for commit, tree in ((self.next, NEXT), (self.base, BASE)):
            with workspace.checkout(self.repo, self.config, commit) as place:
                assert files(place) == wanted(tree)
                status = subprocess.run(["git", "status", "--porcelain", "--ignored"], cwd=place, capture_output=True)
                assert (status.returncode, status.stdout) == (0, b"")

    def check_gone(self) -> None:
        workspace.remove_slots(self.repo, self.config)
        assert len(self.worktrees()) == 1
        assert not list(self.root.rglob("*/*"))
        assert not list((self.repo.common_dir / "worktrees").glob("*"))


def wanted(tree: Tree) -> dict[str, bytes]:
    return {os.fsdecode(path): data for path, (mode, data) in tree.items() if mode != GITLINK}


def files(place: Path) -> dict[str, bytes]:
    found = {}
    for path in place.rglob("*"):
        if path.is_symlink():
            found[str(path.relative_to(place))] = os.fsencode(path.readlink())
        elif path.is_file() and path != place / ".git":
            found[str(path.relative_to(place))] = path.read_bytes()
    return found


@pytest.fixture
def lab(tmp_path: Path) -> Iterator[Lab]:
    made = Lab(tmp_path)
    yield made
    workspace.remove_slots(made.repo, made.config)


def mess_up(slot: Slot) -> None:
    (slot.path / "a").write_text("changed")
    (slot.path / "x.log").write_text("ignored")
    (slot.path / "new/deep").mkdir(parents=True)
    (slot.path / "new/deep/f").write_text("new")
    shutil.rmtree(slot.path / "dir")
    (slot.path / "sub/left").write_text("over")
    subprocess.run(["git", "init", "-q", "inner"], cwd=slot.path, check=True)
    subprocess.run(["git", "init", "-q", "sub"], cwd=slot.path, check=True)
    (slot.path / "inner/f").write_text("x")


def lock_folders(slot: Slot) -> None:
    (slot.path / "new/deep").mkdir(parents=True)
    (slot.path / "new/deep/f").write_text("new")
    for folder in ("new/deep", "new", "dir"):
        (slot.path / folder).chmod(0)


def replace_git_file(slot: Slot) -> None:
    (slot.path / ".git").write_text("gitdir: /nowhere\n")


def git_folder(slot: Slot) -> None:
    (slot.path / ".git").unlink()
    subprocess.run(["git", "init", "-q"], cwd=slot.path, check=True)


def git_link(slot: Slot) -> None:
    (slot.path / ".git").unlink()
    (slot.path / ".git").symlink_to("/etc/hostname")


def tree_is_a_file(slot: Slot) -> None:
    shutil.rmtree(slot.path)
    slot.path.write_text("not a folder")


def branch(slot: Slot) -> None:
    subprocess.run(["git", "checkout", "-qB", "mine"], cwd=slot.path, check=True)


def prune(slot: Slot) -> None:
    shutil.rmtree(slot.path)
    slot.repo.run("worktree", "prune")


def commit_something(slot: Slot) -> None:
    (slot.path / "new").write_text("new")
    subprocess.run(["git", "add", "-A"], cwd=slot.path, check=True)
    subprocess.run(["git", "commit", "-qm", "x"], cwd=slot.path, check=True)


DAMAGE: dict[str, Callable[[Slot], object]] = {
    "nothing": lambda slot: None,
    "mess": mess_up,
    "locked folders": lock_folders,
    ".git replaced": replace_git_file,
    ".git deleted": lambda slot: (slot.path / ".git").unlink(),
    ".git a folder": git_folder,
    ".git a link": git_link,
    "index broken": lambda slot: (slot.admin / "index").write_bytes(b"x"),
    "index locked": lambda slot: (slot.admin / "index.lock").touch(),
    "head broken": lambda slot: (slot.admin / "HEAD").write_bytes(b"x"),
    "on a branch": branch,
    "committed": commit_something,
    "tree gone": lambda slot: shutil.rmtree(slot.path),
    "tree a file": tree_is_a_file,
    "git forgot it": lambda slot: shutil.rmtree(slot.admin),
    "pruned": prune,
    "removed with git": lambda slot: slot.repo.run("worktree", "remove", "--force", "--force", str(slot.path)),
    "name lost": lambda slot: (slot.folder / "name").unlink(),
    "name empty": lambda slot: (slot.folder / "name").write_text(""),
    "name hostile": lambda slot: (slot.folder / "name").write_text("../refs"),
    "merging": lambda slot: (slot.admin / "MERGE_HEAD").write_text("1" * 40 + "\n"),
}


@pytest.mark.parametrize("damage", DAMAGE)
@pytest.mark.parametrize("settle", [True, False], ids=["settled", "died"])
def test_a_slot_is_clean_again_whatever_happened_to_it(lab: Lab, damage: str, settle: bool) -> None:
    refs = lab.repo.refs("refs/heads/main")
    lab.use(DAMAGE[damage], settle)
    lab.check_reuse()
    assert len(list(lab.root.glob("*/slot-*"))) == 1
    assert lab.repo.refs("refs/heads/main") == refs
    assert subprocess.run(["git", "status"], cwd=lab.box.folder, capture_output=True).returncode == 0
    lab.check_gone()


def test_the_same_slot_is_used_again(lab: Lab) -> None:
    assert lab.use(mess_up) == lab.use(mess_up)


@pytest.mark.parametrize("settle", [True, False], ids=["settled", "died"])
def test_a_link_in_the_place_of_a_worktree_is_not_followed(lab: Lab, tmp_path: Path, settle: bool) -> None:
    precious = tmp_path / "precious"
    precious.mkdir()
    (precious / "file").write_text("mine")

    def act(slot: Slot) -> None:
        shutil.rmtree(slot.path)
        slot.path.symlink_to(precious)

    lab.use(act, settle)
    lab.check_reuse()
    assert files(precious) == {"file": b"mine"}
    assert lab.repo.refs(ORPHANS) == {}


def test_other_worktrees_are_left_alone(lab: Lab, tmp_path: Path) -> None:
    lab.box.git("worktree", "add", "--quiet", "-b", "mine", str(tmp_path / "mine"))
    for damage in ("name empty", "name hostile", "git forgot it"):
        lab.use(DAMAGE[damage])
        lab.check_reuse()
    workspace.remove_slots(lab.repo, lab.config)
    assert len(lab.worktrees()) == 2
    assert subprocess.run(["git", "status"], cwd=tmp_path / "mine", capture_output=True).returncode == 0


DIE = """
import sys, time
from pathlib import Path
from global_aim import workspace
from global_aim.lock import guard
from global_util.config import Settings
from global_util.git import Repository
config = Settings().over("test", {"worktree.root": sys.argv[2]})
with workspace.lease(Repository.discover(Path(sys.argv[1])), config, sys.argv[3]) as slot:
    (slot.path / "a").write_text("hours of work")
    (slot.path / "new").write_text("new")
    print(slot.path, flush=True)
    time.sleep(60)
"""


def test_work_of_a_dead_holder_is_anchored_before_its_slot_is_used_again(lab: Lab) -> None:
    words = [sys.executable, "-c", DIE, str(lab.box.folder), str(lab.root), lab.base]
    with subprocess.Popen(words, stdout=subprocess.PIPE, text=True) as holder:
        assert holder.stdout is not None
        place = Path(holder.stdout.readline().strip())
        assert lab.use(lambda slot: None) != place
        workspace.remove_slots(lab.repo, lab.config)
        assert (place / "new").exists()
        os.kill(holder.pid, signal.SIGKILL)
    assert lab.use(lambda slot: None) == place
    (kept,) = lab.repo.refs(ORPHANS).values()
    content = lab.box.content(kept)
    assert content[b"a"] == (FILE, b"hours of work")
    assert content[b"new"] == (FILE, b"new")
    assert content[b"dir/f"] == BASE[b"dir/f"]
    assert lab.box.git("rev-parse", f"{kept}^") == lab.base


@pytest.mark.parametrize("damage", ["committed", "on a branch", "git forgot it", "index broken", ".git a folder"])
def test_work_is_anchored_in_whatever_state_it_was_left(lab: Lab, damage: str) -> None:
    def act(slot: Slot) -> None:
        (slot.path / "a").write_text("work")
        DAMAGE[damage](slot)

    lab.use(act, settle=False)
    workspace.remove_slots(lab.repo, lab.config)
    (kept,) = lab.repo.refs(ORPHANS).values()
    assert lab.box.content(kept)[b"a"] == (FILE, b"work")


def test_nothing_is_kept_where_nothing_was_done(lab: Lab) -> None:
    lab.use(lambda slot: None, settle=False)
    lab.use(mess_up, settle=True)
    with workspace.checkout(lab.repo, lab.config, lab.base) as place:
        (place / "cache").write_text("of a check")
    lab.check_gone()
    assert lab.repo.refs("refs/pipeline") == {}


def test_two_leases_at_once_get_two_slots(lab: Lab) -> None:
    with workspace.lease(lab.repo, lab.config, lab.base) as one, workspace.lease(lab.repo, lab.config, lab.next) as two:
        assert one.path != two.path
        assert files(two.path) == wanted(NEXT)
        workspace.remove_slots(lab.repo, lab.config)
        assert files(one.path) == wanted(BASE)
        one.settle()
        two.settle()
    lab.check_gone()


MANY = """
import sys
from pathlib import Path
from global_aim import workspace
from global_aim.lock import guard
from global_util.config import Settings
from global_util.git import Repository
repo = Repository.discover(Path(sys.argv[1]))
config = Settings().over("test", {"worktree.root": sys.argv[2]})
for _ in range(6):
    with workspace.checkout(repo, config, sys.argv[3]) as place:
        assert (place / "a").read_text() == "one\\n"
    workspace.remove_slots(repo, config)
"""


def test_processes_that_take_and_remove_slots_do_not_harm_each_other(lab: Lab) -> None:
    words = [sys.executable, "-c", MANY, str(lab.box.folder), str(lab.root), lab.base]
    started = [subprocess.Popen(words, stderr=subprocess.PIPE, text=True) for _ in range(3)]
    told = [process.communicate()[1] for process in started]
    assert [process.returncode for process in started] == [0, 0, 0], told
    lab.check_gone()


GUARDED = """
import sys
from pathlib import Path
from global_aim.lock import guard
root = Path(sys.argv[1])
with guard(root):
    print((root / "guard").exists(), flush=True)
"""


def is_waiting(pid: int) -> bool:
    """Does a process wait for a file lock?"""
    return re.search(rf"-> FLOCK .* {pid} ", Path("/proc/locks").read_text()) is not None


def test_who_waits_for_the_guard_of_a_pool_that_is_removed_takes_the_next(tmp_path: Path) -> None:
    root = tmp_path / "pool"
    with guard(root):
        other = subprocess.Popen([sys.executable, "-c", GUARDED, str(root)], stdout=subprocess.PIPE, text=True)
        patience = time.monotonic() + 10  # where the system does not show who waits
        while time.monotonic() < patience and not is_waiting(other.pid):
            assert other.poll() is None
            time.sleep(0.01)
        shutil.rmtree(root)
    assert other.communicate()[0] == "True\n"
    assert other.returncode == 0


def test_a_pool_that_was_removed_meanwhile_is_made_again(tmp_path: Path) -> None:
    with guard(tmp_path / "pool"):
        assert (tmp_path / "pool" / "guard").exists()


@pytest.mark.parametrize("place", ["file/slots", "/proc/slots"])
def test_a_place_that_cannot_be_written(lab: Lab, tmp_path: Path, place: str) -> None:
    (tmp_path / "file").touch()
    config = Settings().over("test", {"worktree.root": str(tmp_path / place)})
    with pytest.raises(EnvironmentFault) as fault, workspace.lease(lab.repo, config, lab.base):
        pass
    assert (fault.value.exit_code, fault.value.code) == (4, "E440")


def test_by_default_slots_lie_in_the_users_cache(lab: Lab, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    with workspace.checkout(lab.repo, Settings(), lab.base) as place:
        assert place.is_relative_to(tmp_path / "cache" / "phaseline")
    workspace.remove_slots(lab.repo, Settings())


def test_a_bare_repository(tmp_path: Path) -> None:
    lab = Lab(tmp_path, "--bare")
    lab.box.git("symbolic-ref", "HEAD", "refs/heads/missing")
    lab.use(mess_up, settle=False)
    lab.check_reuse()
    assert len(lab.repo.refs(ORPHANS)) == 1
    lab.check_gone()


def test_a_repository_with_sha256(tmp_path: Path) -> None:
    box = Sandbox(tmp_path / "repo", "--object-format=sha256")
    commit = box.start({b"a": (FILE, b"1\n"), b"d/x": (FILE, b"2\n")})
    config = Settings().over("test", {"worktree.root": str(tmp_path / "slots")})
    with workspace.lease(box.repo, config, commit) as slot:
        shutil.rmtree(slot.path / "d")
        (slot.path / "d").write_text("3\n")
    workspace.remove_slots(box.repo, config)
    (kept,) = box.repo.refs(ORPHANS).values()
    assert box.content(kept) == {b"a": (FILE, b"1\n"), b"d": (FILE, b"3\n")}


def test_a_path_that_is_no_text(tmp_path: Path) -> None:
    lab = Lab(tmp_path / "caf\udce9 \u00fc")
    lab.use(mess_up, settle=False)
    lab.check_reuse()
    assert len(lab.repo.refs(ORPHANS)) == 1
    lab.check_gone()


def test_the_users_sparse_checkout_and_settings_do_not_shape_a_slot(lab: Lab, tmp_path: Path) -> None:
    lab.box.git("config", "extensions.worktreeConfig", "true")
    lab.box.git("sparse-checkout", "set", "--cone", "nowhere")
    for key, value in {"core.splitIndex": "true", "core.symlinks": "false", "core.autocrlf": "false"}.items():
        lab.box.git("config", key, value)
    lab.use(mess_up, settle=False)
    with workspace.lease(lab.repo, lab.config, lab.base) as slot:
        assert files(slot.path) == wanted(BASE)
        slot.settle()
    assert len(lab.repo.refs(ORPHANS)) == 1
    assert lab.box.git("config", "core.sparseCheckout") == "true"
    lab.check_gone()


def test_a_hook_of_the_repository_is_not_run(lab: Lab, tmp_path: Path) -> None:
    for hook in ("post-checkout", "post-index-change", "reference-transaction"):
        place = lab.repo.common_dir / "hooks" / hook
        place.write_text(f"#!/bin/sh\ntouch '{tmp_path}/ran'\n")
        place.chmod(0o755)
    lab.use(lambda slot: (slot.path / "a").write_text("x"), settle=False)
    lab.check_gone()
    assert not (tmp_path / "ran").exists()


ACCESS = """
import os
from pathlib import Path
from global_aim import workspace
from global_aim.lock import guard
os.setgid(65534)
os.setuid(65534)
workspace.make_accessible(Path("tree"))
assert Path("tree/one/two/f").exists()
"""


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become somebody whom permissions stop")
def test_folders_without_permissions_are_opened_for_everybody(tmp_path: Path) -> None:
    (tmp_path / "tree/one/two").mkdir(parents=True)
    (tmp_path / "tree/one/two/f").touch()
    for place in (tmp_path / "tree/one/two", tmp_path / "tree/one", tmp_path / "tree"):
        place.chmod(0)
        os.chown(place, 65534, 65534)
    tmp_path.chmod(0o755)
    words = [sys.executable, "-B", "-c", ACCESS]
    done = subprocess.run(words, cwd=tmp_path, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr


def test_a_pipe_is_no_trap(lab: Lab) -> None:
    def act(slot: Slot) -> None:
        for name in (".git", ".gitignore", "a", "dir/.gitattributes"):
            (slot.path / name).unlink(missing_ok=True)
            os.mkfifo(slot.path / name)

    lab.use(act, settle=False)
    lab.check_reuse()
    lab.check_gone()


def test_a_file_that_shares_its_content_with_git_is_not_written_to(lab: Lab, tmp_path: Path) -> None:
    (tmp_path / "slots-file").write_text("mine")

    def act(slot: Slot) -> None:
        (slot.path / ".git").unlink()
        os.link(tmp_path / "slots-file", slot.path / ".git")

    lab.use(act)
    lab.check_reuse()
    assert (tmp_path / "slots-file").read_text() == "mine"


def test_ignored_files_that_the_settings_name_are_kept_with_what_a_dead_holder_left(tmp_path: Path) -> None:
    lab = Lab(tmp_path)
    lab.config = lab.config.over("test", {"keep.ignored": ["*.log"]})

    def leave(slot: Slot) -> None:
        for name in ("x.log", "dir/y.log"):
            (slot.path / name).write_text("mine\n", "utf-8")

    lab.use(leave, settle=False)
    with workspace.lease(lab.repo, lab.config, lab.base) as slot:
        assert files(slot.path) == wanted(BASE)
        leave(slot)
    (ref,) = lab.repo.refs(ORPHANS)
    assert {name for name in lab.box.content(ref) if name not in BASE} == {b"x.log", b"dir/y.log"}
    lab.box.git("update-ref", "-d", ref)
    workspace.remove_slots(lab.repo, lab.config)
    assert list(lab.repo.refs(ORPHANS)) == [ref]
