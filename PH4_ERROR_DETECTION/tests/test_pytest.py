"""pytest as a check: failing tests are findings, and everything else that is not a proven pass is told as what it is."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from global_aim.project_tools import Interpreter, choose_interpreter
from global_util.checks import Finished, TreeFacts
from global_util.contracts.error_check_targets import TargetFile
from ph4_error_detection.checks.pytest import CHECK
from ph4_error_detection.run import run_check

PASSES = "def test_a():\n    assert True\n"


def _run(story: Any, interpreter: Interpreter | None = None) -> Any:
    return run_check(story.chosen(CHECK), CHECK, story.head, interpreter or choose_interpreter())


def test_a_passing_suite_passes_and_leaves_nothing_behind(tell: Any) -> None:
    story = tell({"tests/test_a.py": "", "a.py": ""}, {"tests/test_a.py": "import a\n\n" + PASSES})
    assert _run(story).status == "pass"
    assert sorted(place.name for place in story.head.iterdir()) == [".git", "a.py", "tests"]


@pytest.mark.parametrize("option", ["--ff", "--lf", "-p no:cacheprovider"])
def test_options_of_the_repository_are_kept(tell: Any, option: str) -> None:
    story = tell({}, {"test_a.py": PASSES, "pytest.ini": f"[pytest]\naddopts = {option} --strict-config\n"})
    assert _run(story).status == "pass"
    assert not list(story.head.glob(".pytest_cache"))


def test_a_failing_test_is_named_by_its_node_id_and_its_failing_line(tell: Any) -> None:
    text = (
        "import pytest\n\nclass TestX:\n    @pytest.mark.parametrize('v', ['a/b::c'])\n"
        "    def test_in(self, v, tmp_path):\n        assert v == str(tmp_path), object()\n"
    )
    outcome = _run(tell({}, {"tests/test_a.py": text}))
    (found,) = outcome.findings
    assert outcome.status == "findings"
    assert (found.rule, found.path, found.line) == (
        "tests/test_a.py::TestX::test_in[a/b::c]",
        "tests/test_a.py",
        6,
    )
    assert "assert 'a/b::c' ==" in found.message


def test_a_broken_fixture_tells_its_error(tell: Any) -> None:
    text = "import pytest\n\n@pytest.fixture\ndef bad():\n    raise ValueError('why')\n\ndef test_a(bad):\n    pass\n"
    (found,) = _run(tell({}, {"test_a.py": text})).findings
    assert found.rule == "test_a.py::test_a"
    assert found.message.splitlines()[-1] == "ValueError: why"


@pytest.mark.parametrize(
    ("text", "word"),
    [("import not_there_at_all\n", "not_there_at_all"), ("def x(:\n", "SyntaxError")],
    ids=["import", "syntax"],
)
def test_a_file_that_cannot_be_collected_is_a_finding(tell: Any, text: str, word: str) -> None:
    outcome = _run(tell({}, {"tests/test_a.py": text}))
    assert outcome.status == "findings"
    assert [(found.rule, found.path) for found in outcome.findings] == [("tests/test_a.py", "tests/test_a.py")]
    assert word in outcome.findings[0].message
    assert outcome.judged == (), "not one test ran, so nothing was judged"


@pytest.mark.parametrize(
    "text",
    ["X = 1\n", "import pytest\n\n@pytest.mark.skip\ndef test_a():\n    pass\n"],
    ids=["none collected", "all skipped"],
)
def test_a_suite_that_ran_no_test_is_no_pass(tell: Any, text: str) -> None:
    assert _run(tell({}, {"test_a.py": text})).status == "no_tests"


@pytest.mark.parametrize(
    "files",
    [
        pytest.param({"test_a.py": PASSES, "conftest.py": "raise RuntimeError('broken')\n"}, id="conftest"),
        pytest.param({"test_a.py": PASSES, "pytest.ini": "[pytest]\naddopts = --no-such-option\n"}, id="usage"),
        pytest.param({"test_a.py": "import os\n\ndef test_a():\n    os._exit(0)\n"}, id="left with exit code 0"),
        pytest.param({"test_a.py": "import os\n\ndef test_a():\n    os.kill(os.getpid(), 9)\n"}, id="killed"),
    ],
)
def test_a_run_that_came_to_no_answer_is_a_crash(tell: Any, files: dict[str, str]) -> None:
    outcome = _run(tell({}, files))
    assert outcome.status == "crashed"
    assert outcome.detail


def test_a_hanging_test_is_a_timeout(tell: Any) -> None:
    story = tell({}, {"test_a.py": "import time\n\ndef test_a():\n    time.sleep(60)\n"})
    assert run_check(story.chosen(CHECK, timeout_s=2), CHECK, story.head, choose_interpreter()).status == "timeout"


def test_a_report_with_entities_is_refused() -> None:
    raw = b'<?xml version="1.0"?><!DOCTYPE x [<!ENTITY a "b">]><testsuites><testcase name="a"/></testsuites>'
    outcome = CHECK.read(Finished(0, "", "", raw), ())
    assert outcome.status == "crashed"
    assert "document type" in outcome.detail


@pytest.mark.parametrize("raw", [b"", b"<testsuites>", b"\xff\xfe", b"<a/>" * 2, None])
def test_a_report_that_cannot_be_read_is_a_crash(raw: bytes | None) -> None:
    assert CHECK.read(Finished(0, "", "", raw), ()).status == "crashed"


def test_a_report_of_failures_is_believed_against_the_exit_code() -> None:
    raw = b'<testsuites><testcase classname="" name="t" file="t.py"><failure message="no"/></testcase></testsuites>'
    assert CHECK.read(Finished(0, "", "", raw), ()).status == "findings"


def test_the_tree_wins_over_an_installed_checkout(tell: Any) -> None:
    """The user's checkout is importable, as an editable install makes it; the tree has the same packages."""
    story = tell(
        {"src/pkg_of_tree/__init__.py": "X = 'base'\n", "tests/test_a.py": PASSES},
        {
            "src/pkg_of_tree/__init__.py": "X = 'head'\n",
            "tests/test_a.py": "import pkg_of_tree\n\ndef test_a():\n    assert pkg_of_tree.X == 'head'\n",
        },
    )
    assert _run(story, Interpreter(choose_interpreter().python, story.repo)).status == "pass"


