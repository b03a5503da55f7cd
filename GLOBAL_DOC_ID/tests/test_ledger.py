"""The ledger: read, judged, added to; nothing in it is lost."""

from __future__ import annotations

from pathlib import Path

import pytest
from global_doc_id.ledger import Retired, add, is_older_form, judge_ledger, load_ledger, read_ledger
from global_doc_id.policy import Policy
from global_util.errors import InvalidInput
from hypothesis import given
from hypothesis import strategies as st

ONE, TWO = "DOC-AAM000-DOC-001", "DOC-AAM000-DOC-002"
OLDER = "DOC-CORE-STATE-042"


@given(st.lists(st.tuples(st.integers(1, 999), st.text(min_size=1), st.text(min_size=1)), max_size=8))
def test_what_is_added_is_read_again(
    tmp_path_factory: pytest.TempPathFactory, rows: list[tuple[int, str, str]]
) -> None:
    root = tmp_path_factory.mktemp("ledger")
    entries = [Retired(f"DOC-AAM000-DOC-{number:03d}", f"a{path}", f"b{why}") for number, path, why in rows]
    for entry in entries:
        add(root, Policy(), [entry])
    if entries:
        text = (root / "doc_ids.ledger").read_text("utf-8")
        assert judge_ledger(text, "doc_ids.ledger") == []
        assert set(read_ledger(text)) == {entry.doc_id for entry in entries}
        assert text.splitlines() == sorted(text.splitlines())


@pytest.mark.parametrize(
    ("text", "line", "told", "fixable"),
    [
        (f"{ONE}\tdocs/a.md\n", 1, "not of the form", False),
        (f"{ONE} docs/a.md why\n", 1, "not of the form", False),
        (f"{ONE}\tdocs/a.md\t\n", 1, "not of the form", False),
        (f"nonsense\ta\tb\n{ONE}\ta\tb\n", 1, "not of the form", False),
        (f"{ONE}\ta\tb\n<<<<<<< HEAD\n", 2, "not of the form", False),
        (f"{ONE}\ta\tb\n{ONE}\tc\td\n", 2, "retired in line 1 too", False),
        (f"{TWO}\ta\tb\n{ONE}\ta\tb\n", 2, "not sorted", True),
    ],
)
def test_a_line_that_is_wrong_is_told(text: str, line: int, told: str, fixable: bool) -> None:
    [finding] = judge_ledger(text, "doc_ids.ledger")
    assert (finding.file, finding.line, finding.rule, finding.fixable) == ("doc_ids.ledger", line, "ledger", fixable)
    assert told in finding.what
    assert finding.mend


def test_a_ledger_with_a_broken_line_is_not_rewritten(tmp_path: Path) -> None:
    (tmp_path / "doc_ids.ledger").write_text("half a line\n")
    with pytest.raises(InvalidInput, match=r"doc_ids\.ledger:1: not of the form"):
        add(tmp_path, Policy(), [Retired(ONE, "a", "b")])
    assert (tmp_path / "doc_ids.ledger").read_text() == "half a line\n"


def test_the_first_word_about_an_id_counts(tmp_path: Path) -> None:
    policy = Policy(ledger="notes/gone.txt")
    assert add(tmp_path, policy, [Retired(ONE, "a\tb\nc", "first")]) == "notes/gone.txt"
    add(tmp_path, policy, [Retired(ONE, "z", "second"), Retired(OLDER, "o", f"migrated to {TWO}")])
    text = (tmp_path / "notes/gone.txt").read_text()
    assert text == f"{ONE}\ta\\x09b\\x0ac\tfirst\n{OLDER}\to\tmigrated to {TWO}\n"
    assert load_ledger(tmp_path, policy)[ONE].line == 1
    assert load_ledger(tmp_path, Policy()) == {}


def test_lines_that_are_no_utf_8_are_kept_byte_for_byte(tmp_path: Path) -> None:
    line = f"{TWO}\tdocs/".encode() + b"\xff\x85\xe9.md\tgone \x01\n"
    (tmp_path / "doc_ids.ledger").write_bytes(line)
    add(tmp_path, Policy(), [Retired(ONE, "docs/\udcff.md", " ")])
    assert (tmp_path / "doc_ids.ledger").read_bytes() == f"{ONE}\tdocs/\\xff.md\t-\n".encode() + line


@pytest.mark.parametrize(
    ("text", "older"),
    [(OLDER, True), ("DOC-GUIDE-COMPLETE-AI-DEVELOPMENT-PIPELINE-1228", True), ("1228", True), (ONE, False), ("DOC-1", False),
     ("122", False), ("doc-core-042", False), ("DOC-CORE-STATE-42", False), ("", False)],
)  # fmt: skip
def test_the_older_form_is_told_from_the_present_one(text: str, older: bool) -> None:
    assert is_older_form(text) is older
