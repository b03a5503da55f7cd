"""Where an id is read, and where a mention is none."""

from __future__ import annotations

import time

import pytest
from global_doc_id.carriers import HEAD_BYTES, allowed, comment_marks, read_carriers
from global_doc_id.references import read_references
from global_doc_id.sidecar import judge_sidecar, parse_sidecar
from hypothesis import given
from hypothesis import strategies as st

ID, OTHER = "DOC-P2M001-DOC-003", "DOC-P2M001-DOC-004"
PATHS = st.sampled_from(
    ["a/x.md", "a/x.py", "a/x.c", "a/x.json", "a/x.html", "a/x.sql", "a/x.bat", "a/x.css", "a/x.tex", "a/x.ini", "a/x.bin",
     f"a/{ID}__x.md", "Makefile", "x"]
)  # fmt: skip
PIECES = st.sampled_from(
    [b"---", b"\n", b"\r\n", b"doc_id", b"x-doc-id", b": ", b'"', b"'", ID.encode(), b"#", b"//", b"/*", b"*/", b"<!--",
     b"-->", b"{", b"}", b"[", b"]", b",", b"\\", b"\xff", b"\0", b"\xef\xbb\xbf", b"#!", b'"""', b" ", b"<?xml", b"REM ", b"--"]
)  # fmt: skip
CONTENT = st.lists(PIECES | st.binary(max_size=4), max_size=30).map(b"".join)


def read(path: str, content: str | bytes) -> list[tuple[int, str, str]]:
    raw = content.encode() if isinstance(content, str) else content
    return [(carrier.line, carrier.text, carrier.how) for carrier in read_carriers(path, raw)]


@pytest.mark.parametrize(
    ("path", "content", "found"),
    [
        ("a.md", f"---\ndoc_id: {ID}\n---\n", [(2, ID, "front matter")]),
        ("a.md", f"\ufeff---\r\ntitle: x\r\ndoc_id: '{ID}'  # why\r\n---\r\n", [(3, ID, "front matter")]),
        ("a.md", f'---\n"doc_id": "{ID}"\n---', [(2, ID, "front matter")]),
        ("a.md", f"---\ndoc_id: {ID}\ndoc_id: {OTHER}\n---\n", [(2, ID, "front matter"), (3, OTHER, "front matter")]),
        ("a.md", "---\ndoc_id:\n---\n", [(2, "", "front matter")]),
        ("a.py", f"# doc_id: {ID}\n", [(1, ID, "comment")]),
        ("a.py", f"#!/usr/bin/env python\n# -*- coding: utf-8 -*-\n#doc_id:{ID}", [(3, ID, "comment")]),
        ("a.py", f"{'# licence' + chr(10)}" * 4 + f"# doc_id: {ID}\n", [(5, ID, "comment")]),
        ("a.py", f"\ufeff# doc_id: {ID}\r\n", [(1, ID, "comment")]),
        ("a.sh", f"#!/bin/sh\n\n\n\n\n# doc_id: {ID}\n", [(6, ID, "comment")]),
        ("a.ts", f"// doc_id: {ID}\n", [(1, ID, "comment")]),
        ("a.c", f"/* doc_id: {ID} */\n", [(1, ID, "comment")]),
        ("a.php", f"<?php\n// doc_id: {ID}\n", [(2, ID, "comment")]),
        ("a.sql", f"-- doc_id: {ID}\n", [(1, ID, "comment")]),
        ("a.svg", f'<?xml version="1.0"?>\n<!-- doc_id: {ID} -->\n<svg/>', [(2, ID, "comment")]),
        ("a.ini", f"; doc_id: {ID}\n", [(1, ID, "comment")]),
        ("a.tex", f"% doc_id: {ID}\n", [(1, ID, "comment")]),
        ("a.bat", f"@echo off\nREM doc_id: {ID}\n", [(2, ID, "comment")]),
        ("a.cmd", f":: doc_id: {ID}\n", [(1, ID, "comment")]),
        ("Dockerfile", f"# syntax=docker/dockerfile:1\n# doc_id: {ID}\n", [(2, ID, "comment")]),
        ("a.json", f'{{"doc_id": "{ID}"}}', [(1, ID, "json")]),
        ("a.json", f'{{"a": {{"b": [1, "}}"]}},\n "x-doc-id" : "{ID}"}}', [(2, ID, "json")]),
        ("a.json", f'{{"doc_id": "{ID}", "doc_id": "{OTHER}"}}', [(1, ID, "json"), (1, OTHER, "json")]),
        (f"a/{ID}__short-slug.tar.gz", b"\0", [(1, ID, "name")]),
        (f"{ID}__x.py", f"# doc_id: {ID}\n", [(1, ID, "name"), (1, ID, "comment")]),
        ("a.py", "# doc_id: doc-p2\n", [(1, "doc-p2", "comment")]),
    ],
)  # fmt: skip
def test_an_id_is_read_where_its_type_carries_it(
    path: str, content: str | bytes, found: list[tuple[int, str, str]]
) -> None:
    assert read(path, content) == found


