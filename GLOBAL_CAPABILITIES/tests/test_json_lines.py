"""Pointers of a JSON text lead to the lines of their places."""

from __future__ import annotations

import json
from typing import Any

from global_capabilities.json_lines import escape, pointer_lines
from hypothesis import given
from hypothesis import strategies as st

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=12,
)


def pointers(value: Any, prefix: str = "") -> list[str]:
    """All places of a document, in the order of its text."""
    children = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [prefix, *(found for key, child in children for found in pointers(child, f"{prefix}/{escape(key)}"))]


def test_keys_and_entries_have_the_line_they_stand_in() -> None:
    text = '{\n "a": [\n  1,\n  {"b/c": 2}],\n "d": "}"\n}'
    assert pointer_lines(text) == {"": 1, "/a": 2, "/a/0": 3, "/a/1": 4, "/a/1/b~1c": 4, "/d": 5}


@given(VALUES)
def test_every_place_is_found_and_lines_only_grow(document: Any) -> None:
    lines = pointer_lines(json.dumps(document, indent=1, ensure_ascii=False))
    assert list(lines) == pointers(document)
    assert list(lines.values()) == sorted(lines.values())


@given(st.text(alphabet='{}[]:,"\\ \na1', max_size=40))
def test_what_is_no_json_gives_some_answer(text: str) -> None:
    assert pointer_lines(text)[""] == 1
