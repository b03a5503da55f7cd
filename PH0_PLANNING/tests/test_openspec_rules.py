"""OpenSpec's own verdict."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from ph0_planning.files import PlanFiles
from ph0_planning.openspec_rules import deltas_of, verdict

WritePlan = Callable[..., Path]

GOOD = "### Requirement: A\nThe system SHALL do.\n#### Scenario: s\n- x\n"
MAIN = "## Purpose\nx\n## Requirements\n### Requirement: A\nMUST\n#### Scenario: s\n- x\n#### Edge\n- y\n"


@pytest.mark.parametrize(
    ("files", "expected", "said"),
    [
        pytest.param({"specs/c/spec.md": f"## ADDED Requirements\n{GOOD}"}, "valid", "", id="good"),
        pytest.param({"specs/a/c/spec.md": f"## added requirements\n{GOOD}"}, "valid", "", id="nested, other case"),
        pytest.param(
            {"specs/c/spec.md": "## REMOVED Requirements\n- `### Requirement: A`\n"}, "valid", "", id="removed"
        ),
        pytest.param(
            {"specs/c/spec.md": "## RENAMED Requirements\n- FROM: `### Requirement: A`\n- TO: `### Requirement: B`\n"},
            "valid",
            "",
            id="renamed",
        ),
        pytest.param({"a.md": "x"}, "invalid", "no delta", id="no delta"),
        pytest.param({".openspec.yaml": "skip_specs: true\n"}, "valid", "", id="specs are skipped"),
        pytest.param(
            {".openspec.yaml": "skip_specs: true\n", "specs/c/spec.md": f"## ADDED Requirements\n{GOOD}"},
            "invalid",
            "skip_specs",
            id="skipped, and there",
        ),
        pytest.param({"specs/spec.md": f"## ADDED Requirements\n{GOOD}"}, "invalid", "capability", id="at the root"),
        pytest.param(
            {"specs/c/other.md": f"## ADDED Requirements\n{GOOD}"}, "invalid", "called spec.md", id="other name"
        ),
        pytest.param({"specs/c/spec.md": f"# Title\n{GOOD}"}, "invalid", "no delta section", id="no section"),
        pytest.param({"specs/c/spec.md": "## ADDED Requirements\n"}, "invalid", "no requirement", id="empty section"),
        pytest.param(
            {"specs/c/spec.md": "## ADDED Requirements\n### Requirement: A\n#### Scenario: s\n- x\n"},
            "invalid",
            "no text",
            id="no text",
        ),
        pytest.param(
            {"specs/c/spec.md": "## MODIFIED Requirements\n### Requirement: A\nMUST\n#### Scenario: s\n"},
            "invalid",
            "no scenario",
            id="empty scenario",
        ),
        pytest.param({"specs/c/spec.md": f"## ADDED Requirements\n{GOOD}{GOOD}"}, "invalid", "twice", id="twice"),
        pytest.param(
            {"specs/c/spec.md": f"## ADDED Requirements\n{GOOD}## REMOVED Requirements\n### Requirement: A\n"},
            "invalid",
            "both ADDED and REMOVED",
            id="conflict",
        ),
        pytest.param(
            {"specs/c/spec.md": "## RENAMED Requirements\n- FROM: `### Requirement: A`\n"}, "invalid", "half", id="half"
        ),
        pytest.param(
            {"specs/c/spec.md": f"## MODIFIED Requirements\n{GOOD}", "../../specs/c/spec.md": MAIN},
            "invalid",
            "drops scenarios of the spec: Edge",
            id="dropped scenario",
        ),
        pytest.param(
            {"specs/c/spec.md": f"## ADDED Requirements\n{GOOD.replace('SHALL', 'will')}"},
            "valid",
            "SHALL",
            id="advice",
        ),
    ],
)
def test_the_rules_of_the_format(
    write_plan: WritePlan, tmp_path: Path, files: dict[str, str], expected: str, said: str
) -> None:
    plan = write_plan("openspec/changes/x", {"tasks.md": "## 1. A\n- [ ] 1.1 x\n", **files})
    found = PlanFiles(plan, tmp_path)
    result = verdict(found, deltas_of(found), found.read("tasks.md"))
    assert result.verdict == expected
    assert said in " ".join(result.reasons)
    assert bool(result.reasons) == bool(said)


def test_numbering_is_advice(write_plan: WritePlan, tmp_path: Path) -> None:
    tasks = "## 1. A\n- [ ] 2.1 x\n## B\n- [ ] 9.9 y\n## 2. C\n- [ ] 2.1 z\n- [ ] " + "1" * 5_000 + ".1 w\n"
    plan = write_plan("openspec/changes/x", {"tasks.md": tasks, "specs/c/spec.md": f"## ADDED Requirements\n{GOOD}"})
    found = PlanFiles(plan, tmp_path)
    result = verdict(found, deltas_of(found), found.read("tasks.md"))
    assert result.verdict == "valid"
    assert len(result.reasons) == 3
