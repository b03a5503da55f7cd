"""An id goes in and comes out again, and no other byte of the file is touched."""

from __future__ import annotations

import json

import pytest
from global_doc_id.json_edits import insert_id, remove_id
from global_doc_id.line_edits import insert_comment, insert_front_matter, remove_comment, remove_front_matter
from hypothesis import example, given
from hypothesis import strategies as st

ID = "DOC-P2M001-DOC-003"
COMMENT = f"# doc_id: {ID}"
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)
LINES = st.lists(
    st.sampled_from(["---", "a: b", "", "#!/bin/sh", "# coding: utf-8", "text", "--- ", "+++", "\ufeff", "\r", "é"])
).flatmap(lambda lines: st.sampled_from(["\n", "\r\n"]).map(lambda end: end.join(lines)))


@given(st.dictionaries(st.text(max_size=8), JSON, max_size=4), st.sampled_from([None, 0, 1, 4, "\t"]))
def test_json_is_as_before_once_the_id_is_out_again(value: dict[str, object], indent: int | str | None) -> None:
    text = json.dumps(value, indent=indent, ensure_ascii=False)
    changed = insert_id(text, ID)
    if changed is None:
        assert {"doc_id", "x-doc-id"} & set(value)
        return
    assert next(iter(json.loads(changed).values())) == ID
    assert {key: json.loads(changed)[key] for key in value} == value
    assert remove_id(changed, ID) == text


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("{}", '{"doc_id": "%s"}'),
        ("{\n}\n", '{"doc_id": "%s"\n}\n'),
        ('{"a": 1}', '{"doc_id": "%s", "a": 1}'),
        ('{\n  "a": 1\n}\n', '{\n  "doc_id": "%s",\n  "a": 1\n}\n'),
        ('{\r\n\t"a": 1\r\n}', '{\r\n\t"doc_id": "%s",\r\n\t"a": 1\r\n}'),
        ('{\n  "$schema": "s"\n}', '{\n  "x-doc-id": "%s",\n  "$schema": "s"\n}'),
        (' \n{ "a": {"doc_id": 1} } ', ' \n{ "doc_id": "%s", "a": {"doc_id": 1} } '),
    ],
)
def test_the_id_is_the_first_member_in_the_style_of_the_file(before: str, after: str) -> None:
    assert insert_id(before, ID) == after % ID
    assert remove_id(after % ID, ID) == before


@pytest.mark.parametrize("text", ["", "[]", "3", '{"a": 1', '{"a": 1} // x', "{/* */}", "[" * 100_000, '{"doc_id": 5}'])
def test_what_is_no_object_without_an_id_takes_none(text: str) -> None:
    assert insert_id(text, ID) is None


@pytest.mark.parametrize(
    ("text", "left"),
    [
        (f'{{"a": 1, "doc_id": "{ID}"}}', '{"a": 1}'),
        (f'{{"a": {{"doc_id": "{ID}"}}, "x-doc-id" : "{ID}", "b": 2}}', f'{{"a": {{"doc_id": "{ID}"}}, "b": 2}}'),
        (f'{{"a": {{"doc_id": "{ID}"}}}}', None),
    ],
)
def test_only_the_member_of_the_file_itself_is_taken_out(text: str, left: str | None) -> None:
    assert remove_id(text, ID) == left


@given(LINES)
@example("")
@example("---")
@example("---\n---\n")
@example("---\r\n---")
@example("\ufeff---\ndoc: 1\n---\n")
def test_front_matter_is_as_before_once_the_id_is_out_again(text: str) -> None:
    content = text.encode()
    changed = insert_front_matter(content, ID)
    if changed is not None:
        assert changed.count(ID.encode()) == 1
        line = changed[: changed.index(ID.encode())].count(b"\n") + 1
        assert remove_front_matter(changed, line) == content


@given(LINES | st.binary(max_size=40).map(lambda raw: raw.decode("latin-1")))
@example("#!/bin/sh")
@example("#!/bin/sh\r\n# coding: x")
@example("#!/bin/sh\r")
@example("\ufeff")
def test_source_is_as_before_once_the_comment_is_out_again(text: str) -> None:
    content = text.encode()
    changed = insert_comment(content, "#", COMMENT)
    if changed is not None:
        line = changed[: changed.index(ID.encode())].count(b"\n") + 1
        assert remove_comment(changed, line) == content


@pytest.mark.parametrize(
    ("mark", "before", "line"),
    [
        ("#", "#!/usr/bin/env python3\n# -*- coding: latin-1 -*-\nimport os\n", 3),
        ("#", "# syntax=docker/dockerfile:1\nFROM scratch\n", 2),
        ("#", "import os\n", 1),
        ("//", "#!/usr/bin/env node\nx\n", 2),
        ("//", "#![no_std]\nfn main() {}\n", 1),
        ("//", "<?php\necho 1;\n", 2),
        ("/*", '@charset "utf-8";\na {}\n', 2),
        ("<!--", '<?xml version="1.0"?>\n<svg/>\n', 2),
        ("<!--", "<!DOCTYPE html>\n<html></html>\n", 2),
        ("%", "%&latex\n\\relax\n", 2),
        ("REM", "@echo off\ncd ..\n", 2),
    ],
)
def test_the_comment_stands_behind_what_must_come_first(mark: str, before: str, line: int) -> None:
    changed = insert_comment(before.encode(), mark, "THE COMMENT")
    assert changed is not None
    assert changed.decode().splitlines()[line - 1] == "THE COMMENT"


@pytest.mark.parametrize(
    ("mark", "text"),
    [
        ("<!--", '<?xml version="1.0"?><svg\nwidth="1"/>\n'),
        ("<!--", '<?xml\nversion="1.0"?>\n<svg/>\n'),
        ("//", "<?php echo 1; ?>\nhello\n"),
        ("//", "/**\n * @jest-environment jsdom\n */\nx\n"),
    ],
)
def test_nothing_is_put_before_what_must_stay_first(mark: str, text: str) -> None:
    assert insert_comment(text.encode(), mark, "THE COMMENT") is None


@pytest.mark.parametrize("text", ["+++\ntitle = 1\n+++\n", "---\ntitle: never ends\n", "---"])
def test_front_matter_that_is_not_understood_is_left_alone(text: str) -> None:
    assert insert_front_matter(text.encode(), ID) is None
