"""The two registry files: what their JSON Schemas refuse, the reader refuses too; those that are shipped fit both."""

from __future__ import annotations

import json
from typing import Any

import jsonschema
import pytest
from global_doc_id.registry import KINDS_FILE, ROUTING_FILE, read_registry, shipped
from global_util.errors import InvalidInput
from global_util.package_data import data_path
from hypothesis import given
from hypothesis import strategies as st

SCHEMAS = {ROUTING_FILE: "doc_id_module_routing.schema.json", KINDS_FILE: "doc_id_kinds.v1.schema.json"}


def validator(name: str) -> Any:
    schema = json.loads(data_path("global_doc_id", f"schema/{SCHEMAS[name]}").read_text("utf-8"))
    jsonschema.Draft202012Validator.check_schema(schema)
    return jsonschema.Draft202012Validator(schema)


VALIDATORS = {name: validator(name) for name in SCHEMAS}


def accepted(name: str, raw: object) -> bool:
    contents = {file: shipped(file) for file in SCHEMAS} | {name: json.dumps(raw).encode()}
    try:
        read_registry(contents[ROUTING_FILE], contents[KINDS_FILE])
    except InvalidInput as fault:
        return not fault.message.startswith(f"GLOBAL_DOC_ID/schema/{name}: ")
    return True


@pytest.mark.parametrize("name", SCHEMAS)
def test_the_shipped_files_fit(name: str) -> None:
    raw = json.loads(shipped(name))
    assert VALIDATORS[name].is_valid(raw)
    assert accepted(name, raw)


NONSENSE: list[object] = [[], 3, None, {}, {"other": 1}, {"version": 7}]


def scopes(**scopes: object) -> dict[str, object]:
    return {"scopes": scopes}


def one(folder: object = "app/", **modules: object) -> dict[str, object]:
    return {"folder": folder, "modules": modules}


@pytest.mark.parametrize(
    ("name", "raw"),
    [
        *[(name, raw) for name in SCHEMAS for raw in NONSENSE],
        (ROUTING_FILE, {**scopes(AA=one()), "version": 1}),
        (ROUTING_FILE, {**scopes(AA=one()), "pattern": "x"}),
        (ROUTING_FILE, {**scopes(AA=one()), "filename_pattern": "x"}),
        (ROUTING_FILE, {**scopes(AA=one()), "doc_id": 3}),
        *[(ROUTING_FILE, scopes(**{code: one()})) for code in ("", "A", "AAA", "aa", "1A", "A-")],
        (ROUTING_FILE, scopes(AA=3)),
        (ROUTING_FILE, scopes(AA={"folder": "app/"})),
        (ROUTING_FILE, scopes(AA={"modules": {}})),
        (ROUTING_FILE, scopes(AA={**one(), "more": 1})),
        *[
            (ROUTING_FILE, scopes(AA=one(folder)))
            for folder in (
                3, None, "", "/", "app", "/app/", "app//", "../app/", "./app/", "app/../b/", "app/./b/", "..", ".git/",
                "app/.git/", ".GIT/x/", "a\\b/", "app/\n/", "a\tb/",
            )
        ],
        *[(ROUTING_FILE, scopes(AA=one(**{code: "m/"}))) for code in ("M1", "M0001", "M000", "m001", "X001", "M00a")],
        (ROUTING_FILE, scopes(AA=one(M001="modules"))),
        (ROUTING_FILE, scopes(AA=one(M001=1))),
        (ROUTING_FILE, scopes(AA={"folder": "app/", "modules": []})),
        *[(KINDS_FILE, {"types": {code: "x"}, "kinds": {}}) for code in ("", "DO", "DOCS", "doc", "D1C")],
        *[(KINDS_FILE, {"types": {}, "kinds": {code: "x/"}}) for code in ("", "DO", "DOCS", "doc", "D1C")],
        (KINDS_FILE, {"types": {"DOC": 3}, "kinds": {}}),
        (KINDS_FILE, {"types": {}, "kinds": {"DOC": "docs"}}),
        (KINDS_FILE, {"types": {}, "kinds": {"DOC": "../docs/"}}),
        (KINDS_FILE, {"types": {}, "kinds": {}, "default_types": []}),
        (KINDS_FILE, {"types": {}, "kinds": {}, "default_types": {"doc": "DOC"}}),
        (KINDS_FILE, {"types": {}, "kinds": {}, "default_types": {"DOC": 1}}),
    ],
)  # fmt: skip
def test_what_the_schema_refuses_the_reader_refuses(name: str, raw: object) -> None:
    assert not VALIDATORS[name].is_valid(raw)
    assert not accepted(name, raw)


@pytest.mark.parametrize(
    ("name", "raw"),
    [
        (ROUTING_FILE, scopes(AA=one(), BB=one())),
        (ROUTING_FILE, scopes(AA=one(M001="m/", M002="m/"))),
        (KINDS_FILE, {"types": {"DOC": "x"}, "kinds": {"DOC": "docs/"}, "default_types": {"SRC": "DOC"}}),
        (KINDS_FILE, {"types": {"DOC": "x"}, "kinds": {"DOC": "docs/"}, "default_types": {"DOC": "ABC"}}),
    ],
)
def test_what_no_schema_can_say_the_reader_refuses(name: str, raw: object) -> None:
    assert VALIDATORS[name].is_valid(raw)
    assert not accepted(name, raw)


@pytest.mark.parametrize("content", [b'{"scopes": {"AA": 1, "AA": 2}}', b"[" * 100_000, b"\xff", b"", b"{", b"NaN"])
def test_what_is_no_plain_json_is_refused(content: bytes) -> None:
    with pytest.raises(InvalidInput, match=ROUTING_FILE):
        read_registry(content, shipped(KINDS_FILE))


FOLDERS = st.lists(st.sampled_from(["a", "b.c", "..", ".", ".git", "", "ä", " ", "\\", "\n", "/"]), max_size=4).map(
    "/".join
)


@given(
    st.dictionaries(
        st.sampled_from(["AA", "A1", "a", "AAA"]),
        st.fixed_dictionaries(
            {"folder": FOLDERS.map(lambda text: f"{text}/") | FOLDERS},
            optional={"modules": st.dictionaries(st.sampled_from(["M001", "M000", "M1"]), FOLDERS, max_size=2)},
        ),
        max_size=3,
    )
)
def test_the_reader_accepts_nothing_that_the_schema_refuses(table: dict[str, object]) -> None:
    raw = {"scopes": table}
    assert VALIDATORS[ROUTING_FILE].is_valid(raw) or not accepted(ROUTING_FILE, raw)
