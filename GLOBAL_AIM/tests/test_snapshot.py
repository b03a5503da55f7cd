"""Whatever a tool does to its worktree, and however it hides it, is seen; what it did not do is not."""

from __future__ import annotations

import os
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from global_aim import snapshot, workspace
from global_util.config import Settings
from global_util.contracts.item import Change, State
from global_util.contracts.workstream import LiteralPath, ScopeEntry
from global_util.testing import FILE, GITLINK, LINK, PROGRAM, Sandbox, Tree

COMMIT = b"1" * 40
BASE: Tree = {
    b"a": (FILE, b"one\n"),
    b"b": (FILE, b"two\n"),
    b"dir/f": (FILE, b"f\n"),
    b"dir/g": (FILE, b"g\n"),
    b"link": (LINK, b"a"),
    b"run": (PROGRAM, b"#!/bin/sh\n"),
    b"sub": (GITLINK, COMMIT),
    b".gitignore": (FILE, b"*.log\nout/\n"),
}


@dataclass
class Tool:
    """What a tool can do in its worktree."""

    place: Path

    def git(self, *words: str) -> None:
        subprocess.run(["git", *words], cwd=self.place, capture_output=True, check=True)

    def put(self, name: str | bytes, text: bytes = b"new\n") -> Path:
        path = self.place / os.fsdecode(name)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(text)
        return path

    def admin(self) -> Path:
        return Path((self.place / ".git").read_text().strip().removeprefix("gitdir: "))


class Lab:
    def __init__(self, folder: Path) -> None:
        self.box = Sandbox(folder / "repo")
        self.config = Settings().over("test", {"worktree.root": str(folder / "slots")})

    def see(
        self, act: Callable[[Tool], object], base: Tree = BASE, literal: tuple[ScopeEntry, ...] = ()
    ) -> tuple[Change, ...]:
        commit = self.box.commit(base)
        self.start = State(commit=commit, tree=self.box.repo.tree_of(commit))
        self.box.git("update-ref", "refs/heads/main", commit)
        with workspace.lease(self.box.repo, self.config, commit) as slot:
            act(Tool(slot.path))
            left = snapshot.look(slot, self.start, literal)
            self.nested, self.refused = list(left.repositories), list(left.refused)
            slot.settle()
        self.after = self.box.content(self.box.repo.overlay(self.start.tree, left.changes))
        return left.changes


@pytest.fixture
def lab(tmp_path: Path) -> Iterator[Lab]:
    made = Lab(tmp_path)
    yield made
    workspace.remove_slots(made.box.repo, made.config)


def each(*acts: Callable[[Tool], object]) -> Callable[[Tool], None]:
    def act(tool: Tool) -> None:
        for one in acts:
            one(tool)

    return act


def edit(tool: Tool) -> None:
    tool.put("a", b"ONE\n")


def edit_keeping_times(tool: Tool) -> None:
    before = (tool.place / "a").stat()
    tool.put("a", b"ONE\n")
    os.utime(tool.place / "a", ns=(before.st_atime_ns, before.st_mtime_ns))


def make_link(tool: Tool, name: str, target: str) -> None:
    path = tool.place / name
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    path.unlink(missing_ok=True)
    path.symlink_to(target)


def file_to_folder(tool: Tool) -> None:
    (tool.place / "a").unlink()
    tool.put("a/x/y")


def folder_to_file(tool: Tool) -> None:
    shutil.rmtree(tool.place / "dir")
    tool.put("dir")


def link_to_file(tool: Tool) -> None:
    (tool.place / "link").unlink()
    tool.put("link")


def stage_and_replace_folder(tool: Tool) -> None:
    """The index says one thing, a link in the folder's place another."""
    tool.put("dir/f", b"staged\n")
    tool.git("add", "dir/f")
    shutil.move(tool.place / "dir", tool.place / "moved")
    make_link(tool, "dir", "moved")


