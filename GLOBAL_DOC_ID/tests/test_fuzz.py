"""Whatever lies in a repository is read without an exception, and no id comes out that does not stand there.

These are the first of the files that ``scripts/fuzz_doc_ids.py`` reads.
"""

from __future__ import annotations

from collections import Counter

import pytest
from global_doc_id.testing import hostile_file, hostile_files
from global_doc_id.testing.reading import Stated, read_everything, stands

SEED, FILES, SHARE = 1, 3_000, 500


@pytest.mark.parametrize("start", range(0, FILES, SHARE))
def test_hostile_files_are_read(start: int) -> None:
    for hostile in hostile_files(SEED, range(start, start + SHARE)):
        assert read_everything(hostile.path, hostile.content).faults == [], hostile


def test_the_same_seed_gives_the_same_files_and_another_one_others() -> None:
    some = list(hostile_files(3, range(50)))
    assert [hostile_file(3, one.number) for one in reversed(some)] == some[::-1]
    assert list(hostile_files(4, range(50))) != some


def test_half_of_the_files_are_near_enough_to_valid_that_ids_are_read_from_each_carrier() -> None:
    read: Counter[str] = Counter()
    for hostile in hostile_files(SEED, range(1_000)):
        read[hostile.kind if hostile.number % 2 == 0 else "noise"] += read_everything(hostile.path, hostile.content).ids
    carried = ("comment", "ended comment", "json", "ledger", "markdown", "name", "sidecar")
    assert min(read[kind] for kind in carried) > 20, read
    assert max(read[kind] for kind in ("policy", "routing", "kinds")) < 10, read


@pytest.mark.parametrize(
    ("path", "content", "ids"),
    [
        ("a.md", b"---\ndoc_id: DOC-P2M001-DOC-001\n---\n", 1),
        ("x/DOC-P2M001-DOC-001__a.png", b"", 1),
        ("a.py", b"the doc_id: DOC-P2M001-DOC-001 is mentioned\n", 0),
    ],
)
def test_what_is_read_is_counted(path: str, content: bytes, ids: int) -> None:
    reading = read_everything(path, content)
    assert (min(reading.ids, 1), reading.faults) == (ids, [])


def test_an_id_that_does_not_stand_there_is_told() -> None:
    content = b"# doc_id: DOC-P2M001-DOC-001\n"
    assert stands(Stated("comment", "a.py", 1, "DOC-P2M001-DOC-001"), content)
    assert not stands(Stated("comment", "a.py", 2, "DOC-P2M001-DOC-001"), content)
    assert not stands(Stated("comment", "a.py", 1, "DOC-P2M001-DOC-002"), content)
    assert not stands(Stated("comment", "a.py", 0, ""), content)
    assert not stands(Stated("name", "x/a.py", 1, "DOC-P2M001-DOC-001"), content)
