"""Each condition of done, met and not met, with the evidence."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import pytest
from global_capabilities.policies import done
from global_capabilities.policies.fragments import Fragment
from global_capabilities.policies.layout import read_layout
from global_util.contracts.error_pipeline_result import ResultItem
from global_util.contracts.error_report import CheckResult

if TYPE_CHECKING:
    from GLOBAL_CAPABILITIES.tests.policies.conftest import Files, Grove

DOCS = "PH1_MAKE/modules/M001_WORK/docs/"
SOURCE, SCHEMA = "PH1_MAKE/src/ph1_make/work.py", "PH1_MAKE/schema/thing.v1.json"
BASE: Files = {"src/slug.py": "1", "src/old.py": "1", "tests/test_slug.py": "1", "README.md": "See src/old.py.\n"}
Judge = Callable[..., tuple[str, str]]
PASS, NONE = (("pytest", "test", "pass"),), ()


def check(check_id: str, kind: str, status: str) -> CheckResult:
    """A check's result."""
    fields = {"check_id": check_id, "tool": check_id, "kind": kind, "status": status}
    return CheckResult.model_validate({**fields, "judged": (), "whole_tree": True, "findings": ()})


@pytest.fixture
def judged(grove: Grove, make_work: Any) -> Judge:
    """Verdict and evidence of a condition on a change of a base."""

    def judge(
        condition: str,
        base: Files,
        change: Files,
        checks: Sequence[tuple[str, str, str]] = PASS,
        verdict: str = "clean",
        acceptance: Sequence[Any] = (),
        upstream: dict[str, str] | None = None,
        fragment: Fragment | None = None,
        fragments: str = "",
    ) -> tuple[str, str]:
        before, after = grove.tree(base), grove.tree(base, change)
        states = [{"commit": grove.commit(tree), "tree": tree.oid} for tree in (before, after)]
        item = ResultItem.seal(
            workstream_id="ws-a",
            inputs=(),
            work=make_work(acceptance=tuple(acceptance)),
            base=states[0],
            head=states[1],
            execution_status="edited",
            verdict=verdict,
            changes=grove.repo.diff(before.oid, after.oid),
            scope={"verdict": "inside"},
            checks=tuple(check(*one) for one in checks),
            open_findings=(),
            fix_attempts=(),
            calls=(),
            explanation="",
        )
        packages = read_layout(after)
        found = done.judge(done.Landing(item, after, packages, upstream or {}, fragment, fragments, "CHANGELOG.md"))
        assert {one.workstream_id for one in found} == {"ws-a"}
        (one,) = [one for one in found if one.condition == condition]
        return one.verdict, one.evidence

    return judge


@pytest.mark.parametrize(
    ("change", "checks", "verdict", "evidence"),
    [
        ({"src/slug.py": "2"}, PASS, "met", "tests/test_slug.py names slug; passed: pytest"),
        ({"src/slug.py": "2"}, NONE, "not_met", "tests/test_slug.py names slug; passed: none"),
        ({"src/slug.py": "2"}, (("pytest", "test", "no_tests"),), "not_met", "tests/test_slug.py names slug; passed: none; not passed: pytest (no_tests)"),
        ({"src/new.py": "2"}, PASS, "not_met", "no test for src/new.py; passed: pytest"),
        ({"src/new.py": "2", "tests/test_slug.py": "new"}, PASS, "met", "tests/test_slug.py is changed; passed: pytest"),
        ({"src/new.py": "2", "tests/test_slug.py": None}, PASS, "not_met", "no test for src/new.py; passed: pytest"),
        ({"src/new.py": "2", "tests/all_test.py": None}, (("acceptance-1", "acceptance", "pass"),), "not_met", "no test for src/new.py; passed: acceptance-1"),
        ({"README.md": "2"}, PASS, "met", "no code is changed; passed: pytest"),
        ({"README.md": "2"}, NONE, "not_checked", "no code is changed, and no test was run"),
        ({"src/old.py": None}, NONE, "not_checked", "no code is changed, and no test was run"),
    ],
)  # fmt: skip
def test_tests(judged: Judge, change: Files, checks: Any, verdict: str, evidence: str) -> None:
    assert judged(done.TESTS, BASE, change, checks) == (verdict, evidence)


