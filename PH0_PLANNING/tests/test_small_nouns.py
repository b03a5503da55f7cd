"""Slugs, acceptance tails, order."""

from __future__ import annotations

import re

import pytest
from global_util.contracts.workstream import AcceptanceDescribe
from hypothesis import given
from hypothesis import strategies as st
from ph0_planning.acceptance import verify_tail
from ph0_planning.ordering import Block, Order, in_sequence
from ph0_planning.slugs import MAX_ID, Identifiers, slug


@given(st.text(), st.lists(st.text(max_size=40), max_size=3), st.integers(1, 4))
def test_ids_are_valid_and_never_the_same(plan: str, parts: list[str], times: int) -> None:
    identifiers = Identifiers(plan)
    made = [identifiers.mint(*parts) for _ in range(times)]
    assert len(set(made)) == times
    assert all(re.fullmatch(r"ws-[a-z0-9-]+", name) and len(name) <= MAX_ID for name in made)


def test_slugs_of_other_scripts_and_of_long_titles_stay_apart() -> None:
    assert slug("Add Login!") == "add-login"
    assert slug("\u7edf\u8ba1") != slug("\u6d4b\u8bd5")
    assert slug("a" * 200) != slug("a" * 201)
    assert len(slug("a" * 200)) <= 80


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param("Add it and verify `pytest tests/test_it.py` passes", "pytest tests/test_it.py", id="command"),
        pytest.param("Add it and verify by running `npm test`.", "npm test", id="command, other words"),
        pytest.param(
            "Add it \u2014 verify the page loads", AcceptanceDescribe(describe="the page loads"), id="statement"
        ),
        pytest.param(
            "Add it and verify `tool list` shows two",
            AcceptanceDescribe(describe="`tool list` shows two"),
            id="more than success",
        ),
        pytest.param(
            "Add it and verify `a b && c` passes", AcceptanceDescribe(describe="`a b && c` passes"), id="needs a shell"
        ),
        pytest.param("Verify that it works", AcceptanceDescribe(describe="that it works"), id="the task is the check"),
        pytest.param("Run docs:verify", None, id="part of a word"),
        pytest.param("Add it", None, id="none"),
    ],
)
def test_verify_tails(text: str, expected: AcceptanceDescribe | str | None) -> None:
    assert verify_tail(text) == expected


def test_stories_run_side_by_side_between_the_phases_around_them() -> None:
    order = in_sequence(
        [
            Block([["setup"]]),
            Block([["one"]], "us1"),
            Block([["two"]], "us2"),
            Block([["more"]], "us1"),
            Block([["end"]]),
        ]
    )
    assert order.before == {
        "setup": set(),
        "one": {"setup"},
        "two": {"setup"},
        "more": {"one"},
        "end": {"more", "two"},
    }


def test_a_phase_without_open_work_is_passed_through() -> None:
    order = in_sequence([Block([["a"]]), Block([]), Block([["b", "c"], ["d"]])])
    assert order.before == {"a": set(), "b": {"a"}, "c": {"a"}, "d": {"b", "c"}}


@given(st.lists(st.tuples(st.integers(0, 6), st.integers(0, 6)), max_size=30))
def test_added_edges_never_make_a_cycle(edges: list[tuple[int, int]]) -> None:
    order = Order()
    for later, earlier in edges:
        if later != earlier:
            order.add(str(later), str(earlier))
    for after, found in order.before.items():
        assert not any(order.reaches(before, after) for before in found)