@pytest.mark.parametrize(
    ("path", "content"),
    [
        ("a.md", f"doc_id: {ID}\n"),
        ("a.md", f"---\ndoc_id: {ID}\n"),
        ("a.md", f"---\nx: |\n  doc_id: {ID}\n---\n"),
        ("a.md", f"---\nx: 1\n---\ndoc_id: {ID}\n---\n"),
        ("a.md", f"# T\n<!-- doc_id: {ID} -->\n"),
        ("a.md", "---\n" + "x: 1\n" * HEAD_BYTES + f"doc_id: {ID}\n---\n"),
        ("a.py", f"x = '# doc_id: {ID}'\n"),
        ("a.py", f'"""\n# doc_id: {ID}\n"""\n'),
        ("a.py", f"    # doc_id: {ID}\n"),
        ("a.py", "# doc_id: the id of a document\n"),
        ("a.py", f"# see doc_id: {ID}\n"),
        ("a.py", f"\n\n\n\n\n# doc_id: {ID}\n"),
        ("a.c", f"# doc_id: {ID}\n"),
        ("a.css", f"/* doc_id: {ID}\n*/\n"),
        ("a.html", f"<!-- doc_id: {ID}\n-->\n"),
        ("a.json", f'[{{"doc_id": "{ID}"}}]'),
        ("a.json", f'{{"a": {{"doc_id": "{ID}"}}}}'),
        ("a.json", f'{{"a": "doc_id", "b": "{ID}"}}'),
        ("a.json", f'{{"doc\\u005fid": "{ID}"}}'),
        ("a.json", f'{{"doc_id": ["{ID}"]}}'),
        ("a.json", f'// "doc_id"\n{{"doc_id": "{ID}"}}'),
        ("a.json", '{"doc_id": 5}'),
        ("a.json", f'{{"a": {{"doc_id": "{ID}"}}, "x": 1}}'),
        ("a.json", "[" * 100_000 + f'{{"doc_id": "{ID}"}}'),
        ("a.png", f"# doc_id: {ID}\n"),
        ("a.py", f"# doc_id: {ID}\n".encode("utf-16")),
        ("a.py", f"# doc_id: {ID}\n\0".encode()),
        (f"{ID}.md", "x"),
        (f"x{ID}__a.md", "x"),
        (f"{ID}__a/x.md", "x"),
        (f"{ID.lower()}__a.md", "x"),
    ],
)
def test_a_mention_elsewhere_is_no_carrier(path: str, content: str | bytes) -> None:
    assert read(path, content) == []


@given(PATHS, CONTENT)
def test_nothing_breaks_the_reader_and_nothing_is_invented(path: str, content: bytes) -> None:
    for line, text, how in read(path, content):
        if how == "name":
            assert path.rpartition("/")[2].startswith(f"{text}__")
        else:
            assert text.encode("utf-8", "surrogateescape") in content.split(b"\n")[line - 1]


