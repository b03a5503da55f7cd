"""A run ends as its workstreams did, whatever way each of them went, and a tool that fails or is stopped is told."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Mapping
from typing import Any

import pytest
from click.testing import CliRunner
from global_core_state import cli
from global_core_state.harness import Order, run_phase
from global_core_state.rebuild import compare
from global_core_state.store import Store
from global_util.attempt import AttemptRequest, AttemptResult
from global_util.contracts.workstream import Workstream
from global_util.contracts.workstream_set import Plan, Validity, WorkstreamSet
from global_util.errors import Interrupted
from global_util.testing import Sandbox

Ways = Mapping[str, tuple[str, ...]]
"""What happens to each workstream, in order: outcomes of tool calls for PH2, states for PH7."""
NONE = "sha256:" + "0" * 64
STATE = {"commit": "1" * 40, "tree": "2" * 40}
STOPPED: list[str] = []
"""Workstreams whose tool was stopped: it is stopped once."""


class FakePlanner:
    """Carries the ways as the tasks of the workstreams."""

    id, consumes, produces, reads = "fake.ph0", "", "workstream_set.v1", ()

    def run(self, artifact: None, ctx: Any) -> dict[str, Any]:
        ways: Ways = ctx.options["ways"]
        return {
            "plan": Plan(id="plan", title="t", format="fake", root=".", files=()),
            "workstreams": tuple(Workstream(id=name, files_scope=("src/",), tasks=way) for name, way in ways.items()),
            "notes": (),
            "questions": (),
            "officially_valid": Validity(verdict="valid"),
        }


class FakeEngine:
    """Lets a tool try what the plan says, one call after the other."""

    id, consumes, produces, reads = "fake.ph2", "workstream_set.v1", "execution_result.v1", ()

    def run(self, artifact: WorkstreamSet, ctx: Any) -> dict[str, Any]:
        for workstream in artifact.workstreams:
            for n, outcome in enumerate(workstream.tasks, start=1):
                ctx.attempt(make_request(workstream.id, n, outcome))
        return {"graph": NONE, "items": ()}


class FakeLanding:
    """Leads each workstream on its way."""

    id, consumes, produces, reads = "fake.ph7", "workstream_set.v1", "git_operation_log.v1", ()

    def run(self, artifact: WorkstreamSet, ctx: Any) -> dict[str, Any]:
        for workstream in artifact.workstreams:
            for state in workstream.tasks:
                ctx.move(workstream.id, state, "on its way")
        strategy = {"schema": "git_strategy.v1", "name": "ff_only", "history": "linear"}
        done = {"commits": (), "operations": (), "definition_of_done": ()}
        dry = bool(ctx.options.get("dry_run"))
        return {"commit_plan": NONE, "strategy": strategy, "target_branch": "main", "dry_run": dry, **done}


PH0, PH2, PH7 = FakePlanner(), FakeEngine(), FakeLanding()


def make_request(name: str, n: int, outcome: str) -> AttemptRequest:
    limits = {"max_attempts": 1, "max_error_repeats": 2, "oscillation_threshold": 3}
    work = {"title": outcome, "tasks": (), "scope": {"files_scope": ("src/",)}, "acceptance": (), "context": ()}
    return AttemptRequest.model_validate(
        {
            "workstream_id": name,
            "n": n,
            "purpose": "edit" if n == 1 else "repair",
            "work": {**work, "tool": "fake", "limits": limits, "plan_source": "p"},
            "base": STATE,
            "start": STATE,
        }
    )


def attempt(ctx: Any, request: AttemptRequest) -> AttemptResult:
    """The service: a tool that ends as the title of its work says."""
    name, outcome = request.workstream_id, request.work.title
    if outcome == "stopped" and name not in STOPPED:
        STOPPED.append(name)
        raise Interrupted(f"{name}: fake was stopped")
    ended = {
        "stopped": ("ok", 0),
        "killed": ("ok", 0),
        "killed at its end": ("failed", 9),
        "killed when refused": ("ok", 0),
        "ok": ("ok", 0),
        "failed": ("failed", 9),
    }.get(outcome, (outcome, None))
    call = {"n": request.n, "tool": "fake", "outcome": ended[0], "exit_code": ended[1], "change": NONE}
    made = AttemptResult.model_validate({"head": STATE, "scope": {"verdict": "inside"}, "call": call})
    if outcome.startswith("killed") and name not in STOPPED:
        STOPPED.append(name)
        raise SystemExit
    return made


def recall(ctx: Any, request: AttemptRequest) -> AttemptResult | None:
    """The service: what a killed tool had come to that had ended."""
    outcome = {"killed at its end": "ok", "killed when refused": "rate_limited"}.get(request.work.title)
    if outcome is None:
        return None
    call = {"n": request.n, "tool": "fake", "outcome": outcome, "exit_code": 0, "change": NONE}
    about = {"head": STATE, "scope": {"verdict": "inside"}, "call": call, "usage": {"milliseconds": 7}}
    return AttemptResult.model_validate(about)


@pytest.fixture(autouse=True)
def fakes(install: Callable[[str, str], None], monkeypatch: pytest.MonkeyPatch) -> None:
    """The fake phases and the fake tool are installed."""
    STOPPED.clear()
    monkeypatch.setitem(sys.modules, "fake_runs", sys.modules[__name__])
    phases = "".join(f"ph{n} = fake_runs:PH{n}\n" for n in (0, 2, 7))
    install(
        "fake-phases",
        f"[pipeline.phases]\n{phases}\n[pipeline.services]\nattempt = fake_runs:attempt\nrecall = fake_runs:recall\n",
    )


def plan(box: Sandbox, ways: Ways) -> Any:
    return run_phase(Order(phase="ph0", repo=box.repo, options={"ways": ways}))


def run(box: Sandbox, phase: str, planned: Any, **options: Any) -> Any:
    return run_phase(Order(phase=phase, repo=box.repo, text=planned.dumps().encode(), options=options))


def shown(box: Sandbox, *words: str) -> list[dict[str, Any]]:
    """What ``core-state`` prints."""
    told = CliRunner().invoke(cli.main, [*words, "--repo", str(box.folder), "--json"])
    assert told.exit_code == 0, told.output
    rows: list[dict[str, Any]] = json.loads(told.stdout)
    return rows


def moves(box: Sandbox, execution: str, kind: str) -> list[tuple[str | None, str, str]]:
    """Who went from where to where, in order."""
    events = [event for event in shown(box, "events", execution) if event["type"] == kind]
    told = [(event["ws_id"], json.loads(event["payload"])) for event in events]
    return [(name, payload["before"], payload["after"]) for name, payload in told]


DONE = ("ready", "editing", "static_check", "done")
LANDED = (*DONE, "landing", "landed")
CONFLICT = (*DONE, "landing", "quarantined")
SET_ASIDE = ("ready", "editing", "static_check", "quarantined")
FAILED = ("ready", "editing", "failed")
VERDICTS: dict[str, tuple[str, Ways]] = {
    "all landed": ("completed", {"ws-a": LANDED, "ws-b": LANDED}),
    "done and not to be landed": ("completed", {"ws-a": LANDED, "ws-b": DONE}),
    "one set aside": ("partial", {"ws-a": LANDED, "ws-b": SET_ASIDE}),
    "one failed, one blocked by it": ("partial", {"ws-a": FAILED, "ws-b": ("blocked",), "ws-c": LANDED}),
    "one in conflict": ("partial", {"ws-a": CONFLICT, "ws-b": LANDED}),
    "one done, one failed": ("partial", {"ws-a": DONE, "ws-b": FAILED}),
    "one never begun": ("partial", {"ws-a": (), "ws-b": LANDED}),
    "all set aside": ("failed", {"ws-a": SET_ASIDE, "ws-b": SET_ASIDE}),
    "failed and blocked": ("failed", {"ws-a": FAILED, "ws-b": ("blocked",)}),
    "all in conflict": ("failed", {"ws-a": CONFLICT}),
    "given up": ("failed", {"ws-a": ("abandoned",)}),
    "nothing begun": ("failed", {"ws-a": (), "ws-b": ()}),
}


@pytest.mark.parametrize("case", VERDICTS)
def test_the_verdict_of_a_run_follows_from_its_workstreams(repo: Sandbox, case: str) -> None:
    verdict, ways = VERDICTS[case]
    planned = plan(repo, ways)
    run(repo, "ph7", planned)
    (ended,) = shown(repo, "runs")
    assert ended["status"] == verdict
    assert ended["completed_at"] is not None
    assert moves(repo, planned.execution_id, "run_moved")[-1] == (None, "running", verdict)
    run(repo, "ph7", planned)
    assert shown(repo, "runs") == [ended]


def test_a_run_whose_workstreams_are_not_known_here_gets_no_verdict(repo: Sandbox) -> None:
    planned = plan(repo, {})
    run(repo, "ph7", planned)
    (ended,) = shown(repo, "runs")
    assert (ended["status"], ended["completed_at"]) == ("idle", None)


def test_a_rehearsal_gives_no_verdict(repo: Sandbox) -> None:
    planned = plan(repo, {"ws-a": ()})
    run(repo, "ph7", planned, dry_run=True)
    (rehearsed,) = shown(repo, "runs")
    assert (rehearsed["status"], rehearsed["completed_at"]) == ("idle", None)
    run(repo, "ph7", planned)
    assert shown(repo, "runs")[0]["status"] == "failed"


def test_workstreams_of_one_run_go_different_ways(repo: Sandbox) -> None:
    ways: Ways = {
        "ws-blocked": ("blocked",),
        "ws-conflict": CONFLICT,
        "ws-given-up": ("ready", "abandoned"),
        "ws-mended": (*DONE[:3], "fixing", "static_check", "runtime_check", "fixing", *LANDED[2:]),
        "ws-parked": ("ready", "parked", *LANDED),
        "ws-requeued": (*FAILED, *SET_ASIDE, "ready", "editing", "static_check", "runtime_check", *LANDED[3:]),
        "ws-stopped": (*DONE[:2], "interrupted", *LANDED[1:]),
        "ws-straight": LANDED,
        "ws-untouched": (),
    }
    planned = plan(repo, ways)
    run(repo, "ph7", planned)
    execution = planned.execution_id
    states = {row["ws_id"]: row["status"] for row in shown(repo, "workstreams", execution)}
    assert states == {name: ["pending", *way][-1] for name, way in ways.items()}
    steps = [(name, *step) for name, way in ways.items() for step in zip(["pending", *way][:-1], way, strict=True)]
    assert moves(repo, execution, "workstream_moved") == steps
    assert moves(repo, execution, "transition_refused") == []
    assert shown(repo, "runs")[0]["status"] == "partial"


def errors(box: Sandbox) -> list[tuple[Any, ...]]:
    rows = shown(box, "rows", "errors")
    return sorted((row["ws_id"], row["step"], row["error_code"], row["count"]) for row in rows)


def test_a_call_that_fails_is_counted_by_how_it_ended(repo: Sandbox) -> None:
    run(repo, "ph2", plan(repo, {"ws-a": ("ok", "failed", "timeout", "failed"), "ws-b": ("tool_missing",)}))
    assert errors(repo) == [
        ("ws-a", "repair", "failed", 2),
        ("ws-a", "repair", "timeout", 1),
        ("ws-b", "edit", "tool_missing", 1),
    ]
    signatures = {row["signature"] for row in shown(repo, "rows", "errors")}
    assert len(signatures) == 3
    assert all(signature.startswith("sha256:") for signature in signatures)


def test_a_call_that_is_stopped_ends_its_step_and_is_done_again(repo: Sandbox) -> None:
    planned = plan(repo, {"ws-a": ("failed",), "ws-b": ("stopped",)})
    with pytest.raises(Interrupted):
        run(repo, "ph2", planned)
    assert shown(repo, "runs")[0]["status"] == "interrupted"
    run(repo, "ph2", planned)
    steps = shown(repo, "rows", "step_attempts")
    assert all(step["completed_at"] for step in steps)
    told = [(step["ws_id"], step["step"], json.loads(step["result"])["outcome"]) for step in steps]
    assert told == [("ws-a", "edit:1", "failed"), ("ws-b", "edit:1", "interrupted"), ("ws-b", "edit:1", "ok")]
    assert errors(repo) == [("ws-a", "edit", "failed", 1)]
    assert shown(repo, "runs")[0]["status"] == "idle"


def test_a_call_that_had_ended_before_a_kill_is_neither_made_nor_counted_again(repo: Sandbox) -> None:
    planned = plan(repo, {"ws-a": ("killed at its end",), "ws-b": ("killed",)})
    for _ in range(2):
        with pytest.raises(SystemExit):
            run(repo, "ph2", planned)
    run(repo, "ph2", planned)
    steps = [(step["ws_id"], json.loads(step["result"])["outcome"]) for step in shown(repo, "rows", "step_attempts")]
    assert steps == [("ws-a", "ok"), ("ws-b", "interrupted"), ("ws-b", "ok")]
    spent = [(row["ws_id"], row["milliseconds"]) for row in shown(repo, "rows", "spending")]
    assert spent == [("ws-a", 7), ("ws-b", None), ("ws-b", None)]
    asked = [
        (event["ws_id"], json.loads(event["payload"]))
        for event in shown(repo, "events", planned.execution_id)
        if event["type"] == "asked"
    ]
    assert asked == [
        ("ws-a", {"kind": "attempt", "happened": True}),
        ("ws-b", {"kind": "attempt", "happened": False}),
    ]
    store = Store(repo.repo.state_dir / "state.db")
    try:
        assert compare(store) == []
    finally:
        store.close()


def test_a_call_that_had_been_refused_before_a_kill_is_made_again(repo: Sandbox) -> None:
    planned = plan(repo, {"ws-a": ("killed when refused",)})
    with pytest.raises(SystemExit):
        run(repo, "ph2", planned)
    run(repo, "ph2", planned)
    steps = [json.loads(step["result"])["outcome"] for step in shown(repo, "rows", "step_attempts")]
    assert steps == ["rate_limited", "ok"]
