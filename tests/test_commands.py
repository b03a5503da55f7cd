"""Every command answers --version and --help, documents itself, and loads nothing heavy to do so."""

from __future__ import annotations

import os
import subprocess
import sys
from importlib.metadata import entry_points
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
COMMANDS = ("aim", "capabilities", "core-state", "doc-id", *(f"ph{number}" for number in range(8)), "pipeline")
HEAVY = {"git", "jsonschema", "pydantic", "rich", "sqlite3", "sqlite_utils", "structlog", "yaml"}


def run(command: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run an installed command, and let Python report on standard error what it imports."""
    script = Path(sys.executable).parent / command
    environment = {**os.environ, "PYTHONPROFILEIMPORTTIME": "1", "NO_COLOR": "1"}
    return subprocess.run([str(script), *arguments], env=environment, capture_output=True, text=True, check=False)


def loaded(report: str) -> set[str]:
    """The top-level modules in a report of ``-X importtime``."""
    lines = [line for line in report.splitlines() if line.startswith("import time:")]
    return {line.rpartition("|")[2].strip().partition(".")[0] for line in lines}


def test_the_commands_are_those_that_are_promised() -> None:
    ours = {
        entry.name
        for entry in entry_points(group="console_scripts")
        if entry.dist and entry.dist.name.startswith("phaseline")
    }
    assert ours == set(COMMANDS)


@pytest.mark.parametrize("command", COMMANDS)
def test_a_command_answers_its_version(command: str) -> None:
    answer = run(command, "--version")
    assert (answer.returncode, answer.stdout) == (0, f"{command} 0.1.0\n")
    assert not loaded(answer.stderr) & HEAVY


@pytest.mark.parametrize("command", COMMANDS)
def test_a_command_helps_without_loading_what_help_does_not_need(command: str) -> None:
    answer = run(command, "--help")
    assert answer.returncode == 0
    assert "Usage:" in answer.stdout
    assert loaded(answer.stderr) & {"click"}
    assert not loaded(answer.stderr) & HEAVY
