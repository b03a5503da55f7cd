"""Definition of ready as a policy, and the fragments that PH1 asks for."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from global_capabilities.policies.fragments import is_task
from global_util.contracts.phase_plan import PhasePlan
from global_util.errors import InvalidInput

if TYPE_CHECKING:
    from PH1_PLAN_TO_EXEC.tests.conftest import Bench

REFUSE = {"policy.not_ready": "refuse"}
ACCEPTED = {"acceptance_tests": ("pytest -q",)}


def add(bench: Bench, **files: str) -> None:
    """Commit files; ``__`` stands for a slash."""
    for name, text in files.items():
        place: Path = bench.root / name.replace("__", "/")
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(text, "utf-8")
    bench.git("add", "--all")
    bench.git("-c", "user.name=A", "-c", "user.email=a@localhost", "commit", "--quiet", "-m", "more")


def checks(plan: PhasePlan, name: str = "ws-a") -> dict[str, str]:
    """The verdicts on a workstream."""
    return {entry.check: entry.verdict for entry in plan.readiness if entry.workstream_id == name}


def test_by_default_it_is_only_told(bench: Bench, workstream: Any) -> None:
    assert checks(bench.plan(workstream("ws-a", "new.py"))) == {
        "scope-given": "ready",
        "tasks-given": "ready",
        "acceptance-given": "not_ready",
        "place-for-tests": "not_ready",
    }


def test_refused_before_anything_is_spent(bench: Bench, workstream: Any) -> None:
    ready = workstream("ws-a", "a.txt", **ACCEPTED)
    with pytest.raises(InvalidInput) as refused:
        bench.plan(ready, workstream("ws-b", "new.py"), overrides=REFUSE)
    message = (
        "workstream ws-b is not ready: acceptance-given (0 commands, 0 descriptions), "
        "place-for-tests (no test in the scope, and none in the base for new.py)"
    )
    assert (refused.value.code, refused.value.message) == ("E364", message)
    assert not (bench.folder / "run").exists()
    assert checks(bench.plan(ready, overrides=REFUSE))["place-for-tests"] == "not_checked"


def test_all_that_is_not_ready_is_named_at_once(bench: Bench, workstream: Any) -> None:
    bare = {name: workstream(f"ws-{name}", f"{name}.py") for name in "abc"}
    with pytest.raises(InvalidInput) as refused:
        bench.plan(*bare.values(), overrides=REFUSE)
    told = refused.value.message.split("; ")
    assert [line.partition(":")[0] for line in told] == [f"workstream ws-{name} is not ready" for name in "abc"]
    assert all("acceptance-given" in line and "place-for-tests" in line for line in told)
    assert ["for c.py" in line or "0 commands" in line for line in told] == [True, True, False]
    assert '{"run": ["PROGRAM", ...]}' in refused.value.hint
    assert "checks.acceptance_runners" in refused.value.hint
    with pytest.raises(InvalidInput) as refused:
        bench.plan(workstream("ws-a", "new.py", **ACCEPTED), overrides=REFUSE)
    assert "acceptance" not in refused.value.hint


def test_auto_takes_the_module_set_where_there_are_modules(bench: Bench, workstream: Any) -> None:
    plain = workstream("ws-a", "a.txt", **ACCEPTED)
    assert "module-documents" not in checks(bench.plan(plain))
    add(bench, **{"PH1_X__phase.manifest.json": json.dumps({"modules": [{"id": "M001_X"}]})})
    assert "module-documents" in checks(bench.plan(plain))
    assert "module-documents" not in checks(bench.plan(plain, overrides={"policy.definition_of_ready": "plain"}))
    assert checks(bench.plan(plain, overrides={"policy.definition_of_ready": "off"})) == {}
    source = workstream("ws-a", "PH1_X/src/x.py", **ACCEPTED)
    with pytest.raises(
        InvalidInput, match=r"module-documents \(missing or empty: PH1_X/modules/M001_X/docs/MOD_SPEC\.md"
    ):
        bench.plan(source, overrides=REFUSE)


def test_each_workstream_gets_a_fragment_where_they_are_kept(bench: Bench, workstream: Any) -> None:
    pair = [workstream("ws-a", "a.txt"), workstream("ws-b", "b.txt")]
    before = bench.plan(*pair)
    assert [one.work.scope.files_create for one in before.workstreams] == [(), ()]
    add(bench, **{"changes__README.md": "Fragments.\n"})
    plan = bench.plan(*pair)
    assert [one.work.scope.files_create for one in plan.workstreams] == [("changes/ws-a.md",), ("changes/ws-b.md",)]
    assert all(is_task(one.work.tasks[-1], one.id) and len(one.work.tasks) == 2 for one in plan.workstreams)
    assert plan.scope_overlaps == ()
    assert plan.waves == (("ws-a", "ws-b"),)
    assert [entry.evidence for entry in plan.readiness if entry.check == "tasks-given"] == ["1 task", "1 task"]
    off = bench.plan(*pair, overrides={"policy.changelog_fragments": ""})
    assert off.workstreams == before.workstreams


def test_a_fragment_that_is_there_may_be_changed(bench: Bench, workstream: Any) -> None:
    add(bench, **{"news__ws-a.md": "- left\n"})
    plan = bench.plan(workstream("ws-a", "a.txt"), overrides={"policy.changelog_fragments": "news"})
    assert plan.workstreams[0].work.scope.files_scope == ("a.txt", "news/ws-a.md")


@pytest.mark.parametrize("field", ["forbidden_paths", "files_read_only"])
def test_what_a_plan_forbids_is_not_opened(bench: Bench, workstream: Any, field: str) -> None:
    one = workstream("ws-a", "a.txt", **{field: ("news/",)})
    plan = bench.plan(one, overrides={"policy.changelog_fragments": "news/"})
    assert plan.workstreams[0].work.scope.files_create == ()
    assert plan.workstreams[0].work.tasks == ("t",)


@pytest.mark.parametrize(
    "override",
    [
        {"policy.definition_of_ready": "modules"},
        {"policy.not_ready": "quarantine"},
        {"policy.changelog_fragments": "../x"},
        {"policy.changelog_fragments": "changes/*"},
        {"policy.changelog_fragments": False},
    ],
)
def test_a_setting_of_a_policy_that_cannot_be_is_refused(bench: Bench, workstream: Any, override: Any) -> None:
    with pytest.raises(InvalidInput) as refused:
        bench.plan(workstream("ws-a"), overrides=override)
    assert refused.value.code == "E363"
    assert not (bench.folder / "run").exists()
