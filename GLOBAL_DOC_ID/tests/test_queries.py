"""``route``, ``find``, ``index`` and ``stats`` tell what ids say and where they are."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest
from click.testing import Result
from global_doc_id.testing.playground import Playground

DocId = Callable[..., Result]


@pytest.fixture
def filled(ground: Playground) -> Playground:
    ground.document("app/docs/a.md", "DOC-AAM000-DOC-002", "```\n# no\n```\n# A title\n")
    ground.put("app/src/a.py", "# doc_id: SCR-AAM000-SRC-001\n")
    ground.put("app/docs/x.png", b"\0")
    ground.put("app/docs/doc_ids.json", '{"version": 1, "doc_ids": {"x.png": "DOC-AAM000-DOC-005"}}')
    ground.put("doc_ids.ledger", "DOC-AAM000-DOC-001\tapp/docs/old.md\tmerged\n")
    ground.put(
        ".git/phaseline/doc_ids/minted.tsv",
        "DOC-AAM000-DOC-003\tapp/docs/b.md\t/elsewhere\treserved\nDOC-AAM000-DOC-003\tapp/docs/b.md\t/elsewhere\twritten\n",
    )
    return ground


def test_route_names_the_folder(filled: Playground, doc_id: DocId) -> None:
    assert doc_id("route", "DOC-AAM001-DOC-007").stdout == "app/modules/M001_RUN/docs/\n"
    assert json.loads(doc_id("route", "SCR-BBM000-SRC-001", "--json").stdout)["folder"] == "base/src/"
    assert doc_id("route", "DOC-ZZM000-DOC-001").exit_code == 3


@pytest.mark.parametrize(
    ("asked", "told", "code"),
    [
        ("DOC-AAM000-DOC-002", "app/docs/a.md:2\n", 0),
        ("SCR-AAM000-SRC-001", "app/src/a.py:1\n", 0),
        ("DOC-AAM000-DOC-005", "app/docs/x.png (app/docs/doc_ids.json:1)\n", 0),
        ("DOC-AAM000-DOC-001", "doc_ids.ledger:1: retired, last in app/docs/old.md: merged\n", 0),
        ("DOC-AAM000-DOC-009", "", 1),
        ("nonsense", "", 1),
    ],
)
def test_find_names_the_file_or_the_ledger(filled: Playground, doc_id: DocId, asked: str, told: str, code: int) -> None:
    answer = doc_id("find", asked)
    assert (answer.stdout, answer.exit_code) == (told, code)


def test_index_lists_every_id_with_carrier_and_title(filled: Playground, doc_id: DocId) -> None:
    assert doc_id("index").stdout.splitlines() == [
        "DOC-AAM000-DOC-002  app/docs/a.md:2  front matter  A title",
        "DOC-AAM000-DOC-005  app/docs/x.png (app/docs/doc_ids.json:1)  sidecar",
        "SCR-AAM000-SRC-001  app/src/a.py:1  comment",
    ]
    assert {row["title"] for row in json.loads(doc_id("index", "--json").stdout)} == {"A title", ""}


def test_stats_tells_how_far_each_family_is_and_why_numbers_are_missing(filled: Playground, doc_id: DocId) -> None:
    assert doc_id("stats").stdout.splitlines() == [
        "DOC-AAM000-DOC  2 ids, next 006",
        "  DOC-AAM000-DOC-001  retired  app/docs/old.md: merged",
        "  DOC-AAM000-DOC-003  reserved  given to app/docs/b.md in /elsewhere",
        "  DOC-AAM000-DOC-004  unknown",
        "SCR-AAM000-SRC  1 ids, next 002",
    ]


def test_a_full_family_has_no_next_number(ground: Playground, doc_id: DocId) -> None:
    ground.document("app/docs/a.md", "DOC-AAM000-DOC-999")
    assert "1 ids, full" in doc_id("stats").stdout
    [family] = json.loads(doc_id("stats", "--json").stdout)
    assert (family["next"], len(family["gaps"])) == (0, 998)


@pytest.mark.parametrize(
    ("asked", "told"),
    [
        ("DOC-AAM000-DOC-003", "no file has it; it was given to app/docs/b.md"),
        ("DOC-AAM000-DOC-009", "no file has it, and none had"),
        ("nonsense\x1b", "is no doc id"),
    ],
)
def test_find_says_why_there_is_nothing(filled: Playground, doc_id: DocId, asked: str, told: str) -> None:
    answer = doc_id("find", asked)
    assert answer.stderr.rstrip().endswith(told)
    assert "\x1b" not in answer.stderr