def staged(tool: Tool, *words: str) -> None:
    edit(tool)
    tool.put("n")
    tool.git("add", "-A")
    if words:
        tool.git(*words)


def hidden(tool: Tool, bit: str) -> None:
    tool.git("update-index", bit, "a")
    edit(tool)


def commits(tool: Tool) -> None:
    staged(tool, "commit", "-qm", "x")
    tool.put("b", b"later\n")


def commits_on_a_branch(tool: Tool) -> None:
    tool.git("checkout", "-qb", "mine")
    staged(tool, "commit", "-qm", "x")


def conflicts(tool: Tool) -> None:
    staged(tool, "commit", "-qm", "x")
    tool.git("checkout", "-q", "--detach", "HEAD~1")
    tool.put("a", b"other\n")
    tool.git("commit", "-qam", "y")
    subprocess.run(["git", "merge", "HEAD@{2}"], cwd=tool.place, capture_output=True, check=False)


def index_of_its_own(tool: Tool, content: bytes | None) -> None:
    edit(tool)
    index = tool.admin() / "index"
    index.unlink() if content is None else index.write_bytes(content)


def fifo(tool: Tool) -> None:
    (tool.place / "a").unlink()
    os.mkfifo(tool.place / "a")
    os.mkfifo(tool.place / "new-pipe")
    os.mkfifo(tool.place / "dir/.gitignore")
    (tool.place / ".git").unlink()
    os.mkfifo(tool.place / ".git")


def locked_folder(tool: Tool) -> None:
    tool.put("dir/f", b"locked\n")
    (tool.place / "dir/f").chmod(0)
    (tool.place / "dir").chmod(0)


def sparse(tool: Tool) -> None:
    tool.git("config", "core.sparseCheckout", "true")
    tool.git("config", "core.fileMode", "false")
    tool.git("config", "core.trustctime", "false")
    tool.git("sparse-checkout", "set", "dir")
    tool.put("dir/f", b"seen\n")


def forget_worktree(tool: Tool) -> None:
    edit(tool)
    shutil.rmtree(tool.admin())


