"""Mypy as a check: only where it is configured, on the whole tree."""

from __future__ import annotations

from typing import Any

import pytest
from global_aim.project_tools import choose_interpreter
from global_util.checks import Finished, TreeFacts
from global_util.contracts.error_check_targets import TargetFile
from ph4_error_detection.checks.mypy import CHECK
from ph4_error_detection.run import run_check

INI = "[mypy]\nstrict = true\n"


def test_a_type_fault_in_an_unchanged_caller_is_found_and_nothing_is_left_behind(tell: Any) -> None:
    base = {"mypy.ini": INI, "lib.py": "def f() -> int:\n    return 1\n", "use.py": "import lib\n\nx: int = lib.f()\n"}
    story = tell(base, {"lib.py": "def f() -> str:\n    return ''\n"})
    chosen = story.chosen(CHECK)
    outcome = run_check(chosen, CHECK, story.head, choose_interpreter())
    assert (chosen.files, chosen.whole_tree) == (("lib.py",), True)
    assert [(found.path, found.rule, found.line) for found in outcome.findings] == [("use.py", "assignment", 3)]
    assert sorted(place.name for place in story.head.iterdir()) == [".git", "lib.py", "mypy.ini", "use.py"]


def test_clean_code_in_a_src_layout_passes(tell: Any) -> None:
    package = {"src/pkg/__init__.py": "", "src/pkg/a.py": "X: int = 1\n"}
    story = tell(
        {"pyproject.toml": "[tool.mypy]\n", **package}, {"src/pkg/b.py": "from pkg.a import X\n\ny: int = X\n"}
    )
    assert run_check(story.chosen(CHECK), CHECK, story.head, choose_interpreter()).status == "pass"


def test_a_syntax_error_is_a_finding(tell: Any) -> None:
    story = tell({"mypy.ini": INI}, {"a.py": "def f(:\n"})
    outcome = run_check(story.chosen(CHECK), CHECK, story.head, choose_interpreter())
    assert outcome.status == "findings"
    assert {found.rule for found in outcome.findings} == {"syntax"}


@pytest.mark.parametrize(
    "texts",
    [
        {"mypy.ini": INI},
        {".mypy.ini": INI},
        {"setup.cfg": INI},
        {"pyproject.toml": "[tool.mypy]\n"},
        {"pyproject.toml": "[tool.mypy\n[tool.mypy]"},
    ],
    ids=lambda texts: next(iter(texts)),
)
def test_it_is_wanted_where_it_is_configured(texts: dict[str, str]) -> None:
    wanted = CHECK.wanted([_file("a.py")], TreeFacts(frozenset({"a.py", *texts}), texts))
    assert (wanted.run, wanted.configured, wanted.argv[-1]) == (True, True, ".")


@pytest.mark.parametrize(
    ("paths", "texts", "files"),
    [
        pytest.param({"a.py"}, {}, [("a.py", "M")], id="not configured"),
        pytest.param({"a.md", "mypy.ini"}, {"mypy.ini": INI}, [("a.md", "M")], id="no Python changed"),
        pytest.param({"mypy.ini"}, {"mypy.ini": INI}, [("a.py", "D")], id="no Python left"),
    ],
)
def test_it_is_not_wanted_otherwise(paths: set[str], texts: dict[str, str], files: list[tuple[str, Any]]) -> None:
    changed = [_file(path, change) for path, change in files]
    assert not CHECK.wanted(changed, TreeFacts(frozenset(paths), texts)).run


def test_a_deleted_module_is_judged_through_the_others() -> None:
    facts = TreeFacts(frozenset({"b.py", "mypy.ini"}), {"mypy.ini": INI})
    wanted = CHECK.wanted([_file("a.py", "D")], facts)
    assert (wanted.run, wanted.files, wanted.whole_tree) == (True, (), True)


@pytest.mark.parametrize(
    ("entry", "judged"),
    [("src", ("src/a.py",)), ("src/", ("src/a.py",)), ("./src", ("src/a.py",)), (".", ("a.py", "src/a.py"))],
)
def test_the_files_that_the_configuration_names_are_those_that_are_judged(entry: str, judged: tuple[str, ...]) -> None:
    texts = {"mypy.ini": f"[mypy]\nfiles = {entry}\n"}
    wanted = CHECK.wanted([_file("a.py"), _file("src/a.py")], TreeFacts(frozenset({"a.py", *texts}), texts))
    assert wanted.files == judged
    assert wanted.argv[-1] != "."


@pytest.mark.parametrize("finished", [Finished(2, "", "usage"), Finished(1, "", "")], ids=["usage", "no findings"])
def test_what_it_did_not_say_is_never_a_pass(finished: Finished) -> None:
    assert CHECK.read(finished, ()).status == "crashed"


def _file(path: str, change: Any = "M") -> TargetFile:
    return TargetFile(path=path, language="python" if path.endswith(".py") else "unknown", change=change)
