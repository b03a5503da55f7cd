"""The repair loop: the check's fixer first, then the tool, until clean or a bound is reached."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from global_util.contracts.execution_result import Blocker
from global_util.contracts.item import Limits, ScopeReport
from global_util.errors import Overspent, Parked
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from ph5_error_autofix import repair

if TYPE_CHECKING:
    from PH5_ERROR_AUTOFIX.tests.conftest import Story

MANY = Limits(max_attempts=9, max_error_repeats=9, oscillation_threshold=9)


def test_the_fixer_goes_first_and_is_no_call_of_the_tool(story: Story, reply: Any) -> None:
    story.fixer_reply = reply("good")
    item = story.judge("bad:f1")
    assert (item.verdict, item.reason, item.breaker) == ("fixed", None, None)
    assert [(one.fixer, one.findings_before, one.findings_after, one.outcome) for one in item.fix_attempts] == [
        ("lint fixer", 1, 0, "clean")
    ]
    assert [call.n for call in item.calls] == [1]
    assert [(one.purpose, one.n, one.command) for one in story.requests] == [
        ("fixer", 1, ("lint", "--fix", "--", "a.py"))
    ]
    assert story.repo.read_file(item.head.tree, "a.py") == "good"


def test_what_the_fixer_leaves_goes_to_the_tool_with_the_findings(story: Story, reply: Any) -> None:
    story.fixer_reply = reply("bad:hard")
    story.replies = [reply("good")]
    item = story.judge("bad:f1 bad:hard")
    assert item.verdict == "fixed"
    assert [(one.fixer, one.outcome) for one in item.fix_attempts] == [("lint fixer", "better"), ("fake", "clean")]
    repaired = story.requests[-1]
    assert (repaired.purpose, repaired.n, [one.rule for one in repaired.findings]) == ("repair", 2, ["hard"])
    assert repaired.base == item.base
    assert [call.n for call in item.calls] == [1, 2]
    assert item.explanation == "repaired by lint fixer, fake"


def test_a_fixer_is_tried_once_per_tree(story: Story, reply: Any) -> None:
    story.fixer_reply = reply(None)
    story.replies = [reply("good")]
    item = story.judge("bad:f1")
    assert [(one.fixer, one.outcome) for one in item.fix_attempts] == [("lint fixer", "no_change"), ("fake", "clean")]


def test_a_check_without_a_fixer_leaves_all_to_the_tool(
    story: Story, reply: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(repair, "checks", dict)
    story.replies = [reply("good")]
    assert [one.fixer for one in story.judge("bad:f1").fix_attempts] == ["fake"]


def test_old_findings_and_notes_are_left_alone(story: Story) -> None:
    item = story.judge("old:1 old:f2 note:3")
    assert (item.verdict, item.fix_attempts, story.requests) == ("unverified", (), [])
    item = story.judge("old:1")
    assert item.verdict == "clean"


@pytest.mark.parametrize(
    ("limits", "words", "tries", "kind"),
    [
        pytest.param((2, 9, 9), "bad:1", ["bad:2", "bad:3", "bad:4"], "max_attempts", id="max_attempts"),
        pytest.param((0, 9, 9), "bad:1", ["good"], "max_attempts", id="no attempt allowed"),
        pytest.param((9, 3, 9), "bad:1", ["bad:1 x", "bad:1 y", "good"], "max_error_repeats", id="same findings"),
        pytest.param((9, 9, 2), "bad:1", ["bad:2", "bad:1", "good"], "oscillation", id="to and fro"),
        pytest.param((9, 9, 9), "bad:1", [None, "good"], "no_progress", id="nothing done"),
    ],
)
def test_a_bound_ends_the_repair(
    story: Story, reply: Any, limits: tuple[int, int, int], words: str, tries: list[str | None], kind: str
) -> None:
    names = ("max_attempts", "max_error_repeats", "oscillation_threshold")
    story.replies = [reply(text) for text in tries]
    item = story.judge(words, limits=Limits(**dict(zip(names, limits, strict=True))))
    assert item.breaker is not None
    assert (item.breaker.kind, item.verdict, item.reason) == (kind, "quarantined", "breaker")
    assert item.breaker.evidence[0].startswith("a.py:1: ")
    assert item.open_findings
    assert len(story.replies) == 1
    assert story.moves[-1][0] == "quarantined"


def test_a_tool_that_fails_while_repairing_makes_no_progress(story: Story, reply: Any) -> None:
    story.replies = [reply(None, outcome="timeout")]
    item = story.judge("bad:1")
    assert [one.outcome for one in item.fix_attempts] == ["failed"]
    assert (item.reason, item.breaker and item.breaker.kind) == ("breaker", "no_progress")


@pytest.mark.parametrize("words", ["good", "bad:1", None])
def test_leaving_the_scope_while_repairing_sets_aside(
    story: Story, reply: Any, outside: Any, words: str | None
) -> None:
    story.replies = [reply(words, scope=outside)]
    item = story.judge("bad:1")
    assert (item.verdict, item.reason, item.breaker) == ("quarantined", "scope", None)
    assert [one.outcome for one in item.fix_attempts] == ["out_of_scope"]


def test_worse_and_same_are_told(story: Story, reply: Any) -> None:
    story.replies = [reply("bad:1 bad:2"), reply("bad:3 bad:4"), reply("good")]
    item = story.judge("bad:1", limits=MANY)
    assert [one.outcome for one in item.fix_attempts] == ["worse", "same", "clean"]


def test_a_repair_that_breaks_the_check_is_not_clean(story: Story, reply: Any) -> None:
    story.replies = [reply("crash")]
    item = story.judge("bad:1")
    assert (item.verdict, item.reason) == ("quarantined", "inconclusive")
    assert [one.outcome for one in item.fix_attempts] == ["same"]


def test_a_repair_that_takes_everything_back_lands_nothing(story: Story, reply: Any) -> None:
    story.replies = [reply("")]
    item = story.judge("bad:1")
    assert (item.verdict, item.reason, item.changes) == ("quarantined", "no_change", ())


TEXTS = st.sampled_from([None, "good", "bad:1", "bad:2", "bad:f1", "bad:1 bad:2", "crash", "blind", "crash bad:1", ""])


@settings(deadline=None, max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.sampled_from(["bad:1", "bad:f1", "good", "crash", "blind"]), st.lists(TEXTS, min_size=9, max_size=9), TEXTS)
def test_whatever_the_tool_does_it_ends_and_clean_means_clean(
    story: Story, reply: Any, words: str, tries: list[str | None], fixed: str | None
) -> None:
    story.replies, story.fixer_reply = [reply(text) for text in tries], reply(fixed)
    story.requests.clear()
    item = story.judge(words)
    final = (story.repo.read_file(item.head.tree, "a.py") or "").split()
    assert len(item.calls) <= 3
    assert (item.verdict in ("clean", "fixed")) == (final == ["good"])
    assert (item.verdict == "unverified") == (final == ["blind"])
    assert (item.reason is None) == (item.verdict in ("clean", "fixed"))
    assert [one.n for one in item.fix_attempts] == list(range(1, len(item.fix_attempts) + 1))


def test_a_budget_that_is_used_up_ends_the_repair(story: Story, reply: Any) -> None:
    line = "tokens of the workstream: 1200 of 1000"
    story.replies = [reply("bad:b"), Overspent("used up", (line,))]
    item = story.judge("bad:a", limits=MANY)
    assert (item.verdict, item.reason) == ("quarantined", "breaker")
    assert item.breaker is not None
    assert (item.breaker.kind, item.breaker.evidence) == ("budget", (line,))
    assert [call.n for call in item.calls] == [1, 2]
    assert len(item.fix_attempts) == 1
    assert item.explanation == "its budget is used up; 1 findings stay open"
    assert story.moves[-1][0] == "quarantined"


def test_an_edit_that_nothing_was_left_for_is_set_aside(story: Story) -> None:
    spent = Blocker(workstream_id="ws-a", why="attempts of the workstream: 1 of 1")
    item = story.judge(None, "blocked", calls=(), blockers=(spent,), scope=ScopeReport(verdict="not_judged"))
    assert (item.verdict, item.reason) == ("quarantined", "breaker")
    assert item.breaker is not None
    assert (item.breaker.kind, item.breaker.evidence) == ("budget", (spent.why,))
    assert story.moves[-1] == (
        "quarantined",
        "never started: its budget is used up: attempts of the workstream: 1 of 1",
    )


def test_what_is_parked_is_no_verdict(story: Story) -> None:
    story.replies = [Parked("later")]
    with pytest.raises(Parked):
        story.judge("bad:a")
