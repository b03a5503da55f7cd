"""Kept work comes back as a branch or as files; nothing that exists is touched, whatever names a tree holds."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from global_core_state import keep
from global_core_state.keep import PREFIX, Kept
from global_core_state.keep_restore import as_branch, branch_name, into_folder
from global_util.errors import EnvironmentFault
from global_util.testing import FILE, GITLINK, LINK, PROGRAM, Sandbox, Tree

BASE: Tree = {b"a": (FILE, b"1"), b"gone": (FILE, b"1"), b"same/x": (FILE, b"x")}
HOSTILE: Tree = {
    b"-rf": (FILE, b"1\r\n"),
    b"new\nline": (FILE, b"2"),
    b"q\"'$(x)": (FILE, b"3"),
    b"\xff/\xfe": (FILE, bytes(range(256))),
    b"run": (PROGRAM, b"#!/bin/sh\n"),
    b"out": (LINK, b"/etc/passwd"),
    b"up": (LINK, b"../../x"),
    b".gitattributes": (FILE, b"* text eol=crlf ident filter=evil\n"),
    b"id": (FILE, b"$Id$\n"),
}


@pytest.fixture(params=["sha1", "sha256"])
def box(request: pytest.FixtureRequest, tmp_path: Path) -> Sandbox:
    return Sandbox(tmp_path / "repo", f"--object-format={request.param}")


def put(box: Sandbox, commit: str, name: str = "E/ws/1") -> Kept:
    box.git("update-ref", PREFIX + name, commit)
    return keep.find(box.repo, PREFIX + name)


def on_disk(folder: Path) -> dict[bytes, tuple[str, bytes]]:
    """The files of a folder as a tree has them."""
    if not folder.is_dir():
        return {}
    places = [place for place in folder.rglob("*") if place.is_symlink() or place.is_file()]
    return {os.fsencode(place.relative_to(folder)): of_disk(place) for place in places}


def of_disk(place: Path) -> tuple[str, bytes]:
    if place.is_symlink():
        return LINK, os.fsencode(place.readlink())
    return PROGRAM if os.access(place, os.X_OK) else FILE, place.read_bytes()


def names(folder: Path) -> list[str]:
    return sorted(place.name for place in folder.iterdir())


def snapshot(box: Sandbox) -> tuple[object, ...]:
    """What must stay as it is: the checkout, its index, its branch."""
    head = (box.folder / ".git/HEAD").read_bytes()
    return on_disk_of_checkout(box), head, box.git("status", "--porcelain"), box.git("ls-files", "-s")


def on_disk_of_checkout(box: Sandbox) -> dict[bytes, tuple[str, bytes]]:
    return {path: file for path, file in on_disk(box.folder).items() if not path.startswith(b".git/")}


def test_a_branch_is_made_that_was_not_there_and_no_checkout_moves(box: Sandbox) -> None:
    base = box.start(BASE)
    kept = put(box, box.commit(HOSTILE, base))
    before = snapshot(box)
    as_branch(box.repo, kept, branch_name(kept))
    assert box.repo.resolve("refs/heads/keep/E-ws-1") == kept.oid
    assert snapshot(box) == before


def branch_is_there(box: Sandbox) -> None:
    box.git("update-ref", "refs/heads/x/y", box.commit({}))


def branch_is_in_the_way(box: Sandbox) -> None:
    box.git("update-ref", "refs/heads/x", box.commit({}))


def branch_is_a_folder(box: Sandbox) -> None:
    box.git("update-ref", "refs/heads/x/y/z", box.commit({}))


def branch_is_checked_out_unborn(box: Sandbox) -> None:
    box.git("symbolic-ref", "HEAD", "refs/heads/x/y")


@pytest.mark.parametrize(
    "prepare", [branch_is_there, branch_is_in_the_way, branch_is_a_folder, branch_is_checked_out_unborn]
)
def test_no_branch_is_moved_or_pulled_from_under_a_checkout(box: Sandbox, prepare: Callable[[Sandbox], None]) -> None:
    kept = put(box, box.start(BASE))
    prepare(box)
    refs = box.git("for-each-ref", "refs/heads")
    with pytest.raises(EnvironmentFault, match="branch 'x/y'") as fault:
        as_branch(box.repo, kept, "x/y")
    assert (fault.value.code, fault.value.exit_code) == ("E461", 4)
    assert box.git("for-each-ref", "refs/heads") == refs


def test_a_ref_that_is_no_text_becomes_a_branch(box: Sandbox) -> None:
    kept = put(box, box.start(BASE), os.fsdecode(b"E/\xff/1"))
    as_branch(box.repo, kept, branch_name(kept))
    assert box.git("rev-parse", os.fsdecode(b"refs/heads/keep/E-\xff-1")) == kept.oid


def test_changed_files_come_as_they_are_without_filters(box: Sandbox, tmp_path: Path) -> None:
    box.git("config", "filter.evil.smudge", "touch ../smudged; cat")
    base = box.start(BASE)
    kept = put(box, box.commit({**HOSTILE, b"a": (FILE, b"2"), b"same/x": (FILE, b"x")}, base))
    before = snapshot(box)
    done = into_folder(box.repo, kept, tmp_path / "deep/new")
    assert on_disk(tmp_path / "deep/new") == {**HOSTILE, b"a": (FILE, b"2")}
    assert set(done.written) == {*HOSTILE, b"a"}
    assert done.left_out == ()
    assert snapshot(box) == before
    assert not (tmp_path / "smudged").exists()


def test_the_whole_tree_comes_into_an_empty_folder(box: Sandbox, tmp_path: Path) -> None:
    tree: Tree = {**HOSTILE, b"a": (FILE, b"2"), b"same/x": (FILE, b"x"), b"copy/of/x": (PROGRAM, b"x")}
    kept = put(box, box.commit(tree, box.start(BASE)))
    (tmp_path / "empty").mkdir()
    into_folder(box.repo, kept, tmp_path / "empty", whole=True)
    assert on_disk(tmp_path / "empty") == tree


def test_a_commit_without_parent_and_one_that_only_removes(box: Sandbox, tmp_path: Path) -> None:
    into_folder(box.repo, put(box, box.commit(BASE)), tmp_path / "one")
    assert on_disk(tmp_path / "one") == BASE
    into_folder(box.repo, put(box, box.commit({}, box.commit(BASE)), "E/ws/2"), tmp_path / "two")
    assert on_disk(tmp_path / "two") == {}


def a_file(folder: Path, box: Sandbox) -> None:
    folder.write_text("mine")


def a_full_folder(folder: Path, box: Sandbox) -> None:
    folder.mkdir()
    (folder / "mine").touch()


def a_link_to_an_empty_folder(folder: Path, box: Sandbox) -> None:
    (folder.parent / "elsewhere").mkdir()
    folder.symlink_to("elsewhere")


def a_link_to_nothing(folder: Path, box: Sandbox) -> None:
    folder.symlink_to("nothing")


def a_file_above(folder: Path, box: Sandbox) -> None:
    folder.parent.rmdir()
    folder.parent.write_text("mine")


def a_link_into_the_checkout(folder: Path, box: Sandbox) -> None:
    folder.parent.rmdir()
    folder.parent.symlink_to(box.folder)


@pytest.mark.parametrize(
    "prepare",
    [a_file, a_full_folder, a_link_to_an_empty_folder, a_link_to_nothing, a_file_above, a_link_into_the_checkout],
)
def test_only_a_new_or_empty_folder_is_written_to(
    sandbox: Sandbox, tmp_path: Path, prepare: Callable[[Path, Sandbox], None]
) -> None:
    kept = put(sandbox, sandbox.start(BASE))
    folder = tmp_path / "target/folder"
    folder.parent.mkdir()
    prepare(folder, sandbox)
    before = on_disk(tmp_path / "target"), on_disk_of_checkout(sandbox), names(tmp_path)
    with pytest.raises(EnvironmentFault) as fault:
        into_folder(sandbox.repo, kept, folder)
    assert (fault.value.code, fault.value.exit_code) == ("E461", 4)
    assert (on_disk(tmp_path / "target"), on_disk_of_checkout(sandbox), names(tmp_path)) == before


@pytest.mark.parametrize("place", ["repo/new", "repo/.git/hooks2", "linked/new", "linked"])
def test_no_folder_of_the_repository_is_written_to(sandbox: Sandbox, tmp_path: Path, place: str) -> None:
    kept = put(sandbox, sandbox.start(BASE))
    sandbox.git("worktree", "add", "--quiet", "--detach", str(tmp_path / "linked"))
    with pytest.raises(EnvironmentFault, match="belongs to the repository"):
        into_folder(sandbox.repo, kept, tmp_path / place)
    assert not (tmp_path / "repo/new").exists()


def literal(box: Sandbox, rows: list[tuple[str, bytes, str]]) -> str:
    """A tree that git itself would not make: mode, name and object as they are given, in this order."""
    raw = b"".join(mode.encode() + b" " + name + b"\0" + bytes.fromhex(oid) for mode, name, oid in rows)
    return box.git("hash-object", "-t", "tree", "--literally", "-w", "--stdin", stdin=raw)


def test_names_that_lead_out_or_through_links_are_left_out(sandbox: Sandbox, tmp_path: Path) -> None:
    blob, inner = sandbox.blob(b"evil"), sandbox.tree({b"f": (FILE, b"evil")})
    way = sandbox.blob(os.fsencode(tmp_path / "outside"))
    (tmp_path / "outside").mkdir()
    rows = [
        ("100644", b"/abs", blob),
        ("40000", b"..", inner),
        ("40000", b".git", inner),
        ("40000", b".GIT", inner),
        ("100644", b"../up", blob),
        ("100644", b"fine", blob),
        ("120000", b"link", way),
        ("40000", b"link", inner),
        ("120000", b"zlink", way),
        ("100644", b"zlink/f", blob),
        ("120000", b"twice", way),
        ("100644", b"twice", blob),
        ("100644", b"n" * 300, blob),
        ("160000", b"sub", "1" * 40),
        ("100644", b"lost", "2" * 40),
    ]
    commit = sandbox.git("commit-tree", literal(sandbox, rows), "-m", "hostile")
    done = into_folder(sandbox.repo, put(sandbox, commit), tmp_path / "target", whole=True)
    assert list((tmp_path / "outside").iterdir()) == []
    assert names(tmp_path) == ["outside", "repo", "target"]
    assert on_disk(tmp_path / "target") == {
        b"fine": (FILE, b"evil"),
        b"link/f": (FILE, b"evil"),
        b"twice": (FILE, b"evil"),
        b"zlink/f": (FILE, b"evil"),
    }
    told = dict(done.left_out)
    assert told[b"sub"] == "a submodule at commit " + "1" * 40
    assert told[b"lost"] == "git has lost its content"
    assert told[b"../f"] == "its name leaves the repository"
    assert {b"/abs", b"../up", b".git/f", b".GIT/f", b"link", b"zlink", b"twice", b"n" * 300} <= told.keys()


def test_a_disk_that_takes_nothing_is_told(sandbox: Sandbox, tmp_path: Path) -> None:
    kept = put(sandbox, sandbox.start({b"big": (FILE, b"x" * 100_000)}))
    code = (
        "import resource, signal, sys; from pathlib import Path; from global_core_state import keep, keep_restore\n"
        "from global_util.git import Repository\n"
        "signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
        "repo = Repository.discover(Path(sys.argv[1])); kept = keep.find(repo, sys.argv[2])\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))\n"
        "try: keep_restore.into_folder(repo, kept, Path(sys.argv[3]))\n"
        "except Exception as fault: print(fault.code, fault.message)\n"
    )
    words = [sys.executable, "-c", code, str(sandbox.folder), kept.ref, str(tmp_path / "target")]
    done = subprocess.run(words, capture_output=True, text=True, check=True)
    assert done.stdout == f"E461 {tmp_path}/target: cannot be written: File too large\n"


def test_large_files_come_in_portions(sandbox: Sandbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("global_core_state.keep_objects._PORTION", 10)
    tree: Tree = {b"%d" % n: (FILE, b"x" * n) for n in range(30)}
    into_folder(sandbox.repo, put(sandbox, sandbox.commit(tree)), tmp_path / "target")
    assert on_disk(tmp_path / "target") == tree
    assert GITLINK not in {mode for mode, _ in tree.values()}
