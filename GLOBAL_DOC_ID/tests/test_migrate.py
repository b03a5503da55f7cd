"""Ids of the older form get new ones by place; what mentions them is changed, what only looks like it is not."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest
from click.testing import Result
from global_doc_id.testing.playground import Playground

DocId = Callable[..., Result]
GUIDE, STATE, DIGITS = "DOC-GUIDE-COMPLETE-AI-DEVELOPMENT-PIPELINE-1228", "DOC-CORE-STATE-042", "2026"
READER = f"""---
doc_id: DOC-BBM000-DOC-001
parent: {GUIDE}
related: ["{STATE}", "{STATE}-X"]
year: 2026
---
# {GUIDE}
See [[{GUIDE}]] and [[{DIGITS}]], not `[[{GUIDE}]]`.
```
[[{GUIDE}]]
```
    [[{GUIDE}]]
"""
CHANGED = """---
doc_id: DOC-BBM000-DOC-001
parent: DOC-AAM000-DOC-001
related: ["SCR-AAM000-SRC-001", "DOC-CORE-STATE-042-X"]
year: 2026
---
# DOC-GUIDE-COMPLETE-AI-DEVELOPMENT-PIPELINE-1228
See [[DOC-AAM000-DOC-001]] and [[DOC-AAM001-DOC-001]], not `[[DOC-GUIDE-COMPLETE-AI-DEVELOPMENT-PIPELINE-1228]]`.
```
[[DOC-GUIDE-COMPLETE-AI-DEVELOPMENT-PIPELINE-1228]]
```
    [[DOC-GUIDE-COMPLETE-AI-DEVELOPMENT-PIPELINE-1228]]
"""


@pytest.fixture
def older(ground: Playground) -> Playground:
    ground.document("app/docs/guide.md", GUIDE)
    ground.put("app/src/state.py", f"#!/usr/bin/env python3\n# doc_id: {STATE}\n")
    ground.document("app/modules/M001_RUN/docs/a.md", DIGITS)
    ground.document("notes/left.md", "DOC-NOTES-007")
    ground.put("base/docs/reader.md", READER)
    ground.save()
    return ground


def test_all_files_are_migrated_and_what_has_no_place_is_left(older: Playground, doc_id: DocId) -> None:
    answer = doc_id("migrate")
    assert answer.exit_code == 1
    assert "notes/left.md: DOC-NOTES-007 -> left: it lies in no folder of the registry" in answer.stdout
    assert f"app/docs/guide.md: {GUIDE} -> DOC-AAM000-DOC-001" in answer.stdout
    assert "doc_id: DOC-AAM000-DOC-001\n" in older.text("app/docs/guide.md")
    assert older.text("app/src/state.py").splitlines()[1] == "# doc_id: SCR-AAM000-SRC-001"
    assert "doc_id: DOC-NOTES-007\n" in older.text("notes/left.md")
    assert older.text("base/docs/reader.md") == CHANGED
    assert older.text("doc_ids.ledger").splitlines() == [
        f"{DIGITS}\tapp/modules/M001_RUN/docs/a.md\tmigrated to DOC-AAM001-DOC-001",
        f"{STATE}\tapp/src/state.py\tmigrated to SCR-AAM000-SRC-001",
        f"{GUIDE}\tapp/docs/guide.md\tmigrated to DOC-AAM000-DOC-001",
    ]
    assert "migrated to DOC-AAM000-DOC-001" in doc_id("find", GUIDE).stdout
    (older.folder / "notes/left.md").unlink()
    assert (doc_id("migrate").exit_code, doc_id("migrate").stdout) == (0, "")


def test_a_dry_run_tells_the_same_and_changes_nothing(older: Playground, doc_id: DocId) -> None:
    told = json.loads(doc_id("migrate", "--dry-run", "--json").stdout)
    assert older.git("status", "--porcelain") == ""
    assert told == json.loads(doc_id("migrate", "--json").stdout)


def test_only_the_files_that_were_named(older: Playground, doc_id: DocId) -> None:
    answer = doc_id("migrate", older.folder / "app/src/state.py", "--json")
    assert [row["path"] for row in json.loads(answer.stdout)] == ["app/src/state.py"]
    assert f"doc_id: {GUIDE}\n" in older.text("app/docs/guide.md")


def test_two_files_with_one_older_id_get_one_each(ground: Playground, doc_id: DocId) -> None:
    for name in "ab":
        ground.document(f"app/docs/{name}.md", STATE)
    assert doc_id("migrate").exit_code == 0
    assert ground.text("doc_ids.ledger") == f"{STATE}\tapp/docs/a.md\tmigrated to DOC-AAM000-DOC-001\n"
    assert "DOC-AAM000-DOC-002" in ground.text("app/docs/b.md")


def test_carriers_in_capitals_are_taken_too(ground: Playground, doc_id: DocId) -> None:
    ground.put("app/docs/a.md", f"---\ntitle: x\nDOC_ID: {GUIDE}\n---\nDOC_ID: {STATE}\n")
    ground.put("app/src/a.py", f"# DOC_ID: {STATE}\nDOC_ID: str = '{STATE}'\n")
    assert doc_id("migrate").exit_code == 0
    assert ground.text("app/docs/a.md") == f"---\ntitle: x\ndoc_id: DOC-AAM000-DOC-001\n---\nDOC_ID: {STATE}\n"
    assert ground.text("app/src/a.py") == f"# doc_id: SCR-AAM000-SRC-001\nDOC_ID: str = '{STATE}'\n"
