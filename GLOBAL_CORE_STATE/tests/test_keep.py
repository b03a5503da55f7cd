"""Kept work is listed whatever somebody put there, and found by a name that only one has."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from global_core_state import keep
from global_core_state.keep import PREFIX, Kept
from global_core_state.keep_objects import Commit, parse
from global_util.errors import InvalidInput
from global_util.testing import FILE, LINK, PROGRAM, Sandbox
from hypothesis import given
from hypothesis import strategies as st

MADE = 1767323045
"""The date of the sandbox's commits."""


def put(box: Sandbox, name: str, oid: str, at: int | None = None) -> str:
    """Keep an object under a name. ``at``: the time in the ref's log; None: it has no log."""
    log = [] if at is None else ["--create-reflog", "-m", "kept"]
    env = {} if at is None else {"GIT_COMMITTER_DATE": f"@{at} +0000"}
    box.git("update-ref", *log, PREFIX + name, oid, env=env)
    return PREFIX + name


def one(box: Sandbox) -> Kept:
    (found,) = keep.listing(box.repo)
    return found


def test_nothing_is_kept_in_a_new_repository_and_nothing_is_written_by_looking(sandbox: Sandbox) -> None:
    assert keep.listing(sandbox.repo) == []
    assert not sandbox.repo.state_dir.exists()


@pytest.mark.parametrize("options", [[], ["--bare"], ["--object-format=sha256"]])
def test_a_kept_commit_is_listed_with_age_reason_and_number_of_files(tmp_path: Path, options: list[str]) -> None:
    box = Sandbox(tmp_path / "repo", *options)
    base = box.start({b"a": (FILE, b"1"), b"b": (FILE, b"1"), b"same": (FILE, b"1")})
    commit = box.commit({b"a": (FILE, b"2"), b"new\n\xff": (PROGRAM, b""), b"same": (FILE, b"1")}, base)
    put(box, "E/ws/1", commit, 1_800_000_000)
    found = one(box)
    assert (found.name, found.oid, found.why, found.created) == ("E/ws/1", commit, "made", 1_800_000_000)
    assert found.files == 3
    assert found.commit is not None
    changes = [(entry.status, entry.path) for entry in keep.changed(box.repo, found.commit)]
    assert changes == [("M", b"a"), ("D", b"b"), ("A", b"new\n\xff")]


def test_a_commit_without_parent_changes_all_its_files(sandbox: Sandbox) -> None:
    put(sandbox, "orphans/x", sandbox.commit({b"a": (FILE, b"1"), b"l": (LINK, b"a")}))
    assert one(sandbox).files == 2


def test_a_commit_equal_to_its_parent_changes_nothing(sandbox: Sandbox) -> None:
    base = sandbox.commit({b"a": (FILE, b"1")})
    put(sandbox, "E/ws/1", sandbox.commit({b"a": (FILE, b"1")}, base))
    assert one(sandbox).files == 0


def test_without_a_log_the_age_is_that_of_the_commit_and_the_youngest_entry_of_a_log_counts(sandbox: Sandbox) -> None:
    first, second = sandbox.commit({b"a": (FILE, b"1")}), sandbox.commit({b"a": (FILE, b"2")})
    put(sandbox, "E/ws/1", first)
    assert one(sandbox).created == MADE
    put(sandbox, "E/ws/1", second, 1_800_000_000)
    put(sandbox, "E/ws/1", first, 1_700_000_000)
    assert one(sandbox).created == 1_800_000_000


def test_packed_refs_are_listed_as_loose_ones_are(sandbox: Sandbox) -> None:
    put(sandbox, "E/ws/1", sandbox.start({b"a": (FILE, b"1")}), 1_800_000_000)
    before = keep.listing(sandbox.repo)
    sandbox.git("pack-refs", "--all", "--prune")
    assert keep.listing(sandbox.repo) == before


def test_the_list_is_sorted_numbers_by_value_and_can_be_of_one_execution(sandbox: Sandbox) -> None:
    commit = sandbox.start({b"a": (FILE, b"1")})
    for name in ("E-2/ws/1", "E-10/ws/1", "E-2/ws/10", "E-2/ws/2", "E-2/ws/fix-1", "E-2/target/1"):
        put(sandbox, name, commit)
    names = [found.name for found in keep.listing(sandbox.repo)]
    assert names == ["E-2/target/1", "E-2/ws/1", "E-2/ws/2", "E-2/ws/10", "E-2/ws/fix-1", "E-10/ws/1"]
    assert [found.name for found in keep.listing(sandbox.repo, "E-10")] == ["E-10/ws/1"]
    assert keep.listing(sandbox.repo, "E") == []