@pytest.mark.parametrize(
    ("given", "verdict", "evidence"),
    [
        ("clean", "met", "clean; 0 open findings; passed: pytest"),
        ("fixed", "met", "fixed; 0 open findings; passed: pytest"),
        ("unverified", "not_met", "unverified; 0 open findings; passed: pytest"),
    ],
)
def test_clean(judged: Judge, given: str, verdict: str, evidence: str) -> None:
    assert judged(done.CLEAN, BASE, {"src/slug.py": "2"}, verdict=given) == (verdict, evidence)


RUN, SAY = {"run": ("pytest",)}, {"describe": "it is nice"}


@pytest.mark.parametrize(
    ("given", "checks", "verdict", "evidence"),
    [
        ((RUN,), (("acceptance-1", "acceptance", "pass"),), "met", "passed: acceptance-1"),
        ((RUN, SAY), (("acceptance-1", "acceptance", "pass"),), "met", "passed: acceptance-1; 1 description that no command verifies"),
        ((RUN,), (("acceptance-1", "acceptance", "timeout"),), "not_met", "acceptance-1 (timeout)"),
        ((RUN,), PASS, "not_met", "no acceptance command was run"),
        ((SAY,), PASS, "not_checked", "1 description that no command verifies"),
        ((), PASS, "not_met", "none is given"),
    ],
)  # fmt: skip
def test_acceptance(judged: Judge, given: Any, checks: Any, verdict: str, evidence: str) -> None:
    assert judged(done.ACCEPTANCE, BASE, {"src/slug.py": "2"}, checks, acceptance=given) == (verdict, evidence)


@pytest.mark.parametrize(
    ("change", "verdict", "evidence"),
    [
        ({"src/slug.py": "2", "docs/a.md": "x"}, "met", "docs/a.md; whether it should say more is for people to judge"),
        ({"src/old.py": None}, "not_met", "src/old.py is removed, README.md still names it"),
        ({"src/old.py": None, "README.md": "Nothing.\n"}, "met", "README.md; whether it should say more is for people to judge"),
        ({"src/slug.py": "2"}, "not_checked", "no document names slug.py"),
        ({"src/old.py": "2"}, "not_checked", "README.md names what is changed, and stayed as it is; whether it should say more is for people to judge"),
        ({"data.json": "2"}, "not_checked", "no code is changed"),
    ],
)  # fmt: skip
def test_documents(judged: Judge, change: Files, verdict: str, evidence: str) -> None:
    assert judged(done.DOCUMENTS, BASE, change) == (verdict, evidence)


