"""The shell pipe and the single command are the same line: same artifacts, same commits, whatever runs side by side."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from tests.conftest import Desk

FILE = "100644"
UNCHECKED = ("--set", "checks.enabled=[]", "--set", 'policy.unverified="save"')
LINE = (
    "workstream_set.v1",
    "phase_plan.v1",
    "execution_result.v1",
    "error_check_targets.v1",
    "error_report.v1",
    "error_pipeline_result.v1",
    "commit_plan.v1",
    "git_operation_log.v1",
)
PIPE = 'ph0 run "$0" | ph1 run "$@" | ph2 run | ph3 run | ph4 run | ph5 run | ph6 run | ph7 run'


@pytest.fixture(scope="module")
def planned(lay: Callable[[], Desk]) -> Desk:
    """Two workstreams side by side, and one that needs both."""
    desk = lay()
    one = desk.workstream("ws-one", {b"a.txt": (FILE, b"A\n"), b"sub/new.txt": (FILE, b"new\n")})
    desk.workstream("ws-two", {b"b.txt": (FILE, b"B\n")})
    both = desk.tree_with(one, {b"b.txt": (FILE, b"B\n")})
    desk.workstream("ws-three", {b"c.txt": (FILE, b"C\n")}, start=both, depends_on=["ws-one", "ws-two"])
    return desk


@pytest.fixture(scope="module")
def piped(planned: Desk) -> Desk:
    """What the shell pipe left."""
    desk = planned.copy("piped")
    done = desk.run("bash", "-o", "pipefail", "-c", PIPE, str(desk.plan), *desk.choices(), *UNCHECKED)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["schema"] == "git_operation_log.v1"
    return desk


@pytest.fixture(scope="module")
def single(planned: Desk) -> Desk:
    """What ``pipeline run`` left."""
    desk = planned.copy("single")
    done = desk.pipeline("--jobs", "1")
    assert done.returncode == 0, done.stderr
    assert "3 landed" in done.stdout.decode()
    return desk


def ids(desk: Desk) -> dict[str, str]:
    """The ids of the line's artifacts."""
    found = desk.artifacts()
    return {schema: found[schema]["artifact_id"] for schema in LINE}


def commits(desk: Desk) -> list[str]:
    """All commits of the target branch and the refs of the run, but for anchors: those say when things happened."""
    refs = [line for line in desk.git("for-each-ref").splitlines() if "refs/pipeline/audit/" not in line]
    return desk.git("rev-list", "main").split() + refs


def test_pipe_and_command_give_the_same_artifacts_and_commits(piped: Desk, single: Desk) -> None:
    assert ids(piped) == ids(single)
    assert commits(piped) == commits(single)
    assert piped.git("status", "--porcelain") == single.git("status", "--porcelain") == ""
    assert piped.looks()["left"] == single.looks()["left"] == []


def test_jobs_change_nothing_that_comes_out(planned: Desk, single: Desk) -> None:
    three = planned.copy("three")
    assert three.pipeline("--jobs", "3").returncode == 0
    assert ids(three) == ids(single)
    assert commits(three) == commits(single)


def test_an_artifact_names_no_place_of_the_machine(single: Desk) -> None:
    for artifact in single.artifacts().values():
        artifact.pop("observed", None)
        assert str(single.folder) not in json.dumps(artifact)


def attempts(desk: Desk) -> int:
    """How often a tool was started."""
    with sqlite3.connect(desk.repo / ".git/phaseline/state.db") as state:
        count: int = state.execute("select count(*) from step_attempts").fetchone()[0]
    state.close()
    return count


@pytest.mark.parametrize(("phase", "reads", "writes"), [("ph2", 1, 2), ("ph5", 4, 5), ("ph7", 6, 7)])
def test_the_same_input_again_gives_the_recorded_artifact(single: Desk, phase: str, reads: int, writes: int) -> None:
    folder = single.repo / ".git/phaseline/runs/EXEC-2026-01-01-001/artifacts"
    seen, paid = commits(single), attempts(single)
    again = single.run(phase, "run", "--in", str(folder / f"{LINE[reads]}.json"))
    assert again.returncode == 0, again.stderr
    assert again.stdout == (folder / f"{LINE[writes]}.json").read_bytes()
    assert (commits(single), attempts(single)) == (seen, paid)


def test_the_same_run_with_other_settings_is_held(single: Desk) -> None:
    place = single.repo / ".git/phaseline/runs/EXEC-2026-01-01-001/artifacts/error_pipeline_result.v1.json"
    held = single.run("ph6", "run", "--in", str(place), "--set", 'policy.unverified="quarantine"')
    assert (held.returncode, held.stdout) == (5, b"")
    assert b"E503" in held.stderr


