"""Links between the documents of this repository lead somewhere."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
DOCUMENTS = [
    path
    for pattern in ("*.md", "docs/**/*.md", "*/README.md", "*/docs/*.md", "*/modules/*/docs/*.md")
    for path in sorted(ROOT.glob(pattern))
]


def links(document: Path) -> list[str]:
    """Targets of the links to files, outside of code, without the place in the file."""
    text = re.sub(r"^```.*?^```|`[^`\n]*`", "", document.read_text("utf-8"), flags=re.MULTILINE | re.DOTALL)
    targets = re.findall(r"\]\(([^)\s#]+)[^)]*\)", text)
    return [target for target in targets if not re.match(r"[a-z]+:", target)]


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_links_lead_to_files(document: Path) -> None:
    assert [target for target in links(document) if not (document.parent / target).exists()] == []


def test_the_readme_leads_to_architecture_and_phase_plan() -> None:
    assert {"docs/ARCHITECTURE.md", "docs/PHASE_PLAN.md"} <= set(links(ROOT / "README.md"))


def test_the_phase_plan_leads_to_the_map_of_the_requirements() -> None:
    assert "spec_index_map.md" in links(ROOT / "docs" / "PHASE_PLAN.md")