@pytest.mark.parametrize(
    ("change", "condition", "verdict", "evidence"),
    [
        ({SOURCE: "2"}, done.TESTS, "met", "PH1_MAKE/tests/: 1 file; passed: pytest"),
        ({SOURCE: "2", "PH1_MAKE/tests/test_work.py": None}, done.TESTS, "not_met", "no test for PH1_MAKE/; passed: pytest"),
        ({SOURCE: "2", "run.py": "1"}, done.TESTS, "not_met", "no test for run.py; passed: pytest"),
        ({SOURCE: "2"}, done.DOCUMENTS, "not_met", "source or schemas changed, none of MOD_SPEC.md, MOD_CONTRACTS.md, MOD_TEST_PLAN.md, MOD_DELIVERABLES.md did: PH1_MAKE/"),
        ({SOURCE: "2", f"{DOCS}MOD_SPEC.md": "2"}, done.DOCUMENTS, "met", f"{DOCS}MOD_SPEC.md"),
        ({SOURCE: "2", f"{DOCS}MOD_SPEC.md": None}, done.DOCUMENTS, "not_met", "source or schemas changed, none of MOD_SPEC.md, MOD_CONTRACTS.md, MOD_TEST_PLAN.md, MOD_DELIVERABLES.md did: PH1_MAKE/"),
        ({SOURCE: "2", f"{DOCS}MOD_DESIGN.md": "2"}, done.DOCUMENTS, "not_met", "source or schemas changed, none of MOD_SPEC.md, MOD_CONTRACTS.md, MOD_TEST_PLAN.md, MOD_DELIVERABLES.md did: PH1_MAKE/"),
        ({"PH1_MAKE/tests/test_work.py": "2"}, done.DOCUMENTS, "not_checked", "no source or schema of a package is changed"),
        ({SCHEMA: "2", f"{DOCS}MOD_SPEC.md": "2"}, done.CONTRACTS_KEPT, "not_met", f"MOD_CONTRACTS.md was not changed with {SCHEMA}"),
        ({SCHEMA: "2", f"{DOCS}MOD_CONTRACTS.md": "2"}, done.CONTRACTS_KEPT, "met", f"{DOCS}MOD_CONTRACTS.md"),
        ({SOURCE: "2"}, done.CONTRACTS_KEPT, "not_checked", "no schema is changed"),
        ({"PH1_MAKE/schema/examples/thing.v1/a.json": "2"}, done.CONTRACTS_KEPT, "not_checked", "no schema is changed"),
        ({SOURCE: "2", f"{DOCS}MOD_CHANGELOG.md": "2"}, done.TOLD, "met", f"{DOCS}MOD_CHANGELOG.md"),
        ({SOURCE: "2"}, done.TOLD, "not_met", "MOD_CHANGELOG.md is not changed in PH1_MAKE/"),
        ({"README.md": "2"}, done.TOLD, "not_checked", "the repository keeps no changelog"),
    ],
)  # fmt: skip
def test_module(judged: Judge, package: Files, change: Files, condition: str, verdict: str, evidence: str) -> None:
    assert judged(condition, package, change) == (verdict, evidence)


def test_what_a_workstream_before_it_wrote_counts(judged: Judge, package: Files) -> None:
    change = {SOURCE: "2", SCHEMA: "2"}
    upstream = {f"{DOCS}MOD_CONTRACTS.md": "ws-first"}
    for condition in (done.DOCUMENTS, done.CONTRACTS_KEPT):
        told = judged(condition, package, change, upstream=upstream)
        assert told == ("met", f"{DOCS}MOD_CONTRACTS.md (by ws-first)")


@pytest.mark.parametrize(
    ("base", "change", "fields", "verdict", "evidence"),
    [
        pytest.param({}, {}, {"fragment": Fragment("ws-a", "changes/ws-a.md", "- one\n- two")}, "met", "changes/ws-a.md has 2 lines", id="a fragment"),
        pytest.param({}, {}, {"fragment": Fragment("ws-a", "changes/ws-a.md", "", "is not UTF-8 at byte 3")}, "not_met", "changes/ws-a.md is not UTF-8 at byte 3", id="a bad fragment"),
        pytest.param({}, {}, {"fragments": "changes/"}, "not_met", "no changes/ws-a.md", id="no fragment"),
        pytest.param({"CHANGELOG.md": "1"}, {}, {}, "not_met", "CHANGELOG.md is not changed", id="not told"),
        pytest.param({"CHANGELOG.md": "1"}, {"CHANGELOG.md": "2"}, {}, "met", "CHANGELOG.md is changed", id="told by hand"),
        pytest.param({}, {}, {}, "not_checked", "the repository keeps no changelog", id="no changelog"),
    ],
)  # fmt: skip
def test_told(judged: Judge, base: Files, change: Files, fields: Any, verdict: str, evidence: str) -> None:
    assert judged(done.TOLD, {**BASE, **base}, {"src/slug.py": "2", **change}, **fields) == (verdict, evidence)