def test_a_dry_run_moves_no_branch_and_plans_what_the_real_run_does(planned: Desk, single: Desk) -> None:
    desk = planned.copy("dry")
    branches = desk.git("for-each-ref", "refs/heads")
    done = desk.pipeline("--dry-run", "--json")
    assert done.returncode == 0, done.stderr
    assert desk.git("for-each-ref", "refs/heads") == branches
    assert {row["outcome"] for row in json.loads(done.stdout)["rows"]} == {"would land"}
    assert desk.artifacts()["commit_plan.v1"] == {**single.artifacts()["commit_plan.v1"], **observed(desk)}
    plan = desk.repo / ".git/phaseline/runs/EXEC-2026-01-01-001/artifacts/commit_plan.v1.json"
    landed = desk.run("ph7", "run", "--in", str(plan))
    assert landed.returncode == 0, landed.stderr
    assert desk.git("rev-list", "main") == single.git("rev-list", "main")


def test_another_target_gets_the_changes_on_its_tip_and_the_table_says_so(planned: Desk) -> None:
    desk = planned.copy("other-target")
    desk.git("branch", "next")
    tip = desk.tree_with("next", {b"b.txt": (FILE, b"taken\n")})
    desk.git("update-ref", "refs/heads/next", desk.git("commit-tree", "-p", "next", "-m", "next", tip))
    done = desk.pipeline("--target", "next", "--strategy", "ff_only", "--json")
    assert done.returncode == 1, done.stderr
    rows = {row["workstream"]: (row["outcome"], row["commit"]) for row in json.loads(done.stdout)["rows"]}
    landed = desk.git("rev-parse", "next")
    assert rows == {
        "ws-one": ("landed", landed), "ws-two": ("quarantined", ""), "ws-three": ("quarantined", "")
    }  # fmt: skip
    assert desk.git("show", "--name-only", "--format=", "next").split() == ["a.txt", "sub/new.txt"]
    assert desk.git("rev-list", "--count", "main") == "1"
    assert (desk.repo / "a.txt").read_text("utf-8") == "a\n"


def test_killed_while_landing_the_next_ph7_recognises_it(planned: Desk) -> None:
    desk = planned.copy("killed")
    assert desk.pipeline().returncode == 0
    before, log = desk.git("rev-list", "main"), desk.artifacts()["git_operation_log.v1"]
    with sqlite3.connect(desk.repo / ".git/phaseline/state.db") as state:
        state.execute("update phase_runs set output_id = null where phase = 'ph7'")
    state.close()
    again = desk.run("ph7", "run", "--in", str(artifact(desk, "commit_plan.v1")))
    assert again.returncode == 0, again.stderr
    assert desk.git("rev-list", "main") == before
    told = json.loads(again.stdout)
    assert told["operations"] == log["operations"]
    assert told["artifact_id"] == log["artifact_id"]


def observed(desk: Desk) -> dict[str, Any]:
    """What differs from run to run and is not hashed."""
    return {"observed": desk.artifacts()["commit_plan.v1"]["observed"]}


def artifact(desk: Desk, schema: str) -> Path:
    """Where an artifact of the line lies."""
    return desk.repo / f".git/phaseline/runs/EXEC-2026-01-01-001/artifacts/{schema}.json"


def test_validate_tells_what_an_artifact_is(single: Desk) -> None:
    done = single.run("pipeline", "artifact", "validate", str(artifact(single, "commit_plan.v1")), "--json")
    told = json.loads(done.stdout)
    assert (done.returncode, told["valid"], told["artifact_id"]) == (0, True, ids(single)["commit_plan.v1"])


def test_validate_finds_an_edit(single: Desk) -> None:
    place = single.folder / "edited.json"

    text = json.loads(artifact(single, "commit_plan.v1").read_bytes())
    text["commit_groups"][0]["commit_message"] = "Something else\n"
    place.write_text(json.dumps(text), "utf-8")
    done = single.run("pipeline", "artifact", "validate", str(place))
    assert (done.returncode, done.stdout) == (3, b"")
    assert b"E303" in done.stderr


def test_show_sums_an_artifact_up(single: Desk) -> None:
    place = str(artifact(single, "phase_plan.v1"))
    words = single.run("pipeline", "artifact", "show", place).stdout.decode()
    assert "3 entries: ws-one, ws-two, ws-three" in words
    assert (
        single.run("pipeline", "artifact", "show", place, "--json").stdout
        == artifact(single, "phase_plan.v1").read_bytes()
    )


def test_lineage_goes_back_to_the_plan(single: Desk) -> None:
    done = single.run("pipeline", "artifact", "lineage", str(artifact(single, "git_operation_log.v1")), "--json")
    assert [row["schema"] for row in json.loads(done.stdout)] == list(reversed(LINE))


def test_lineage_names_an_ancestor_that_is_missing(single: Desk) -> None:
    alone = single.folder / "alone.json"
    alone.write_bytes(artifact(single, "phase_plan.v1").read_bytes())
    done = single.run("pipeline", "artifact", "lineage", str(alone))
    assert done.returncode == 3
    assert ids(single)["workstream_set.v1"] in done.stderr.decode()