@pytest.mark.parametrize("path", ["a.md", "a.py", "a.json", "a.html"])
@pytest.mark.parametrize(
    "unit", [b"a", b"\n", b"# ", b'"', b"doc_id: ", b"# doc_id: ", b"[[", b"`", b"<!-- doc_id:", b"---\n"]
)
def test_no_content_takes_long(path: str, unit: bytes) -> None:
    content = unit * (1_000_000 // len(unit))
    began = time.process_time()
    read_carriers(path, content)
    read_references(content[:200_000])
    assert time.process_time() - began < 2


@pytest.mark.parametrize(
    ("path", "how", "marks"),
    [
        ("a.md", "front matter", ("", "")),
        ("A.PY", "comment", ("#", "")),
        ("a.html", "comment", ("<!--", "-->")),
        ("a.css", "comment", ("/*", "*/")),
        ("a.json", "json", ("", "")),
        ("a.b/Makefile", "comment", ("#", "")),
        ("a.b/x", None, ("", "")),
        ("a.txt", None, ("", "")),
        ("a.png", None, ("", "")),
    ],
)
def test_a_type_is_known_by_extension_or_name(path: str, how: str | None, marks: tuple[str, str]) -> None:
    assert (allowed(path), comment_marks(path)) == (how, marks)


@pytest.mark.parametrize(
    ("text", "lines"),
    [
        (f"See [[{ID}]] and [[{ID}]].\n\n[[{ID}]]", [1, 1, 3]),
        (f"[[a wiki link]] [[DOC-1]] [[{ID}|x]] [[DOC-P2M001-DOC-000]] [{ID}]", []),
        (f"```\n[[{ID}]]\n```\n[[{ID}]]", [4]),
        (f"~~~ text\n[[{ID}]]\n```\n[[{ID}]]\n~~~\n[[{ID}]]", [6]),
        (f"````\n```\n[[{ID}]]\n````\n", []),
        (f"- x\n\n    ```\n    [[{ID}]]\n    ```\n", []),
        (f"`[[{ID}]]` [[{ID}]] ``a ` [[{ID}]]`` `open [[{ID}]]", [1, 1]),
        (f"[[[{ID}]]]", [1]),
    ],
)
def test_references_are_read_outside_code(text: str, lines: list[int]) -> None:
    assert [reference.line for reference in read_references(text.encode())] == lines


@pytest.mark.parametrize(
    ("content", "files", "told"),
    [
        ('{"version": 1, "doc_ids": {}}', [], []),
        (f'{{\n  "version": 1,\n  "doc_ids": {{\n    "a.png": "{ID}",\n    "b": "x"\n  }}\n}}\n', [("d/a.png", 4), ("d/b", 5)], []),
        (f'{{"version": 1, "doc_ids": {{"b": "{ID}", "a": "{OTHER}"}}}}', [("d/b", 1), ("d/a", 1)], ["not sorted"]),
        (f'{{"version": 1,\n"doc_ids": {{\n"a": "{ID}",\n"a": "{OTHER}"}}}}', [("d/a", 3)], ["twice"]),
        (f'{{"version": 1,\n"doc_ids": {{\n"a/b": "{ID}",\n"..": "x", "c": 3}}}}', [], ["no file", "no file", "no text"]),
        ('{"version": 1, "doc_ids": {"a": "\\u0044OC"}}', [], ["not written plainly"]),
        ('{"version": 2, "doc_ids": {}}', [], ["not of the form"]),
        ('{"version": 1, "doc_ids": []}', [], ["not of the form"]),
        ('{"version": 1, "doc_ids": {}, "more": 1}', [], ["not of the form"]),
        ("[]", [], ["not of the form"]),
        ("", [], ["not readable"]),
        ("{", [], ["not readable"]),
        ("[" * 100_000, [], ["nested too deep"]),
    ],
)  # fmt: skip
def test_a_sidecar_names_files_of_its_folder(content: str, files: list[tuple[str, int]], told: list[str]) -> None:
    entries, faults = parse_sidecar("d/doc_ids.json", content.encode())
    assert [(path, carrier.line) for path, carrier in entries] == files
    assert len(faults) == len(told)
    assert all(part in fault.what for part, fault in zip(told, faults, strict=True))


def test_a_sidecar_that_is_no_text_is_told() -> None:
    assert judge_sidecar("doc_ids.json", b"\xff\xfe")
