"""The phase plan on a real repository: what is pinned, what is decided, what is refused before anything is spent."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from global_util.contracts.workstream import Budget
from global_util.errors import EnvironmentFault, InvalidInput, PipelineError

if TYPE_CHECKING:
    from PH1_PLAN_TO_EXEC.tests.conftest import Bench


def test_base_order_and_edges_are_pinned(bench: Bench, workstream: Any) -> None:
    plan = bench.plan(
        workstream("ws-a", "a.txt"), workstream("ws-b", "a.txt", priority=3), workstream("ws-c", depends_on=("ws-a",))
    )
    assert (plan.base.branch, plan.base.commit) == ("main", bench.git("rev-parse", "HEAD"))
    assert plan.target_branch == "main"
    assert [one.id for one in plan.workstreams] == ["ws-b", "ws-a", "ws-c"]
    assert [(edge.before, edge.after, edge.why) for edge in plan.edges] == [
        ("ws-b", "ws-a", "scope_overlap"),
        ("ws-a", "ws-c", "declared"),
    ]
    assert plan.waves == (("ws-b",), ("ws-a",), ("ws-c",))
    assert plan.critical_path == ("ws-b", "ws-a", "ws-c")


def test_the_plan_is_the_same_every_time(bench: Bench, workstream: Any) -> None:
    given = [workstream(f"ws-{letter}", "src/", depends_on=()) for letter in "dacb"]
    assert bench.plan(*given).artifact_id == bench.plan(*reversed(given)).artifact_id


def test_jobs_are_observed_and_not_hashed(bench: Bench, workstream: Any) -> None:
    one, seven = (bench.plan(workstream("ws-a"), jobs=jobs).artifact_id for jobs in (1, 7))
    assert one == seven
    assert bench.ctx.observed["jobs"] == 7


def test_one_workstream_brings_what_it_needs(bench: Bench, workstream: Any) -> None:
    chain = [workstream("ws-a"), workstream("ws-b", depends_on=("ws-a",)), workstream("ws-c", depends_on=("ws-b",))]
    assert [one.id for one in bench.plan(*chain, workstream_id="ws-b").workstreams] == ["ws-a", "ws-b"]


def test_recordings_are_copied_and_their_content_is_hashed(bench: Bench, workstream: Any) -> None:
    empty = bench.plan(workstream("ws-a")).recording
    folder = bench.folder / "recordings" / "ws-a"
    folder.mkdir()
    (folder / "1.patch").write_bytes(b"patch")
    (folder / "notes.txt").write_bytes(b"mine")
    full = bench.plan(workstream("ws-a")).recording
    assert empty != full
    assert [place.name for place in (bench.folder / "run/replay/ws-a").iterdir()] == ["1.patch"]


def test_slots_of_a_capability_can_be_set(bench: Bench, workstream: Any) -> None:
    plan = bench.plan(workstream("ws-a"), overrides={"executor.capability_slots.replay": 1})
    assert plan.limits.capability_slots == {"replay": 1}


def test_a_new_target_branch_is_accepted(bench: Bench, workstream: Any) -> None:
    assert bench.plan(workstream("ws-a"), target="landing/here").target_branch == "landing/here"


@pytest.mark.parametrize("name", ["-x", "a..b", "@{-1}", "a b", "main/below", "HEAD", "a.lock", "a\n"])
def test_a_name_that_no_branch_can_have_is_refused(bench: Bench, workstream: Any, name: str) -> None:
    bench.git("checkout", "--quiet", "-b", "second")
    bench.git("checkout", "--quiet", "main")
    with pytest.raises(InvalidInput) as refused:
        bench.plan(workstream("ws-a"), target=name)
    assert refused.value.code == "E356"


def test_changes_elsewhere_do_not_matter(bench: Bench, workstream: Any) -> None:
    (bench.root / "a.txt").write_text("mine\n", "utf-8")
    (bench.root / "untracked.txt").write_text("mine\n", "utf-8")
    assert bench.plan(workstream("ws-a"), target="other").target_branch == "other"
    with pytest.raises(EnvironmentFault, match=r"a\.txt"):
        bench.plan(workstream("ws-a"))


def test_an_executable_of_the_base_tree_is_a_command(bench: Bench, workstream: Any) -> None:
    plan = bench.plan(workstream("ws-a", acceptance_tests=("./check.sh --fast", "looks good")))
    assert [type(test).__name__ for test in plan.workstreams[0].work.acceptance] == [
        "AcceptanceRun",
        "AcceptanceDescribe",
    ]


def test_an_unknown_scope_is_the_whole_repository_where_the_policy_says_so(bench: Bench, workstream: Any) -> None:
    open_ones = [workstream(name, files_scope=()) for name in ("ws-a", "ws-b")]
    plan = bench.plan(*open_ones, overrides={"policy.unknown_scope": "repo"})
    assert [one.work.scope.files_scope for one in plan.workstreams] == [("**",), ("**",)]
    assert plan.workstreams[1].depends_on == ("ws-a",)
    assert [entry.verdict for entry in plan.readiness if entry.check == "scope-given"] == ["not_ready", "not_ready"]


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        ({"depends_on": ("ws-nobody",)}, "E352"),
        ({"depends_on": ("ws-a",)}, "E350"),
        ({"files_scope": ()}, "E359"),
        ({"files_scope": ("../x",)}, "E353"),
        ({"files_create": (".git/hooks/x",)}, "E353"),
        ({"forbidden_paths": ("/etc",)}, "E353"),
        ({"gate": 10}, "E358"),
        ({"tool": "nobody"}, "E428"),
        ({"capability": "telepathy"}, "E428"),
    ],
)
def test_a_workstream_that_cannot_run_is_refused(bench: Bench, workstream: Any, fields: Any, code: str) -> None:
    with pytest.raises(PipelineError) as refused:
        bench.plan(workstream("ws-a", **fields), tool=None)
    assert refused.value.code == code
    assert not (bench.folder / "run").exists()


@pytest.mark.parametrize(
    "override",
    [
        {"policy.scope_overlap": "maybe"},
        {"policy.unknown_scope": ""},
        {"policy.max_gate": True},
        {"policy.allowed_overlaps": ["ws-a"]},
        {"checks.acceptance_runners": "pytest"},
        {"git.base_branch": 3},
        {"worktree.root": 3},
        {"executor.jobs": "two"},
        {"executor.jobs": 0},
        {"executor.capability_slots.replay": "one"},
    ],
)
def test_a_setting_that_cannot_be_is_refused(bench: Bench, workstream: Any, override: dict[str, Any]) -> None:
    with pytest.raises(InvalidInput) as refused:
        bench.plan(workstream("ws-a"), overrides=override)
    assert refused.value.code in ("E306", "E362", "E363")


def test_a_workstream_may_spend_what_its_plan_gives_else_what_is_configured(bench: Bench, workstream: Any) -> None:
    plan = bench.plan(
        workstream("ws-a", budget={"tokens": 5, "seconds": 0}),
        workstream("ws-b"),
        overrides={
            "limits.workstream.tokens": 9,
            "limits.workstream.seconds": 60,
            "limits.workstream.cost_usd": 2,
            "limits.run.attempts": 7,
        },
    )
    budgets = {one.id: one.work.budget for one in plan.workstreams}
    assert budgets == {"ws-a": Budget(tokens=5, cost_usd=2.0), "ws-b": Budget(tokens=9, cost_usd=2.0, seconds=60)}
    assert bench.ctx.observed["limits"] == {"run": {"attempts": 7}, "day": {}}


def test_without_limits_nothing_is_written_about_them(bench: Bench, workstream: Any) -> None:
    plan = bench.plan(workstream("ws-a"))
    assert plan.workstreams[0].work.budget is None


@pytest.mark.parametrize(
    "key", ["limits.run.attempts", "limits.day.cost_usd", "limits.workstream.seconds", "limits.wait_s"]
)
@pytest.mark.parametrize("value", [-1, "many", None])
def test_a_limit_that_is_no_amount_is_refused(bench: Bench, workstream: Any, key: str, value: Any) -> None:
    with pytest.raises(InvalidInput) as fault:
        bench.plan(workstream("ws-a"), overrides={key: value})
    assert fault.value.code in ("E362", "E363")
