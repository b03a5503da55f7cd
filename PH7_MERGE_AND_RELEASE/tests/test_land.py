"""Landing a commit plan in a real repository, whatever the user does meanwhile."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

import pytest
from global_util.errors import EnvironmentFault, Held
from global_util.git import Person

if TYPE_CHECKING:
    from PH7_MERGE_AND_RELEASE.tests.conftest import Stage

ONE, TWO = {"a.txt": "A\n"}, {"new.txt": "N\n"}
LANDING = "refs/pipeline/runs/EXEC-2026-01-01-001/landing"
WHO = Person("A", "a@localhost")
KEPT = "refs/pipeline/keep/EXEC-2026-01-01-001/target/1"


def test_ff_only_makes_linear_history(stage: Stage) -> None:
    plan = stage.plan(ONE, TWO)
    log = stage.land(plan)
    assert stage.git("rev-list", "--parents", "main").count("\n") == 2
    assert all(len(row.split()) <= 2 for row in stage.git("rev-list", "--parents", "main").splitlines())
    assert stage.git("rev-parse", "main^{tree}") == plan.final_tree
    assert [landed.commit for landed in log.commits] == stage.git("rev-list", "--reverse", "main").split()[1:]
    assert log.strategy.history == "linear"
    assert stage.moves == [("ws-1", "landing"), ("ws-2", "landing"), ("ws-1", "landed"), ("ws-2", "landed")]


def test_safe_merge_makes_semi_linear_history(stage: Stage) -> None:
    plan = stage.plan(ONE, TWO, strategy="safe_merge_v1")
    log = stage.land(plan)
    merges = stage.git("rev-list", "--first-parent", "--reverse", "main").split()[1:]
    assert merges == [landed.merge for landed in log.commits]
    for before, landed in zip([stage.base.commit, *merges], log.commits, strict=False):
        assert stage.git("rev-parse", f"{landed.merge}^1", f"{landed.merge}^2").split() == [before, landed.commit]
        assert stage.git("rev-parse", f"{landed.commit}^1") == before
        assert stage.git("rev-parse", f"{landed.commit}^{{tree}}") == stage.git("rev-parse", f"{landed.merge}^{{tree}}")
    assert stage.git("show", "-s", "--format=%s", merges[0]) == "Merge ws-1: Do ws-1"


@pytest.mark.parametrize("strategy", ["ff_only", "safe_merge_v1"])
def test_what_ph6_wrote_itself_is_one_commit_of_no_workstream(stage: Stage, strategy: str) -> None:
    given = stage.plan(ONE, TWO, strategy=strategy)
    last = given.commit_groups[-1].model_copy(update={"workstreams": (), "description": "Changelog"})
    plan = given.model_copy(update={"commit_groups": (*given.commit_groups[:-1], last)})
    log = stage.land(plan)
    assert log.commits[-1].merge is None
    assert stage.git("rev-parse", "main") == log.commits[-1].commit
    assert stage.git("rev-parse", "main^1") == (log.commits[0].merge or log.commits[0].commit)
    assert stage.moves == [("ws-1", "landing"), ("ws-1", "landed")]
    assert stage.git("rev-parse", "main^{tree}") == plan.final_tree


def test_a_commit_tells_where_it_came_from(stage: Stage) -> None:
    plan = stage.plan(ONE)
    stage.land(plan)
    told = stage.git("show", "-s", "--format=%an <%ae>%n%(trailers:only)", "main").splitlines()
    assert told == [
        "Ada <ada@localhost>",
        "Execution-Id: EXEC-2026-01-01-001",
        "Workstream-Id: ws-1",
        f"Commit-Plan: {plan.artifact_id}",
    ]


def test_a_clean_checkout_follows_and_what_is_untracked_stays(stage: Stage) -> None:
    (stage.root / "mine.txt").write_text("mine\n", "utf-8")
    log = stage.land(stage.plan(ONE, TWO))
    assert ((stage.root / "a.txt").read_text("utf-8"), (stage.root / "new.txt").read_text("utf-8")) == ("A\n", "N\n")
    assert stage.git("status", "--porcelain") == "?? mine.txt"
    assert log.operations[-1].op == "sync_worktree"


def test_a_checkout_of_another_branch_is_not_touched(stage: Stage) -> None:
    stage.git("checkout", "--quiet", "-b", "mine")
    (stage.root / "a.txt").write_text("half done\n", "utf-8")
    log = stage.land(stage.plan(ONE))
    assert stage.git("show", "main:a.txt") == "A"
    assert (stage.root / "a.txt").read_text("utf-8") == "half done\n"
    assert stage.git("symbolic-ref", "HEAD") == "refs/heads/mine"
    assert log.operations[-1].op == "update_ref"


def test_a_linked_worktree_that_has_the_target_follows(stage: Stage) -> None:
    stage.git("checkout", "--quiet", "-b", "mine")
    stage.git("worktree", "add", "--quiet", str(stage.folder / "other"), "main")
    stage.land(stage.plan(ONE))
    assert (stage.folder / "other" / "a.txt").read_text("utf-8") == "A\n"
    assert (stage.root / "a.txt").read_text("utf-8") == "a\n"
    assert stage.git("status", "--porcelain", at=stage.folder / "other") == ""


def test_a_linked_worktree_with_changes_refuses(stage: Stage) -> None:
    stage.git("checkout", "--quiet", "-b", "mine")
    stage.git("worktree", "add", "--quiet", str(stage.folder / "other"), "main")
    (stage.folder / "other" / "b.txt").write_text("half done\n", "utf-8")
    refs = stage.git("for-each-ref")
    with pytest.raises(EnvironmentFault, match=r"b\.txt"):
        stage.land(stage.plan(ONE))
    assert stage.git("for-each-ref") == refs


def test_a_worktree_whose_folder_is_gone_is_not_in_the_way(stage: Stage) -> None:
    stage.git("checkout", "--quiet", "-b", "mine")
    stage.git("worktree", "add", "--quiet", str(stage.folder / "other"), "main")
    shutil.rmtree(stage.folder / "other")
    stage.land(stage.plan(ONE))
    assert stage.git("show", "main:a.txt") == "A"


def test_a_new_target_branch_is_created(stage: Stage) -> None:
    log = stage.land(stage.plan(ONE, target="releases/next"))
    assert stage.git("show", "releases/next:a.txt") == "A"
    assert stage.git("rev-parse", "main") == stage.base.commit
    assert log.operations[-1].undo[:4] == ("git", "update-ref", "-d", "refs/heads/releases/next")


def test_a_target_that_has_moved_gets_the_changes_on_its_tip(stage: Stage) -> None:
    plan = stage.plan(ONE, TWO)
    tip = stage.commit({"b.txt": "moved\n"})
    log = stage.land(plan)
    assert stage.git("rev-parse", "main~2") == tip.commit
    assert (stage.git("show", "main:a.txt"), stage.git("show", "main:b.txt")) == ("A", "moved")
    assert log.commit_plan != plan.artifact_id
    assert log.operations[0].op == "replan"


def test_a_target_that_moves_while_landing_is_followed(stage: Stage) -> None:
    plan = stage.plan(ONE)

    def meddle(name: str, state: str) -> None:
        if state == "landing" and stage.git("rev-parse", "main") == stage.base.commit:
            stage.commit({"b.txt": "moved\n"})

    stage.on_move = meddle
    stage.land(plan)
    assert (stage.git("show", "main:a.txt"), stage.git("show", "main:b.txt")) == ("A", "moved")
    assert stage.git("rev-list", "--count", "main") == "3"
    assert stage.git("status", "--porcelain") == ""


def test_a_target_that_never_rests_is_given_up(stage: Stage) -> None:
    stage.git("checkout", "--quiet", "-b", "mine")
    plan = stage.plan(ONE)

    def meddle(name: str, state: str) -> None:
        stage.git("update-ref", "refs/heads/main", stage.repo.commit(stage.base.tree, (tip(),), "m", WHO, 1767225600))

    def tip() -> str:
        return stage.git("rev-parse", "main")

    stage.on_move = meddle
    with pytest.raises(Held, match="keeps moving"):
        stage.land(plan)


def test_an_untracked_file_in_the_way_stops_and_a_second_run_lands(stage: Stage) -> None:
    (stage.root / "new.txt").write_text("mine\n", "utf-8")
    plan = stage.plan(ONE, TWO)
    with pytest.raises(EnvironmentFault) as refused:
        stage.land(plan)
    assert refused.value.code == "E451"
    assert "new.txt" in refused.value.message
    assert "commit_plan.v1.json" in refused.value.hint
    assert stage.git("rev-parse", "main") == stage.base.commit
    assert (stage.root / "new.txt").read_text("utf-8") == "mine\n"
    assert stage.git("status", "--porcelain") == "?? new.txt"
    (stage.root / "new.txt").unlink()
    log = stage.land(plan)
    assert log.commit_plan == plan.artifact_id
    assert stage.git("status", "--porcelain") == ""
    assert stage.git("rev-parse", "main^{tree}") == plan.final_tree


class Killed(BaseException):
    """The process is gone."""


@pytest.mark.parametrize("strategy", ["ff_only", "safe_merge_v1"])
@pytest.mark.parametrize("moved", [False, True], ids=["on the base", "on a moved target"])
def test_killed_after_the_ref_moved_the_next_run_tells_the_same(stage: Stage, strategy: str, moved: bool) -> None:
    plan = stage.plan(ONE, TWO, strategy=strategy)
    if moved:
        stage.commit({"b.txt": "moved\n"})
    old = stage.git("rev-parse", "main")

    def kill(name: str, state: str) -> None:
        if state == "landed":
            raise Killed

    stage.on_move = kill
    with pytest.raises(Killed):
        stage.land(plan)
    landed = stage.git("rev-list", "--reverse", "--topo-order", f"{old}..main").split()
    assert landed
    stage.on_move = lambda name, state: None
    later = stage.commit({"b.txt": "later\n"})
    log = stage.land(plan)
    assert stage.git("rev-parse", "main") == later.commit
    told = [oid for one in log.commits for oid in (one.commit, one.merge) if oid]
    assert told == landed
    assert {step.outcome for step in log.operations} == {"done"}
    assert log.operations[-1].before[0].oid == old
    assert log.operations[-1].after[0].oid == landed[-1]
    assert stage.moves[-2:] == [("ws-1", "landed"), ("ws-2", "landed")]
    assert stage.events[-1] == ("asked", {"kind": "landing", "happened": True})


def test_killed_before_the_ref_moved_the_next_run_lands(stage: Stage) -> None:
    plan = stage.plan(ONE)

    def kill(name: str, state: str) -> None:
        raise Killed

    stage.on_move = kill
    with pytest.raises(Killed):
        stage.land(plan)
    assert stage.git("rev-parse", LANDING) != stage.git("rev-parse", "main") == stage.base.commit
    stage.on_move = lambda name, state: None
    stage.land(plan)
    assert stage.git("rev-list", "--count", "main") == "2"


def test_a_commit_is_never_older_than_its_parent(stage: Stage) -> None:
    stage.base = stage.commit({"b.txt": "from the future\n"}, date=1900000000)
    stage.land(stage.plan(ONE, strategy="safe_merge_v1"))
    assert set(stage.git("log", "-3", "--format=%ct %at", "main").splitlines()) == {"1900000000 1900000000"}


def test_the_run_clock_dates_the_commits(stage: Stage) -> None:
    stage.land(stage.plan(ONE))
    assert stage.git("show", "-s", "--format=%ct %at", "main") == "1767225600 1767225600"


def test_a_dry_run_tells_all_and_moves_nothing(stage: Stage) -> None:
    plan = stage.plan(ONE, TWO)
    refs = stage.git("for-each-ref")
    dry = stage.land(plan, dry_run=True)
    assert stage.git("for-each-ref") == refs
    assert stage.moves == []
    assert {step.outcome for step in dry.operations} == {"planned"}
    real = stage.land(plan)
    assert (real.commits, [step.op for step in real.operations]) == (dry.commits, [step.op for step in dry.operations])


def test_the_log_is_enough_to_undo_all(stage: Stage) -> None:
    log = stage.land(stage.plan(ONE, TWO))
    assert stage.git("rev-parse", KEPT) == stage.base.commit
    for step in reversed(log.operations):
        if step.undo:
            stage.git(*(str(stage.root) if word.startswith("<") else word for word in step.undo[1:]))
    assert stage.git("for-each-ref", "--format=%(refname) %(objectname)") == f"refs/heads/main {stage.base.commit}"
    assert (stage.root / "a.txt").read_text("utf-8") == "a\n"
    assert not (stage.root / "new.txt").exists()


def test_a_plan_with_nothing_to_land_leaves_everything(stage: Stage) -> None:
    refs = stage.git("for-each-ref")
    log = stage.land(stage.plan())
    assert (log.commits, log.operations, stage.git("for-each-ref")) == ((), (), refs)


def test_hooks_and_merge_settings_of_the_user_have_no_say(stage: Stage) -> None:
    hooks = stage.folder / "hooks"
    hooks.mkdir()
    for name in ("post-merge", "pre-merge-commit", "reference-transaction", "post-checkout"):
        (hooks / name).write_text("#!/bin/sh\ntouch ../hook-ran\nexit 1\n", "utf-8")
        (hooks / name).chmod(0o755)
    stage.git("config", "merge.ff", "false")
    stage.git("config", "commit.gpgsign", "true")
    plan = stage.plan(ONE)
    stage.git("config", "core.hooksPath", str(hooks))
    stage.land(plan)
    stage.git("config", "--unset", "core.hooksPath")
    assert not (stage.folder / "hook-ran").exists()
    assert stage.git("rev-list", "--count", "main") == "2"
