"""Entries go where they belong; nothing that stands in a changelog is lost, and no entry breaks out of its section."""

from __future__ import annotations

import time
from itertools import pairwise

import pytest
from global_capabilities.policies.changelog import CATEGORIES, add, clean, headline
from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt

OLD = "# Changelog\n\nIntro.\n\n## [Unreleased]\n\n- a\n\n### Fixed\n\n- b\n\n## [1.0]\n\n- x\n"


@pytest.mark.parametrize(
    ("before", "entries", "after"),
    [
        pytest.param("", ["- one"], "# Changelog\n\n## Unreleased\n\n- one\n", id="no changelog yet"),
        pytest.param("# C\n\n## 1.0\n", ["- one"], "# C\n\n## Unreleased\n\n- one\n\n## 1.0\n", id="no such section"),
        pytest.param("## 1.0\n", ["- one"], "## Unreleased\n\n- one\n\n## 1.0\n", id="a release on the first line"),
        pytest.param("# C", ["- one"], "# C\n\n## Unreleased\n\n- one\n", id="no line end at the end"),
        pytest.param("# C\r\n", ["- one"], "# C\r\n\r\n## Unreleased\r\n\r\n- one\r\n", id="CRLF stays"),
        pytest.param("## 0.1 - unreleased\n", ["- one"], "## 0.1 - unreleased\n\n- one\n", id="named by the word"),
        pytest.param("## Unreleased\n\n- a\n", ["one", "two"], "## Unreleased\n\n- a\n- one\n- two\n", id="paragraphs"),
        pytest.param(OLD, ["- one", "- two"], OLD.replace("- a\n", "- a\n- one\n- two\n"), id="before subheadings"),
        pytest.param(OLD, ["### fixed\n\n- c"], OLD.replace("- b\n", "- b\n- c\n"), id="under a known heading"),
        pytest.param(OLD, ["### New\n- c"], OLD.replace("- b\n", "- b\n\n### New\n\n- c\n"), id="under a new heading"),
        pytest.param(
            "```\n## Unreleased\n```\n",
            ["- one"],
            "```\n## Unreleased\n```\n\n## Unreleased\n\n- one\n",
            id="in a fence",
        ),
    ],
)
def test_where_entries_go(before: str, entries: list[str], after: str) -> None:
    assert add(before, [clean(entry) for entry in entries]) == after


@pytest.mark.parametrize(
    ("given_text", "cleaned"),
    [
        ("\n\n- one\r\n- two\n\n", "- one\n- two"),
        ("\ufeff---\ndoc_id: DOC-P1M001-DOC-001\n---\n\n- one\n", "- one"),
        ("## [9.9] - today\n- one", "- [9.9] - today\n- one"),
        ("one\n---\n", "- one"),
        ("```\n# code\n", "- `# code`"),
        ("~~~~\n```\n", "- ```` ``` ````"),
        ("<!-- hidden", "- \\<!-- hidden"),
        ("<!-- a\nb -->\n- one <b>", "- one \\<b>"),
        ("# Exports are ten times faster", "- Exports are ten times faster"),
        ("### i\na", "- i\n- a"),
        ("### added\n- a\n# Fixed #\n* b", "### Added\n\n- a\n\n### Fixed\n\n- b"),
        ("### Added", ""),
        ("- a\n    - b\n      c\n- d", "- a\n  - b\n    c\n- d"),
        ("1. a\n\n   more\n2. b", "- a\n\n  more\n- b"),
        ("one\ntwo\n\nthree", "- one\n  two\n- three"),
        ("x\r## 9.9.9 - forged", "- x\n- 9.9.9 - forged"),
        ("[1.0.0]: https://evil", "- \\[1.0.0]: https://evil"),
        ("- see [a](b) in `List<int>` at <https://a.example/>", "- see [a](b) in `List<int>` at <https://a.example/>"),
        ("- run\n  ```sh\n  a `b`\n  ```", "- run\n  `` a `b` ``"),
        ("- `not closed", "- \\`not closed"),
        (" \n\t\n", ""),
        ("", ""),
    ],
)
def test_what_is_left_of_a_fragment(given_text: str, cleaned: str) -> None:
    assert clean(given_text) == cleaned


@pytest.mark.parametrize(
    ("fragment", "line"),
    [
        ("- one\n- two", "- one"),
        ("### Fixed\n\n* two", "- two"),
        ("A word.", "- A word."),
        ("<!-- a\nb -->\nx", "- x"),
        ("one\n`<b\n>`\n- x", "- one\n  `<b\n  \\>`"),
    ],
)
def test_the_line_for_a_module(fragment: str, line: str) -> None:
    assert headline(clean(fragment)) == line


PIECES = st.sampled_from(
    [
        "# a",
        "## Unreleased",
        "## 1.0",
        "### Fixed",
        "- x",
        "text",
        "",
        "```",
        "~~~",
        "---",
        "===",
        "<!--",
        "-->",
        "\tx",
        "é\u2028",
    ]
)
TEXTS = st.lists(PIECES, max_size=12).map("\n".join)


