"""What lands, in which order, with which tree, and what is set aside."""

from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

if TYPE_CHECKING:
    from PH6_FINALIZATION_PREP.tests.conftest import Verdicts


def test_clean_changes_are_stacked_in_launch_order(verdicts: Verdicts) -> None:
    one = verdicts.item("ws-a", {"a.txt": "A\n" + "a\n" * 4})
    two = verdicts.item("ws-b", {"src/b.py": "B\n"})
    three = verdicts.item("ws-c", {"a.txt": "a\n" * 4 + "C\n"}, verdict="fixed")
    plan = verdicts.plan(one, two, three)
    assert [(group.group_id, group.workstreams, group.rung) for group in plan.commit_groups] == [
        ("GRP-001", ("ws-a",), "path"),
        ("GRP-002", ("ws-b",), "path"),
        ("GRP-003", ("ws-c",), "ort"),
    ]
    assert plan.final_tree == plan.commit_groups[-1].proven_tree
    assert verdicts.files(plan.final_tree) == {"a.txt": "A\n" + "a\n" * 3 + "C\n", "b.txt": "b\n", "src/b.py": "B\n"}
    assert [(group.files, group.modules) for group in plan.commit_groups[:2]] == [
        (("a.txt",), (".",)),
        (("src/b.py",), ("src",)),
    ]
    assert [entry.condition for entry in plan.definition_of_done][-1] == "the commit plan is generated"
    assert plan.base_commit == verdicts.base.commit


def test_what_conflicts_is_set_aside_with_all_that_builds_on_it(verdicts: Verdicts) -> None:
    one = verdicts.item("ws-a", {"a.txt": "A\n"})
    two = verdicts.item("ws-b", {"a.txt": "B\n"})
    three = verdicts.item("ws-c", {"c.txt": "C\n"}, after=(two,))
    four = verdicts.item("ws-d", {}, after=(three,), verdict="nothing")
    five = verdicts.item("ws-e", {"e.txt": "E\n"}, after=(four,))
    plan = verdicts.plan(one, two, three, four, five)
    assert [group.workstreams for group in plan.commit_groups] == [("ws-a",)]
    assert [(entry.workstream_id, entry.reason) for entry in plan.quarantine] == [
        ("ws-b", "conflict"),
        ("ws-c", "upstream"),
        ("ws-d", "upstream"),
        ("ws-e", "upstream"),
    ]
    assert "a.txt" in plan.quarantine[0].explanation
    assert plan.quarantine[0].head == two.head.commit
    assert plan.nothing_to_land == ()
    assert ("ws-b", "quarantined") in verdicts.moves
    assert ("ws-a", "landing") not in verdicts.moves


def test_a_dependent_brings_only_its_own_change(verdicts: Verdicts) -> None:
    one = verdicts.item("ws-a", {"a.txt": "A\n"})
    two = verdicts.item("ws-b", {"a.txt": "A\nB\n"}, after=(one,))
    plan = verdicts.plan(one, two)
    assert [group.depends_on for group in plan.commit_groups] == [(), ("GRP-001",)]
    assert [verdicts.files(group.proven_tree)["a.txt"] for group in plan.commit_groups] == ["A\n", "A\nB\n"]


def test_nothing_and_what_builds_on_it(verdicts: Verdicts) -> None:
    one = verdicts.item("ws-a", {}, verdict="nothing")
    two = verdicts.item("ws-b", {"b.txt": "B\n"}, after=(one,))
    plan = verdicts.plan(one, two)
    assert [entry.workstream_id for entry in plan.nothing_to_land] == ["ws-a"]
    assert [group.workstreams for group in plan.commit_groups] == [("ws-b",)]


@pytest.mark.parametrize(("policy", "groups"), [("save", 1), ("quarantine", 0)])
def test_the_policy_decides_on_what_nobody_judged(verdicts: Verdicts, policy: str, groups: int) -> None:
    item = verdicts.item("ws-a", {"a.txt": "A\n"}, verdict="unverified", reason="unverified")
    plan = verdicts.plan(item, config={"policy.unverified": policy})
    assert len(plan.commit_groups) == groups
    assert [entry.reason for entry in plan.quarantine] == ["unverified"] * (1 - groups)
    clean = [one.verdict for one in plan.definition_of_done if one.condition == "the error pipeline reports clean"]
    assert clean == ["not_met"] * groups


def test_on_another_base_the_same_changes_are_put_on_what_is_there(verdicts: Verdicts) -> None:
    moved = verdicts.state(verdicts.base, {"b.txt": "moved\n", "new.txt": "n\n"})
    plan = verdicts.plan(verdicts.item("ws-a", {"a.txt": "A\n"}), verdicts.item("ws-b", {"b.txt": "B\n"}), base=moved)
    assert plan.base_commit == moved.commit
    assert [group.workstreams for group in plan.commit_groups] == [("ws-a",)]
    assert verdicts.files(plan.final_tree) == {"a.txt": "A\n", "b.txt": "moved\n", "new.txt": "n\n"}
    assert [entry.reason for entry in plan.quarantine] == ["conflict"]


def test_what_an_upstream_resolution_removed_does_not_come_back(verdicts: Verdicts) -> None:
    """The change of a workstream is taken against its own base, never against one that git guesses."""
    one = verdicts.item("ws-a", {"a.txt": "a\n", "b.txt": None})
    two = verdicts.item("ws-b", {"c.txt": "C\n"}, after=(one,))
    assert verdicts.files(verdicts.plan(one, two).final_tree) == {"a.txt": "a\n", "c.txt": "C\n"}


HOSTILE = "Fine\n\nExecution-Id: EXEC-1999-01-01-001\nSigned-off-by: Nobody <n@localhost>"


def trailers(verdicts: Verdicts, message: str) -> dict[str, str]:
    """The trailers that git finds in a message."""
    words = ["git", "interpret-trailers", "--parse", "--no-divider"]
    done = subprocess.run(words, cwd=verdicts.repo.cwd, input=message.encode(), capture_output=True, check=True)
    rows = (line.partition(": ") for line in done.stdout.decode().splitlines())
    return {key: value for key, _, value in rows}


def test_no_line_of_the_plan_passes_for_a_trailer(verdicts: Verdicts) -> None:
    item = verdicts.item("ws-a", {"a.txt": "A\n"}, title=HOSTILE, tasks=(HOSTILE, "---", "\n\n"), plan_source=HOSTILE)
    group = verdicts.plan(item).commit_groups[0]
    assert trailers(verdicts, group.commit_message) == {}
    whole = group.commit_message.rstrip() + "\n\n" + "".join(f"{key}: {text}\n" for key, text in group.trailers.items())
    assert trailers(verdicts, whole) == group.trailers
    assert group.trailers["Execution-Id"] == "EXEC-2026-01-01-001"
    assert "\n" not in group.trailers["Plan-Source"] + group.description


@settings(deadline=None, max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.text(max_size=60),
    st.lists(st.sampled_from([HOSTILE, "\0", "\x1b[31m", "", "x: y", "# no comment", "\u2028a: b"]), max_size=4),
)
def test_any_text_becomes_a_message_that_git_takes(verdicts: Verdicts, title: str, tasks: list[str]) -> None:
    item = verdicts.item("ws-a", {"a.txt": "A\n"}, title=title, tasks=tuple(tasks))
    message = verdicts.plan(item).commit_groups[0].commit_message
    assert all(line.isprintable() for line in message.split("\n"))
    assert message.split("\n")[0]
    assert trailers(verdicts, message + "\nWorkstream-Id: ws-a\n") == {"Workstream-Id": "ws-a"}
