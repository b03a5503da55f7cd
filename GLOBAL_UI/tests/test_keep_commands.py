"""What people and scripts see of kept work."""

from __future__ import annotations

import json
import shlex
import subprocess
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from global_ui.cli import main
from global_util.errors import Exit
from global_util.testing import FILE, Sandbox, sealed_environment

KEEP = "refs/pipeline/keep/"
OLD = "@1000000000 +0000"


@pytest.fixture
def box(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Sandbox:
    """``E/ws/1`` is only here; ``E/target/1`` is on main, and both are old."""
    for name, value in {**sealed_environment(tmp_path / "home"), "GIT_COMMITTER_DATE": OLD}.items():
        monkeypatch.setenv(name, value)
    made = Sandbox(tmp_path / "repo")
    base = made.start({b"a": (FILE, b"1\n")})
    kept = made.commit({b"a": (FILE, b"2\n"), b"\x1b[31m\n": (FILE, b"x\xff\n")}, base)
    for name, commit in (("E/ws/1", kept), ("E/target/1", base)):
        made.git("update-ref", "--create-reflog", "-m", "kept", KEEP + name, commit)
    return made


def run(box: Sandbox, *words: str) -> Result:
    """The command in the box's repository."""
    return CliRunner().invoke(main, ["keep", *words, "--repo", str(box.folder)])


def test_the_list_names_age_files_and_reason(box: Sandbox) -> None:
    rows = [line.split() for line in run(box, "list").stdout.splitlines()]
    assert [(row[0], row[2:]) for row in rows] == [
        ("E/target/1", ["d", "1", "file", "made"]),
        ("E/ws/1", ["d", "2", "files", "made"]),
    ]
    assert run(box, "list", "--execution", "other").stderr == "nothing is kept\n"
    told = json.loads(run(box, "list", "--json").stdout)
    assert [(one["ref"], one["since"]) for one in told] == [
        (KEEP + "E/target/1", "2001-09-09T01:46:40Z"),
        (KEEP + "E/ws/1", "2001-09-09T01:46:40Z"),
    ]


def test_show_tells_paths_that_cannot_steer_a_terminal(box: Sandbox) -> None:
    assert run(box, "show", "ws/1").stdout.splitlines()[-2:] == ["  A \\x1b[31m\\n", "  M a"]
    told = json.loads(run(box, "show", "ws/1", "--json").stdout)
    assert [(one["status"], one["path"]) for one in told["changes"]] == [("A", "\x1b[31m\n"), ("M", "a")]


def test_the_patch_is_one_that_git_takes(box: Sandbox) -> None:
    shown = run(box, "show", "ws/1", "--patch").stdout_bytes
    box.git("apply", "--index", stdin=shown)
    assert box.git("write-tree") == box.git("rev-parse", KEEP + "E/ws/1^{tree}")


def test_a_name_that_is_none_is_told_with_what_is_near(box: Sandbox) -> None:
    done = run(box, "show", "w/1")
    assert done.exit_code == Exit.INVALID
    assert done.stderr == "error E460: no kept work is named 'w/1'\n  near are: E/ws/1\n"
    assert run(box, "restore", "1").stderr.endswith("  name one: E/target/1, E/ws/1\n")


@pytest.mark.parametrize(
    "words",
    [
        ["show", "ws/1", "--patch", "--json"],
        ["restore", "ws/1", "--whole"],
        ["restore", "ws/1", "--branch", "x", "--into", "y"],
        ["restore", "ws/1", "--branch=-x"],
        ["restore", "ws/1", "--branch="],
        ["gc", "--older-than=-1"],
    ],
)
def test_words_that_do_not_go_together_are_wrong_usage(box: Sandbox, words: list[str]) -> None:
    refs = box.git("for-each-ref")
    assert run(box, *words).exit_code == Exit.USAGE
    assert box.git("for-each-ref") == refs


def test_restore_makes_the_branch_that_it_names_and_only_once(box: Sandbox) -> None:
    kept = box.repo.resolve(KEEP + "E/ws/1")
    assert run(box, "restore", "ws/1").stdout == f"keep/E-ws-1 is {kept}\n"
    assert run(box, "restore", "ws/1").exit_code == Exit.ENVIRONMENT
    assert run(box, "restore", "ws/1", "--branch", "mine").stdout == f"mine is {kept}\n"


def test_restore_into_a_folder_writes_what_changed_and_tells_what_it_left_out(box: Sandbox, tmp_path: Path) -> None:
    commit = box.commit({b"f": (FILE, b""), b"sub": ("160000", b"1" * 40)})
    box.git("update-ref", KEEP + "E/ws/2", commit)
    done = run(box, "restore", "ws/1", "--into", str(tmp_path / "one"))
    assert (done.exit_code, done.stdout) == (0, f"2 written to {tmp_path}/one, 0 left out\n")
    done = run(box, "restore", "ws/2", "--into", str(tmp_path / "two"))
    assert (done.exit_code, done.stdout) == (Exit.FOUND, f"1 written to {tmp_path}/two, 1 left out\n")
    assert done.stderr == "left out: sub: a submodule at commit " + "1" * 40 + "\n"
    assert run(box, "restore", "ws/1", "--into", str(tmp_path / "two")).exit_code == Exit.ENVIRONMENT


def test_gc_tells_why_each_goes_or_stays_and_how_to_bring_it_back(box: Sandbox) -> None:
    refs = box.git("for-each-ref")
    tried = run(box, "gc", "--dry-run").stdout
    assert tried.splitlines()[-1] == "1 would be removed, 1 kept"
    assert box.git("for-each-ref") == refs
    gone, undo, stays, *_ = run(box, "gc").stdout.splitlines()
    assert gone == "removed  E/target/1: refs/heads/main holds the commit"
    assert stays == "stays    E/ws/1: nothing else is proven to hold its content"
    assert box.git("for-each-ref") != refs
    subprocess.run(shlex.split(undo), cwd=box.folder, check=True)
    assert box.git("for-each-ref") == refs


def test_gc_as_json_has_the_undo_of_what_it_removed(box: Sandbox) -> None:
    told = json.loads(run(box, "gc", "--older-than", "100", "--json").stdout)
    assert (told["days"], told["dry_run"]) == (100, False)
    assert [(one["ref"], one["removed"], "undo" in one) for one in told["refs"]] == [
        (KEEP + "E/target/1", True, True),
        (KEEP + "E/ws/1", False, False),
    ]


def test_gc_leaves_what_is_younger_than_the_default(box: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("GIT_COMMITTER_DATE")
    box.repo.update_ref(KEEP + "E/ws/2", box.git("rev-parse", "main"), None, "now")
    told = json.loads(run(box, "gc", "--json").stdout)
    assert told["days"] == 30
    assert [one["reason"] for one in told["refs"]][-1] == "is not older than 30 days"


def test_the_undo_of_a_hostile_name_is_one_word_for_a_shell(box: Sandbox) -> None:
    name = KEEP + "E/'$(touch>x);\"/1"
    box.git("update-ref", "--create-reflog", "-m", "kept", name, "main")
    told = json.loads(run(box, "gc", "--json").stdout)
    assert shlex.split(told["refs"][0]["undo"])[2] == name


def test_the_age_comes_from_the_settings_and_must_be_a_number_of_days(box: Sandbox) -> None:
    (box.folder / "pipeline.toml").write_text("[keep]\ndays = 100000\n")
    told = json.loads(run(box, "gc", "--json").stdout)
    assert (told["days"], [one["removed"] for one in told["refs"]]) == (100_000, [False, False])
    assert json.loads(run(box, "gc", "--set", "keep.days=2", "--dry-run", "--json").stdout)["days"] == 2
    for wrong in ("-1", "true", "'30'", "1.5"):
        assert run(box, "gc", "--set", f"keep.days={wrong}").exit_code == Exit.INVALID
