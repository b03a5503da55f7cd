"""The harness runs a phase once per input, journals what it does, and refuses what does not fit."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from global_core_state import cli, phase_command
from global_core_state.context import RunContext
from global_core_state.folder import RunFolder
from global_core_state.harness import Order, run_phase
from global_core_state.store import Store
from global_util.config import Settings
from global_util.contracts.error_check_targets import TargetsItem
from global_util.contracts.error_report import ErrorReport, ReportItem
from global_util.contracts.execution_result import ExecutionItem
from global_util.contracts.workstream import Workstream
from global_util.contracts.workstream_set import Plan, Validity, WorkstreamSet
from global_util.errors import Exit, Held, InvalidInput, PipelineError
from global_util.progress import Event
from global_util.testing import Sandbox

CALLS: list[tuple[str, Any]] = []
"""What the fake phases were asked to do, in order."""
DISTRIBUTION = "fake-phases"


def finding(mark: str, rule: str, line: int, baseline: str = "new") -> dict[str, Any]:
    place = {"path": "src/a.py", "line": line, "message": "is not used"}
    judged = {"severity": "error", "baseline": baseline, "fixable": False}
    return {"fingerprint": "sha256:" + mark * 64, "tool": "ruff", "rule": rule, **place, **judged}


FOUND = {
    "check_id": "ruff.lint",
    "tool": "ruff",
    "kind": "lint",
    "status": "findings",
    "judged": ["src/a.py"],
    "whole_tree": False,
    "findings": [
        finding("a", "F401", 1),
        finding("a", "F401", 7),
        finding("b", "F811", 3),
        finding("c", "F401", 9, "unchanged"),
    ],
}
"""What the checks say of a work whose title begins with ``found``: one fault in two places, another, and an old one."""


class FakePlanner:
    id, consumes, produces, reads = "fake.ph0", "", "workstream_set.v1", ("fake.key",)

    def run(self, artifact: None, ctx: Any) -> dict[str, Any]:
        CALLS.append(("ph0", ctx.options.get("title")))
        if ctx.options.get("title") == "broken":
            raise InvalidInput("the plan is broken")
        plan = Plan(id="plan", title=ctx.options.get("title", "t"), format="fake", root=".", files=())
        made = (Workstream(id="ws-a", files_scope=("src/",), tasks=("do",)),)
        return {
            "plan": plan,
            "workstreams": made,
            "notes": (),
            "questions": (),
            "officially_valid": Validity(verdict="valid"),
        }


class FakeRunner:
    """PH2 of a very short line: it reads what PH0 wrote."""

    id, consumes, produces, reads = "fake.ph2", "workstream_set.v1", "execution_result.v1", ()

    def run(self, artifact: WorkstreamSet, ctx: Any) -> dict[str, Any]:
        CALLS.append(("ph2", artifact.plan.title))
        if artifact.plan.title == "refused":
            raise PipelineError("refused")
        ctx.move("ws-a", "ready")
        ctx.move("ws-a", "landed", "cannot be")
        ctx.observe("host", "here")
        return {"graph": "sha256:" + "0" * 64, "items": (make_item(artifact.plan.title),)}


class FakeTargets:
    id, consumes, produces, reads = "fake.ph3", "execution_result.v1", "error_check_targets.v1", ("fake.key",)

    def one(self, item: ExecutionItem, ctx: Any) -> Any:
        CALLS.append(("ph3", item.item_id))
        ctx.observe("seen", item.work.title)
        if item.work.title == "wrong type":
            return item
        ctx.ancestor("workstream_set.v1")
        return TargetsItem.seal(
            **item.common(), inputs=(item.item_id,), execution=item, files=(), checks=(), not_chosen=()
        )


class FakeReport:
    """Judges an execution item by calling PH3 on it, and does one thing outside."""

    id, consumes, produces, reads = "fake.ph4", "error_check_targets.v1", "error_report.v1", ()

    def one(self, item: TargetsItem, ctx: Any) -> ReportItem:
        def act() -> dict[str, Any]:
            CALLS.append(("effect", 1))
            return {"done": 1}

        ctx.call("ph3", item.execution)
        ctx.effect("touch", {"workstream_id": item.workstream_id}, act)
        checks = (FOUND,) if item.work.title.startswith("found") else ()
        return ReportItem.seal(
            **item.common(), inputs=(item.item_id,), execution=item.execution, checks=checks, not_chosen=()
        )


PH0, PH2, PH3, PH4 = FakePlanner(), FakeRunner(), FakeTargets(), FakeReport()
NO_PHASE = object()


def make_item(title: str) -> ExecutionItem:
    state = {"commit": "1" * 40, "tree": "2" * 40}
    limits = {"max_attempts": 1, "max_error_repeats": 2, "oscillation_threshold": 3}
    scope = {"files_scope": ["src/"]}
    work = {"title": title, "tasks": [], "scope": scope, "acceptance": [], "context": [], "tool": "replay"}
    return ExecutionItem.seal(
        workstream_id="ws-a",
        inputs=(),
        work={**work, "limits": limits, "plan_source": "p"},
        base=state,
        head=state,
        status="no_change",
        changes=(),
        changes_total=0,
        scope={"verdict": "inside"},
        calls=(),
    )


@pytest.fixture(autouse=True)
def fakes(install: Callable[[str, str], None], monkeypatch: pytest.MonkeyPatch) -> None:
    """The fake phases are installed."""
    CALLS.clear()
    monkeypatch.setitem(sys.modules, "fake_phases", sys.modules[__name__])
    install(DISTRIBUTION, entries(*(f"ph{n} = fake_phases:PH{n}" for n in (0, 2, 3, 4))))


def entries(*lines: str) -> str:
    return "\n".join(["[pipeline.phases]", *lines, ""])


def run(box: Sandbox, phase: str, before: Any = None, **more: Any) -> Any:
    text = before.dumps().encode() if before else b""
    return run_phase(Order(phase=phase, repo=box.repo, text=text, **more))


def plan(box: Sandbox, title: str = "t") -> Any:
    return run(box, "ph0", options={"title": title})


def code(ask: Callable[[], Any]) -> tuple[str, str]:
    with pytest.raises(PipelineError) as fault:
        ask()
    return fault.value.code, fault.value.message


def test_a_line_of_phases(repo: Sandbox) -> None:
    heard: list[Event] = []
    planned = plan(repo)
    assert planned.execution_id == "EXEC-2026-01-02-001"
    assert planned.run_clock == "2026-01-02T03:04:05Z"
    executed = run(repo, "ph2", planned, listener=heard.append)
    assert executed.inputs[0].artifact_id == planned.artifact_id
    assert executed.observed["host"] == "here"
    assert [event.payload["after"] for event in heard if event.kind == "workstream_moved"] == ["ready"]
    report = run(repo, "ph4", run(repo, "ph3", executed))
    assert isinstance(report, ErrorReport)
    store = Store(repo.repo.state_dir / "state.db")
    assert (store.run(planned.execution_id) or {})["status"] == "idle"
    assert [row["status"] for row in store.workstreams(planned.execution_id)] == ["ready"]
    assert "transition_refused" in [event["type"] for event in store.events(planned.execution_id)]
    store.close()
    assert list((repo.repo.state_dir / "locks").iterdir()) == []


def test_the_same_input_gives_the_recorded_answer(repo: Sandbox) -> None:
    planned = plan(repo)
    first, count = run(repo, "ph2", planned), len(CALLS)
    assert run(repo, "ph2", planned) == first
    assert len(CALLS) == count


def test_another_input_or_setting_for_the_same_run_is_held(repo: Sandbox) -> None:
    planned = plan(repo)
    run(repo, "ph2", planned)
    fields = {key: value for key, value in planned if key not in ("schema_id", "artifact_id", "plan")}
    changed = WorkstreamSet.seal(**fields, plan=planned.plan.model_copy(update={"title": "else"}))
    others: list[tuple[Any, dict[str, Any]]] = [
        (changed, {}),
        (planned, {"options": {"strategy": "ff_only"}}),
        (planned, {"overrides": {"phases.other": "x"}}),
    ]
    for before, more in others:
        with pytest.raises(Held) as held:
            run(repo, "ph2", before, **more)
        assert (held.value.exit_code, held.value.code) == (5, "E503")


def test_a_recorded_answer_or_ancestor_that_is_missing_is_told_with_its_place(repo: Sandbox) -> None:
    planned = plan(repo)
    executed = run(repo, "ph2", planned)
    folder = RunFolder(repo.repo, planned.execution_id)
    lost = folder.artifact_file(planned.artifact_id)
    lost.unlink()
    told = code(lambda: run(repo, "ph3", executed))
    assert told[0] == "E308"
    assert planned.artifact_id in told[1]
    assert str(lost) in told[1]
    folder.artifact_file(executed.artifact_id).unlink()
    assert code(lambda: run(repo, "ph2", planned))[0] == "E308"


def test_a_call_is_answered_from_the_journal_and_an_effect_happens_once(repo: Sandbox) -> None:
    targets = run(repo, "ph3", run(repo, "ph2", plan(repo)))
    assert [kind for kind, _ in CALLS] == ["ph0", "ph2", "ph3"]
    report = run(repo, "ph4", targets)
    assert [kind for kind, _ in CALLS] == ["ph0", "ph2", "ph3", "effect"]
    assert report.observed["ph4"]["ws-a"]["ph3"]["ws-a"]["seen"] == "t"


def test_a_phase_that_answers_with_the_wrong_item_is_refused_each_time(repo: Sandbox) -> None:
    executed = run(repo, "ph2", plan(repo, "wrong type"))
    for _ in range(2):
        assert "answered with ExecutionItem, expected TargetsItem" in code(lambda: run(repo, "ph3", executed))[1]


def counted(box: Sandbox) -> list[tuple[Any, ...]]:
    shown = CliRunner().invoke(cli.main, ["rows", "errors", "--repo", str(box.folder), "--json"])
    columns = ("execution_id", "ws_id", "step", "error_code", "signature", "count")
    return sorted(tuple(row[name] for name in columns) for row in json.loads(shown.stdout))


def test_a_new_finding_is_counted_by_its_signature_each_time_it_comes_back(repo: Sandbox) -> None:
    planned = plan(repo, "found")
    targets = run(repo, "ph3", run(repo, "ph2", planned))
    assert counted(repo) == []
    run(repo, "ph4", targets)
    about = (planned.execution_id, "ws-a", "ruff.lint")
    once = [(*about, "F401", "sha256:" + "a" * 64, 2), (*about, "F811", "sha256:" + "b" * 64, 1)]
    assert counted(repo) == once
    run(repo, "ph4", targets)
    assert counted(repo) == once
    context = make_context(repo, planned)
    context.call("ph4", context.call("ph3", make_item("found again")))
    context.store.close()
    assert counted(repo) == [(*row[:-1], row[-1] * 2) for row in once]


def test_a_line_phase_cannot_be_called_with_an_item(repo: Sandbox) -> None:
    context = make_context(repo)
    assert "whole artifacts" in code(lambda: context.call("ph2", make_item("t")))[1]
    context.store.close()


def make_context(box: Sandbox, planned: Any = None) -> RunContext:
    planned = planned or plan(box)
    return RunContext(
        repo=box.repo,
        store=Store(box.repo.state_dir / "state.db"),
        folder=RunFolder(box.repo, planned.execution_id),
        artifact=planned,
        config=Settings().over("test", {f"phases.ph{n}": DISTRIBUTION for n in range(8)}),
        options={},
        listener=lambda event: None,
        envelope={},
    )


def test_an_effect_that_fails_is_tried_again_and_one_that_succeeded_is_not(repo: Sandbox) -> None:
    context = make_context(repo)
    done: list[int] = []

    def fail() -> dict[str, Any]:
        done.append(0)
        raise OSError("no luck")

    def succeed() -> dict[str, Any]:
        done.append(1)
        return {"n": len(done), "text": "é"}

    with pytest.raises(OSError, match="no luck"):
        context.effect("kind", {"n": 1}, fail)
    assert [context.effect("kind", {"n": 1}, succeed) for _ in range(2)] == [{"n": 2, "text": "é"}] * 2
    assert context.effect("kind", {"n": 2}, succeed) == {"n": 3, "text": "é"}
    assert context.effect("other", {"n": 1}, succeed)["n"] == 4
    context.store.close()


@pytest.mark.parametrize("happened", [True, False])
def test_what_was_announced_and_never_confirmed_is_asked_first(repo: Sandbox, happened: bool) -> None:
    context = make_context(repo)
    done: list[str] = []

    def die() -> dict[str, Any]:
        done.append("done")
        raise KeyboardInterrupt

    def ask() -> dict[str, Any] | None:
        done.append("asked")
        return {"n": 1} if happened else None

    def do() -> dict[str, Any]:
        done.append("done")
        return {"n": 2}

    with pytest.raises(KeyboardInterrupt):
        context.effect("kind", {"n": 1}, die, ask)
    assert context.effect("kind", {"n": 1}, do, ask) == context.effect("kind", {"n": 1}, do, ask)
    assert done == (["done", "asked"] if happened else ["done", "asked", "done"])
    told = [json.loads(row["payload"]) for row in context.store.events(context.execution_id) if row["type"] == "asked"]
    assert told == [{"kind": "kind", "happened": happened}]
    context.store.close()


def test_the_configuration_that_a_phase_reads_decides_about_the_journal(repo: Sandbox) -> None:
    context = make_context(repo)
    item = make_item("t")
    answers = {context.call("ph3", item).item_id for _ in range(2)}
    context.config = context.config.over("else", {"fake.key": 2})
    answers |= {context.call("ph3", item).item_id}
    assert len(answers) == 1
    assert [kind for kind, _ in CALLS].count("ph3") == 2
    context.store.close()


def test_a_plan_that_cannot_be_read_leaves_nothing_behind(repo: Sandbox) -> None:
    assert code(lambda: plan(repo, "broken"))[0] == "E300"
    assert repo.repo.refs("refs/pipeline") == {}
    assert not (repo.repo.state_dir / "state.db").exists()


def test_a_phase_that_refuses_leaves_the_run_idle_and_may_be_run_again(repo: Sandbox) -> None:
    planned = plan(repo, "refused")
    for _ in range(2):
        code(lambda: run(repo, "ph2", planned))
    store = Store(repo.repo.state_dir / "state.db")
    assert (store.run(planned.execution_id) or {})["status"] == "idle"
    assert [event["type"] for event in store.events(planned.execution_id)].count("phase_failed") == 2
    store.close()


def test_an_artifact_from_another_clone_is_adopted(repo: Sandbox, tmp_path: Path) -> None:
    planned = plan(repo)
    other = Sandbox(tmp_path / "other")
    other.start(repo.content("main"))
    assert run(other, "ph2", planned).artifact_id == run(repo, "ph2", planned).artifact_id


def test_no_commits_no_phase_and_too_many_phases(
    repo: Sandbox, tmp_path: Path, install: Callable[[str, str], None]
) -> None:
    assert code(lambda: plan(Sandbox(tmp_path / "empty")))[0] == "E405"
    planned = plan(repo)
    (repo.folder / "pipeline.toml").write_text('[phases]\nph2 = "not-installed"\n')
    assert code(lambda: run(repo, "ph2", planned))[0] == "E410"
    install("one-phase", entries("ph90 = fake_phases:PH2"))
    install("two-phase", entries("ph90 = fake_phases:PH2"))
    told = code(lambda: run(repo, "ph90", planned))
    assert told[0] == "E411"
    assert "one-phase, two-phase" in told[1]
    install("no-phase", entries("ph91 = fake_phases:NO_PHASE"))
    assert code(lambda: run(repo, "ph91", planned))[0] == "E412"


def test_the_command_line_of_a_phase(repo: Sandbox, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    planned = plan(repo)
    group = phase_command.phase_group("ph2", "phaseline-global-core-state", "Does it.")
    monkeypatch.chdir(repo.folder)
    words = ["run", "--log-json"]
    piped = CliRunner().invoke(group, words, input=planned.dumps())
    assert piped.exit_code == 0, piped.output
    assert json.loads(piped.stdout)["schema"] == "execution_result.v1"
    assert all(json.loads(line)["run_id"] == planned.execution_id for line in piped.stderr.splitlines())
    (tmp_path / "in.json").write_text(planned.dumps())
    words = ["run", "--in", str(tmp_path / "in.json"), "--out", str(tmp_path / "out.json"), "--repo", str(repo.folder)]
    assert CliRunner().invoke(group, words).exit_code == 0
    assert (tmp_path / "out.json").read_text() == piped.stdout
    for given, expected in (("", Exit.INVALID), (planned.dumps()[:-9], Exit.INVALID)):
        refused = CliRunner().invoke(group, ["run"], input=given)
        assert (refused.exit_code, refused.stdout) == (expected, "")
    assert CliRunner().invoke(group, ["run", "--in", "/nowhere"]).exit_code == Exit.INVALID
    assert CliRunner().invoke(group, ["run", "--repo", str(tmp_path)]).exit_code == Exit.ENVIRONMENT


def test_the_state_can_be_looked_at(repo: Sandbox) -> None:
    words = ["--repo", str(repo.folder), "--json"]
    assert CliRunner().invoke(cli.main, ["runs", *words]).exit_code == Exit.ENVIRONMENT
    planned = plan(repo)
    shown = {
        name: json.loads(CliRunner().invoke(cli.main, [name, *more, *words]).stdout)
        for name, more in {"runs": [], "workstreams": [planned.execution_id], "events": [planned.execution_id]}.items()
    }
    assert [row["execution_id"] for row in shown["runs"]] == [planned.execution_id]
    assert [row["ws_id"] for row in shown["workstreams"]] == ["ws-a"]
    assert shown["events"][0]["type"] == "run_created"
    plain = CliRunner().invoke(cli.main, ["runs", "--repo", str(repo.folder)])
    assert plain.stdout == f"{planned.execution_id}  idle         plan\n"
