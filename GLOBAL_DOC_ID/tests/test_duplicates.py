"""After a merge an id stays with the file that had it first; everything else gets a fresh number."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest
from click.testing import Result
from global_doc_id.testing.playground import Playground

DocId = Callable[..., Result]
ID = "DOC-AAM000-DOC-001"
A, B, C = "app/docs/a.md", "app/docs/b.md", "app/docs/c.md"


def settled(doc_id: DocId) -> dict[str, tuple[str, str]]:
    answer = doc_id("fix-duplicates", "--json")
    assert answer.exit_code == 0, answer.stderr
    return {row["path"]: (row["kept_by"], row["new"]) for row in json.loads(answer.stdout)}


def test_two_branches_took_one_number_and_the_older_keeps_it(ground: Playground, doc_id: DocId) -> None:
    ground.git("checkout", "--quiet", "-b", "side")
    ground.document(A, ID)
    ground.save(5)
    ground.git("checkout", "--quiet", "main")
    ground.document(B, ID)
    ground.document("app/docs/reader.md", "DOC-AAM000-DOC-009", f"see [[{ID}]]\n")
    ground.save(4)
    ground.git("merge", "--quiet", "--no-edit", "side")
    told = doc_id("fix-duplicates", "--dry-run").stdout
    assert f"{ID} stays with {B}; {A} would get DOC-AAM000-DOC-010" in told
    assert "look at app/docs/reader.md:4" in told
    assert ground.git("status", "--porcelain") == ""
    assert settled(doc_id) == {A: (B, "DOC-AAM000-DOC-010")}
    assert "doc_id: DOC-AAM000-DOC-010\n" in ground.text(A)
    assert f"doc_id: {ID}\n" in ground.text(B)
    assert settled(doc_id) == {}


def test_in_the_middle_of_a_merge_both_sides_count(ground: Playground, doc_id: DocId) -> None:
    ground.git("checkout", "--quiet", "-b", "side")
    ground.document(A, ID)
    ground.save(3)
    ground.git("checkout", "--quiet", "main")
    ground.document(B, ID)
    ground.save(4)
    ground.git("merge", "--quiet", "--no-commit", "--no-ff", "side")
    assert settled(doc_id)[B][0] == A


def test_a_copy_is_younger_and_a_renamed_file_keeps_its_age(ground: Playground, doc_id: DocId) -> None:
    ground.document(C, ID, "# A long enough text to be recognised\n" * 5)
    ground.save(2)
    ground.document(A, ID, "# A long enough text to be recognised\n" * 5)
    ground.save(3)
    ground.git("mv", C, "app/docs/z.md")
    ground.save(4)
    assert settled(doc_id) == {A: ("app/docs/z.md", "DOC-AAM000-DOC-002")}


def test_what_git_does_not_know_is_youngest_and_ties_go_by_path(ground: Playground, doc_id: DocId) -> None:
    ground.document(C, ID)
    ground.document(B, ID)
    ground.save(2)
    ground.document(A, ID)
    assert settled(doc_id) == {C: (B, "DOC-AAM000-DOC-002"), A: (B, "DOC-AAM000-DOC-003")}


@pytest.mark.parametrize("names", [("a.png", "b.png"), (f"{ID}__a.csv", f"{ID}__b.csv")])
def test_sidecars_and_names_have_a_history_too(ground: Playground, doc_id: DocId, names: tuple[str, str]) -> None:
    older, younger = f"app/docs/{names[1]}", f"app/docs/{names[0]}"
    table: dict[str, str] = {}
    for day, name in enumerate((older, younger), 2):
        ground.put(name, b"\0")
        if name.endswith("png"):
            table[name.rpartition("/")[2]] = ID
            ground.put("app/docs/doc_ids.json", json.dumps({"version": 1, "doc_ids": table}, indent=2) + "\n")
        ground.save(day)
    assert settled(doc_id) == {younger: (older, "DOC-AAM000-DOC-002")}
    assert settled(doc_id) == {}
