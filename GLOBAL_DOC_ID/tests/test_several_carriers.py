"""A file that says its id in several places changes in all of them; commands that were stopped go on."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import Result
from global_doc_id.reservations import Reservation, record
from global_doc_id.testing.playground import Playground

DocId = Callable[..., Result]
OLD, NEW = "DOC-AAM000-DOC-001", "DOC-AAM000-DOC-002"
READER = "base/docs/reader.md"


def sidecar(ground: Playground, **entries: str) -> None:
    table = {name.replace("_dot_", ".").replace("ID", OLD): text for name, text in entries.items()}
    ground.put("app/docs/doc_ids.json", json.dumps({"version": 1, "doc_ids": table}, indent=2) + "\n")


def entries(ground: Playground) -> dict[str, str]:
    return dict(json.loads(ground.text("app/docs/doc_ids.json"))["doc_ids"])


def clone_of(ground: Playground) -> Path:
    folder = ground.folder / ".git/phaseline/doc_ids"
    folder.mkdir(parents=True)
    return folder


def names(ground: Playground) -> list[str]:
    return sorted(path.name for path in (ground.folder / "app/docs").iterdir())


def test_retire_takes_it_out_of_name_and_front_matter(ground: Playground, doc_id: DocId) -> None:
    ground.document(f"app/docs/{OLD}__a.md", OLD)
    answer = doc_id("retire", OLD, "--why", "x")
    assert answer.exit_code == 0, answer.stderr
    assert names(ground) == ["a.md"]
    assert ground.text("app/docs/a.md") == "# Title\n"


def test_retire_takes_it_out_of_name_and_sidecar(ground: Playground, doc_id: DocId) -> None:
    ground.put(f"app/docs/{OLD}__a.png", b"\0")
    sidecar(ground, ID__a_dot_png=OLD)
    assert doc_id("retire", OLD, "--why", "x").exit_code == 0
    assert names(ground) == ["a.png", "doc_ids.json"]
    assert entries(ground) == {}


def test_a_rename_reaches_name_front_matter_and_sidecar(ground: Playground, doc_id: DocId) -> None:
    ground.document(f"app/docs/{OLD}__a.md", OLD)
    sidecar(ground, ID__a_dot_md=OLD)
    assert doc_id("rename", OLD, NEW).exit_code == 0
    assert names(ground) == [f"{NEW}__a.md", "doc_ids.json"]
    assert f"doc_id: {NEW}\n" in ground.text(f"app/docs/{NEW}__a.md")
    assert entries(ground) == {f"{NEW}__a.md": NEW}


def test_a_file_that_gets_another_name_keeps_its_entry(ground: Playground, doc_id: DocId) -> None:
    ground.put(f"app/docs/{OLD}__a.png", b"\0")
    sidecar(ground, ID__a_dot_png="DOC-AAM000-DOC-009")
    assert doc_id("rename", OLD, NEW).exit_code == 0
    assert entries(ground) == {f"{NEW}__a.png": "DOC-AAM000-DOC-009"}


def test_a_duplicate_gets_its_number_everywhere_and_once(ground: Playground, doc_id: DocId) -> None:
    ground.document("app/docs/a.md", OLD)
    ground.save(2)
    ground.document(f"app/docs/{OLD}__b.md", OLD)
    assert doc_id("fix-duplicates").exit_code == 0
    assert names(ground) == [f"{NEW}__b.md", "a.md"]
    assert f"doc_id: {NEW}\n" in ground.text(f"app/docs/{NEW}__b.md")
    assert doc_id("fix-duplicates").stdout == "no id has two files\n"


def test_mint_over_a_retired_id_replaces_it_everywhere(ground: Playground, doc_id: DocId) -> None:
    ground.document(f"app/docs/{OLD}__b.md", OLD)
    ground.put("doc_ids.ledger", f"{OLD}\tx\tgone\n")
    answer = doc_id("mint", ground.folder / f"app/docs/{OLD}__b.md", "--json")
    assert json.loads(answer.stdout)[0]["written"] == f"app/docs/{NEW}__b.md"
    assert f"doc_id: {NEW}\n" in ground.text(f"app/docs/{NEW}__b.md")
    assert doc_id("validate").exit_code == 0


def test_a_taken_name_is_told_and_the_sidecar_stays(ground: Playground, doc_id: DocId) -> None:
    ground.put(f"app/docs/{OLD}__a.png", b"\0")
    ground.put("app/docs/a.png", b"other")
    sidecar(ground, ID__a_dot_png="DOC-AAM000-DOC-009")
    assert "is there already" in doc_id("retire", OLD, "--why", "x").stderr
    assert entries(ground) == {f"{OLD}__a.png": "DOC-AAM000-DOC-009"}


def test_a_retirement_that_was_stopped_goes_on(ground: Playground, doc_id: DocId) -> None:
    place = ground.document("app/docs/a.md", OLD)
    place.chmod(0o444)
    assert "is read-only" in doc_id("retire", place, "--why", "first").stderr
    place.chmod(0o644)
    assert doc_id("retire", place, "--why", "second").exit_code == 0
    assert ground.text("app/docs/a.md") == "# Title\n"
    assert ground.text("doc_ids.ledger") == f"{OLD}\tapp/docs/a.md\tfirst\n"
    assert "is retired already" in doc_id("retire", OLD, "--why", "x").stderr


def test_a_migration_that_was_stopped_goes_on_with_the_mentions(ground: Playground, doc_id: DocId) -> None:
    ground.document("app/docs/guide.md", "DOC-GUIDE-SETUP-1228")
    shut = ground.document("base/docs/a.md", "DOC-BBM000-DOC-001", "[[DOC-GUIDE-SETUP-1228]]\n")
    ground.document(READER, "DOC-BBM000-DOC-002", "[[DOC-GUIDE-SETUP-1228]]\n")
    shut.chmod(0o444)
    answer = doc_id("migrate")
    assert answer.exit_code == 3
    assert "base/docs/a.md: is read-only" in answer.stderr
    assert f"[[{OLD}]]" in ground.text(READER)
    shut.chmod(0o644)
    assert doc_id("migrate").exit_code == 0
    assert f"[[{OLD}]]" in ground.text("base/docs/a.md")


def test_what_cannot_be_stamped_costs_no_number_and_stops_no_other(ground: Playground, doc_id: DocId) -> None:
    odd = os.fsdecode(b"app/docs/\xff.png")
    try:
        ground.put(odd, b"\0")
    except OSError:
        pytest.skip("this file system has UTF-8 names only")
    ground.put("app/docs/z.md", "# T\n")
    for _ in range(2):
        answer = doc_id("mint", ground.folder / odd, ground.folder / "app/docs/z.md")
        assert answer.exit_code == 3
        assert "the name is not UTF-8" in answer.stderr
        assert OLD in answer.stdout
    ground.put("app/docs/y.md", "# T\n")
    assert NEW in doc_id("mint", ground.folder / "app/docs/y.md").stdout


def test_a_promise_to_a_name_that_is_not_utf_8_is_kept(ground: Playground, doc_id: DocId) -> None:
    odd = os.fsdecode(b"app/docs/\xff.md")
    try:
        ground.put(odd, "# T\n")
    except OSError:
        pytest.skip("this file system has UTF-8 names only")
    record(clone_of(ground), [Reservation(NEW, odd, str(ground.folder), False)])
    assert NEW in doc_id("mint", ground.folder / odd).stdout


def test_a_copy_where_no_id_belongs_stops_no_other(ground: Playground, doc_id: DocId) -> None:
    ground.document("app/docs/a.md", OLD)
    ground.save(2)
    ground.document("app/docs/b.md", OLD)
    ground.document("notes/c.md", OLD)
    answer = doc_id("fix-duplicates")
    assert answer.exit_code == 1
    assert f"app/docs/b.md has {NEW}" in answer.stdout
    assert "left: notes/c.md: lies in no folder of the registry" in answer.stdout
    assert f"doc_id: {NEW}\n" in ground.text("app/docs/b.md")


def test_plain_mentions_that_stay_are_told(ground: Playground, doc_id: DocId) -> None:
    ground.document("app/docs/guide.md", "DOC-GUIDE-SETUP-1228", "DOC-GUIDE-SETUP-1228 it is\n")
    ground.put("notes.txt", "see\nDOC-GUIDE-SETUP-1228\n" * 30)
    ground.put("other.txt", "DOC-GUIDE-SETUP-1228-X and DOC-OTHER-1228\n")
    answer = doc_id("migrate")
    assert answer.exit_code == 0
    assert "app/docs/guide.md:4\n" in answer.stderr
    assert "notes.txt:2\n" in answer.stderr
    assert "and 11 more" in answer.stderr
    assert "other.txt" not in answer.stderr


@pytest.mark.parametrize("command", ["fix-duplicates", "mint"])
def test_a_file_that_was_left_between_two_carriers_gets_the_same_number(
    ground: Playground, doc_id: DocId, command: str
) -> None:
    half = ground.document(f"app/docs/{OLD}__b.md", NEW)
    record(clone_of(ground), [Reservation(NEW, f"app/docs/{OLD}__b.md", str(ground.folder), False)])
    if command == "mint":
        ground.put("doc_ids.ledger", f"{OLD}\tx\tgone\n")
        answer = doc_id("mint", half)
    else:
        ground.document("app/docs/a.md", OLD)
        ground.git("add", "app/docs/a.md")
        ground.git("commit", "--quiet", "--message", "x")
        answer = doc_id("fix-duplicates")
    assert answer.exit_code == 0, answer.stderr
    assert f"doc_id: {NEW}\n" in ground.text(f"app/docs/{NEW}__b.md")
    assert doc_id("validate").stdout == ""
