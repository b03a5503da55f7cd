"""ESLint as a check. Its answers are read from texts in its shape; the tool itself runs where it is installed."""

from __future__ import annotations

import json
import shutil
from typing import Any

import pytest
from global_aim.project_tools import choose_interpreter
from global_util.checks import Finished, TreeFacts
from global_util.contracts.error_check_targets import TargetFile
from ph4_error_detection.checks.eslint import CHECK
from ph4_error_detection.run import run_check

SEMICOLON: dict[str, Any] = {
    "ruleId": "semi",
    "severity": 2,
    "message": "Missing semicolon.",
    "line": 1,
    "column": 7,
    "fix": {},
}
WARNING: dict[str, Any] = {
    "ruleId": "no-console",
    "severity": 1,
    "message": "Unexpected console.",
    "line": 1,
    "column": 1,
}
PARSING: dict[str, Any] = {
    "ruleId": None,
    "fatal": True,
    "severity": 2,
    "message": "Parsing error",
    "line": 1,
    "column": 3,
}
IGNORED: dict[str, Any] = {"ruleId": None, "fatal": False, "severity": 1, "message": "File ignored by default."}


def _answer(*messages: dict[str, Any]) -> str:
    return json.dumps([{"filePath": "a.js", "messages": list(messages)}])


def test_errors_are_findings_and_warnings_are_not() -> None:
    outcome = CHECK.read(Finished(1, _answer(SEMICOLON, WARNING, PARSING), ""), ("a.js",))
    assert outcome.status == "findings"
    assert [(found.rule, found.fixable) for found in outcome.findings] == [("semi", True), ("parsing", False)]


@pytest.mark.parametrize(("messages", "judged"), [((), ("a.js",)), ((WARNING,), ("a.js",)), ((IGNORED,), ())])
def test_an_ignored_file_is_not_judged(messages: tuple[Any, ...], judged: tuple[str, ...]) -> None:
    outcome = CHECK.read(Finished(0, _answer(*messages), ""), ("a.js",))
    assert (outcome.status, outcome.judged) == ("pass", judged)


@pytest.mark.parametrize(
    "finished", [Finished(2, "", "broken"), Finished(1, "[]", ""), Finished(0, _answer(PARSING), "")]
)
def test_anything_else_is_a_crash(finished: Finished) -> None:
    assert CHECK.read(finished, ("a.js",)).status == "crashed"


@pytest.mark.parametrize(
    ("config", "text", "run"),
    [
        ("eslint.config.mjs", "", True),
        (".eslintrc.json", "", True),
        ("package.json", '{"eslintConfig": {}}', True),
        ("package.json", '{"eslintConfig": {', True),
        ("package.json", '{"name": "eslintConfig"}', False),
        ("package.json", "[]", False),
        ("sub/.eslintrc.json", "", False),
    ],
)
def test_it_is_wanted_only_where_it_is_configured(config: str, text: str, run: bool) -> None:
    files = [TargetFile(path="a.ts", language="typescript", change="A")]
    wanted = CHECK.wanted(files, TreeFacts(frozenset({"a.ts", config}), {config: text}))
    assert (wanted.run, wanted.configured) == (run, run)


def test_a_change_without_scripts_is_not_wanted() -> None:
    files = [TargetFile(path="a.js", language="javascript", change="D")]
    assert not CHECK.wanted(files, TreeFacts(frozenset({"eslint.config.js"}), {})).run


def test_its_fixer_is_its_own() -> None:
    assert CHECK.fixer(("a.js",)) == ("eslint", "--fix", "--", "a.js")


@pytest.mark.skipif(shutil.which("eslint") is None, reason="needs eslint on PATH; its answers are read above")
def test_the_tool_itself(tell: Any) -> None:
    config = "module.exports = [{files: ['**/*.js'], rules: {'no-undef': 'error', 'no-var': 'error'}}];\n"
    changes = {"eslint.config.cjs": config, "-a.js": "foo();\n", "b.js": "var x = 1;\n", "c.js": "x(;\n"}
    story = tell({}, changes)
    outcome = run_check(story.chosen(CHECK), CHECK, story.head, choose_interpreter())
    found = {(finding.rule, finding.fixable) for finding in outcome.findings}
    assert found == {("no-undef", False), ("no-var", True), ("parsing", False)}, outcome.detail
