"""The diagrams in docs/state_machine.md are those of the tables that decide."""

from __future__ import annotations

import re
import runpy
from pathlib import Path

import pytest
from global_core_state import machine

ROOT = Path(__file__).resolve().parent.parent
SCRIPT = runpy.run_path(str(ROOT / "scripts/state_machine.py"))


def test_the_document_shows_the_tables() -> None:
    text = (ROOT / "docs/state_machine.md").read_text("utf-8")
    assert SCRIPT["filled"](text) == text, "mend with: python scripts/state_machine.py"


@pytest.mark.parametrize(("name", "table"), [("workstream", machine.WORKSTREAM), ("run", machine.RUN)])
def test_a_diagram_has_every_transition_and_no_other(name: str, table: dict[str, frozenset[str]]) -> None:
    drawn = re.findall(r"^    (\w+) --> (\w+)$", SCRIPT["diagram"](name), re.MULTILINE)
    assert sorted(drawn) == sorted((before, after) for before, states in table.items() for after in states)


def test_a_document_without_a_marker_is_no_pass() -> None:
    with pytest.raises(ValueError, match="states:workstream:begin"):
        SCRIPT["filled"]("# State machines\n")
