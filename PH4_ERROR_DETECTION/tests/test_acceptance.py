"""Acceptance commands: exit 0 passes, everything else does not."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest
from global_aim.project_tools import choose_interpreter
from ph4_error_detection.acceptance import run_acceptance


def test_exit_0_passes(acceptance: Any, tmp_path: Path) -> None:
    outcome = run_acceptance(acceptance("python", "-c", "pass"), tmp_path, choose_interpreter())
    assert (outcome.status, outcome.findings) == ("pass", ())


def test_another_exit_is_a_finding_with_the_last_words(acceptance: Any, tmp_path: Path) -> None:
    code = "import os, sys; print('x\\n' * 5000); sys.exit(f'{os.getcwd()}/a.py: wrong')"
    outcome = run_acceptance(acceptance("python", "-c", code), tmp_path, choose_interpreter())
    (found,) = outcome.findings
    assert outcome.status == "findings"
    assert found.rule == f"python -c '{code.replace(chr(39), chr(39) + chr(34) + chr(39) + chr(34) + chr(39))}'"
    assert found.message.startswith("exit code 1")
    assert found.message.endswith("\na.py: wrong")
    assert len(found.message) <= 2000


@pytest.mark.parametrize("name", ["no-such-program-anywhere", "./no/such/script"])
def test_a_missing_program_is_a_missing_tool(acceptance: Any, tmp_path: Path, name: str) -> None:
    assert run_acceptance(acceptance(name), tmp_path, choose_interpreter()).status == "tool_missing"


def test_a_command_that_does_not_end_is_a_timeout(acceptance: Any, tmp_path: Path) -> None:
    chosen = acceptance("python", "-c", "import time; time.sleep(60)", timeout_s=1)
    assert run_acceptance(chosen, tmp_path, choose_interpreter()).status == "timeout"


def test_a_command_that_is_killed_is_a_crash(acceptance: Any, tmp_path: Path) -> None:
    chosen = acceptance("python", "-c", "import os; os.kill(os.getpid(), 9)")
    assert run_acceptance(chosen, tmp_path, choose_interpreter()).status == "crashed"


def test_python_and_its_tools_are_those_of_the_project(acceptance: Any, tmp_path: Path) -> None:
    (tmp_path / "test_a.py").write_text("def test_a():\n    pass\n")
    (tmp_path / "mine.py").write_text(f"import sys\n\nassert sys.executable == {sys.executable!r}\n")
    for argv in (("python3", "mine.py"), ("pytest", "-q", "test_a.py"), ("ruff", "check", "--no-cache", "mine.py")):
        outcome = run_acceptance(acceptance(*argv), tmp_path, choose_interpreter())
        assert outcome.status == "pass", outcome.findings


def test_arguments_are_given_as_they_are(acceptance: Any, tmp_path: Path) -> None:
    code = "import sys; sys.exit(sys.argv[1:] != ['{report}', '$HOME', 'a\\\\\\\\b'])"
    chosen = acceptance("python", "-c", code, "{report}", "$HOME", "a\\\\b")
    assert run_acceptance(chosen, tmp_path, choose_interpreter()).status == "pass"
