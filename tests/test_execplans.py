"""The execution plans of this repository have the sections that their standard asks for."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
PLANS = sorted((ROOT / "docs" / "execplans").glob("*.md"))
SECTIONS = (
    "Purpose / Big Picture",
    "Progress",
    "Surprises & Discoveries",
    "Decision Log",
    "Outcomes & Retrospective",
    "Context and Orientation",
    "Plan of Work",
    "Concrete Steps",
    "Validation and Acceptance",
    "Idempotence and Recovery",
    "Artifacts and Notes",
    "Interfaces and Dependencies",
)


@pytest.mark.parametrize("plan", PLANS, ids=lambda plan: plan.stem)
def test_a_plan_has_the_sections_of_the_standard(plan: Path) -> None:
    text = plan.read_text("utf-8")
    assert tuple(re.findall(r"^## (.+)$", text, re.MULTILINE)) == SECTIONS


@pytest.mark.parametrize("plan", PLANS, ids=lambda plan: plan.stem)
def test_a_plan_names_files_relative_to_the_repository(plan: Path) -> None:
    assert not re.findall(r"`/(?:home|root|Users|work)/[^`]*`", plan.read_text("utf-8"))


@pytest.mark.parametrize("plan", PLANS, ids=lambda plan: plan.stem)
def test_progress_is_a_list_of_what_is_done_and_open(plan: Path) -> None:
    progress = plan.read_text("utf-8").partition("## Progress\n")[2].partition("\n## ")[0]
    entries = [line for line in progress.splitlines() if line.strip()]
    assert entries
    assert [line for line in entries if not re.match(r"- \[[ x]\] ", line)] == []
    assert [
        line
        for line in entries
        if line.startswith("- [x]") and not re.match(r"- \[x\] \(\d{4}-\d\d-\d\d \d\d:\d\dZ\)", line)
    ] == []