def test_tests_that_import_the_main_worktree_judge_the_wrong_tree(tell: Any) -> None:
    """A layout that the search path does not know, reached through an absolute path as an editable install has it."""
    story = tell({"lib/outside.py": "", "conftest.py": ""}, {"test_a.py": PASSES})
    place = str(story.repo / "lib")
    (story.head / "test_a.py").write_text(f"import sys\n\nsys.path.append({place!r})\nimport outside\n\n{PASSES}")
    outcome = _run(story, Interpreter(choose_interpreter().python, story.repo))
    assert outcome.status == "wrong_tree"
    assert "lib/outside.py" in outcome.detail
    assert str(story.repo) not in outcome.detail


def test_a_virtual_environment_inside_the_checkout_is_no_wrong_tree(tell: Any) -> None:
    story = tell({}, {"test_a.py": PASSES})
    folder = story.repo / ".venv" / "lib" / "site-packages"
    folder.mkdir(parents=True)
    (folder / "helper_of_venv.py").write_text("")
    (story.head / "test_a.py").write_text(
        f"import sys\n\nsys.path.append({str(folder)!r})\nimport helper_of_venv\n\n{PASSES}"
    )
    assert _run(story, Interpreter(choose_interpreter().python, story.repo)).status == "pass"


@pytest.mark.parametrize(
    ("paths", "texts", "changed", "run", "configured"),
    [
        pytest.param({"a.py"}, {}, "a.py", False, False, id="no tests"),
        pytest.param({"a.py", "tests/test_a.py"}, {}, "a.py", True, False, id="tests"),
        pytest.param({"a.py", "a_test.py"}, {}, "a.py", True, False, id="tests by suffix"),
        pytest.param({"a.py", "conftest.py"}, {}, "a.py", True, False, id="conftest"),
        pytest.param({"a.py", "pytest.ini"}, {"pytest.ini": ""}, "a.py", True, True, id="own file"),
        pytest.param({"tox.ini"}, {"tox.ini": "[pytest]\n"}, "tox.ini", True, True, id="tox"),
        pytest.param({"setup.cfg"}, {"setup.cfg": "[tool:pytest]\n"}, "setup.cfg", True, True, id="setup.cfg"),
        pytest.param(
            {"pyproject.toml"},
            {"pyproject.toml": "[tool.pytest.ini_options]\n"},
            "pyproject.toml",
            True,
            True,
            id="toml",
        ),
        pytest.param({"test_a.py", "README.md"}, {}, "README.md", False, False, id="document"),
        pytest.param({"test_a.py", "tests/data/a.json"}, {}, "tests/data/a.json", True, False, id="test data"),
        pytest.param({"test_a.py", "p/__init__.py", "p/d/a.json"}, {}, "p/d/a.json", True, False, id="package data"),
        pytest.param({"test_a.py", "q/a.json"}, {}, "q/a.json", False, False, id="other data"),
        pytest.param({"test_a.py"}, {}, "requirements-dev.txt", True, False, id="requirements"),
    ],
)
def test_when_the_tests_are_wanted(
    paths: set[str], texts: dict[str, str], changed: str, run: bool, configured: bool
) -> None:
    language = "python" if changed.endswith(".py") else "unknown"
    wanted = CHECK.wanted([TargetFile(path=changed, language=language, change="M")], TreeFacts(frozenset(paths), texts))
    assert (wanted.run, wanted.configured) == (run, configured)


def test_a_deleted_module_is_judged_by_the_tests_that_are_left() -> None:
    files = [TargetFile(path="a.py", language="python", change="D")]
    wanted = CHECK.wanted(files, TreeFacts(frozenset({"test_b.py"}), {}))
    assert (wanted.run, wanted.files) == (True, ())


def test_the_argument_list_holds_no_path_of_this_machine(tell: Any, tmp_path: Path) -> None:
    story = tell({}, {"test_a.py": PASSES})
    assert not any(argument.startswith("/") for argument in story.chosen(CHECK).argv)
