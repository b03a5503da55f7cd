"""``validate --fix`` mends what takes no decision, and nothing else."""

from __future__ import annotations

import json

import pytest
from global_doc_id.findings import Finding
from global_doc_id.fixing import fix
from global_doc_id.policy import load_policy
from global_doc_id.registry import load_registry
from global_doc_id.testing.playground import Playground

ID = "DOC-AAM000-DOC-001"


def mend(ground: Playground, *findings: Finding) -> list[str]:
    root = ground.folder
    return fix(root, findings, load_policy(root), load_registry(root))


@pytest.mark.parametrize("written", [f'" {ID} "', ID.lower(), f"'{ID.lower()}'"])
def test_a_spelling_is_set_right(ground: Playground, written: str) -> None:
    ground.document("app/docs/a.md", written)
    assert mend(ground, Finding("app/docs/a.md", 2, "form", "x", "y", True)) == ["app/docs/a.md"]
    assert ID in ground.text("app/docs/a.md")
    assert ID.lower() not in ground.text("app/docs/a.md")


def test_a_missing_id_is_minted(ground: Playground) -> None:
    ground.put("app/docs/a.md", "# T\n")
    assert mend(ground, Finding("app/docs/a.md", 1, "required", "no doc_id", "y", True)) == ["app/docs/a.md"]
    assert ground.text("app/docs/a.md") == f"---\ndoc_id: {ID}\n---\n# T\n"


def test_a_sidecar_loses_dead_entries_and_gets_its_form(ground: Playground) -> None:
    ground.put("app/docs/x.png", b"\0")
    ground.put("app/docs/doc_ids.json", json.dumps({"doc_ids": {"x.png": ID, "dead.png": "y"}, "version": 1}))
    assert mend(ground, Finding("app/docs/doc_ids.json", 1, "sidecar", "x", "y", True)) == ["app/docs/doc_ids.json"]
    expected = f'{{\n  "version": 1,\n  "doc_ids": {{\n    "x.png": "{ID}"\n  }}\n}}\n'
    assert ground.text("app/docs/doc_ids.json") == expected


def test_a_gone_id_goes_into_the_ledger_which_is_sorted(ground: Playground) -> None:
    ground.put("doc_ids.ledger", "DOC-AAM000-DOC-009\ta\tb\nDOC-AAM000-DOC-005\ta\tb\n")
    gone = Finding("app/docs/a.md", 1, "gone", f"{ID} is gone", "y", True)
    assert mend(ground, gone, Finding("doc_ids.ledger", 2, "ledger", "not sorted", "y", True)) == ["doc_ids.ledger"]
    assert [line[:18] for line in ground.text("doc_ids.ledger").splitlines()] == [
        ID, "DOC-AAM000-DOC-005", "DOC-AAM000-DOC-009",
    ]  # fmt: skip


def test_what_takes_a_decision_is_left_to_people(ground: Playground) -> None:
    ground.document("app/docs/a.md", ID.lower())
    assert mend(ground, Finding("app/docs/a.md", 2, "form", "x", "y", False)) == []
    assert ID.lower() in ground.text("app/docs/a.md")
