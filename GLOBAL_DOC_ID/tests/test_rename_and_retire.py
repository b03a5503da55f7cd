"""Ids that are given up or given another name: in the file, in every reference, in the ledger."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest
from click.testing import Result
from global_doc_id.testing.playground import Playground

DocId = Callable[..., Result]
OLD, NEW, THIRD = (f"DOC-AAM000-DOC-00{number}" for number in (1, 2, 3))
A, READER = "app/docs/a.md", "base/docs/reader.md"


@pytest.fixture
def filled(ground: Playground) -> Playground:
    ground.document(A, OLD)
    ground.document(READER, "DOC-BBM000-DOC-001", f"see [[{OLD}]], [[{OLD}]]\r\nand `[[{OLD}]]`\n")
    ground.save()
    return ground


def test_a_rename_reaches_carrier_references_and_ledger(filled: Playground, doc_id: DocId) -> None:
    answer = doc_id("rename", OLD, NEW)
    assert answer.exit_code == 0, answer.stderr
    assert f"doc_id: {NEW}\n" in filled.text(A)
    assert f"see [[{NEW}]], [[{NEW}]]" in filled.text(READER)
    assert filled.text("doc_ids.ledger") == f"{OLD}\t{A}\trenamed to {NEW}\n"
    assert "retired" in doc_id("find", OLD).stdout
    assert doc_id("find", NEW).stdout == f"{A}:2\n"


def test_a_file_that_is_named_by_its_id_is_renamed(ground: Playground, doc_id: DocId) -> None:
    ground.put(f"app/docs/{OLD}__a.csv", "1\n")
    answer = doc_id("rename", OLD, NEW, "--json")
    assert json.loads(answer.stdout)[0]["changed"] == ["doc_ids.ledger", f"app/docs/{NEW}__a.csv"]
    assert ground.text(f"app/docs/{NEW}__a.csv") == "1\n"


def test_a_moved_file_gets_the_next_number_of_its_new_place(filled: Playground, doc_id: DocId) -> None:
    filled.git("mv", A, "base/docs/a.md")
    answer = doc_id("rename", OLD)
    assert answer.exit_code == 0, answer.stderr
    assert "doc_id: DOC-BBM000-DOC-002\n" in filled.text("base/docs/a.md")
    assert "see [[DOC-BBM000-DOC-002]]" in filled.text(READER)
    assert doc_id("validate").stdout == ""


def test_a_rename_that_was_stopped_goes_on(filled: Playground, doc_id: DocId) -> None:
    filled.put("doc_ids.ledger", f"{OLD}\t{A}\trenamed to {NEW}\n")
    assert doc_id("rename", OLD, NEW).exit_code == 0
    assert f"doc_id: {NEW}\n" in filled.text(A)
    filled.put(READER, filled.text(READER).replace(NEW, OLD))
    assert doc_id("rename", OLD, NEW).exit_code == 0
    assert f"see [[{NEW}]]" in filled.text(READER)


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        (OLD, "DOC-BBM000-DOC-001", f"is the id of {READER}"),
        (OLD, "DOC-BBM000-DOC-007", "belongs into base/docs/"),
        (OLD, "DOC-AAM000-DOC-009", "is retired: gone"),
        (OLD, "DOC-AAM000-DOC-004", "was given to app/docs/other.md"),
        (OLD, OLD, "is the id of"),
        (OLD, "nonsense", "is no doc id"),
        ("DOC-AAM000-DOC-005", NEW, "no file has this id"),
        ("DOC-AAM000-DOC-009", NEW, "is retired: gone"),
    ],
)
def test_ids_that_cannot_be_swapped_are_refused(
    filled: Playground, doc_id: DocId, old: str, new: str, told: str
) -> None:
    filled.put("doc_ids.ledger", "DOC-AAM000-DOC-009\tx\tgone\n")
    filled.put(
        ".git/phaseline/doc_ids/minted.tsv", f"DOC-AAM000-DOC-004\tapp/docs/other.md\t{filled.folder}\treserved\n"
    )
    before = filled.text(A), filled.text(READER), filled.text("doc_ids.ledger")
    answer = doc_id("rename", old, new)
    assert answer.exit_code == 3
    assert told in answer.stderr
    assert (filled.text(A), filled.text(READER), filled.text("doc_ids.ledger")) == before


@pytest.mark.parametrize("what", [OLD, A])
def test_a_retired_id_leaves_its_file_and_its_number_is_not_given_again(
    filled: Playground, doc_id: DocId, what: str
) -> None:
    asked = what if what == OLD else filled.folder / what
    answer = doc_id("retire", asked, "--why", "merged elsewhere")
    assert answer.exit_code == 0, answer.stderr
    assert f"look at {READER}:4" in answer.stdout
    assert filled.text(A) == "# Title\n"
    assert filled.text("doc_ids.ledger") == f"{OLD}\t{A}\tmerged elsewhere\n"
    assert "DOC-AAM000-DOC-002" in doc_id("mint", filled.folder / A).stdout
    assert "is retired already" in doc_id("retire", OLD, "--why", "again").stderr
    [family, _] = json.loads(doc_id("stats", "--json").stdout)
    assert family["gaps"] == [{"doc_id": OLD, "reason": "retired", "detail": f"{A}: merged elsewhere"}]


def test_an_id_whose_file_is_gone_is_retired_too(filled: Playground, doc_id: DocId) -> None:
    assert doc_id("retire", THIRD, "--why", "its file was deleted").exit_code == 0
    assert filled.text("doc_ids.ledger") == f"{THIRD}\t-\tits file was deleted\n"


def test_what_is_neither_an_id_nor_a_file_with_one_is_refused(filled: Playground, doc_id: DocId) -> None:
    filled.put("app/docs/plain.md", "# T\n")
    assert doc_id("retire", filled.folder / "app/docs/plain.md", "--why", "x").exit_code == 3
    filled.document("app/docs/b.md", OLD)
    answer = doc_id("retire", OLD, "--why", "x")
    assert "fix-duplicates" in answer.stderr
    assert not (filled.folder / "doc_ids.ledger").exists()
