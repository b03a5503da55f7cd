"""Files of a run that were cut off or removed: artifacts, notes, logs, recordings, worktrees, refs."""

from __future__ import annotations

import os
import shutil
from typing import TYPE_CHECKING

import pytest

from tests.faults import NAMES, RUN, Ground, at, call, fits, goes_on, ground, killed, outcome, resume, says, some

if TYPE_CHECKING:
    from pathlib import Path

    from tests.conftest import Desk

RESTORE = "bring it back from a copy of the run's folder"


@pytest.fixture(scope="module")
def laid(tmp_path_factory: pytest.TempPathFactory) -> Ground:
    """What is run."""
    return ground(tmp_path_factory)


@pytest.fixture(scope="module")
def planned(laid: Ground) -> Desk:
    """Killed when the commits were planned: every artifact but the last is there."""
    return killed(laid.copy("dead-planned"), "phase_completed ph7")


def edited(laid: Ground, name: str) -> Desk:
    """Killed when one tool had ended and was not confirmed, while the other one was at work. A copy would not do: slots know their place."""
    desk = laid.copy(name)
    (desk.folder / "do-ws-two").write_text("sleep 60\n", "utf-8")
    killed(desk, "concluding ws-one")
    (desk.folder / "do-ws-two").unlink()
    return desk


def cut(place: Path) -> None:
    """Take the second half of a file away."""
    os.truncate(place, place.stat().st_size // 2)


def artifact(desk: Desk, schema: str) -> Path:
    """The file that the line's own name leads to."""
    return at(desk, f"artifacts/{schema}.v1.json").resolve()


@pytest.mark.parametrize(
    ("schema", "harm", "code"),
    [
        ("workstream_set", "gone", "E308"),
        ("phase_plan", "cut", "E304"),
        ("error_report", "empty", "E301"),
        ("commit_plan", "cut", "E304"),
    ],
)
def test_an_artifact_is_damaged(planned: Desk, schema: str, harm: str, code: str) -> None:
    desk = planned.copy(f"artifact-{schema}-{harm}")
    place = artifact(desk, schema)
    kept = place.read_bytes()
    if harm == "gone":
        place.unlink()
    elif harm == "cut":
        cut(place)
    else:
        os.truncate(place, 0)
    refused = resume(desk)
    says(refused, code, place.name[:12], RESTORE)
    assert refused.returncode == 3
    assert place.name.encode() in call(desk, "pipeline", "verify", RUN).stdout
    if schema == "commit_plan":
        place.write_bytes(kept)
        assert resume(desk).returncode == 0
        fits(desk)


def test_the_name_of_the_first_artifact_is_gone(planned: Desk, laid: Ground) -> None:
    desk = planned.copy("no-name")
    at(desk, "artifacts/workstream_set.v1.json").unlink()
    done = resume(desk)
    assert done.returncode == 0, done.stderr
    assert outcome(desk) == laid.want


@pytest.mark.parametrize("name", some("ended.json", "try.json", "stdout.log"))
def test_a_file_of_a_call_that_is_not_confirmed_is_cut(laid: Ground, name: str) -> None:
    desk = edited(laid, f"call-{name}")
    place = at(desk, f"ws/ws-one/1/{name}")
    cut(place)
    again = ["ws-one"] if name in ("ended.json", "try.json") else []
    goes_on(desk, laid.want, (*NAMES, "ws-two", *again))


def test_files_of_a_confirmed_call_are_cut(planned: Desk, laid: Ground) -> None:
    desk = planned.copy("confirmed")
    names = ("recording/ws-one/1.patch", "ws/ws-one/1/prompt.txt", "ws/ws-two/1/change.patch")
    for name in names:
        cut(at(desk, name))
    assert resume(desk).returncode == 0
    assert outcome(desk) == laid.want
    found = call(desk, "pipeline", "verify", RUN)
    assert (found.returncode, [name for name in names if name.encode() not in found.stdout]) == (1, []), found.stdout


def slots(desk: Desk) -> list[Path]:
    """The folders of slots."""
    return sorted((desk.folder / "cache").glob("phaseline/worktrees/*/slot-*"))


@pytest.mark.parametrize("what", some("trees", "git's own", "both"))
def test_worktrees_are_removed_by_hand(laid: Ground, what: str) -> None:
    """What a tool left is gone with its worktree: it is called again, and not taken for one that removed all files."""
    desk = edited(laid, f"worktree-{what.replace(' ', '-')}")
    for slot in slots(desk) if what != "git's own" else []:
        shutil.rmtree(slot.parent / "trees" / slot.name)
    if what in ("git's own", "both"):
        shutil.rmtree(desk.repo / ".git/worktrees")
    goes_on(desk, laid.want, (*NAMES, "ws-two", *(["ws-one"] if what != "git's own" else [])))


def test_the_branch_that_is_checked_out_was_deleted(laid: Ground) -> None:
    desk = laid.copy("branch")
    killed(desk, "phase_completed ph2")
    desk.git("update-ref", "-d", "refs/heads/main")
    refused = resume(desk)
    way = next(line for line in refused.stderr.decode().splitlines() if "git update-ref" in line)
    says(refused, "E406", "main is checked out, but the branch was deleted")
    command = way.partition("with: git ")[2].partition(";")[0].split()
    desk.git(*command)
    goes_on(desk, laid.want)


def test_the_branch_was_deleted_when_all_had_landed(planned: Desk, laid: Ground) -> None:
    """Brought back to where it was before, its checkout is at what had landed."""
    desk = planned.copy("branch-landed")
    desk.git("update-ref", "-d", "refs/heads/main")
    says(resume(desk), "E406", "git update-ref refs/heads/main")
    desk.git("update-ref", "refs/heads/main", f"refs/pipeline/runs/{RUN}/run")
    done = resume(desk)
    assert done.returncode == 0, done.stderr
    assert outcome(desk) == laid.want
    assert desk.git("status", "--porcelain") == ""


def test_a_branch_that_is_checked_out_nowhere_was_deleted(laid: Ground) -> None:
    desk = killed(laid.copy("nowhere"), "phase_completed ph2")
    desk.git("checkout", "-q", "--detach")
    desk.git("update-ref", "-d", "refs/heads/main")
    done = resume(desk)
    assert done.returncode == 0, done.stderr
    assert outcome(desk)[0] == laid.want[0]


def test_refs_of_the_run_were_deleted(laid: Ground) -> None:
    desk = killed(laid.copy("refs"), "phase_completed ph2")
    refs = desk.git("for-each-ref", "--format=%(refname)", "refs/pipeline").split()
    one = desk.copy("one-ref")
    one.git("update-ref", "-d", f"refs/pipeline/runs/{RUN}/ws-one")
    assert resume(one).returncode == 0
    assert outcome(one)[0] == laid.want[0]
    fits(one)
    for ref in refs:
        desk.git("update-ref", "-d", ref)
    gone = desk.copy("collected")
    done = resume(desk)
    assert done.returncode == 0, done.stderr
    assert outcome(desk)[0] == laid.want[0]
    assert b"is not in its history" in call(desk, "pipeline", "verify", RUN).stdout
    gone.git("reflog", "expire", "--expire=now", "--all")
    gone.git("gc", "-q", "--prune=now")
    says(resume(gone), "E401", "objects of the run were removed from this clone")
