"""An id is written where the file's type carries it, and is gone without a trace when it is taken out."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from global_doc_id.carriers import read_carriers
from global_doc_id.policy import Policy
from global_doc_id.stamping import restamp, stamp, unstamp, with_id, with_other_id, without_id
from global_util.errors import InvalidInput
from hypothesis import example, given
from hypothesis import strategies as st

ID, OTHER = "DOC-AAM001-DOC-003", "DOC-AAM001-DOC-004"
NAMES = ["a.md", "a.py", "a.sh", "a.yaml", "a.toml", "a.js", "a.rs", "a.sql", "a.css", "a.html", "a.svg", "a.tex", "a.ini",
         "a.bat", "a.json", "a.csv", "a.png"]  # fmt: skip
PIECES = [
    b"---", b"text", b"", b"#!/bin/sh", b"# -*- coding: utf-8 -*-", b'<?xml version="1.0"?>', b"<!DOCTYPE html>", b"@echo off",
    b"/* a", b"*/", b"<!-- b", b"-->", b"title: x", b"doc_id: nothing", b"\xff\xfe", b"{", b'"a": 1', b"}", b"+++", b"'''",
]  # fmt: skip
CONTENTS = st.one_of(
    st.binary(max_size=60),
    st.tuples(st.sampled_from([b"", b"\xef\xbb\xbf"]), st.lists(st.sampled_from(PIECES), max_size=8), st.sampled_from([b"\n", b"\r\n"])).map(
        lambda parts: parts[0] + parts[2].join(parts[1])
    ),
    st.dictionaries(st.text(max_size=5), st.integers() | st.text(max_size=5)).map(lambda value: json.dumps(value).encode()),
)  # fmt: skip


@given(st.sampled_from(NAMES), CONTENTS)
@example("a.md", b"---\n---\n")
@example("a.json", b"[]")
@example("a.py", b"")
def test_a_stamped_file_says_exactly_that_id_and_is_as_before_without_it(name: str, content: bytes) -> None:
    changed = with_id(name, content, ID)
    if changed is None:
        return
    [carrier] = read_carriers(name, changed)
    assert carrier.text == ID
    [other] = read_carriers(name, with_other_id(changed, carrier, OTHER))
    assert (other.line, other.text) == (carrier.line, OTHER)
    assert without_id(changed, carrier) == content


@pytest.mark.parametrize(
    ("name", "before", "after"),
    [
        ("a.md", "# T\n", f"---\ndoc_id: {ID}\n---\n# T\n"),
        ("a.md", "---\r\ntitle: T\r\n---\r\n", f"---\r\ndoc_id: {ID}\r\ntitle: T\r\n---\r\n"),
        ("a.md", "\ufeff# T", f"\ufeff---\ndoc_id: {ID}\n---\n# T"),
        ("a.py", "#!/usr/bin/env python3\nx = 1\n", f"#!/usr/bin/env python3\n# doc_id: {ID}\nx = 1\n"),
        ("a.md", '---\n"a b": T\n---\n', f'---\ndoc_id: {ID}\n"a b": T\n---\n'),
        ("a.md", "---\n# c\ntitle: T\n---\n", f"---\ndoc_id: {ID}\n# c\ntitle: T\n---\n"),
        ("a.php", "<?php\nf();\n", f"<?php\n// doc_id: {ID}\nf();\n"),
        (
            "a.py",
            "# Copyright\n# -*- coding: latin-1 -*-\nx = 1\n",
            f"# Copyright\n# -*- coding: latin-1 -*-\n# doc_id: {ID}\nx = 1\n",
        ),
        ("a.py", "\n# coding: latin-1\nx = 1\n", f"\n# coding: latin-1\n# doc_id: {ID}\nx = 1\n"),
        ("a.py", "x = 1\n# coding: latin-1\n", f"# doc_id: {ID}\nx = 1\n# coding: latin-1\n"),
        ("a.sql", "select 1;", f"-- doc_id: {ID}\nselect 1;"),
        ("a.css", "a {}\n", f"/* doc_id: {ID} */\na {{}}\n"),
        ("a.svg", '<?xml version="1.0"?>\n<svg/>', f'<?xml version="1.0"?>\n<!-- doc_id: {ID} -->\n<svg/>'),
        ("a.json", '{\n  "a": 1\n}\n', f'{{\n  "doc_id": "{ID}",\n  "a": 1\n}}\n'),
    ],
)
def test_the_carrier_is_that_of_the_type_and_keeps_the_file_s_style(
    tmp_path: Path, name: str, before: str, after: str
) -> None:
    (tmp_path / name).write_bytes(before.encode())
    assert stamp(tmp_path, name, ID, Policy()) == name
    assert (tmp_path / name).read_bytes().decode() == after


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("a.png", b"\x89PNG\0"),
        ("a.csv", b"a,b\n"),
        ("__init__.py", b""),
        ("a.json", b"[1]"),
        ("a.json", b"{} // no"),
        ("a.jsonc", b"{} // comment"),
        ("a.md", b"---\nnever ends\n"),
        ("a.py", b"x = '\0'\n"),
        ("clean/a.md", b"# T\n"),
        ("a.md", "# T\n".encode("utf-16")),
        ("a.md", b"---\n  title: x\n---\n"),
        ("a.md", b"---\n{title: x}\n---\n"),
        ("a.md", b"---\n- title: x\n---\n"),
        ("a.md", b"---\n# c\n\ntext\n---\n"),
        ("a.php", b"<html><?php echo 1; ?></html>\n"),
        ("a.php", b"#!/usr/bin/php\n<html>\n"),
        ("a.php", b""),
    ],
)
def test_what_cannot_or_shall_not_carry_an_id_gets_it_beside(tmp_path: Path, name: str, content: bytes) -> None:
    (tmp_path / "clean").mkdir()
    (tmp_path / name).write_bytes(content)
    beside = f"{name.rpartition('/')[0]}/doc_ids.json".lstrip("/")
    assert stamp(tmp_path, name, ID, Policy(sidecar=("clean/**",))) == beside
    assert (tmp_path / name).read_bytes() == content
    assert json.loads((tmp_path / beside).read_text("utf-8")) == {"version": 1, "doc_ids": {Path(name).name: ID}}


def test_an_id_in_the_name_moves_the_file_and_nothing_in_its_way_is_lost(tmp_path: Path) -> None:
    old, new = f"{ID}__a.csv", f"{OTHER}__a.csv"
    (tmp_path / old).write_text("1,2\n")
    [carrier] = read_carriers(old, b"1,2\n")
    (tmp_path / new).write_text("mine")
    with pytest.raises(InvalidInput, match="is there already"):
        restamp(tmp_path, old, carrier, OTHER)
    (tmp_path / new).unlink()
    assert restamp(tmp_path, old, carrier, OTHER) == new
    [carrier] = read_carriers(new, b"")
    assert unstamp(tmp_path, new, carrier) == "a.csv"
    assert [path.name for path in tmp_path.iterdir()] == ["a.csv"]


@pytest.mark.parametrize("sidecar", ["", "[]", '{"version": 1, "doc_ids": {"\\ud800": "x"}}', '{"version": true, "doc_ids": {}}',
                                     '{"version": 1.0, "doc_ids": {}}', '{"version": 2, "doc_ids": {}}', '{"version": 1, "doc_ids": {"a": 1}}',
                                     '{"version": 1, "doc_ids": {"a": "x", "a": "y"}}', '{"version": 1, "doc_ids": {"../a": "x"}}'])  # fmt: skip
def test_a_broken_sidecar_is_not_written_over(tmp_path: Path, sidecar: str) -> None:
    (tmp_path / "a.png").write_bytes(b"\0")
    (tmp_path / "doc_ids.json").write_text(sidecar)
    with pytest.raises(InvalidInput, match=r"doc_ids\.json: not of the form"):
        stamp(tmp_path, "a.png", ID, Policy())
    assert (tmp_path / "doc_ids.json").read_text() == sidecar
