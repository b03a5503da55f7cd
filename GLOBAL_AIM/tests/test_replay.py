"""The replay tool gives back recorded changes bit for bit, and tells clearly when it cannot."""

from __future__ import annotations

import json
import os
import stat
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from global_aim.replay import PROFILE
from global_util.process import ProcessResult, clean_environment, run_process

FILE, PROGRAM, LINK, GITLINK = "100644", "100755", "120000", "160000"
Tree = dict[bytes, tuple[str, bytes]]
"""Path to mode and content; the content of a gitlink is its commit."""

ONE, OTHER = b"1" * 40, b"2" * 40
TEXT = b"".join(b"line %d\n" % number for number in range(40))
BINARY = bytes(range(256)) * 40


def file(content: bytes = TEXT) -> tuple[str, bytes]:
    return FILE, content


def link(target: bytes) -> tuple[str, bytes]:
    return LINK, target


class Lab:
    """A repository with a linked worktree to play in, and a folder of recordings."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.recording = folder / "recording"
        self.slot = folder / "slot"
        self.repo = folder / "repo"
        (self.recording / "ws-x").mkdir(parents=True)
        self.repo.mkdir()
        self.env = clean_environment(
            {
                "HOME": str(folder),
                "GIT_CONFIG_NOSYSTEM": "1",
                "GIT_AUTHOR_NAME": "A",
                "GIT_AUTHOR_EMAIL": "a@localhost",
                "GIT_COMMITTER_NAME": "A",
                "GIT_COMMITTER_EMAIL": "a@localhost",
            }
        )
        self.git("init", "--quiet", "--initial-branch=main")

    def git(self, *words: str, stdin: bytes = b"", at: Path | None = None) -> str:
        done = subprocess.run(
            ["git", *words], cwd=at or self.repo, env=self.env, input=stdin, capture_output=True, check=True
        )
        return os.fsdecode(done.stdout).strip()

    def tree(self, content: Tree) -> str:
        index = {**self.env, "GIT_INDEX_FILE": str(self.folder / "made.index")}
        rows = b""
        for path, (mode, data) in sorted(content.items()):
            oid = data if mode == GITLINK else self.git("hash-object", "-w", "--stdin", stdin=data).encode()
            rows += mode.encode() + b" " + oid + b"\t" + path + b"\0"
        for words in (["read-tree", "--empty"], ["update-index", "-z", "--index-info"]):
            subprocess.run(["git", *words], cwd=self.repo, env=index, input=rows, check=True)
        return subprocess.run(
            ["git", "write-tree"], cwd=self.repo, env=index, capture_output=True, check=True, text=True
        ).stdout.strip()

    def start(self, base: Tree) -> str:
        """Check a tree out in a fresh worktree."""
        tree = self.tree(base)
        commit = self.git("commit-tree", tree, "-m", "base")
        self.git("worktree", "add", "--quiet", "--detach", str(self.slot), commit)
        return tree

    def record(self, base: str, head: str, *options: str, n: int = 1) -> None:
        words = ["git", "diff", "--binary", *options, base, head]
        done = subprocess.run(words, cwd=self.repo, env=self.env, capture_output=True, check=True)
        (self.recording / "ws-x" / f"{n}.patch").write_bytes(done.stdout)

    def script(self, n: int = 1, **behaviour: Any) -> None:
        (self.recording / "ws-x" / f"{n}.json").write_text(json.dumps(behaviour))

    def play(self, n: int = 1, **options: Any) -> ProcessResult:
        argv = [sys.executable, "-P", "-m", "global_aim.replay", str(self.recording), "ws-x", str(n)]
        return run_process(argv, cwd=self.slot, env=self.env, **{"timeout_s": 120, **options})

    def staged(self) -> str:
        return self.git("write-tree", at=self.slot)

    def on_disk(self) -> Tree:
        """What lies in the worktree, byte for byte. An empty folder stands for a gitlink."""
        found: Tree = {}
        for place in self.slot.rglob("*"):
            inner = os.fsencode(place.relative_to(self.slot))
            if place.is_symlink():
                found[inner] = link(os.fsencode(place.readlink()))
            elif place.is_file() and inner != b".git":
                found[inner] = (PROGRAM if place.stat().st_mode & stat.S_IXUSR else FILE, place.read_bytes())
            elif place.is_dir() and not any(place.iterdir()):
                found[inner] = (GITLINK, b"")
        return found


@pytest.fixture
def lab(tmp_path: Path) -> Lab:
    return Lab(tmp_path)


def without_commits(tree: Tree) -> Tree:
    return {path: (mode, b"" if mode == GITLINK else data) for path, (mode, data) in tree.items()}


NAMES = (
    b"with space",
    b"new\nline",
    b"tab\there",
    b'quo"te',
    b"back\\slash",
    b"\xff\xfe",
    "ü".encode(),
    b"-dash",
    b"--",
    b"a/-b/ c",
)
CRLF = TEXT.replace(b"\n", b"\r\n")
MIXED = b"one\r\ntwo\nthree\r\n" + TEXT

CASES: dict[str, tuple[Tree, Tree]] = {
    "edit": ({b"a": file()}, {b"a": file(TEXT.replace(b"line 7", b"seven"))}),
    "add-and-delete": ({b"a": file(), b"d/old": file()}, {b"a": file(), b"e/f/new": file()}),
    "empty-files": ({b"a": file(b""), b"b": file()}, {b"b": file(b""), b"c": file(b"")}),
    "no-final-newline": ({b"a": file(b"x\ny"), b"b": file(b"x\ny\n")}, {b"a": file(b"x\ny\n"), b"b": file(b"x\ny")}),
    "trailing-whitespace": ({b"a": file(b"x\n")}, {b"a": file(b"x  \n\t\n \n\n\n")}),
    "crlf": ({b"a": file(CRLF)}, {b"a": file(CRLF.replace(b"7", b"seven")), b"b": file(b"\r\n\r\r\n")}),
    "crlf-against-attributes": (
        {b".gitattributes": file(b"* text\n"), b"a": file(CRLF), b"m": file(MIXED)},
        {b".gitattributes": file(b"* text\n"), b"a": file(CRLF.replace(b"7", b"seven")), b"m": file(MIXED + b"x\r\n")},
    ),
    "eol-crlf": (
        {b".gitattributes": file(b"* text eol=crlf\n"), b"a": file(), b"m": file(MIXED)},
        {b".gitattributes": file(b"* text eol=crlf\n"), b"a": file(TEXT + b"x\n"), b"m": file(MIXED + b"x\n")},
    ),
    "attributes-change": (
        {b"a": file(CRLF), b"b": file()},
        {
            b".gitattributes": file(b"* text=auto eol=crlf ident\n"),
            b"a": file(CRLF + b"$Id$\r\n"),
            b"b": file(TEXT + b"$Id: x $\n"),
        },
    ),
    "encoding-and-filter": (
        {
            b".gitattributes": file(b"*.t working-tree-encoding=UTF-16\n*.f filter=upper\n"),
            b"a.t": file(),
            b"a.f": file(),
        },
        {
            b".gitattributes": file(b"*.t working-tree-encoding=UTF-16\n*.f filter=upper\n"),
            b"a.t": file(TEXT + "ü\n".encode()),
            b"a.f": file(TEXT + b"x\n"),
        },
    ),
    "binary": ({b"a": file(BINARY), b"b": file(BINARY)}, {b"a": file(BINARY[1:] + b"\0"), b"c": file(b"\0" + BINARY)}),
    "text-to-binary": ({b"a": file(), b"b": file(b"\0\1")}, {b"a": file(b"\0\1"), b"b": file()}),
    "rename": ({b"a": file(), b"b": file()}, {b"d/a": file(), b"c": file(TEXT + b"more\n")}),
    "swap": ({b"a": file(), b"b": file(BINARY)}, {b"a": file(BINARY), b"b": file()}),
    "mode": ({b"a": file(), b"b": (PROGRAM, TEXT)}, {b"a": (PROGRAM, TEXT), b"b": file(TEXT + b"x\n")}),
    "links": (
        {b"l": link(b"a"), b"m": link(b"gone"), b"f": file(), b"g": link(b"f")},
        {b"l": link(b"../../outside"), b"n": link(b"\xff x"), b"f": link(b"."), b"g": file()},
    ),
    "link-to-folder": ({b"l": link(b"d"), b"d/x": file()}, {b"l/x": file(), b"d": link(b"l")}),
    "submodules": (
        {b"old": (GITLINK, ONE), b"moved": (GITLINK, ONE), b"to-file": (GITLINK, ONE), b"f": file()},
        {b"new/sub": (GITLINK, ONE), b"moved": (GITLINK, OTHER), b"to-file": file(), b"f": (GITLINK, OTHER)},
    ),
    "file-to-folder": ({b"a": file(), b"b/c/d": file(b"x\n")}, {b"a/b/c": file(), b"b": file(b"x\n")}),
    "folder-to-link": ({b"a/b": file(), b"a/c": file()}, {b"a": link(b"elsewhere")}),
    "names-added": ({b"x": file()}, {b"x": file(), **{name: file(name + b"\n") for name in NAMES}}),
    "names-edited": ({name: file() for name in NAMES}, {name: file(TEXT + name) for name in NAMES}),
    "names-removed": ({b"x": file(), **{name: file() for name in NAMES}}, {b"x": file()}),
    "ignored": (
        {b".gitignore": file(b"*.log\nbuild/\n"), b"kept.log": file()},
        {b".gitignore": file(b"*.log\nbuild/\n"), b"kept.log": file(b"x\n"), b"build/out.log": file()},
    ),
    "everything-gone": ({b"a": file(), b"d/e/f": file()}, {}),
    "nothing-before": ({}, {b"a": file(), b"d/e/f": (PROGRAM, BINARY)}),
}


@pytest.mark.parametrize(
    "options", [(), ("--no-renames", "--full-index"), ("-M1", "-C", "--find-copies-harder")], ids="_".join
)
@pytest.mark.parametrize("case", CASES)
def test_a_recorded_change_is_given_back_bit_for_bit(lab: Lab, case: str, options: tuple[str, ...]) -> None:
    base, head = CASES[case]
    tree = lab.tree(head)
    lab.record(lab.start(base), tree, *options)
    before = lab.on_disk()
    result = lab.play()
    assert (result.outcome, result.exit_code, result.stderr) == ("exited", 0, b"")
    assert lab.staged() == tree
    untouched = {path: before[path] for path in head if base.get(path) == head[path]}
    assert lab.on_disk() == {**without_commits(head), **untouched}


def test_settings_of_the_user_do_not_bend_it(lab: Lab) -> None:
    hook = lab.folder / "hooks" / "post-index-change"
    hook.parent.mkdir()
    hook.write_text(f"#!/bin/sh\ntouch {lab.folder}/hooked\n")
    hook.chmod(0o755)
    settings = {
        "core.autocrlf": "true",
        "apply.whitespace": "fix",
        "apply.ignorewhitespace": "change",
        "core.hooksPath": str(hook.parent),
        "filter.upper.clean": f"touch {lab.folder}/filtered",
        "filter.upper.smudge": f"touch {lab.folder}/filtered",
        "filter.upper.required": "true",
        "core.attributesFile": str(lab.folder / "attributes"),
        "diff.noprefix": "true",
    }
    base, head = {b"a": file(CRLF)}, {b"a": file(CRLF + b"x  \r\n"), b"b": file(b"y \n\n\n")}
    start, tree = lab.start(base), lab.tree(head)
    lab.record(start, tree)
    for name, value in settings.items():
        lab.git("config", "--global", name, value)
    (lab.folder / "attributes").write_text("* text filter=upper\n")
    assert lab.play().exit_code == 0
    (lab.folder / ".gitconfig").unlink()
    assert (lab.staged(), lab.on_disk()) == (tree, head)
    assert not (lab.folder / "hooked").exists()
    assert not (lab.folder / "filtered").exists()


def test_an_empty_patch_changes_nothing(lab: Lab) -> None:
    tree = lab.start({b"a": file()})
    (lab.recording / "ws-x" / "1.patch").touch()
    result = lab.play()
    assert (result.exit_code, result.stdout, result.stderr) == (0, b"", b"")
    assert (lab.staged(), lab.on_disk()) == (tree, {b"a": file()})


def test_each_call_has_its_own_recording(lab: Lab) -> None:
    first, second = {b"a": file(b"1\n")}, {b"a": file(b"2\n")}
    start = lab.start({b"a": file(b"0\n")})
    lab.record(start, lab.tree(first), n=1)
    lab.record(lab.tree(first), lab.tree(second), n=2)
    for n, wanted in ((1, first), (2, second)):
        assert lab.play(n).exit_code == 0
        assert lab.on_disk() == wanted


def test_without_a_recording_it_says_so_and_exits_with_66(lab: Lab) -> None:
    lab.start({b"a": file()})
    result = lab.play(3)
    assert (result.exit_code, result.stdout) == (66, b"")
    assert b"no recording for call 3 of ws-x" in result.stderr
    assert lab.on_disk() == {b"a": file()}


def test_a_script_alone_is_played_and_changes_nothing(lab: Lab) -> None:
    lab.start({b"a": file()})
    lab.script(exit_code=7, stdout="out ü\n", stderr="err", sleep_s=0.01, usage={"tokens": 12, "cost_usd": 0.5})
    result = lab.play()
    assert (result.exit_code, result.stderr) == (7, b"err")
    assert result.stdout.decode() == 'out ü\n{"usage": {"cost_usd": 0.5, "tokens": 12}}\n'
    assert lab.on_disk() == {b"a": file()}


def test_a_failing_client_can_leave_its_change(lab: Lab) -> None:
    lab.record(lab.start({b"a": file()}), lab.tree({b"a": file(b"half\n")}))
    lab.script(exit_code=1)
    assert lab.play().exit_code == 1
    assert lab.on_disk() == {b"a": file(b"half\n")}


def test_a_slow_client_is_slow_after_it_has_written(lab: Lab) -> None:
    lab.record(lab.start({b"a": file()}), lab.tree({b"a": file(b"new\n")}))
    lab.script(stdout="thinking\n", sleep_s=1000)
    result = lab.play(idle_timeout_s=5)
    assert (result.outcome, result.stdout) == ("idle_timeout", b"thinking\n")
    assert lab.on_disk() == {b"a": file(b"new\n")}


@pytest.mark.parametrize(
    "text",
    [
        "{",
        "[]",
        '{"exit": 1}',
        '{"exit_code": "1"}',
        '{"exit_code": true}',
        '{"exit_code": 256}',
        '{"sleep_s": -1}',
        '{"usage": 3}',
    ],
)
def test_a_script_that_is_not_understood_is_refused(lab: Lab, text: str) -> None:
    lab.record(lab.start({b"a": file()}), lab.tree({b"a": file(b"new\n")}))
    (lab.recording / "ws-x" / "1.json").write_text(text)
    result = lab.play()
    assert result.exit_code == 65
    assert b"1.json" in result.stderr
    assert lab.on_disk() == {b"a": file()}


def spoil_content(patch: bytes) -> bytes:
    return patch.replace(b"line 7", b"line VII")


def cut_short(patch: bytes) -> bytes:
    return patch[: len(patch) // 2]


def replace_all(patch: bytes) -> bytes:
    return b"not a patch at all\n"


def leave_the_worktree(patch: bytes) -> bytes:
    return patch.replace(b"b/a\n", b"b/../a\n").replace(b"a/a\n", b"a/../a\n").replace(b"a/a b/a", b"a/../a b/../a")


def enter_git(patch: bytes) -> bytes:
    return b"diff --git a/.git/x b/.git/x\nnew file mode 100644\n--- /dev/null\n+++ b/.git/x\n@@ -0,0 +1 @@\n+x\n"


@pytest.mark.parametrize("spoil", [spoil_content, cut_short, replace_all, leave_the_worktree, enter_git])
def test_a_patch_that_does_not_apply_is_refused_with_gits_message(lab: Lab, spoil: Callable[[bytes], bytes]) -> None:
    base = {b"a": file(), b"b": file()}
    tree = lab.start(base)
    lab.record(tree, lab.tree({b"a": file(TEXT.replace(b"line 7", b"seven")), b"b": file(b"x\n")}))
    patch = lab.recording / "ws-x" / "1.patch"
    patch.write_bytes(spoil(patch.read_bytes()))
    result = lab.play()
    assert result.exit_code == 65
    assert result.stderr.startswith(b"replay: 1.patch does not apply: error: ")
    assert (lab.staged(), lab.on_disk()) == (tree, base)


def test_a_link_that_was_put_in_the_way_is_not_followed(lab: Lab) -> None:
    lab.record(lab.start({b"a": file()}), lab.tree({b"a": file(), b"d/new": file()}))
    outside = lab.folder / "outside"
    outside.mkdir()
    (lab.slot / "d").symlink_to(outside)
    result = lab.play()
    assert result.exit_code == 65
    assert list(outside.iterdir()) == []


def test_where_the_index_does_not_fit_the_files_count(lab: Lab) -> None:
    start = {b"a": file(b"changed\n")}
    lab.start({b"a": file()})
    (lab.slot / "a").write_bytes(b"changed\n")
    lab.record(lab.tree(start), lab.tree({b"a": file(b"new\n")}))
    assert lab.play().exit_code == 0
    assert lab.on_disk() == {b"a": file(b"new\n")}


def test_outside_a_repository_the_files_count(lab: Lab) -> None:
    lab.slot.mkdir()
    (lab.slot / "a").write_bytes(TEXT)
    lab.record(lab.tree({b"a": file()}), lab.tree({b"a": file(b"new\n"), b"d/b": file()}))
    assert lab.play().exit_code == 0
    assert lab.on_disk() == {b"a": file(b"new\n"), b"d/b": file()}


@pytest.mark.parametrize(
    "words", [[], ["r", "w"], ["r", "w", "x"], ["r", "w", "-1"], ["r", "../w", "1"], ["r", "w", "1", "2"]]
)
def test_wrong_use_is_told(tmp_path: Path, words: list[str]) -> None:
    argv = [sys.executable, "-P", "-m", "global_aim.replay", *words]
    result = run_process(argv, cwd=tmp_path, env=clean_environment({}), timeout_s=120)
    assert result.exit_code == 2
    assert result.stderr.startswith(b"usage: ")


def test_modules_in_the_worktree_are_not_imported(lab: Lab) -> None:
    lab.start({b"json.py": file(b"raise SystemExit(99)\n"), b"global_aim/__init__.py": file(b"raise SystemExit(99)\n")})
    assert "-P" in PROFILE["command"]
    assert lab.play().exit_code == 66


def test_it_starts_with_the_standard_library_alone(tmp_path: Path) -> None:
    code = "import sys, global_aim.replay; print([name for name in sys.modules if name.split('.')[0] in ('pydantic', 'click', 'yaml', 'global_util')])"
    result = run_process([sys.executable, "-P", "-c", code], cwd=tmp_path, env=clean_environment({}), timeout_s=120)
    assert result.stdout == b"[]\n"
