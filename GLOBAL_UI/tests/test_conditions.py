"""Under the table stands what is not met or not ready, a few lines for each workstream."""

from __future__ import annotations

from typing import Any

import pytest
from global_ui.conditions import missing
from global_util.contracts.commit_plan import CommitPlan, DoneCondition, Quarantined
from global_util.contracts.phase_plan import PhasePlan, Readiness


def ready(name: str, check: str, verdict: str) -> Readiness:
    return Readiness.model_validate({"workstream_id": name, "check": check, "verdict": verdict, "evidence": "why"})


def done(name: str | None, condition: str, verdict: str, evidence: str = "why") -> DoneCondition:
    values = {"workstream_id": name, "condition": condition, "verdict": verdict, "evidence": evidence}
    return DoneCondition.model_validate(values)


def told(
    readiness: tuple[Readiness, ...],
    conditions: tuple[DoneCondition, ...],
    *,
    lands: bool = True,
    aside: tuple[Quarantined, ...] = (),
) -> dict[str | None, tuple[str, ...]]:
    """The lines of plans that hold only this."""
    before: dict[str, Any] = {"readiness": readiness}
    after: dict[str, Any] = {
        "definition_of_done": conditions,
        "commit_groups": ("a group",) if lands else (),
        "quarantine": aside,
    }
    return missing(PhasePlan.model_construct(**before), CommitPlan.model_construct(**after), "/run")


def test_only_what_is_missing_is_told() -> None:
    fine = (ready("ws-a", "tasks-given", "ready"), ready("ws-a", "place-for-tests", "not_checked"))
    met = (done("ws-a", "tests", "met"), done("ws-a", "documents", "not_checked"), done(None, "planned", "met"))
    assert told(fine, met) == {}
    wrong = told((*fine, ready("ws-b", "scope-given", "not_ready")), (*met, done("ws-b", "tests", "not_met")))
    assert wrong == {"ws-b": ("not met: tests: why", "not ready: scope-given: why")}


def test_more_than_three_are_counted_with_the_command_that_shows_them() -> None:
    two = tuple(ready("ws-a", name, "not_ready") for name in ("one", "two"))
    three = tuple(done("ws-a", name, "not_met") for name in ("one", "two", "three"))
    ready_ones = "and 2 more not ready: pipeline artifact show /run/artifacts/phase_plan.v1.json"
    assert told(two, three)["ws-a"][3:] == (ready_ones,)
    assert told(two, (*three, done("ws-a", "four", "not_met")))["ws-a"][3:] == (
        "and 1 more not met: pipeline artifact show /run/artifacts/commit_plan.v1.json",
        ready_ones,
    )


def test_a_line_is_short() -> None:
    (line,) = told((), (done("ws-a", "tests", "not_met", "x" * 500),))["ws-a"]
    assert len(line) == 160


@pytest.mark.parametrize("lands", [True, False])
def test_all_that_lands_is_told_where_something_does(lands: bool) -> None:
    assert told((), (done(None, "the changelog", "not_met"),), lands=lands) == (
        {None: ("not met: the changelog: why",)} if lands else {}
    )


def test_what_the_table_says_is_not_said_again() -> None:
    aside = Quarantined(workstream_id="ws-a", reason="not_done", explanation="not done: tests: why", head="0" * 40)
    assert told((), (done("ws-a", "tests", "not_met"),), aside=(aside,)) == {}
