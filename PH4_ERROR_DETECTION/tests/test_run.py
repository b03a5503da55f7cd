"""Running a check: whatever the program does is told as an outcome. The programs are small scripts in the tree."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from global_aim.project_tools import choose_interpreter
from global_util.checks import Finished, Outcome, TreeFacts, Wanted
from global_util.contracts.error_check_targets import CheckKind, ChosenCheck, TargetFile
from ph4_error_detection.run import run_check


class Lines:
    """A plugin whose tool answers ``ok``; it fails at an answer of no words, as a careless plugin would."""

    id = "lines"
    tool = "lines"
    kind: CheckKind = "lint"
    config_files: tuple[str, ...] = ()
    python_module: str | None = None

    def wanted(self, files: Sequence[TargetFile], facts: TreeFacts) -> Wanted:
        return Wanted(True, "always")

    def read(self, finished: Finished, files: Sequence[str]) -> Outcome:
        said = finished.report.decode() if finished.report else finished.stdout
        return Outcome("pass" if said.split()[0] == "ok" else "crashed", detail=finished.stdout)

    def fixer(self, files: Sequence[str]) -> tuple[str, ...] | None:
        return None


def _chosen(*argv: str, files: tuple[str, ...] = (), timeout_s: int = 30) -> ChosenCheck:
    return ChosenCheck(
        check_id="lines",
        tool="lines",
        kind="lint",
        files=files,
        whole_tree=False,
        argv=("lines", *argv),
        timeout_s=timeout_s,
        why="",
    )


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    (tmp_path / "node_modules" / ".bin").mkdir(parents=True)
    return tmp_path


def _run(tree: Path, script: str, *argv: str, **values: Any) -> Outcome:
    program = tree / "node_modules" / ".bin" / "lines"
    program.write_text("#!/bin/sh\n" + script)
    program.chmod(0o755)
    return run_check(_chosen(*argv, **values), Lines(), tree, choose_interpreter())


def test_a_program_of_the_project_is_found_before_others(tree: Path) -> None:
    assert _run(tree, "echo ok").status == "pass"


def test_a_program_that_is_not_installed_is_a_missing_tool(tree: Path) -> None:
    outcome = run_check(_chosen(), Lines(), tree, choose_interpreter())
    assert (outcome.status, outcome.detail) == ("tool_missing", "lines is not installed")


def test_a_program_that_cannot_be_started_is_a_missing_tool(tree: Path) -> None:
    assert _run(tree, "", "a\0b").status == "tool_missing"


def test_a_program_that_does_not_end_is_a_timeout(tree: Path) -> None:
    assert _run(tree, "sleep 30", timeout_s=1).status == "timeout"


def test_a_program_that_is_killed_is_a_crash(tree: Path) -> None:
    outcome = _run(tree, "kill -9 $$")
    assert outcome.status == "crashed"
    assert "signal 9" in outcome.detail


def test_an_answer_that_the_plugin_fails_at_is_a_crash(tree: Path) -> None:
    outcome = _run(tree, "echo why >&2")
    assert outcome.status == "crashed"
    assert "IndexError" in outcome.detail
    assert "why" in outcome.detail


def test_an_answer_too_long_to_be_read_to_its_end_is_never_a_pass(tree: Path) -> None:
    assert _run(tree, "echo ok; head -c 11000000 /dev/zero").status == "crashed"


def test_the_report_lies_outside_the_tree_and_is_read(tree: Path) -> None:
    before = sorted(tree.iterdir())
    assert _run(tree, 'echo ok > "$1"', "{report}").status == "pass"
    assert sorted(tree.iterdir()) == before


def test_a_link_in_place_of_the_report_is_not_followed(tree: Path) -> None:
    assert _run(tree, 'echo ok > "$1.other"; ln -s "$1.other" "$1"', "{report}").status == "crashed"


def test_file_names_are_given_as_the_bytes_they_are(tree: Path) -> None:
    script = "test $(printf '%s' \"$2\" | od -An -tx1 | tr -d ' ') = 61ff5c62 && echo ok"
    assert _run(tree, script, "--", r"a\xff\\b", files=(r"a\xff\\b",)).status == "pass"


def test_a_placeholder_in_a_file_name_is_no_placeholder(tree: Path) -> None:
    assert _run(tree, 'test "$2" = "{report}" && echo ok', "--", "{report}", files=("{report}",)).status == "pass"
