"""What PH2 makes of a plan: bases, joins, statuses, and who is blocked by whom."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import pytest
from global_util.contracts.phase_plan import RunLimits
from global_util.errors import EnvironmentFault, InvalidInput, Overspent, Parked

if TYPE_CHECKING:
    from PH2_EXECUTION_ENGINE.tests.conftest import World


def test_an_edit_starts_from_the_pinned_base(world: World) -> None:
    world.edits["ws-a"] = {"a.txt": "A\n"}
    item = world.run(world.plan({"ws-a": []}))["ws-a"]
    assert (item.base.commit, item.base.tree, item.inputs) == (world.root.commit, world.root.tree, ())
    assert item.status == "edited"
    assert [(change.path, change.status) for change in item.changes] == [("a.txt", "M")]
    assert world.moves == [("ws-a", "ready"), ("ws-a", "editing")]
    assert world.calls == [("ph3", "ws-a"), ("ph4", "ws-a"), ("ph5", "ws-a")]


def test_a_dependent_starts_from_the_head_of_what_it_needs(world: World) -> None:
    world.edits = {"ws-a": {"a.txt": "A\n"}, "ws-b": {"b.txt": "B\n"}}
    items = world.run(world.plan({"ws-a": [], "ws-b": ["ws-a"]}))
    assert items["ws-b"].base.tree == items["ws-a"].head.tree
    assert items["ws-b"].base.upstream[0].workstream_id == "ws-a"
    assert items["ws-b"].inputs == (items["ws-b"].base.upstream[0].item_id,)
    assert [change.path for change in items["ws-b"].changes] == ["b.txt"]


def test_several_dependencies_are_joined(world: World) -> None:
    world.edits = {"ws-a": {"a.txt": "A\n"}, "ws-b": {"b.txt": "B\n"}, "ws-c": {"new.txt": "N\n"}}
    items = world.run(world.plan({"ws-a": [], "ws-b": [], "ws-c": [], "ws-d": ["ws-a", "ws-b", "ws-c"]}))
    base = items["ws-d"].base
    assert world.files(base.tree) == {"a.txt": "A\n", "b.txt": "B\n", "thing": "file\n", "new.txt": "N\n"}
    assert base.join is not None
    assert (base.join.workstreams, base.join.rungs) == (("ws-a", "ws-b", "ws-c"), ("path", "path", "path"))
    assert [ref.workstream_id for ref in base.upstream] == ["ws-a", "ws-b", "ws-c"]


def test_a_dependency_that_another_one_contains_is_not_joined_again(world: World) -> None:
    world.edits = {"ws-a": {"a.txt": "A\n"}, "ws-b": {"a.txt": "B\n"}}
    items = world.run(world.plan({"ws-a": [], "ws-b": ["ws-a"], "ws-c": ["ws-a", "ws-b"]}))
    base = items["ws-c"].base
    assert base.join is None
    assert base.commit == items["ws-b"].head.commit
    assert [ref.workstream_id for ref in base.upstream] == ["ws-b"]


def test_a_diamond_counts_its_top_once(world: World) -> None:
    world.edits = {"ws-a": {"a.txt": "A\n" * 5}, "ws-b": {"b.txt": "B\n"}, "ws-c": {"a.txt": "A\n" * 4 + "C\n"}}
    items = world.run(world.plan({"ws-a": [], "ws-b": ["ws-a"], "ws-c": ["ws-a"], "ws-d": ["ws-b", "ws-c"]}))
    files = world.files(items["ws-d"].base.tree)
    assert (files["a.txt"], files["b.txt"]) == ("A\n" * 4 + "C\n", "B\n")


def test_changes_of_one_file_are_merged_where_they_do_not_touch(world: World) -> None:
    world.edits = {"ws-a": {"a.txt": "A\n" + "a\n" * 4}, "ws-b": {"a.txt": "a\n" * 4 + "B\n"}}
    base = world.run(world.plan({"ws-a": [], "ws-b": [], "ws-c": ["ws-a", "ws-b"]}))["ws-c"].base
    assert world.files(base.tree)["a.txt"] == "A\n" + "a\n" * 3 + "B\n"
    assert base.join is not None
    assert base.join.rungs == ("path", "ort")


@pytest.mark.parametrize("other", [{"a.txt": "B\n"}, {"a.txt": None}, {"a.txt": None, "a.txt/inside": "x\n"}])
def test_a_join_that_conflicts_blocks(world: World, other: dict[str, str | None]) -> None:
    world.edits = {"ws-a": {"a.txt": "A\n"}, "ws-b": other}
    items = world.run(world.plan({"ws-a": [], "ws-b": [], "ws-c": ["ws-a", "ws-b"], "ws-d": ["ws-c"]}))
    assert items["ws-c"].status == "blocked"
    assert "a.txt" in items["ws-c"].blockers[0].why
    assert [blocker.workstream_id for blocker in items["ws-d"].blockers] == ["ws-c"]
    assert [request.workstream_id for request in world.requests] == ["ws-a", "ws-b"]


@pytest.mark.parametrize(
    ("verdict", "starts"),
    [("clean", True), ("fixed", True), ("nothing", True), ("quarantined", False)],
)
def test_a_dependent_starts_on_what_stands(world: World, verdict: str, starts: bool) -> None:
    world.edits = {"ws-a": {"a.txt": "A\n"}, "ws-b": {"b.txt": "B\n"}}
    world.verdicts["ws-a"] = verdict
    items = world.run(world.plan({"ws-a": [], "ws-b": ["ws-a"]}))
    assert (items["ws-b"].status == "edited") is starts
    assert ("ws-b", "editing") in world.moves or not starts


@pytest.mark.parametrize("outcome", ["failed", "timeout", "idle_timeout", "tool_missing", "no_recording"])
def test_a_tool_that_fails_fails_the_workstream(world: World, outcome: str) -> None:
    world.outcomes["ws-a"] = outcome
    items = world.run(world.plan({"ws-a": [], "ws-b": ["ws-a"]}))
    assert (items["ws-a"].status, items["ws-b"].status) == ("failed", "blocked")


def test_no_change_and_leaving_the_scope_are_told_apart(world: World) -> None:
    world.violations.add("ws-b")
    items = world.run(world.plan({"ws-a": [], "ws-b": []}))
    assert (items["ws-a"].status, items["ws-b"].status) == ("no_change", "edited")
    assert items["ws-b"].scope.verdict == "violated"


def test_edit_only_leaves_the_verdict_to_the_line(world: World) -> None:
    world.edits = {"ws-a": {"a.txt": "A\n"}, "ws-b": {"b.txt": "B\n"}}
    items = world.run(world.plan({"ws-a": [], "ws-b": ["ws-a"]}, a="edit_only", b="edit_only"))
    assert world.calls == []
    assert items["ws-b"].base.upstream[0].item_id == items["ws-a"].item_id


def test_an_unknown_template_is_refused(world: World) -> None:
    with pytest.raises(InvalidInput, match="cathedral"):
        world.run(world.plan({"ws-a": []}, a="cathedral"))


def test_every_start_is_recorded_with_what_it_was_picked_from(world: World) -> None:
    world.run(world.plan({"ws-a": [], "ws-b": []}))
    told = [(name, payload) for event, name, payload in world.events if event == "decision"]
    assert [(payload["node"], payload["candidates"]) for _, payload in told] == [
        ("ws-a:edit", ["ws-a:edit", "ws-b:edit"]),
        ("ws-a:settle", ["ws-a:settle", "ws-b:edit"]),
        ("ws-b:edit", ["ws-b:edit"]),
        ("ws-b:settle", ["ws-b:settle"]),
    ]
    assert told[0] == (
        "ws-a",
        {
            "rule": "priority, longest chain, id",
            "node": "ws-a:edit",
            "candidates": ["ws-a:edit", "ws-b:edit"],
            "among": 2,
            "skipped": [],
        },
    )


def test_a_start_says_which_slot_held_back_a_better_one(world: World) -> None:
    plan = world.plan({"ws-a": [], "ws-b": []}, jobs=2)
    world.run(plan.model_copy(update={"limits": RunLimits(capability_slots={"fake": 1})}))
    told = {payload["node"]: payload["skipped"] for event, _, payload in world.events if event == "decision"}
    assert told["ws-b:edit"] == []
    assert set(told) == {"ws-a:edit", "ws-a:settle", "ws-b:edit", "ws-b:settle"}


def test_priority_goes_first_then_the_longest_chain_then_the_id(world: World) -> None:
    only = "edit_only"
    needs = {"ws-d": [], "ws-c": [], "ws-a": [], "ws-b": ["ws-c"], "ws-e": []}
    plan = world.plan(needs, a=only, b=only, c=only, d=only, e=only)
    urgent = [one.model_copy(update={"priority": 5 if one.id == "ws-e" else 0}) for one in plan.workstreams]
    world.run(plan.model_copy(update={"workstreams": tuple(urgent)}))
    assert [name for event, name, _ in world.events if event == "decision"] == ["ws-e", "ws-c", "ws-a", "ws-b", "ws-d"]


def test_the_items_are_the_same_however_many_run_at_once(make_world: Callable[[str], World]) -> None:
    needs = {"ws-a": [], "ws-b": [], "ws-c": ["ws-a", "ws-b"], "ws-d": []}
    runs = []
    for jobs in (1, 4):
        world = make_world(f"jobs{jobs}")
        world.edits = {name: {f"{name}.txt": name} for name in needs}
        runs.append(world.run(world.plan(needs, jobs)))
    assert runs[0] == runs[1]
    assert list(runs[0]) == list(needs)


def test_a_plan_of_another_repository_is_refused(make_world: Callable[[str], World]) -> None:
    one, other = make_world("one"), make_world("other")
    one.root = one.state(one.root, {"a.txt": "only here\n"})
    with pytest.raises(EnvironmentFault, match="not in this repository"):
        other.run(one.plan({"ws-a": []}))
    assert other.requests == []


def test_what_is_parked_holds_back_only_what_needs_it(world: World) -> None:
    world.edits = {"ws-a": {"a.txt": "A\n"}, "ws-b": {"b.txt": "B\n"}}
    world.refusals["ws-a"] = Parked("no calls for now", "wait", "E521", "2026-01-01T01:00:00Z")
    with pytest.raises(Parked) as fault:
        world.run(world.plan({"ws-a": [], "ws-b": [], "ws-c": ["ws-a"]}))
    assert (fault.value.code, fault.value.until) == ("E521", "2026-01-01T01:00:00Z")
    assert fault.value.message == "EXEC-2026-01-01-001: parked are ws-a: no calls for now"
    assert [request.workstream_id for request in world.requests] == ["ws-a", "ws-b"]
    assert [name for _, name in world.calls] == ["ws-b"] * 3


def test_the_first_that_may_go_on_is_told(world: World) -> None:
    world.refusals = {
        "ws-a": Parked("the run", "raise it"),
        "ws-b": Parked("late", "wait", "E521", "2026-01-02T00:00:00Z"),
        "ws-c": Parked("soon", "wait", "E521", "2026-01-01T00:00:00Z"),
        "ws-d": Parked("the run", "raise it"),
    }
    with pytest.raises(Parked, match=r"parked are ws-a, ws-b, ws-c and 1 more: soon"):
        world.run(world.plan({name: [] for name in world.refusals}, jobs=2))


def test_a_workstream_that_may_spend_nothing_more_blocks_itself(world: World) -> None:
    world.refusals["ws-a"] = Overspent("used up", ("attempts of the workstream: 1 of 1",))
    items = world.run(world.plan({"ws-a": [], "ws-b": ["ws-a"]}))
    assert items["ws-a"].status == "blocked"
    assert [(one.workstream_id, one.why) for one in items["ws-a"].blockers] == [
        ("ws-a", "attempts of the workstream: 1 of 1")
    ]
    assert items["ws-a"].calls == ()
    assert items["ws-b"].blockers[0].workstream_id == "ws-a"