ALL = {path.decode(): "D" for path in BASE if path != b"sub"}
CASES: dict[str, tuple[Callable[[Tool], object], dict[str, str]]] = {
    "nothing": (lambda tool: None, {}),
    "touched": (lambda tool: (tool.place / "a").touch(), {}),
    "rewritten as it was": (lambda tool: tool.put("a", b"one\n"), {}),
    "modified": (edit, {"a": "M"}),
    "modified, times kept": (edit_keeping_times, {"a": "M"}),
    "added": (lambda tool: tool.put("deep/er/n"), {"deep/er/n": "A"}),
    "deleted": (lambda tool: (tool.place / "a").unlink(), {"a": "D"}),
    "made a program": (lambda tool: (tool.place / "a").chmod(0o755), {"a": "M"}),
    "made a plain file": (lambda tool: (tool.place / "run").chmod(0o644), {"run": "M"}),
    "file to link": (lambda tool: make_link(tool, "a", "b"), {"a": "T"}),
    "link to file": (link_to_file, {"link": "T"}),
    "link elsewhere": (lambda tool: make_link(tool, "link", "/etc/passwd"), {"link": "M"}),
    "file to folder": (file_to_folder, {"a": "D", "a/x/y": "A"}),
    "folder to file": (folder_to_file, {"dir": "A", "dir/f": "D", "dir/g": "D"}),
    "folder to link": (lambda tool: make_link(tool, "dir", "/etc"), {"dir": "A", "dir/f": "D", "dir/g": "D"}),
    "staged, then a link": (
        stage_and_replace_folder,
        {"dir": "A", "dir/f": "D", "dir/g": "D", "moved/f": "A", "moved/g": "A"},
    ),
    "ignored": (lambda tool: tool.put("x.log"), {}),
    "ignored but staged": (
        each(lambda tool: tool.put("x.log"), lambda tool: tool.git("add", "-f", "x.log")),
        {"x.log": "A"},
    ),
    "staged": (staged, {"a": "M", "n": "A"}),
    "staged and taken back": (
        each(lambda tool: tool.put("n"), lambda tool: tool.git("add", "n"), lambda tool: (tool.place / "n").unlink()),
        {},
    ),
    "staged, then more": (each(lambda tool: staged(tool), lambda tool: tool.put("a", b"more\n")), {"a": "M", "n": "A"}),
    "removed from the index": (lambda tool: tool.git("rm", "-q", "--cached", "-r", "."), {}),
    "committed": (commits, {"a": "M", "b": "M", "n": "A"}),
    "committed on a branch": (commits_on_a_branch, {"a": "M", "n": "A"}),
    "conflicting": (conflicts, {"a": "M", "n": "A"}),
    "stashed": (lambda tool: staged(tool, "stash"), {}),
    "skip-worktree": (lambda tool: hidden(tool, "--skip-worktree"), {"a": "M"}),
    "assume-unchanged": (lambda tool: hidden(tool, "--assume-unchanged"), {"a": "M"}),
    "index deleted": (lambda tool: index_of_its_own(tool, None), {"a": "M"}),
    "index corrupted": (lambda tool: index_of_its_own(tool, b"DIRC nonsense"), {"a": "M"}),
    "index locked": (each(lambda tool: edit(tool), lambda tool: (tool.admin() / "index.lock").touch()), {"a": "M"}),
    "worktree forgotten": (forget_worktree, {"a": "M"}),
    ".git deleted": (each(lambda tool: edit(tool), lambda tool: (tool.place / ".git").unlink()), {"a": "M"}),
    ".git replaced": (each(lambda tool: edit(tool), lambda tool: tool.put(".git", b"gitdir: /nowhere\n")), {"a": "M"}),
    "pipes": (fifo, {"a": "D"}),
    "locked": (locked_folder, {"dir/f": "M"}),
    "submodule filled": (lambda tool: tool.put("sub/x"), {}),
    "submodule out of the index": (lambda tool: tool.git("rm", "-q", "--cached", "sub"), {}),
    "submodule removed": (
        each(lambda tool: tool.git("rm", "-q", "--cached", "sub"), lambda tool: (tool.place / "sub").rmdir()),
        {"sub": "D"},
    ),
    "submodule to file": (
        each(
            lambda tool: (tool.place / "sub").rmdir(),
            lambda tool: tool.put("sub"),
            lambda tool: tool.git("add", "sub"),
            lambda tool: tool.put("sub", b"x"),
        ),
        {"sub": "T"},
    ),
    "everything deleted": (lambda tool: shutil.rmtree(tool.place), ALL),
    "worktree turned into a link": (
        each(
            lambda tool: shutil.move(tool.place, tool.place.parent / "gone"), lambda tool: tool.place.symlink_to("/etc")
        ),
        ALL,
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_what_a_tool_did_is_seen(lab: Lab, case: str) -> None:
    act, wanted = CASES[case]
    found = lab.see(act)
    assert {change.path: change.status for change in found} == wanted
    assert [change.path for change in found] == sorted(change.path for change in found)
    gone = {path for path in BASE if wanted.get(path.decode()) == "D"}
    assert gone.isdisjoint(lab.after)
    if "a" in wanted and wanted["a"] == "M" and case not in ("made a program", "conflicting", "staged, then more"):
        assert lab.after[b"a"] == (FILE, b"ONE\n")


@pytest.mark.parametrize("pause", [0.0, 0.4, 0.8])
def test_a_quick_edit_of_equal_length_is_seen_though_a_second_passes_before_one_looks(lab: Lab, pause: float) -> None:
    def act(tool: Tool) -> None:
        edit(tool)
        time.sleep(pause)

    for _ in range(2):
        assert [change.path for change in lab.see(act)] == ["a"]


def test_modes_and_contents_are_taken_as_they_are(lab: Lab) -> None:
    def act(tool: Tool) -> None:
        tool.put("tool", b"#!/bin/sh\n").chmod(0o755)
        make_link(tool, "away", "/nowhere/\udce9")
        tool.put("bin", bytes(range(256)))

    lab.see(act)
    assert lab.after[b"tool"] == (PROGRAM, b"#!/bin/sh\n")
    assert lab.after[b"away"] == (LINK, b"/nowhere/\xe9")
    assert lab.after[b"bin"] == (FILE, bytes(range(256)))


def test_a_tool_that_makes_its_worktree_sparse_hides_nothing_that_is_there(lab: Lab) -> None:
    found = lab.see(sparse)
    assert {"dir/f"} <= {change.path for change in found}
    assert all(change.status == "D" for change in found if change.path != "dir/f")


@pytest.mark.parametrize(
    "name",
    [
        b"a b",
        b"new\nline",
        b"tab\t",
        b"-dash",
        b"--cached",
        b"caf\xe9",
        b"caf\xc3\xa9",
        b"dot.",
        b'quo"te',
        b"back\\x41",
        b":(top)x",
        b"*",
        b"#",
        b"~",
        b" ",
    ],
)
def test_every_name_is_taken(lab: Lab, name: bytes) -> None:
    found = lab.see(each(lambda tool: tool.put(name, b"1"), lambda tool: tool.put(b"dir/" + name, b"2")))
    assert len(found) == 2
    assert lab.after[name] == (FILE, b"1")
    assert lab.after[b"dir/" + name] == (FILE, b"2")
    base = {**BASE, name: (FILE, b"0")}
    assert [change.status for change in lab.see(lambda tool: (tool.place / os.fsdecode(name)).unlink(), base)] == ["D"]


DECLARED: list[tuple[ScopeEntry, list[str]]] = [
    ("x.log", ["x.log"]),
    (LiteralPath(path="out/deep"), ["out/deep"]),
    ("out/", []),
    ("*.log", []),
    ("../outside", []),
    ("/etc/passwd", []),
    (".git", []),
    ("dir/../x.log", []),
    ("to/passwd", []),
]


@pytest.mark.parametrize(("entry", "wanted"), DECLARED)
def test_a_file_that_is_declared_counts_though_it_is_ignored(lab: Lab, entry: ScopeEntry, wanted: list[str]) -> None:
    def act(tool: Tool) -> None:
        tool.put("x.log")
        tool.put("out/deep")
        tool.put("../outside")
        make_link(tool, "to", "/etc")

    found = lab.see(act, literal=(entry,))
    assert [change.path for change in found] == sorted([*wanted, "to"])


CRLF: Tree = {
    b".gitattributes": (FILE, b"* text=auto\n*.u16 text working-tree-encoding=UTF-16LE eol=lf\n"),
    b"crlf": (FILE, b"1\r\n2\r\n"),
    b"lf": (FILE, b"1\n2\n"),
    b"wide.u16": (FILE, b"text\n"),
}


def test_unchanged_files_that_git_would_rewrite_are_no_change(lab: Lab) -> None:
    for act in (
        lambda tool: (tool.place / "crlf").touch(),
        lambda tool: tool.git("add", "--renormalize", "."),
        lambda tool: (tool.admin() / "index").unlink(),
        lambda tool: tool.put("crlf", b"1\r\n2\r\n"),
    ):
        assert lab.see(act, CRLF) == ()


def test_changed_files_follow_the_rules_of_their_attributes(lab: Lab) -> None:
    def act(tool: Tool) -> None:
        tool.put("lf", b"1\r\n3\r\n")
        tool.put("wide.u16", "grün\n".encode("utf-16-le"))

    assert [change.path for change in lab.see(act, CRLF)] == ["lf", "wide.u16"]
    assert lab.after[b"lf"] == (FILE, b"1\n3\n")
    assert lab.after[b"wide.u16"] == (FILE, "grün\n".encode())


def test_bytes_that_are_not_in_their_encoding_are_kept_as_they_are(lab: Lab) -> None:
    found = lab.see(each(lambda tool: tool.put("wide.u16", b"\x00\xd8x"), lambda tool: tool.put("n", b"n\n")), CRLF)
    assert [change.path for change in found] == ["n", "wide.u16"]
    assert lab.after[b"wide.u16"] == (FILE, b"\x00\xd8x")


def test_settings_of_the_repository_hide_nothing(lab: Lab, tmp_path: Path) -> None:
    (tmp_path / "attributes").write_text("* text eol=crlf\n")
    for key, value in {
        "core.attributesFile": str(tmp_path / "attributes"),
        "core.fileMode": "false",
        "core.safecrlf": "true",
        "core.splitIndex": "true",
        "core.symlinks": "false",
        "core.trustctime": "false",
        "core.checkStat": "minimal",
        "status.showUntrackedFiles": "no",
        "diff.ignoreSubmodules": "all",
        "index.version": "4",
    }.items():
        lab.box.git("config", key, value)

    def act(tool: Tool) -> None:
        assert (tool.place / "a").read_bytes() == b"one\n"
        edit_keeping_times(tool)
        (tool.place / "b").chmod(0o755)
        make_link(tool, "link", "b")
        tool.put("n", b"x\r\n")

    assert [change.path for change in lab.see(act)] == ["a", "b", "link", "n"]
    assert lab.after[b"n"] == (FILE, b"x\r\n")


def test_a_repository_inside_the_worktree_is_told(lab: Lab) -> None:
    def act(tool: Tool) -> None:
        tool.put("inner/x")
        subprocess.run(["git", "init", "-q", "inner"], cwd=tool.place, check=True)
        (tool.place / "a").unlink()
        subprocess.run(["git", "init", "-q", "a"], cwd=tool.place, check=True)

    found = lab.see(act)
    assert [(change.path, change.status) for change in found] == [("a", "D")]
    assert lab.nested == ["a/", "inner/"]


def test_what_git_takes_nowhere_is_told_and_breaks_nothing(lab: Lab) -> None:
    names = [".GIT/config", "dir/.git ", "git~1", ".git::$DATA", "x\\.git"]

    def act(tool: Tool) -> None:
        edit(tool)
        for name in names:
            tool.put(name)
        (tool.place / ".gitmodules").symlink_to("a")

    assert [change.path for change in lab.see(act)] == ["a"]
    assert lab.refused == sorted([*(name.replace("\\", "\\\\") for name in names), ".gitmodules"])


def test_a_slot_that_comes_from_other_attributes_holds_what_a_fresh_one_would(lab: Lab) -> None:
    crlf = {b".gitattributes": (FILE, b"*.txt text eol=crlf\n"), b"a.txt": (FILE, b"one\n"), b"keep": (FILE, b"x\n")}
    plain = {name: entry for name, entry in crlf.items() if name != b".gitattributes"}
    for content, shown in ((crlf, b"one\r\n"), (plain, b"one\n"), (crlf, b"one\r\n")):
        with workspace.lease(lab.box.repo, lab.config, lab.box.commit(content)) as slot:
            assert (slot.path / "a.txt").read_bytes() == shown
            slot.settle()


def test_attributes_that_a_tool_left_do_not_count_in_the_next_checkout(lab: Lab) -> None:
    first, second = (lab.box.commit({b"a.txt": (FILE, text)}) for text in (b"one\n", b"two\n"))
    with workspace.lease(lab.box.repo, lab.config, first) as slot:
        (slot.path / ".gitattributes").write_text("*.txt text eol=crlf\n", "utf-8")
        slot.settle()
    with workspace.lease(lab.box.repo, lab.config, second) as slot:
        assert (slot.path / "a.txt").read_bytes() == b"two\n"
        assert not (slot.path / ".gitattributes").exists()
        slot.settle()
