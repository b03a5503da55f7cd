"""Ruff as a check: what it wants to judge, and what its answers mean."""

from __future__ import annotations

import subprocess
import sys
from typing import Any

import pytest
from global_aim.project_tools import choose_interpreter
from global_util.checks import Finished, TreeFacts
from global_util.contracts.error_check_targets import TargetFile
from ph4_error_detection.checks.ruff import CHECK
from ph4_error_detection.run import run_check

UNUSED = "import os\n"


def test_an_unused_import_is_a_finding_that_the_fixer_mends(tell: Any) -> None:
    story = tell({"a.py": "x = 1\n"}, {"a.py": UNUSED})
    chosen = story.chosen(CHECK)
    outcome = run_check(chosen, CHECK, story.head, choose_interpreter())
    assert outcome.status == "findings"
    assert [(found.rule, found.line, found.fixable) for found in outcome.findings] == [("F401", 1, True)]

    fixer = CHECK.fixer(chosen.files)
    assert fixer is not None
    subprocess.run([sys.executable, "-m", *fixer], cwd=story.head, check=True, capture_output=True)
    assert (story.head / "a.py").read_text() == ""
    assert run_check(chosen, CHECK, story.head, choose_interpreter()).status == "pass"


def test_a_syntax_error_is_a_finding_and_not_a_crash(tell: Any) -> None:
    story = tell({}, {"a.py": "def f(:\n"})
    outcome = run_check(story.chosen(CHECK), CHECK, story.head, choose_interpreter())
    assert outcome.status == "findings"
    assert {found.rule for found in outcome.findings} == {"invalid-syntax"}
    assert not any(found.fixable for found in outcome.findings)


def test_only_changed_files_are_judged(tell: Any) -> None:
    story = tell({"old.py": UNUSED, "a.py": ""}, {"a.py": "x = 1\n"})
    assert story.chosen(CHECK).files == ("a.py",)
    assert run_check(story.chosen(CHECK), CHECK, story.head, choose_interpreter()).status == "pass"


@pytest.mark.parametrize("name", ["-x.py", "a b.py", "a\nb.py", "back\\slash.py", "ünï.py", "{report}.py"])
def test_odd_file_names_are_judged_like_others(tell: Any, name: str) -> None:
    story = tell({}, {name: UNUSED})
    outcome = run_check(story.chosen(CHECK), CHECK, story.head, choose_interpreter())
    assert [found.rule for found in outcome.findings] == ["F401"]


def test_a_broken_configuration_is_a_crash(tell: Any) -> None:
    story = tell({}, {"a.py": "", "ruff.toml": "zzz =\n"})
    outcome = run_check(story.chosen(CHECK), CHECK, story.head, choose_interpreter())
    assert outcome.status == "crashed"
    assert "configuration" in outcome.detail


def test_a_change_that_is_excluded_as_a_whole_is_not_judged(tell: Any) -> None:
    story = tell({}, {"a.py": UNUSED, "ruff.toml": 'exclude = ["a.py"]\n'})
    outcome = run_check(story.chosen(CHECK), CHECK, story.head, choose_interpreter())
    assert (outcome.status, outcome.judged) == ("pass", ())


def test_a_file_named_like_the_tool_does_not_take_its_place(tell: Any) -> None:
    story = tell({}, {"ruff.py": "import os\nprint('[]')\n"})
    assert run_check(story.chosen(CHECK), CHECK, story.head, choose_interpreter()).status == "findings"


def test_nothing_is_left_in_the_tree(tell: Any) -> None:
    story = tell({}, {"a.py": UNUSED})
    run_check(story.chosen(CHECK), CHECK, story.head, choose_interpreter())
    assert sorted(place.name for place in story.head.iterdir()) == [".git", "a.py"]


@pytest.mark.parametrize(
    ("paths", "texts", "configured"),
    [
        pytest.param({"a.py"}, {}, False, id="no configuration"),
        pytest.param({"a.py", ".ruff.toml"}, {}, True, id="own file"),
        pytest.param({"a.py", "pyproject.toml"}, {"pyproject.toml": "[tool.ruff]\n"}, True, id="table"),
        pytest.param({"a.py", "pyproject.toml"}, {"pyproject.toml": "[tool.ruff.lint]\n"}, True, id="table inside"),
        pytest.param({"a.py", "pyproject.toml"}, {"pyproject.toml": "[tool.other]\n"}, False, id="other table"),
        pytest.param({"a.py", "pyproject.toml"}, {"pyproject.toml": "[tool.ruff]\nx=\n"}, True, id="broken"),
        pytest.param({"a.py", "sub/ruff.toml"}, {}, False, id="not at the root"),
    ],
)
def test_what_counts_as_configured(paths: set[str], texts: dict[str, str], configured: bool) -> None:
    files = [TargetFile(path="a.py", language="python", change="M")]
    wanted = CHECK.wanted(files, TreeFacts(frozenset(paths), texts))
    assert (wanted.run, wanted.configured, wanted.files) == (True, configured, ("a.py",))


@pytest.mark.parametrize(
    ("path", "language", "change"),
    [("a.py", "python", "D"), ("a.md", "markdown", "M"), ("a.py", "link", "A"), ("bin/tool", "python", "M")],
)
def test_what_it_does_not_judge(path: str, language: str, change: Any) -> None:
    files = [TargetFile(path=path, language=language, change=change)]
    assert not CHECK.wanted(files, TreeFacts(frozenset({path}), {})).run


@pytest.mark.parametrize(
    "finished",
    [Finished(2, "", "bad option"), Finished(1, "[]", ""), Finished(101, "[]", "panic")],
    ids=["refused", "findings without any", "panic"],
)
def test_an_answer_that_contradicts_itself_is_a_crash(finished: Finished) -> None:
    assert CHECK.read(finished, ("a.py",)).status == "crashed"