def test_what_is_no_kept_commit_is_listed_with_what_is_wrong(sandbox: Sandbox) -> None:
    commit = sandbox.start({b"a": (FILE, b"1")})
    put(sandbox, "E/blob/1", sandbox.blob(b"x"))
    put(sandbox, "E/good/1", commit, 1_800_000_000)
    sandbox.git("symbolic-ref", PREFIX + "E/symbol/1", "refs/heads/main")
    lost = sandbox.folder / ".git" / PREFIX / "E/lost/1"
    lost.parent.mkdir(parents=True)
    lost.write_text("12" * 20 + "\n")
    damaged = sandbox.git("hash-object", "-t", "commit", "--literally", "-w", "--stdin", stdin=b"tree x\n\nsubject\n")
    (sandbox.folder / ".git" / PREFIX / "E/damaged").write_text(damaged + "\n")
    told = {found.name: found.why for found in keep.listing(sandbox.repo)}
    assert told == {
        "E/blob/1": "holds a blob, which is no kept work",
        "E/damaged": "holds a damaged commit, which is no kept work",
        "E/good/1": "made",
        "E/lost/1": "git has lost its object",
        "E/symbol/1": "is a symbolic ref",
    }
    with pytest.raises(InvalidInput, match="is a symbolic ref") as fault:
        keep.find(sandbox.repo, "E/symbol/1")
    assert fault.value.code == "E460"


def test_a_commit_whose_parent_is_lost_is_listed_without_a_number(sandbox: Sandbox) -> None:
    base = sandbox.commit({b"a": (FILE, b"1")})
    put(sandbox, "E/ws/1", sandbox.commit({b"a": (FILE, b"2")}, base))
    put(sandbox, "E/ws/2", sandbox.commit({b"a": (FILE, b"3")}))
    (sandbox.folder / ".git/objects" / base[:2] / base[2:]).unlink()
    assert [found.files for found in keep.listing(sandbox.repo)] == [None, 1]


@pytest.mark.parametrize("name", ["E/ws/1", "refs/pipeline/keep/E/ws/1", "ws/1", "s/1"])
def test_a_name_or_an_end_of_it_finds(sandbox: Sandbox, name: str) -> None:
    put(sandbox, "E/ws/1", sandbox.commit({b"a": (FILE, b"1")}))
    put(sandbox, "E/target/2", sandbox.commit({b"a": (FILE, b"2")}))
    assert keep.find(sandbox.repo, name).name == "E/ws/1"


def test_a_whole_name_goes_before_an_end_and_whole_parts_before_letters(sandbox: Sandbox) -> None:
    commit = sandbox.commit({b"a": (FILE, b"1")})
    for name in ("ws/1", "E/ws/1", "E/long-ws/2", "E/ws/2"):
        put(sandbox, name, commit)
    assert keep.find(sandbox.repo, "ws/1").name == "ws/1"
    assert keep.find(sandbox.repo, "ws/2").name == "E/ws/2"


@pytest.mark.parametrize(
    ("name", "hint"),
    [
        ("1", "name one: E/ws-a/1, E/ws-b/1"),
        ("ws-a/2", "near are: E/ws-a/1, E/ws-b/1"),
        ("nothing like it", "see pipeline keep list"),
        ("", "see pipeline keep list"),
        ("refs/heads/main", "see pipeline keep list"),
        ("--help", "see pipeline keep list"),
    ],
)
def test_a_name_of_none_or_of_many_is_told_with_what_is_near(sandbox: Sandbox, name: str, hint: str) -> None:
    for kept in ("E/ws-a/1", "E/ws-b/1"):
        put(sandbox, kept, sandbox.start({b"a": (FILE, b"1")}))
    with pytest.raises(InvalidInput) as fault:
        keep.find(sandbox.repo, name)
    assert (fault.value.code, fault.value.exit_code, fault.value.hint) == ("E460", 3, hint)


def test_where_nothing_is_kept_the_hint_says_so(sandbox: Sandbox) -> None:
    with pytest.raises(InvalidInput) as fault:
        keep.find(sandbox.repo, "x")
    assert fault.value.hint == "nothing is kept in this repository"


def test_names_of_refs_that_are_no_text_can_be_named(sandbox: Sandbox) -> None:
    put(sandbox, os.fsdecode(b"E/\xff'$(x)\"/1"), sandbox.commit({b"a": (FILE, b"1")}), 1_800_000_000)
    found = one(sandbox)
    assert (found.shown, found.created) == ("E/\\xff'$(x)\"/1", 1_800_000_000)
    assert keep.find(sandbox.repo, found.shown) == keep.find(sandbox.repo, found.ref) == found


@given(st.binary())
def test_any_bytes_are_a_commit_or_a_damaged_one(content: bytes) -> None:
    assert parse(content) == "damaged commit"
    found = parse(b"tree " + b"0" * 40 + b"\nauthor x\n\n" + content)
    assert isinstance(found, Commit)
    assert "\n" not in found.subject
    assert found.date is None
