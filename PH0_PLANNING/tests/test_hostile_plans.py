"""Plans made to cost time: long lines and many lines stay cheap in every file that is read."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

import pytest
from ph0_planning.reading import read_plan

WritePlan = Callable[..., Path]

SIZE = 60_000
MAX_SECONDS = 20
"""Far above what is needed (well below one second each), far below what squared time would take."""


@pytest.mark.parametrize("format_id", ["openspec", "spec-kit"])
@pytest.mark.parametrize(
    "unit",
    [
        " ",
        "*",
        "- [",
        "a/",
        ".",
        "` ",
        "1.",
        " #",
        ">",
        ":1",
        "[P] ",
        "and verify ",
        "T001 -> ",
        "- [ ] b\n## 1. a\n",
        "|",
        "{",
    ],
)
def test_time_grows_with_the_length(write_plan: WritePlan, tmp_path: Path, unit: str, format_id: str) -> None:
    long = unit * (SIZE // len(unit))
    files = {
        "tasks.md": f"## 1. A\n- [ ] T001 a/b.py\n{long}\n- [ ] T002 {long}\n## Dependencies\n- {long}",
        "proposal.md": f"## Impact\n{long}",
        "spec.md": f"### User Story 1\nAcceptance Scenarios\n{long}",
        "plan.md": f"## Project Structure\n```\n{long}\n```\n",
        "specs/c/spec.md": f"## ADDED Requirements\n### Requirement: A\n#### {long}\n{long}\n## RENAMED Requirements\n{long}",
    }
    start = time.process_time()
    read_plan(write_plan("openspec/changes/x", files), tmp_path, format_id)
    assert time.process_time() - start < MAX_SECONDS
