"""What the README tells a newcomer to type is what the checks run."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
DEMO = "python3 -m venv .venv && .venv/bin/pip install -q . && .venv/bin/pipeline demo"
TEST = "python3 -m venv .venv && .venv/bin/pip install -q hatch && .venv/bin/hatch test"


def commands(text: str) -> list[str]:
    """The lines of a Markdown text's code blocks."""
    return [line.strip() for block in re.findall(r"```\w*\n(.*?)```", text, re.DOTALL) for line in block.splitlines()]


def test_the_readme_shows_the_two_commands_in_order() -> None:
    shown = commands((ROOT / "README.md").read_text("utf-8"))
    assert [line for line in shown if line in (DEMO, TEST)] == [DEMO, TEST]


def test_the_checks_run_the_readmes_test_command() -> None:
    lines = (ROOT / ".ci" / "run").read_text("utf-8").splitlines()
    assert TEST in [line.strip() for line in lines]