@given(TEXTS, st.lists(TEXTS, max_size=3))
def test_every_line_that_stood_there_stands_there_in_its_order(before: str, entries: list[str]) -> None:
    cleaned = [text for entry in entries if (text := clean(entry))]
    after = iter(add(before, cleaned).split("\n"))
    assert all(line in after for line in before.split("\n") if line.strip())


@given(TEXTS)
def test_no_entry_is_a_release_or_leaves_something_open(entry: str) -> None:
    marker = "## the next release"
    text = add(f"## Unreleased\n\n{marker}\n", [cleaned] if (cleaned := clean(entry)) else [])
    assert [line for line in text.split("\n") if line in ("## Unreleased", marker)][-1] == marker
    again = add(text, ["- the last"])
    assert again.index("- the last") < again.index(marker)


@given(st.text(max_size=200))
def test_cleaning_twice_is_cleaning_once(text: str) -> None:
    assert clean(clean(text)) == clean(text)


HONEST = (
    "# Changelog\n\n## [Unreleased]\n\n- a [1.0.0]\n\n### Fixed\n\n- b\n\n"
    "## [1.0.0] - 2026\n\n- `x` [y]\n\n[1.0.0]: https://good.example\n"
)
OPENERS = st.sampled_from(
    [
        *("- a", "1. a", "2) b", "* ", "+ -", "#", "# T", "## 9.9.9 - forged", "### Fixed", "text", "a\\", "> q", ">"),
        *("```", "`", "``", "````x", "~~~", "---", "===", "- - -", "***", "<!--", "-->", "<script>", "</pre>", "<div>"),
        *("<![CDATA[", "<?php", "<!X", "<a", "<https://a.example>", "[1.0.0]: https://evil", "[y", "]: <z>", "[^1]: x"),
        *(
            "[y]:",
            "https://evil",
            "\\",
            "\\`",
            "`<pre>`",
            "| a | b |",
            "|---|---|",
            "",
            "",
            "\t",
            "  ",
            "   ",
            "      ",
        ),
        *("\r", "\r\n", "\v", "\f", "\x85", "\u2028", "\u2029", "\n", "\n", "\n", "\0", "\xa0", "1.", "é"),
    ]
)
HOSTILE = st.one_of(
    st.lists(OPENERS, max_size=14).map("".join), st.lists(OPENERS, max_size=9).map("\n".join), st.text()
)


def read(text: str) -> tuple[list[tuple[str, str, int]], dict[str, str], list[str], set[str]]:
    """Headings, where links go, the text of the items, and the kinds of everything a CommonMark parser sees."""
    env: dict[str, dict[str, dict[str, str]]] = {}
    tokens = MarkdownIt("commonmark").enable("table").parse(text, env)
    after = pairwise(tokens)
    headings = [(one.tag, text.content, one.level) for one, text in after if one.type == "heading_open"]
    inside = {child.type for one in tokens for child in one.children or ()}
    links = {name: link["href"] for name, link in env.get("references", {}).items()}
    texts = [one.content for one in tokens if one.type == "inline"]
    return headings, links, texts, {one.type for one in tokens} | inside


@given(HOSTILE)
def test_no_fragment_makes_a_heading_or_a_link_or_hides_what_follows(fragment: str) -> None:
    cleaned = clean(fragment)
    assert clean(cleaned) == cleaned
    if not cleaned:
        return
    for entry in (cleaned, headline(cleaned)):
        before, after = read(HONEST), read(add(HONEST, [entry]))
        new = [one for one in after[0] if one not in before[0]]
        assert all(tag == "h3" and title in CATEGORIES and not level for tag, title, level in new)
        assert [one for one in after[0] if one not in new] == before[0]
        assert after[1] == before[1]
        rest = iter(after[2])
        assert all(text in rest for text in before[2])
        assert not after[3] & {"html_block", "html_inline", "fence", "code_block", "hr", "blockquote_open"}


def test_an_entry_is_not_hidden_in_a_comment_of_the_changelog() -> None:
    before = "# C\n\n<!--\n## Unreleased\n-->\n"
    assert add(before, ["- one"]) == before + "\n## Unreleased\n\n- one\n"


@pytest.mark.parametrize(
    "piece",
    [
        *("### i\na\n", "### Added\na\n", "<!--\n", "<!-- -->\n", "# " + " " * 60_000 + "x", "`a``", "[", "- " * 9),
        *("\\", "*", "- a\n  ", "> ", "1. ", "```\n", "~", "# #", "\t", " " * 60_000 + "x", "- a\n\n"),
    ],
)
def test_the_longest_fragment_takes_no_longer_than_its_length(piece: str) -> None:
    start = time.process_time()
    cleaned = clean((piece * (65_536 // len(piece) + 1))[:65_536])
    add(add(OLD, [cleaned]), [headline(cleaned)])
    assert time.process_time() - start < 3
