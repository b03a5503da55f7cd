"""Lines, fences, headings and checkboxes."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from ph0_planning.markdown import box, fence_mask, headings, label, list_text, normalise, section

LINES = st.text(alphabet=" \t-*+[]()xX~#`1.)>\u2705ab\u3000\u2022", max_size=30)


@pytest.mark.parametrize(
    ("line", "mark", "text"),
    [
        pytest.param("- [ ] write it", "", "write it", id="open"),
        pytest.param("* [x] write it", "x", "write it", id="star and done"),
        pytest.param("+ [X]write it", "X", "write it", id="no space behind the box"),
        pytest.param("12) [ ] write it", "", "write it", id="numbered"),
        pytest.param("   - [] write it", "", "write it", id="nothing in the box"),
        pytest.param("- [ x ] write it", "x", "write it", id="padded"),
        pytest.param("- [~] write it", "~", "write it", id="unknown mark"),
        pytest.param("- [\u2705] write it", "\u2705", "write it", id="emoji"),
        pytest.param("- [ ](link) write it", "", "(link) write it", id="a blank box may stand before a bracket"),
    ],
)
def test_a_box_is_any_list_item_with_at_most_one_mark(line: str, mark: str, text: str) -> None:
    found = box(line)
    assert found is not None
    assert (found.mark, found.text) == (mark, text)


@pytest.mark.parametrize(
    "line", ["- [WIP] a", "- [A](url)", "- [x][ref]", "> - [ ] a", "\u2022 [ ] a", "**[ ]** a", "[ ] a", "- a", ""]
)
def test_what_is_no_box(line: str) -> None:
    assert box(line) is None


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        pytest.param("- [WIP] a", "WIP", id="word"),
        pytest.param("> - [ ] a", "", id="quoted"),
        pytest.param("\u2022 [x] a", "x", id="other bullet"),
        pytest.param("## [~] a", "~", id="in a heading"),
        pytest.param("**[ ]** a", "", id="bold"),
        pytest.param("- [docs](docs.md)", None, id="link"),
        pytest.param("[ref]: target", None, id="link definition"),
        pytest.param("plain text", None, id="prose"),
    ],
)
def test_labels_are_what_looks_like_a_box(line: str, expected: str | None) -> None:
    assert label(line) == expected


def test_headings_inside_fences_do_not_count() -> None:
    lines = ["# One", "```", "# not", "``", "```", "  ## Two ##", "    # code", "#no"]
    assert [(found.level, found.title, found.line) for found in headings(lines, fence_mask(lines))] == [
        (1, "One", 1),
        (2, "Two", 6),
    ]


def test_a_fence_closes_only_with_its_own_kind_and_length() -> None:
    lines = ["~~~~", "```", "~~~", "~~~~ x", "~~~~", "after"]
    assert fence_mask(lines) == [True, True, True, True, True, False]


def test_a_section_ends_at_the_next_heading_of_its_level() -> None:
    lines = ["## Impact", "a", "### below", "b", "## Next", "c"]
    assert section(lines, fence_mask(lines), ("impact",)) == (1, ["a", "### below", "b"])


@pytest.mark.parametrize(
    ("line", "text"), [("- a", "a"), ("  3. b", "b"), ("---", None), ("* * *", None), ("1.1 c", None), ("-", None)]
)
def test_list_items(line: str, text: str | None) -> None:
    assert list_text(line) == text


@given(st.text())
def test_byte_order_mark_and_line_ends_do_not_matter(text: str) -> None:
    plain = "\n".join(normalise(text))
    assert normalise("\ufeff" + plain.replace("\n", "\r\n")) == normalise(plain.removeprefix("\ufeff")) or "\r" in plain


@given(LINES)
def test_every_box_looks_like_one(line: str) -> None:
    found = box(line)
    if found is not None and not found.text.startswith(("(", "[", ":")):
        assert label(line) is not None
