"""ShellCheck as a check. Its answers are read from texts in its shape; the tool itself runs where it is installed."""

from __future__ import annotations

import json
import shutil
from typing import Any

import pytest
from global_aim.project_tools import choose_interpreter
from global_util.checks import Finished, TreeFacts
from global_util.contracts.error_check_targets import TargetFile
from ph4_error_detection.checks.shellcheck import CHECK
from ph4_error_detection.run import run_check


def _answer(level: str = "info") -> str:
    place = {"file": "a.sh", "line": 2, "endLine": 2, "column": 6, "endColumn": 8}
    return json.dumps({"comments": [{**place, "level": level, "code": 2086, "message": "Quote it.", "fix": None}]})


@pytest.mark.parametrize(("level", "severity"), [("error", "error"), ("warning", "warning"), ("style", "note")])
def test_a_comment_is_a_finding(level: str, severity: str) -> None:
    outcome = CHECK.read(Finished(1, _answer(level), ""), ("a.sh",))
    assert outcome.status == "findings"
    (found,) = outcome.findings
    assert (found.rule, found.path, found.line, found.severity) == ("SC2086", "a.sh", 2, severity)


def test_no_comment_is_a_pass() -> None:
    assert CHECK.read(Finished(0, '{"comments": []}', ""), ("a.sh",)).status == "pass"


@pytest.mark.parametrize(
    "finished",
    [Finished(2, '{"comments": []}', "a.sh: does not exist"), Finished(0, _answer(), ""), Finished(3, "", "usage")],
    ids=["a file was not read", "contradiction", "usage"],
)
def test_anything_else_is_a_crash(finished: Finished) -> None:
    assert CHECK.read(finished, ("a.sh",)).status == "crashed"


@pytest.mark.parametrize(
    ("language", "change", "run"), [("shell", "M", True), ("shell", "D", False), ("python", "M", False)]
)
def test_shell_scripts_are_wanted(language: str, change: Any, run: bool) -> None:
    files = [TargetFile(path="bin/tool", language=language, change=change)]
    assert CHECK.wanted(files, TreeFacts(frozenset({"bin/tool"}), {})).run is run


def test_its_configuration_file_asks_for_it() -> None:
    files = [TargetFile(path="a.sh", language="shell", change="A")]
    assert CHECK.wanted(files, TreeFacts(frozenset({"a.sh", ".shellcheckrc"}), {})).configured
    assert not CHECK.wanted(files, TreeFacts(frozenset({"a.sh"}), {})).configured


@pytest.mark.skipif(shutil.which("shellcheck") is None, reason="needs shellcheck on PATH; its answers are read above")
def test_the_tool_itself(tell: Any) -> None:
    story = tell({}, {"-a.sh": "#!/bin/sh\necho $1\n", "b.sh": '#!/bin/sh\necho "$1"\n'})
    outcome = run_check(story.chosen(CHECK), CHECK, story.head, choose_interpreter())
    assert [(found.rule, found.path, found.line) for found in outcome.findings] == [("SC2086", "-a.sh", 2)]
