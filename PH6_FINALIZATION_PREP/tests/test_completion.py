"""What is not done is told, or set aside with all that builds on it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from PH6_FINALIZATION_PREP.tests.conftest import Files, Verdicts

ASIDE = {"policy.not_done": "quarantine"}
TESTED: Files = {"one.py": "1\n", "tests/test_one.py": "1\n"}
RUN: dict[str, Any] = {"acceptance": ({"run": ("pytest",)},)}


def test_by_default_it_is_only_told(verdicts: Verdicts) -> None:
    plan = verdicts.plan(verdicts.item("ws-a", {"new.py": "1\n"}))
    told = {one.condition: one.verdict for one in plan.definition_of_done if one.workstream_id == "ws-a"}
    assert told == {
        "tests of what it touches exist and pass": "not_met",
        "the error pipeline reports clean": "met",
        "acceptance tests passed": "not_met",
        "documents of what it touches are updated": "not_checked",
        "the changelog tells of it": "not_checked",
        "doc ids are valid": "not_checked",
    }
    assert [group.workstreams for group in plan.commit_groups] == [("ws-a",)]
    (whole,) = [one for one in plan.definition_of_done if one.workstream_id is None]
    assert (whole.verdict, whole.evidence) == ("met", f"1 group on {plan.final_tree[:12]}, 0 workstreams set aside")


def test_what_is_not_done_is_set_aside_with_what_builds_on_it(verdicts: Verdicts) -> None:
    one = verdicts.item("ws-a", {"new.py": "1\n"})
    two = verdicts.item("ws-b", TESTED, after=(one,), passed="acceptance-1", **RUN)
    three = verdicts.item("ws-c", TESTED, passed="acceptance-1", **RUN)
    plan = verdicts.plan(one, two, three, config=ASIDE)
    assert [group.workstreams for group in plan.commit_groups] == [("ws-c",)]
    assert [(entry.workstream_id, entry.reason, entry.head) for entry in plan.quarantine] == [
        ("ws-a", "not_done", one.head.commit),
        ("ws-b", "upstream", two.head.commit),
    ]
    why = (
        "not done: tests of what it touches exist and pass: no test for new.py; passed: pytest; "
        "not done: acceptance tests passed: none is given"
    )
    assert plan.quarantine[0].explanation == why
    assert verdicts.moves == [
        ("ws-a", "landing"),
        ("ws-a", "quarantined"),
        ("ws-b", "landing"),
        ("ws-b", "quarantined"),
    ]
    assert {one.workstream_id for one in plan.definition_of_done} == {"ws-a", "ws-c", None}


def test_what_had_lost_a_conflict_may_land_after_all(verdicts: Verdicts) -> None:
    one = verdicts.item("ws-a", {"a.txt": "A\n", "new.py": "1\n"})
    two = verdicts.item("ws-b", {"a.txt": "B\n"}, passed="acceptance-1", **RUN)
    assert [entry.reason for entry in verdicts.plan(one, two).quarantine] == ["conflict"]
    plan = verdicts.plan(one, two, config=ASIDE)
    assert [group.workstreams for group in plan.commit_groups] == [("ws-b",)]
    assert [entry.workstream_id for entry in plan.quarantine] == ["ws-a"]


def test_a_fragment_that_cannot_be_taken_is_not_done(verdicts: Verdicts) -> None:
    verdicts.base = verdicts.state(None, {"changes/README.md": "x"})
    bad = verdicts.item("ws-a", {"a.txt": "A\n", "changes/ws-a.md": b"\xff"}, passed="acceptance-1", **RUN)
    plan = verdicts.plan(bad, config=ASIDE)
    assert "changes/ws-a.md is not UTF-8" in plan.quarantine[0].explanation
    assert plan.commit_groups == ()


def test_switched_off_nothing_is_judged(verdicts: Verdicts) -> None:
    config = {"policy.definition_of_done": "off", **ASIDE}
    plan = verdicts.plan(verdicts.item("ws-a", {"new.py": "1\n"}), config=config)
    assert (plan.definition_of_done, len(plan.commit_groups)) == ((), 1)


MANIFEST = '{"modules": [{"id": "M001_WORK"}]}'


@pytest.mark.parametrize(
    ("base", "change"),
    [
        pytest.param(
            {"PH1_X/phase.manifest.json": MANIFEST}, {"PH1_X/phase.manifest.json": None}, id="manifest removed"
        ),
        pytest.param(
            {"PH2_Y/phase.manifest.json": MANIFEST}, {"PH1_X/phase.manifest.json": MANIFEST}, id="new package"
        ),
    ],
)
def test_no_package_gets_out_of_sight(verdicts: Verdicts, base: Files, change: Files) -> None:
    verdicts.base = verdicts.state(None, base)
    plan = verdicts.plan(verdicts.item("ws-a", {"PH1_X/src/x.py": "1\n", **change}))
    told = {one.condition: one for one in plan.definition_of_done if one.workstream_id}
    documents = told["documents of what it touches are updated"]
    assert documents.verdict == "not_met"
    assert documents.evidence.endswith("did: PH1_X/")


def test_nothing_lands(verdicts: Verdicts) -> None:
    plan = verdicts.plan(verdicts.item("ws-a", {"a.txt": "A\n"}, verdict="quarantined"))
    told: list[Any] = [(one.workstream_id, one.verdict, one.evidence) for one in plan.definition_of_done]
    assert told == [(None, "not_met", "nothing lands, 1 workstream set aside")]


def test_conditions_come_in_launch_order(verdicts: Verdicts) -> None:
    items = [verdicts.item(f"ws-{name}", {f"{name}.py": "1\n"}) for name in "cab"]
    for config in ({}, ASIDE):
        plan = verdicts.plan(*items, config=config)
        names = [one.workstream_id for one in plan.definition_of_done]
        assert list(dict.fromkeys(names)) == ["ws-c", "ws-a", "ws-b", None]
