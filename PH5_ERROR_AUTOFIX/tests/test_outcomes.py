"""The one table of outcomes, row by row."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from global_util.config import load_settings
from global_util.contracts.error_pipeline_result import lands
from global_util.contracts.error_report import CheckResult, ReportItem
from global_util.contracts.execution_result import Blocker
from ph5_error_autofix.judgement import verified

if TYPE_CHECKING:
    from PH5_ERROR_AUTOFIX.tests.conftest import Story


@pytest.mark.parametrize(
    ("words", "status", "policy", "verdict", "reason", "state", "landing"),
    [
        pytest.param("good", "edited", "quarantine", "clean", None, "done", True, id="checks pass at once"),
        pytest.param("blind", "edited", "save", "unverified", "unverified", "done", True, id="nobody judged, saved"),
        pytest.param(
            "blind", "edited", "quarantine", "unverified", "unverified", "quarantined", False, id="nobody judged"
        ),
        pytest.param("proof", "no_change", "save", "nothing", None, "done", False, id="nothing to do, proven"),
        pytest.param(None, "no_change", "save", "quarantined", "no_change", "quarantined", False, id="nothing done"),
        pytest.param("blind", "no_change", "save", "quarantined", "no_change", "quarantined", False, id="no proof"),
        pytest.param("bad:1", "no_change", "save", "quarantined", "findings", "quarantined", False, id="proof fails"),
        pytest.param("crash", "edited", "save", "quarantined", "inconclusive", "quarantined", False, id="no answer"),
        pytest.param(None, "failed", "save", "quarantined", "tool_failed", "failed", False, id="tool failed"),
        pytest.param(None, "abandoned", "save", "quarantined", "abandoned", "abandoned", False, id="abandoned"),
        pytest.param(None, "interrupted", "save", "quarantined", "interrupted", "interrupted", False, id="interrupted"),
    ],
)
def test_row(
    story: Story,
    words: str | None,
    status: str,
    policy: str,
    verdict: str,
    reason: str | None,
    state: str,
    landing: bool,
) -> None:
    story.config = load_settings(None, {"policy.unverified": policy})
    item = story.judge(words, status)
    assert (item.execution_status, item.verdict, item.reason) == (status, verdict, reason)
    assert (story.moves[-1][0], lands(item, policy)) == (state, landing)
    assert story.moves[-1][1] == item.explanation != ""
    assert story.requests == []


def test_row_of_a_repair(story: Story, reply: Any) -> None:
    story.replies = [reply("good")]
    item = story.judge("bad:1")
    assert (item.verdict, story.moves[-1][0], lands(item, "quarantine")) == ("fixed", "done", True)
    assert [state for state, _ in story.moves] == ["fixing", "done"]


def test_row_of_an_edit_outside_its_scope(story: Story, outside: Any) -> None:
    item = story.judge("good", scope=outside)
    assert (item.verdict, item.reason, story.moves[-1][0]) == ("quarantined", "scope", "quarantined")
    assert item.explanation == "changed files outside its scope: x"


def test_row_of_a_blocked_workstream(story: Story) -> None:
    item = story.judge(None, "blocked", calls=(), blockers=(Blocker(workstream_id="ws-b", why="it is quarantined"),))
    assert (item.verdict, item.reason, story.moves[-1][0]) == ("quarantined", "upstream", "blocked")
    assert item.explanation == "never started: ws-b: it is quarantined"


@pytest.mark.parametrize(
    ("kind", "status", "judged", "vouches"),
    [
        ("lint", "pass", True, True),
        ("type", "pass", True, True),
        ("test", "pass", True, True),
        ("acceptance", "pass", False, True),
        ("format", "pass", True, False),
        ("security", "pass", True, False),
        ("lint", "pass", False, False),
        ("test", "no_tests", True, False),
        ("test", "crashed", True, False),
        ("lint", "timeout", True, False),
        ("lint", "tool_missing", True, False),
        ("test", "wrong_tree", True, False),
    ],
)
def test_what_vouches_for_a_change(story: Story, kind: Any, status: Any, judged: bool, vouches: bool) -> None:
    files = ("a.py",) if judged else ()
    check = CheckResult(check_id="c", tool="c", kind=kind, status=status, judged=files, whole_tree=False, findings=())
    execution = story.execution("good")
    report = ReportItem.seal(
        **execution.common(), inputs=(execution.item_id,), execution=execution, checks=(check,), not_chosen=()
    )
    assert verified(report) is vouches
