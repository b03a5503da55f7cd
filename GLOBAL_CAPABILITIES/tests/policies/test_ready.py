"""Each condition of ready, met and not met, with the evidence."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from global_capabilities.policies import ready

if TYPE_CHECKING:
    from global_util.contracts.phase_plan import PlannedWorkstream

    from GLOBAL_CAPABILITIES.tests.policies.conftest import Files, Grove

DOCS = "PH1_MAKE/modules/M001_WORK/docs/"
SOURCE = "PH1_MAKE/src/ph1_make/work.py"
BASE: Files = {"src/slug.py": "", "src/other.py": "", "tests/test_slug.py": "", "tests/all_test.py": "import other\n"}


def told(workstreams: list[PlannedWorkstream], tree: Any, definition: str, check: str) -> tuple[str, str]:
    """Verdict and evidence of a check of the last workstream."""
    found = ready.judge(workstreams, tree, definition)
    (one,) = [entry for entry in found if entry.check == check and entry.workstream_id == workstreams[-1].id]
    return one.verdict, one.evidence


@pytest.mark.parametrize(
    ("fields", "check", "verdict", "evidence"),
    [
        ({"files_scope": ("src/slug.py",)}, "scope-given", "ready", "1 entry"),
        ({"files_scope": ("**",)}, "scope-given", "not_ready", "the whole repository"),
        ({"files_scope": ("a",), "files_create": ("b",)}, "scope-given", "ready", "2 entries"),
        ({"tasks": ("a", "b")}, "tasks-given", "ready", "2 tasks"),
        ({"tasks": ()}, "tasks-given", "not_ready", "0 tasks"),
        ({}, "acceptance-given", "ready", "1 command, 0 descriptions"),
        ({"acceptance": ({"describe": "x"},)}, "acceptance-given", "not_ready", "0 commands, 1 description"),
        ({"files_scope": ("src/slug.py", "tests/x.py")}, "place-for-tests", "ready", "the scope holds tests: tests/x.py"),
        ({"files_scope": ("src/new.py",), "files_create": ("tests/",)}, "place-for-tests", "ready", "the scope holds tests: tests/"),
        ({"files_scope": ("**/*.py",)}, "place-for-tests", "ready", "the scope holds tests: **/*.py"),
        ({"files_scope": ("src/slug.py",)}, "place-for-tests", "ready", "the base has tests for 1 of 1 file: tests/test_slug.py"),
        ({"files_scope": ("src/",)}, "place-for-tests", "ready", "the base has tests for 2 of 2 files: tests/all_test.py, tests/test_slug.py"),
        ({"files_scope": ("src/new.py",)}, "place-for-tests", "not_ready", "no test in the scope, and none in the base for src/new.py"),
        ({"files_scope": ("README.md",)}, "place-for-tests", "not_checked", "the scope names no code"),
    ],
)  # fmt: skip
def test_plain(grove: Grove, planned: Any, fields: dict[str, Any], check: str, verdict: str, evidence: str) -> None:
    given = {"files_scope": ("src/slug.py",), **fields}
    scope = given.pop("files_scope")
    assert told([planned("ws-a", *scope, **given)], grove.tree(BASE), "plain", check) == (verdict, evidence)


def test_the_plain_set_asks_for_nothing_else(grove: Grove, planned: Any, package: Files) -> None:
    found = ready.judge([planned("ws-a", SOURCE)], grove.tree(package), "plain")
    assert [entry.check for entry in found] == ["scope-given", "tasks-given", "acceptance-given", "place-for-tests"]
    assert ready.judge([planned("ws-a", SOURCE)], grove.tree(package), "off") == []


@pytest.mark.parametrize(
    ("change", "scope", "check", "verdict", "evidence"),
    [
        pytest.param({}, (SOURCE,), "module-documents", "ready", "4 of 4 documents are there, 0 to be created", id="all there"),
        pytest.param({f"{DOCS}MOD_SPEC.md": None}, (SOURCE,), "module-documents", "not_ready", f"missing or empty: {DOCS}MOD_SPEC.md", id="missing"),
        pytest.param({f"{DOCS}MOD_SPEC.md": "---\na: b\n---\n# Title\n\n"}, (SOURCE,), "module-documents", "not_ready", f"missing or empty: {DOCS}MOD_SPEC.md", id="empty"),
        pytest.param({f"{DOCS}MOD_DESIGN.md": None}, (SOURCE,), "module-documents", "ready", "4 of 4 documents are there, 0 to be created", id="design is not asked for"),
        pytest.param({f"{DOCS}MOD_SPEC.md": None}, (SOURCE, f"{DOCS}MOD_SPEC.md"), "module-documents", "ready", "3 of 4 documents are there, 1 to be created", id="declared"),
        pytest.param({}, ("README.md",), "module-documents", "not_checked", "the scope touches no module", id="outside"),
        pytest.param({f"{DOCS}MOD_SPEC.md": None}, ("*.md",), "module-documents", "not_checked", "the scope touches no module", id="a glob of the root"),
        pytest.param({f"{DOCS}MOD_SPEC.md": None}, ("**",), "module-documents", "not_ready", f"missing or empty: {DOCS}MOD_SPEC.md", id="a glob for all"),
        pytest.param({}, (SOURCE,), "test-skeletons", "ready", "PH1_MAKE/tests/: 1 file", id="tests there"),
        pytest.param({"PH1_MAKE/tests/test_work.py": None, "PH1_MAKE/tests/conftest.py": ""}, (SOURCE,), "test-skeletons", "not_ready", "no test in the base, and none in the scope: PH1_MAKE/tests/", id="no tests"),
        pytest.param({"PH1_MAKE/tests/test_work.py": None}, ("PH1_MAKE/",), "test-skeletons", "ready", "PH1_MAKE/tests/: 0 files, in the scope", id="tests in scope"),
        pytest.param({}, ("README.md",), "test-skeletons", "not_checked", "the scope touches no package", id="no package"),
        pytest.param({}, (SOURCE,), "contracts-before-code", "not_ready", f"neither in the scope nor in that of a workstream before it: {DOCS}MOD_CONTRACTS.md", id="code alone"),
        pytest.param({}, (SOURCE, f"{DOCS}MOD_CONTRACTS.md"), "contracts-before-code", "ready", f"in the scope of its workstream: {DOCS}MOD_CONTRACTS.md (ws-a)", id="contracts too"),
        pytest.param({}, ("PH1_MAKE/",), "contracts-before-code", "ready", f"in the scope of its workstream: {DOCS}MOD_CONTRACTS.md (ws-a)", id="whole package"),
        pytest.param({}, (f"{DOCS}MOD_SPEC.md",), "contracts-before-code", "not_checked", "the scope covers no source of a package", id="documents only"),
        pytest.param({}, (SOURCE,), "place-for-tests", "not_checked", "all code lies in packages: see test-skeletons", id="code of packages"),
        pytest.param({"scripts/x.py": ""}, (SOURCE, "scripts/x.py"), "place-for-tests", "not_ready", "no test in the scope, and none in the base for scripts/x.py", id="code beside packages"),
    ],
)  # fmt: skip
def test_module(
    grove: Grove,
    planned: Any,
    package: Files,
    change: Files,
    scope: tuple[str, ...],
    check: str,
    verdict: str,
    evidence: str,
) -> None:
    assert told([planned("ws-a", *scope)], grove.tree(package, change), "module", check) == (verdict, evidence)


def test_what_comes_before_counts(grove: Grove, planned: Any, package: Files) -> None:
    """Contracts and documents may be written by a workstream that this one builds on, at any distance."""
    tree = grove.tree(package, {f"{DOCS}MOD_SPEC.md": None})
    chain = [
        planned("ws-a", f"{DOCS}MOD_CONTRACTS.md", files_create=(f"{DOCS}MOD_SPEC.md",)),
        planned("ws-b", "README.md", depends_on=("ws-a",)),
        planned("ws-c", SOURCE, depends_on=("ws-b",)),
    ]
    evidence = f"in the scope of its workstream: {DOCS}MOD_CONTRACTS.md (ws-a)"
    assert told(chain, tree, "module", "contracts-before-code") == ("ready", evidence)
    assert told(chain, tree, "module", "module-documents")[0] == "ready"
    assert told([chain[0], planned("ws-c", SOURCE)], tree, "module", "contracts-before-code")[0] == "not_ready"


def test_a_contract_that_must_not_be_touched_is_not_in_the_scope(grove: Grove, planned: Any, package: Files) -> None:
    one = planned("ws-a", "PH1_MAKE/", forbidden_paths=(f"{DOCS}MOD_CONTRACTS.md",))
    assert told([one], grove.tree(package), "module", "contracts-before-code")[0] == "not_ready"


def test_the_order_is_that_of_the_workstreams(grove: Grove, planned: Any) -> None:
    found = ready.judge([planned("ws-b", "a.py"), planned("ws-a", "b.py")], grove.tree(BASE), "plain")
    assert [entry.workstream_id for entry in found] == ["ws-b"] * 4 + ["ws-a"] * 4
