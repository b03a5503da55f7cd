"""Definition of ready and of done, and changelog fragments, from a plan to what lands."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    import subprocess

    from tests.conftest import Desk

FILE = "100644"
EARLIER = "# Changelog\n\n## [Unreleased]\n\n- Something before.\n\n## [1.0]\n\n- First.\n"


@pytest.fixture(scope="module")
def told(lay: Callable[[], Desk]) -> Desk:
    """Two workstreams side by side, each with a fragment, in a repository that keeps fragments."""
    desk = lay()
    (desk.repo / "changes").mkdir()
    (desk.repo / "changes/README.md").write_text("One file per change.\n", "utf-8")
    (desk.repo / "CHANGELOG.md").write_text(EARLIER, "utf-8")
    desk.commit("keep fragments")
    for name, file in (("ws-one", b"a.txt"), ("ws-two", b"b.txt")):
        fragment = f"- {name} did it.\n".encode()
        desk.workstream(name, {file: (FILE, b"new\n"), f"changes/{name}.md".encode(): (FILE, fragment)})
        desk.bundle(name, files_scope=[file.decode()], tasks=[f"Do {name}"])
    return desk


def conditions(desk: Desk, schema: str = "git_operation_log.v1") -> dict[tuple[str | None, str], tuple[str, str]]:
    """Verdict and evidence by workstream and condition."""
    found: list[dict[str, Any]] = desk.artifacts()[schema]["definition_of_done"]
    return {(one.get("workstream_id"), one["condition"]): (one["verdict"], one["evidence"]) for one in found}


@pytest.mark.parametrize("jobs", ["1", "2"])
def test_fragments_of_two_that_run_side_by_side_end_in_one_changelog(told: Desk, jobs: str) -> None:
    desk = told.copy(f"jobs-{jobs}")
    done = desk.pipeline("--jobs", jobs)
    assert done.returncode == 0, done.stderr
    assert b"2 landed" in done.stdout
    plan = desk.artifacts()["phase_plan.v1"]
    assert [one["work"]["scope"]["files_create"] for one in plan["workstreams"]] == [
        ["changes/ws-one.md"],
        ["changes/ws-two.md"],
    ]
    assert desk.git("show", "main:CHANGELOG.md") == EARLIER.rstrip("\n").replace(
        "before.\n", "before.\n- ws-one did it.\n- ws-two did it.\n"
    )
    assert (desk.repo / "CHANGELOG.md").read_text("utf-8").count("did it") == 2
    assert desk.git("ls-tree", "-r", "--name-only", "main", "changes").split() == ["changes/README.md"]
    assert desk.git("status", "--porcelain") == ""
    assert desk.git("log", "--first-parent", "--format=%s", "main").splitlines() == [
        "Changelog",
        "Merge ws-two: ws-two",
        "Merge ws-one: ws-one",
        "keep fragments",
        "first",
    ]
    assert desk.git("log", "-1", "--format=%(trailers:only)").splitlines() == [
        "Execution-Id: EXEC-2026-01-01-001",
        f"Commit-Plan: {desk.artifacts()['commit_plan.v1']['artifact_id']}",
    ]
    assert "Write into" not in desk.git("log", "--format=%B", "main")
    landed = conditions(desk)
    assert landed[None, "the changelog is written from fragments"] == (
        "met",
        "2 fragments moved into CHANGELOG.md",
    )
    assert landed["ws-one", "the changelog tells of it"] == ("met", "changes/ws-one.md has 1 line")
    assert landed[None, "the commit plan is applied"] == ("met", "3 commits on main")


def test_how_many_work_side_by_side_changes_no_commit(told: Desk) -> None:
    heads = set()
    for jobs in ("1", "2"):
        desk = told.copy(f"same-{jobs}")
        assert desk.pipeline("--jobs", jobs).returncode == 0
        heads.add(desk.git("rev-parse", "main"))
    assert len(heads) == 1


def test_on_a_target_that_moved_the_changelog_is_written_anew(told: Desk) -> None:
    desk = told.copy("moved")
    assert desk.pipeline("--target", "next", "--dry-run").returncode == 0
    desk.git("branch", "next", "main")
    index = desk.tree_with("main", {b"CHANGELOG.md": (FILE, EARLIER.replace("First", "The first").encode())})
    moved = desk.git("commit-tree", index, "-p", "main", "-m", "moved")
    desk.git("update-ref", "refs/heads/next", moved)
    place = desk.repo / ".git/phaseline/runs/EXEC-2026-01-01-001/artifacts/commit_plan.v1.json"
    done = desk.run("ph7", "run", "--in", str(place))
    assert done.returncode == 0, done.stderr
    text = desk.git("show", "next:CHANGELOG.md")
    assert "- ws-two did it." in text
    assert "- The first." in text


def refused(desk: Desk, *words: str) -> subprocess.CompletedProcess[bytes]:
    """A run that ends in PH1."""
    before = desk.looks()
    done = desk.pipeline(*words)
    assert (done.returncode, done.stdout) == (3, b"")
    assert desk.looks() == before
    return done


def test_what_is_not_ready_is_refused_before_anything_is_spent(told: Desk) -> None:
    done = refused(told.copy("unready"), "--set", 'policy.not_ready="refuse"')
    assert b"E364" in done.stderr
    assert b"workstream ws-one is not ready: acceptance-given" in done.stderr
    assert b"workstream ws-two is not ready: acceptance-given" in done.stderr
    assert len(done.stderr.splitlines()) <= 3


@pytest.mark.parametrize(
    "setting",
    [
        'policy.definition_of_done="yes"',
        'policy.not_done="refuse"',
        'policy.changelog=".git/config"',
        'policy.mint_doc_ids="true"',
    ],
)
def test_what_ph6_cannot_use_is_refused_by_ph1(told: Desk, setting: str) -> None:
    assert b"E363" in refused(told.copy(setting.partition("=")[0]), "--set", setting).stderr


def test_what_is_only_reported_is_told_under_the_table(told: Desk) -> None:
    desk = told.copy("reported")
    done = desk.pipeline("--set", 'policy.unverified="save"')
    assert done.returncode == 0, done.stderr
    text = done.stdout.decode()
    lines = text.split("\nws-one\n")[1].partition("\nws-two\n")[0].splitlines()
    assert lines[0].startswith("  not met: the error pipeline reports clean: unverified")
    assert "  not ready: acceptance-given: 0 commands, 0 descriptions" in lines
    assert "not_checked" not in text
    assert "all that lands" not in text
    folder = desk.repo / ".git/phaseline/runs/EXEC-2026-01-01-001/artifacts"
    shown = [desk.run("pipeline", "artifact", "show", str(folder / name)).stdout.decode() for name in (
        "commit_plan.v1.json", "phase_plan.v1.json"
    )]  # fmt: skip
    assert "  not_met ws-two: the error pipeline reports clean: unverified" in shown[0]
    assert "  not_ready ws-two: acceptance-given: 0 commands, 0 descriptions" in shown[1]
    ready = next(line for line in shown[1].splitlines() if line.startswith("readiness "))
    assert ready.split(None, 1)[1] == "8 entries: 2 not_checked, 2 not_ready, 4 ready"


def test_what_is_not_done_is_set_aside_and_kept(told: Desk) -> None:
    desk = told.copy("undone")
    done = desk.pipeline("--set", 'policy.not_done="quarantine"', "--json")
    rows = {row["workstream"]: row for row in json.loads(done.stdout)["rows"]}
    assert {row["outcome"] for row in rows.values()} == {"quarantined"}
    assert rows["ws-one"]["why"].startswith("not done: the error pipeline reports clean: unverified")
    for entry in desk.artifacts()["commit_plan.v1"]["quarantine"]:
        assert entry["reason"] == "not_done"
        assert desk.git("show", "--name-only", "--format=", entry["head"])
    assert desk.git("log", "--format=%s", "main").splitlines() == ["keep fragments", "first"]
