"""The report on one workstream: every chosen check, and what of it is new."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from global_aim.project_tools import choose_interpreter
from global_util.checks import checks
from global_util.contracts.error_report import ReportItem
from ph4_error_detection.checks import mypy, ruff, shellcheck
from ph4_error_detection.checks import pytest as pytest_check
from ph4_error_detection.report import judge, on_base

PLUGINS = {plugin.id: plugin for plugin in (mypy.CHECK, pytest_check.CHECK, ruff.CHECK)}
ONLY_F = {"ruff.toml": 'lint.select = ["F"]\n'}


class Base:
    """Lends the base tree and counts how often."""

    def __init__(self, tree: Path) -> None:
        self.tree = tree
        self.lent = 0

    @contextmanager
    def __call__(self) -> Iterator[Path]:
        self.lent += 1
        yield self.tree


def _judge(story: Any, *chosen: Any) -> tuple[ReportItem, Base]:
    base = Base(story.base)
    item = story.targets(*chosen)
    return judge(item, PLUGINS, story.head, base, choose_interpreter()), base


def _baselines(report: ReportItem) -> list[tuple[str, str]]:
    return [(finding.rule, finding.baseline) for check in report.checks for finding in check.findings]


def test_a_clean_change_needs_no_base(tell: Any) -> None:
    story = tell({}, {"a.py": "x = 1\n"})
    report, base = _judge(story, story.chosen(ruff.CHECK))
    assert [(check.status, check.judged) for check in report.checks] == [("pass", ("a.py",))]
    assert base.lent == 0


def test_what_the_base_had_is_unchanged_and_one_more_is_new(tell: Any) -> None:
    story = tell({"a.py": "import os\n"}, {"a.py": "x = 1\n\n\nimport os\nimport re\n"})
    report, base = _judge(story, story.chosen(ruff.CHECK))
    messages = {finding.message: finding.baseline for finding in report.checks[0].findings}
    assert messages["`os` imported but unused"] == "unchanged"
    assert messages["`re` imported but unused"] == "new"
    assert base.lent == 1


def test_a_file_that_the_base_does_not_have_is_new_in_all(tell: Any) -> None:
    story = tell({**ONLY_F, "b.py": "import os\n"}, {"a.py": "import os\n", "b.py": "import os\nx = 1\n"})
    report, _ = _judge(story, story.chosen(ruff.CHECK))
    assert [(finding.path, finding.baseline) for finding in report.checks[0].findings] == [
        ("a.py", "new"),
        ("b.py", "unchanged"),
    ]


def test_a_renamed_file_keeps_its_old_faults(tell: Any) -> None:
    text = "import os\n" + "x = 1\n" * 30
    story = tell({"old.py": text}, {"old.py": None, "new.py": text + "import re\n"})
    report, _ = _judge(story, story.chosen(ruff.CHECK))
    found = {(finding.message, finding.baseline) for finding in report.checks[0].findings if finding.rule == "F401"}
    assert found == {("`os` imported but unused", "unchanged"), ("`re` imported but unused", "new")}


def test_a_test_that_failed_before_is_unchanged_although_its_message_names_its_tree(tell: Any) -> None:
    old = "import os\n\ndef test_old(tmp_path):\n    assert os.getcwd() == str(tmp_path), object()\n"
    story = tell({"test_old.py": old}, {"test_new.py": "def test_new():\n    assert 1 == 2\n"})
    report, _ = _judge(story, story.chosen(pytest_check.CHECK))
    assert _baselines(report) == [("test_new.py::test_new", "new"), ("test_old.py::test_old", "unchanged")]


def test_all_kinds_together_in_the_order_in_which_they_were_chosen(tell: Any, acceptance: Any) -> None:
    story = tell(
        {
            "mypy.ini": "[mypy]\n",
            "a.py": "x: int = 1\n",
            "test_a.py": "import a\n\ndef test_a():\n    assert a.x == 1\n",
        },
        {"a.py": "import os\n\nx: int = ''\n"},
    )
    command = acceptance("python", "-c", "import a; raise SystemExit(len(a.x))")
    tests, types = story.chosen(pytest_check.CHECK), story.chosen(mypy.CHECK)
    report, base = _judge(story, command, tests, types, story.chosen(ruff.CHECK))
    assert [(check.check_id, check.status) for check in report.checks] == [
        ("acceptance-1", "pass"),
        ("pytest", "findings"),
        ("mypy", "findings"),
        ("ruff", "findings"),
    ]
    assert base.lent == 1
    assert {baseline for _, baseline in _baselines(report)} == {"new"}
    assert report.inputs == (story.targets(command, tests, types, story.chosen(ruff.CHECK)).item_id,)


def test_whoever_listens_is_told_of_each_check_before_it_runs(tell: Any, acceptance: Any) -> None:
    story = tell({}, {"a.py": "", "test_a.py": "def test_a():\n    pass\n"})
    item = story.targets(acceptance("python", "-c", "pass"), story.chosen(pytest_check.CHECK), story.chosen(ruff.CHECK))
    heard: list[str] = []
    judge(
        item, PLUGINS, story.head, Base(story.base), choose_interpreter(), lambda chosen: heard.append(chosen.check_id)
    )
    assert heard == ["ruff", "pytest", "acceptance-1"]


def test_tests_that_write_into_the_tree_do_not_disturb_the_linters(tell: Any) -> None:
    story = tell(ONLY_F, {"test_a.py": "def test_a():\n    open('test_a.py', 'w').write('import os\\n')\n"})
    report, _ = _judge(story, story.chosen(pytest_check.CHECK), story.chosen(ruff.CHECK))
    assert [check.status for check in report.checks] == ["pass", "pass"]


def test_an_acceptance_command_that_failed_before_still_counts_as_new(tell: Any, acceptance: Any) -> None:
    story = tell({}, {"a.py": ""})
    report, base = _judge(story, acceptance("python", "-c", "raise SystemExit(3)"))
    assert _baselines(report) == [("python -c 'raise SystemExit(3)'", "new")]
    assert base.lent == 0


def test_a_base_that_cannot_be_judged_excuses_nothing(tell: Any) -> None:
    story = tell({"a.py": "import os\n", "ruff.toml": "zzz =\n"}, {"a.py": "import os\n\n", "ruff.toml": None})
    report, _ = _judge(story, story.chosen(ruff.CHECK))
    assert {baseline for _, baseline in _baselines(report)} == {"new"}
    assert "base could not be judged (crashed)" in report.checks[0].detail


def test_a_check_that_nobody_provides_any_more_is_a_missing_tool(tell: Any) -> None:
    story = tell({}, {"a.sh": "#!/bin/sh\n"})
    report, _ = _judge(story, story.chosen(shellcheck.CHECK))
    assert [(check.status, check.judged) for check in report.checks] == [("tool_missing", ())]


def test_the_same_tree_in_another_place_gives_the_same_item(tell: Any, tmp_path: Path) -> None:
    failing = "import os\n\ndef test_a(tmp_path):\n    assert 0, (os.getcwd(), tmp_path, object())\n"
    story = tell({}, {"test_a.py": failing})
    chosen = [story.chosen(pytest_check.CHECK), story.chosen(ruff.CHECK)]
    first, _ = _judge(story, *chosen)
    item = story.targets(*chosen)
    story.head.rename(tmp_path / "elsewhere-with-another-name")
    second = judge(item, PLUGINS, tmp_path / "elsewhere-with-another-name", Base(story.base), choose_interpreter())
    assert first.item_id == second.item_id
    assert str(tmp_path) not in str(first.to_json())


def test_the_check_on_the_base_names_only_files_that_are_there(tell: Any) -> None:
    story = tell({"check": "", "a.py": ""}, {"check": "x", "a.py": "x = 1\n", "b.py": ""})
    chosen = story.chosen(ruff.CHECK).model_copy(update={"files": ("a.py", "b.py", "check")})
    before = on_base(chosen, story.base, {})
    assert before is not None
    assert before.argv == ("ruff", "check", "--output-format", "json", "--no-cache", "--force-exclude", "--", "a.py")
    assert on_base(chosen.model_copy(update={"files": ("b.py",)}), story.base, {}) is None


def test_the_plugins_are_registered() -> None:
    assert list(checks()) == sorted({*checks(), "eslint", "mypy", "pytest", "ruff", "shellcheck"})


@pytest.mark.parametrize("check_id", ["eslint", "mypy", "pytest", "ruff", "shellcheck"])
def test_a_plugin_is_registered_under_its_own_id(check_id: str) -> None:
    plugin = checks()[check_id]
    assert plugin.tool == check_id
    assert not any(name.startswith("/") for name in plugin.config_files)
