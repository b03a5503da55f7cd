"""A slot is set up when it has to be, never half; what the set-up made stays, and is never a tool's work."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from global_aim import snapshot, workspace
from global_aim.copies import find_copies
from global_aim.slot import Slot
from global_util import paths
from global_util.config import Settings
from global_util.contracts.item import State
from global_util.errors import EnvironmentFault, InvalidInput
from global_util.testing import FILE, GITLINK, LINK, Sandbox, Tree
from hypothesis import assume, given
from hypothesis import strategies as st

BASE: Tree = {
    b"a": (FILE, b"one\n"),
    b"requirements.txt": (FILE, b"x==1\n"),
    b"web/package-lock.json": (FILE, b"{}\n"),
    b"make.py": (FILE, b"import pathlib; pathlib.Path('made').mkdir(); print('ready')\n"),
    b"odd": (LINK, b"/tmp"),
    b"sub": (GITLINK, b"1" * 40),
    b".gitignore": (FILE, b".env\nmade/\nlocal.*\n*.log\n"),
}
ORPHANS = "refs/pipeline/keep/orphans"
COUNT = "import os, pathlib; os.makedirs('made/deep', exist_ok=True); pathlib.Path('made/deep/f').write_text('made')"


class Lab:
    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.box = Sandbox(folder / "repo")
        self.repo = self.box.repo
        self.base = self.box.start(BASE)
        self.ran = folder / "ran"
        self.values: dict[str, Any] = {
            "worktree.root": str(folder / "slots"),
            "worktree.setup": [self.python(COUNT)],
            "worktree.setup_inputs": ["requirements*.txt", "package-lock.json"],
            "worktree.setup_timeout_s": 60,
        }

    def python(self, code: str) -> list[str]:
        """A command that also leaves a mark outside."""
        return [sys.executable, "-c", f"open({str(self.ran)!r}, 'a').write('x')\n{code}"]

    @property
    def config(self) -> Settings:
        return Settings().over("test", self.values)

    @property
    def runs(self) -> int:
        return len(self.ran.read_text()) if self.ran.exists() else 0

    def commit(self, content: Tree) -> str:
        return self.box.commit({**BASE, **content}, self.base)

    def state(self, commit: str) -> State:
        return State(commit=commit, tree=self.repo.tree_of(commit))

    def use(self, commit: str = "") -> Slot:
        with workspace.lease(self.repo, self.config, commit or self.base) as slot:
            slot.settle()
            return slot

    def fail(self, *commands: list[str]) -> EnvironmentFault:
        self.values["worktree.setup"] = list(commands)
        with pytest.raises(EnvironmentFault) as fault:
            self.use()
        assert fault.value.exit_code == 4
        assert not list(self.folder.glob("slots/*/slot-*/setup.json"))
        return fault.value


@pytest.fixture
def lab(tmp_path: Path) -> Iterator[Lab]:
    made = Lab(tmp_path)
    yield made
    workspace.remove_slots(made.repo, made.config)


def test_it_runs_once_and_what_it_made_survives(lab: Lab) -> None:
    first = lab.use()
    (first.path / "made/deep/cache").write_text("of a tool")
    (first.path / "tool.log").write_text("of a tool")
    (first.path / "new").write_text("of a tool")
    second = lab.use()
    assert (second.path, lab.runs) == (first.path, 1)
    assert sorted(str(p.relative_to(second.path)) for p in (second.path / "made").rglob("*")) == [
        "made/deep",
        "made/deep/f",
    ]
    assert not (second.path / "tool.log").exists()
    assert not (second.path / "new").exists()


def test_another_commit_with_equal_inputs_finds_it_ready(lab: Lab) -> None:
    lab.use()
    slot = lab.use(lab.commit({b"a": (FILE, b"two\n")}))
    assert (slot.path / "a").read_text() == "two\n"
    assert (slot.path / "made/deep/f").exists()
    assert lab.runs == 1


@pytest.mark.parametrize("name", [b"requirements.txt", b"requirements-dev.txt", b"web/package-lock.json"])
def test_it_runs_again_when_a_file_that_decides_has_changed(lab: Lab, name: bytes) -> None:
    lab.use()
    lab.use(lab.commit({name: (FILE, b"changed\n")}))
    assert lab.runs == 2


def test_it_runs_again_when_a_script_that_it_names_or_the_commands_have_changed(lab: Lab) -> None:
    lab.values["worktree.setup"] = [lab.python(""), [sys.executable, "make.py"]]
    lab.use()
    lab.use(lab.commit({b"make.py": (FILE, b"print('other')\n")}))
    lab.values["worktree.setup"] = [lab.python("pass")]
    lab.use()
    assert lab.runs == 3


@pytest.mark.parametrize("damage", ["edit", "same size", "delete", "link", "empty folder"])
def test_it_runs_again_when_somebody_changed_what_it_made(lab: Lab, damage: str) -> None:
    lab.values["worktree.setup"] = [lab.python(COUNT + "; os.makedirs('made/empty', exist_ok=True)")]
    file = lab.use().path / "made/deep/f"
    if damage == "empty folder":
        (file.parent.parent / "empty").rmdir()
        (file.parent.parent / "empty").symlink_to("/tmp")
    elif damage == "same size":
        about = file.stat()
        file.write_text("MADE")
        os.utime(file, ns=(about.st_atime_ns, about.st_mtime_ns))
    else:
        file.unlink()
        if damage == "edit":
            file.write_text("poison")
        elif damage == "link":
            file.symlink_to("/etc/hostname")
    slot = lab.use()
    assert (slot.path / "made/deep/f").read_text() == "made"
    assert not (slot.path / "made/empty").is_symlink()
    assert lab.runs == 2


def test_without_a_setup_everything_is_removed(lab: Lab) -> None:
    lab.use()
    lab.values["worktree.setup"] = []
    assert not (lab.use().path / "made").exists()


def test_what_it_made_is_not_the_tools_work_even_when_the_tool_stops_ignoring_it(lab: Lab) -> None:
    (lab.box.folder / ".env").write_text("KEY=1\n")
    lab.values["worktree.copy"] = [".env"]
    with workspace.lease(lab.repo, lab.config, lab.base) as slot:
        (slot.path / ".gitignore").write_text("")
        subprocess.run(["git", "add", "--force", ".env", "made"], cwd=slot.path, check=True)
        (slot.path / "made/tool").write_text("x")
        found = snapshot.look(slot, lab.state(lab.base), [".env"]).changes
        assert [change.path for change in found] == [".gitignore", "made/tool"]
        assert snapshot.peek(slot) == [".gitignore", "made/tool"]
    lab.use()
    (kept,) = lab.repo.refs(ORPHANS).values()
    assert set(lab.box.content(kept)) == {*BASE, b"made/tool"}


def test_a_copied_file_that_the_tool_changes_and_adds_is_its_work(lab: Lab) -> None:
    (lab.box.folder / ".env").write_text("KEY=1\n")
    lab.values["worktree.copy"] = [".env"]
    with workspace.lease(lab.repo, lab.config, lab.base) as slot:
        (slot.path / ".env").write_text("KEY=2\n")
        slot.settle()
        assert [change.path for change in snapshot.look(slot, lab.state(lab.base), [".env"]).changes] == [".env"]


@pytest.mark.parametrize(
    ("code", "named"),
    [
        ("open('a', 'a').write('x')", "a"),
        ("import os; os.remove('a')", "a"),
        ("open('new file', 'w')", "new file"),
        ("import os; os.makedirs('sub', exist_ok=True); open('sub/f', 'w')", "sub"),
        (
            "import subprocess; subprocess.run(['git', 'init', '-q', 'inner'], check=True); open('inner/f', 'w')",
            "inner/",
        ),
        (
            "import subprocess; open('x.log', 'w'); subprocess.run(['git', 'add', '-f', 'x.log'], check=True)",
            "x.log",
        ),
    ],
    ids=["changed", "deleted", "new", "submodule", "repository", "staged"],
)
def test_what_git_would_see_is_refused_by_name(lab: Lab, code: str, named: str) -> None:
    fault = lab.fail(lab.python(code))
    assert fault.code == "E445"
    assert named in fault.message.partition("left: ")[2].split(", ")
    assert lab.repo.refs("refs/pipeline") == {}


def test_a_commit_of_the_setup_does_not_move_the_slot(lab: Lab) -> None:
    code = COUNT + "; import subprocess; subprocess.run(['git', 'checkout', '-qb', 'mine'], check=True)"
    lab.values["worktree.setup"] = [lab.python(code)]
    slot = lab.use()
    assert slot.git("rev-parse", "--abbrev-ref", "HEAD") == b"HEAD\n"


def test_the_worktree_taken_away_by_the_setup(lab: Lab) -> None:
    code = "import os, shutil; shutil.rmtree(os.getcwd())"
    assert lab.fail(lab.python(code), lab.python("")).code in ("E401", "E443")


@pytest.mark.parametrize(
    ("command", "told"),
    [
        (["no-such-program"], "no such program"),
        (["missing/program"], "no such program"),
        ([sys.executable, "-c", "print('first'); print('it broke\\x1b[2J'); exit(3)"], "exit 3: it broke"),
        ([sys.executable, "-c", "import os; os.kill(os.getpid(), 9)"], "signal 9"),
        ([sys.executable, "-c", "import os; os.write(2, b'\\xff\\xfe\\r' * 400000); exit(1)"], "exit 1"),
        ([sys.executable, "-c", "exit(1)"], "exit 1"),
    ],
    ids=["missing", "missing in the tree", "fails", "killed", "floods", "silent"],
)
def test_a_failure_names_its_last_line_and_the_log(lab: Lab, command: list[str], told: str) -> None:
    fault = lab.fail(lab.python(""), command)
    assert fault.code == "E443"
    assert told in fault.message
    assert len(fault.message) < 1000
    workspace.remove_slots(lab.repo, lab.config)
    assert Path(fault.hint.removeprefix("its output lies in ")).is_file()


def test_a_failed_one_runs_again_in_a_clean_slot(lab: Lab) -> None:
    lab.fail(lab.python(COUNT), lab.python("exit(1)"))
    lab.values["worktree.setup"] = [lab.python("import os; assert not os.path.exists('made')")]
    lab.use()
    assert lab.repo.refs("refs/pipeline") == {}


def test_the_time_limit_counts_for_all_commands_together(lab: Lab) -> None:
    lab.values["worktree.setup_timeout_s"] = 1
    begin = time.monotonic()
    fault = lab.fail(lab.python("import time; time.sleep(0.6)"), lab.python("import time; time.sleep(60)"))
    assert (fault.code, time.monotonic() - begin < 30) == ("E443", True)
    assert "not done after 1 s" in fault.message
    assert "worktree.setup_timeout_s" in fault.hint


def test_a_program_with_a_slash_lies_in_the_worktree(lab: Lab) -> None:
    code = COUNT + "; import sys; os.symlink(sys.executable, 'made/python')"
    lab.values["worktree.setup"] = [lab.python(code), ["made/python", "-c", "open('made/second', 'w')"]]
    assert (lab.use().path / "made/second").exists()


def test_it_sees_no_secrets_of_the_caller(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MY_SECRET", "x")
    lab.values["worktree.setup"] = [lab.python(COUNT + "; assert 'MY_SECRET' not in os.environ")]
    lab.use()


def test_files_are_copied_and_their_content_decides(lab: Lab) -> None:
    place = lab.box.folder / ".env"
    place.write_text("KEY=1\n")
    place.chmod(0o640)
    (lab.box.folder / "web/local.json").write_text("{}")
    lab.values["worktree.copy"] = [".env", "web/local.*", "local.missing"]
    slot = lab.use()
    assert (slot.path / ".env").read_text() == "KEY=1\n"
    assert (slot.path / ".env").stat().st_mode & 0o777 == 0o640
    assert (slot.path / "web/local.json").read_text() == "{}"
    assert slot.notes == ("local.missing: not copied: is not there",)
    assert lab.use().notes == ()
    place.write_text("KEY=2\n")
    assert (lab.use().path / ".env").read_text() == "KEY=2\n"
    (lab.box.folder / "local.missing").write_text("")
    lab.use()
    assert lab.runs == 3


def test_a_copy_alone_needs_no_commands(lab: Lab) -> None:
    (lab.box.folder / ".env").write_text("KEY=1\n")
    lab.values |= {"worktree.setup": [], "worktree.copy": [".env"]}
    assert (lab.use().path / ".env").read_text() == "KEY=1\n"
    assert (lab.use().path / ".env").read_text() == "KEY=1\n"


def test_a_copy_that_git_does_not_ignore_is_refused(lab: Lab) -> None:
    (lab.box.folder / "secret").write_text("KEY=1\n")
    lab.values["worktree.copy"] = ["secret"]
    fault = lab.fail()
    assert (fault.code, "secret" in fault.message) == ("E445", True)


def test_nothing_is_copied_through_a_link_over_a_tracked_file_or_from_elsewhere(lab: Lab, tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "local.a").write_text("not yours")
    folder = lab.box.folder
    (folder / "local.link").symlink_to(outside / "local.a")
    (folder / "linked").symlink_to(outside)
    (folder / "odd").unlink()
    (folder / "odd").mkdir()
    (folder / "odd/local.x").write_text("x")
    (folder / "a").write_text("changed by the user\n")
    os.mkfifo(folder / "local.pipe")
    lab.values["worktree.copy"] = ["local.*", "linked/local.a", "linked/*", "**/local.a", "odd/local.x", "a"]
    slot = lab.use()
    assert slot.notes == (
        "**/local.a: not copied: is not there",
        "a: not copied: git tracks it in this commit",
        "linked/*: not copied: a symbolic link, or behind one",
        "linked/local.a: not copied: a symbolic link, or behind one",
        "local.link: not copied: a symbolic link, or behind one",
        "local.pipe: not copied: is no regular file",
        "odd/local.x: not copied: the commit has a symbolic link on its way",
    )
    assert (slot.path / "a").read_text() == "one\n"
    assert not Path("/tmp/local.x").exists()


@pytest.mark.parametrize(
    ("key", "value", "told"),
    [
        ("setup", ["npm ci"], "no shell"),
        ("setup", "npm ci", "no shell"),
        ("setup", [[]], "no shell"),
        ("setup", [["npm", 3]], "no shell"),
        ("copy", ".env", "main worktree"),
        ("copy", ["/etc/passwd"], "main worktree"),
        ("copy", ["../x"], "main worktree"),
        ("copy", [".git/config"], "main worktree"),
        ("copy", ["folder/"], "main worktree"),
        ("setup_inputs", [1], "main worktree"),
        ("setup_timeout_s", 0, "seconds"),
        ("setup_timeout_s", True, "seconds"),
    ],
)
def test_what_a_setting_cannot_mean_is_refused(lab: Lab, key: str, value: object, told: str) -> None:
    lab.values[f"worktree.{key}"] = value
    with pytest.raises(InvalidInput) as fault:
        lab.use()
    assert (fault.value.exit_code, fault.value.code) == (3, "E363")
    assert told in fault.value.hint
    assert f"worktree.{key}" in fault.value.message


LEASE = """
import sys, json
from pathlib import Path
from global_aim import workspace
from global_util import paths
from global_util.config import Settings
from global_util.git import Repository
config = Settings().over("test", json.loads(sys.argv[2]))
with workspace.lease(Repository.discover(Path(sys.argv[1])), config, sys.argv[3]) as slot:
    assert (slot.path / "made/deep/f").read_text() == "made"
    (slot.path / "a").write_text("work")
    slot.settle()
    print(slot.path)
