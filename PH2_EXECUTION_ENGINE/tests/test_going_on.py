"""A run that goes on: what was settled before holds nothing up, and comes out as it would have."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from PH2_EXECUTION_ENGINE.tests.conftest import World

NEEDS: dict[str, list[str]] = {"ws-a": [], "ws-b": ["ws-a"], "ws-c": [], "ws-d": ["ws-b", "ws-c"], "ws-e": []}


def told(make_world: Callable[[str], World], name: str, *before: str) -> tuple[World, object]:
    """A run of five workstreams, some of which were settled before."""
    world = make_world(name)
    world.before = frozenset(before)
    world.edits = {one: {f"{one}.txt": f"{one}\n"} for one in NEEDS}
    return world, world.run(world.plan(NEEDS))


def test_the_result_is_that_of_a_run_that_was_not_killed(make_world: Callable[[str], World]) -> None:
    _, calm = told(make_world, "calm")
    for number, before in enumerate([["ws-a"], ["ws-a", "ws-b", "ws-c"], list(NEEDS)]):
        _, found = told(make_world, f"killed-{number}", *before)
        assert found == calm


def test_what_a_start_needs_is_looked_up_once(make_world: Callable[[str], World]) -> None:
    world, _ = told(make_world, "first", "ws-a", "ws-b", "ws-c")
    asked = [request.workstream_id for request in world.requests]
    assert asked == ["ws-a", "ws-b", "ws-c", "ws-d", "ws-e"]


def test_only_starts_of_what_is_left_are_decided(make_world: Callable[[str], World]) -> None:
    world, _ = told(make_world, "decided", "ws-a", "ws-b", "ws-c")
    decided = {name for kind, name, _ in world.events if kind == "decision"}
    assert decided == {"ws-d", "ws-e"}


def test_nothing_that_nobody_needs_is_looked_up_first(make_world: Callable[[str], World]) -> None:
    world, _ = told(make_world, "last", "ws-a", "ws-b", "ws-c", "ws-d")
    assert world.requests[0].workstream_id == "ws-e"
