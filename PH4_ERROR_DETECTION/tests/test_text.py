"""Texts of tools lose what depends on the run, and nothing else."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from ph4_error_detection.text import MAX_CHARACTERS, normalise, shorten, summarise

TREE = Path("/cache/slots/s1")
PIECES = st.sampled_from(
    [
        str(TREE),
        "/cache/slots/s10",
        "/",
        "t/",
        "/tmp/pytest-1/x",
        "\x1b[31m",
        "\x1b",
        "[0m",
        "0x7f00aa11",
        "1.25s",
        "12 ms",
        "/usr/lib/python3.11/site-packages/",
        *("<tmp>", ".", " ", "\n", "a", "1", "-", ":", "\x00", "\r\n", "\ud800"),
    ]
)
TEXTS = st.lists(PIECES | st.text(max_size=3), max_size=12).map("".join)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("/cache/slots/s1/a/b.py:3: bad", "a/b.py:3: bad"),
        ("in /cache/slots/s1 here", "in . here"),
        ("/cache/slots/s10/a.py", "/cache/slots/s10/a.py"),
        ("'/tmp/pytest-of-me/pytest-0/x.txt' is there", "'<tmp>' is there"),
        ("/home/me/tmp/x", "/home/me/tmp/x"),
        ("<object object at 0x7f08dea6ede0>", "<object object at 0x..>"),
        ("mask 0x10", "mask 0x10"),
        ("1 passed in 0.25s", "1 passed in <time>"),
        ("took 12 ms, version 1.2.3s", "took <time>, version 1.2.3s"),
        ("\x1b[1;31mred\x1b[0m", "red"),
        ("/opt/x/lib/python3.11/site-packages/p/a.py:1", "<python>/p/a.py:1"),
        ("one\r\ntwo  \n\n", "one\ntwo"),
    ],
)
def test_normalise(text: str, expected: str) -> None:
    assert normalise(text, TREE) == expected


@settings(deadline=None)
@given(TEXTS)
def test_normalising_again_changes_nothing(text: str) -> None:
    once = normalise(text, TREE)
    assert normalise(once, TREE) == once


@settings(deadline=None)
@given(TEXTS)
def test_a_normalised_text_can_be_written_and_holds_no_path_of_the_tree(text: str) -> None:
    once = normalise(text, TREE)
    once.encode("utf-8")
    assert not re.search(rf"(?<![\w.-]){TREE}(?![\w.-])", once)
    assert "\x1b" not in once


def test_the_same_text_from_two_trees_is_the_same() -> None:
    text = "{}/a.py: no such file in {}"
    one, two = Path("/w/one"), Path("/somewhere/else/two")
    assert normalise(text.format(one, one), one) == normalise(text.format(two, two), two)


@pytest.mark.parametrize("keep", ["head", "tail"])
@settings(deadline=None)
@given(text=st.text(max_size=3 * MAX_CHARACTERS))
def test_a_shortened_text_is_short_and_stays_as_it_is(keep: str, text: str) -> None:
    short = shorten(text, keep)
    assert len(short) <= MAX_CHARACTERS
    assert shorten(short, keep) == short


def test_a_summary_holds_the_first_line_and_the_last() -> None:
    said = "what happened\n" + "\n".join(f"line {number}" for number in range(5000))
    lines = summarise(said).splitlines()
    assert (lines[0], lines[-1], len(lines)) == ("what happened", "line 4999", 21)