"""


def start(lab: Lab) -> subprocess.Popen[str]:
    words = [sys.executable, "-c", LEASE, str(lab.box.folder), json.dumps(lab.values), lab.base]
    return subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def test_a_holder_killed_while_it_runs_leaves_nothing_that_counts(lab: Lab) -> None:
    slow = lab.python(COUNT + f"; open({str(lab.folder / 'half')!r}, 'w'); import time; time.sleep(60)")
    quick = lab.values["worktree.setup"]
    lab.values["worktree.setup"] = [slow]
    with start(lab) as holder:
        deadline = time.monotonic() + 30
        while not (lab.folder / "half").exists():
            assert time.monotonic() < deadline
            time.sleep(0.01)
        os.kill(holder.pid, signal.SIGKILL)
        holder.communicate()
    assert not list(lab.folder.glob("slots/*/slot-*/setup.json"))
    lab.values["worktree.setup"] = quick
    slot = lab.use()
    assert slot.folder.name == "slot-1"
    assert (slot.path / "made/deep/f").read_text() == "made"
    assert lab.runs == 2
    assert lab.repo.refs("refs/pipeline") == {}


def test_two_processes_at_once_get_two_slots_that_are_both_set_up(lab: Lab) -> None:
    lab.values["worktree.setup"] = [lab.python("import time; time.sleep(0.5)\n" + COUNT)]
    told = [process.communicate() for process in [start(lab), start(lab)]]
    assert len({out for out, _ in told}) == 2, told
    assert lab.runs == 2


@pytest.mark.parametrize("content", ["", "[]", '{"key": 3, "files": []}', "not json"])
def test_a_record_that_cannot_be_read_counts_as_none(lab: Lab, content: str) -> None:
    (lab.use().folder / "setup.json").write_text(content)
    lab.use()
    assert lab.runs == 2


def test_a_self_ignoring_folder_survives(lab: Lab) -> None:
    code = "import os; os.mkdir('env'); [open('env/' + name, 'w').write('*') for name in ('.gitignore', '.gitattributes', 'f')]"
    lab.values["worktree.setup"] = [lab.python(code)]
    (lab.use().path / "env/tool").write_text("x")
    slot = lab.use()
    assert sorted(path.name for path in (slot.path / "env").iterdir()) == [".gitattributes", ".gitignore", "f"]
    assert lab.runs == 1


@pytest.fixture(scope="module")
def crowded(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A main worktree with files, folders, and links that lead out of it."""
    root = tmp_path_factory.mktemp("crowded")
    main = root / "main"
    (main / "a/b").mkdir(parents=True)
    (root / "out").mkdir()
    for place in ("main/ab", "main/a/a", "main/a/b/a", "out/a", "a"):
        (root / place).write_text("in" if place.startswith("main") else "outside")
    (main / "b").symlink_to(root / "out")
    (main / "a/ab").symlink_to(root / "a")
    return main


@given(st.text(alphabet="ab*?[]/.", min_size=1, max_size=9))
def test_no_pattern_leads_out_of_the_main_worktree(crowded: Path, pattern: str) -> None:
    assume(not paths.fault(pattern) and not pattern.endswith("/"))
    found = find_copies(crowded, [pattern])
    assert found
    for copy in found:
        place = crowded / copy.path
        if copy.fault:
            assert copy.content == b""
        else:
            assert copy.content == b"in"
            assert place.resolve() == place
            assert paths.covers(pattern, copy.path)
