"""Launch order, overlaps and acceptance strings, for any plan."""

from __future__ import annotations

from typing import Any

import pytest
from global_util import graph
from global_util.contracts.workstream import AcceptanceDescribe, AcceptanceRun, LiteralPath, Workstream
from global_util.errors import InvalidInput
from hypothesis import given
from hypothesis import strategies as st
from ph1_plan_to_exec import acceptance, overlaps, selection

SCOPES = ("a.py", "b.py", "src/", "src/a.py", "src/**", "*.py", "docs/x.md", "**")


@st.composite
def plans(draw: st.DrawFn) -> list[Workstream]:
    """Workstreams whose dependencies have no cycle, in any order."""
    count = draw(st.integers(1, 8))
    made: list[Workstream] = []
    for number in range(count):
        before = draw(st.sets(st.integers(0, number - 1), max_size=3)) if number else set()
        fields = {
            "id": f"ws-{draw(st.sampled_from('xyz'))}{number}",
            "files_scope": tuple(draw(st.lists(st.sampled_from(SCOPES), min_size=1, max_size=2))),
            "tasks": ("t",),
            "priority": draw(st.sampled_from([0, 0, 5, -3, "foreground", "background"])),
            "depends_on": tuple(made[place].id for place in sorted(before)),
        }
        made.append(Workstream.model_validate(fields))
    return draw(st.permutations(made))


def needs_of(workstreams: list[Workstream]) -> dict[str, list[str]]:
    return {one.id: list(one.depends_on) for one in workstreams}


@given(plans())
def test_the_order_is_topological_and_of_the_free_the_first_by_rank_goes(workstreams: list[Workstream]) -> None:
    needs = needs_of(workstreams)
    sequence = selection.launch_order(workstreams, needs)
    length = graph.longest_to_end(needs)
    known = {one.id: one for one in workstreams}
    done: set[str] = set()
    assert sorted(sequence) == sorted(known)
    for name in sequence:
        free = [other for other in known if other not in done and set(needs[other]) <= done]
        assert name == min(free, key=lambda other: (-selection.priority(known[other]), -length[other], other))
        done.add(name)


@given(plans(), st.randoms(use_true_random=False))
def test_the_order_does_not_depend_on_how_the_plan_is_written(workstreams: list[Workstream], chance: Any) -> None:
    shuffled = list(workstreams)
    chance.shuffle(shuffled)
    needs = {name: sorted(before, reverse=True) for name, before in needs_of(shuffled).items()}
    assert selection.launch_order(shuffled, needs) == selection.launch_order(workstreams, needs_of(workstreams))


@given(plans())
def test_after_order_every_overlap_is_ordered_and_nothing_is_a_cycle(workstreams: list[Workstream]) -> None:
    needs = needs_of(workstreams)
    known = {one.id: one for one in workstreams}
    declared = [known[name] for name in selection.launch_order(workstreams, needs)]
    found, added = overlaps.resolve(declared, needs, "order", ())
    assert graph.cycle(needs) == []
    before = graph.ancestors(needs, selection.launch_order(declared, needs))
    for pair in found:
        assert pair.first in before[pair.second]
    assert {(edge.before, edge.after) for edge in added} == {
        (pair.first, pair.second) for pair in found if pair.resolution == "edge_added"
    }


@given(plans())
def test_allow_adds_nothing(workstreams: list[Workstream]) -> None:
    needs = needs_of(workstreams)
    known = {one.id: one for one in workstreams}
    declared = [known[name] for name in selection.launch_order(workstreams, needs)]
    found, added = overlaps.resolve(declared, needs, "allow", ())
    assert added == []
    assert needs == needs_of(workstreams)
    assert {pair.resolution for pair in found} <= {"already_ordered", "allowed"}


@pytest.mark.parametrize(
    ("one", "other", "shared"),
    [
        (("a.py",), ("a.py",), ("a.py",)),
        (("a.py",), ("b.py",), None),
        (("src/",), ("src/a.py",), ("src/a.py",)),
        (("src/**",), ("src/",), ("src/**",)),
        (("*.py",), ("a.py",), ("a.py",)),
        (("*.py",), ("src/a.py",), None),
        ((LiteralPath(path="*.py"),), ("a.py",), None),
        ((LiteralPath(path="*.py"),), (LiteralPath(path="*.py"),), ("*.py",)),
        ((), ("a.py",), ("a.py",)),
        ((), (), ("**",)),
    ],
)
def test_what_two_scopes_share(workstream: Any, one: Any, other: Any, shared: tuple[str, ...] | None) -> None:
    pair = [workstream("ws-a", files_scope=one), workstream("ws-b", files_scope=other)]
    found = overlaps.shared_paths(pair)
    assert found == ({("ws-a", "ws-b"): shared} if shared else {})


def test_refuse_names_both_and_the_path(workstream: Any) -> None:
    pair = [workstream("ws-a", "src/"), workstream("ws-b", "src/b.py")]
    with pytest.raises(InvalidInput, match=r"ws-a and ws-b .* src/b\.py"):
        overlaps.resolve(pair, needs_of(pair), "refuse", ())


def test_a_pair_may_be_allowed_on_its_own(workstream: Any) -> None:
    three = [workstream(name, "a.py") for name in ("ws-a", "ws-b", "ws-c")]
    found, added = overlaps.resolve(three, needs_of(three), "order", [["ws-b", "ws-a"]])
    assert {(pair.first, pair.second): pair.resolution for pair in found} == {
        ("ws-a", "ws-b"): "allowed",
        ("ws-b", "ws-c"): "edge_added",
        ("ws-a", "ws-c"): "edge_added",
    }
    assert [(edge.before, edge.after) for edge in added] == [("ws-b", "ws-c"), ("ws-a", "ws-c")]


RUNNERS = frozenset({"pytest", "python"})
MODES = {"check.sh": "100755", "data.txt": "100644"}


@pytest.mark.parametrize(
    ("text", "command"),
    [
        ("pytest -q tests", ("pytest", "-q", "tests")),
        ("  `pytest -q`  ", ("pytest", "-q")),
        ("python -c 'print(1)'", ("python", "-c", "print(1)")),
        ("./check.sh now", ("./check.sh", "now")),
        ("check.sh", ("check.sh",)),
        ("`pytest -q` passes and `ruff` is quiet", None),
        ("`pytest -q` passes", None),
        ("data.txt", None),
        ("rm -rf /", None),
        ("PATH=. pytest", None),
        ("pytest 'unclosed", None),
        ("The user sees a list", None),
        ("", None),
    ],
)
def test_which_strings_are_commands(text: str, command: tuple[str, ...] | None) -> None:
    wanted = AcceptanceRun(run=command) if command else AcceptanceDescribe(describe=text.strip() or "(empty)")
    assert acceptance.resolve((text,), RUNNERS, MODES) == (wanted,)


def test_what_is_given_as_a_command_or_a_description_stays_so() -> None:
    given_tests = (AcceptanceRun(run=("rm",), timeout_s=3), AcceptanceDescribe(describe="pytest"))
    assert acceptance.resolve(given_tests, RUNNERS, MODES) == given_tests


@given(st.text())
def test_no_string_is_too_odd(text: str) -> None:
    (found,) = acceptance.resolve((text,), RUNNERS, MODES)
    assert isinstance(found, AcceptanceDescribe) or found.run[0] in {*RUNNERS, *MODES, "./check.sh"}
