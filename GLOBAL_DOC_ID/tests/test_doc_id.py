"""An id is read in its one form, and routed by the registry."""

from __future__ import annotations

import pytest
from global_doc_id.doc_id import DocId, read_doc_id
from global_doc_id.registry import Registry, Scope
from global_doc_id.validation import route
from global_util.errors import InvalidInput
from hypothesis import given
from hypothesis import strategies as st

REGISTRY = Registry(
    types={"DOC": "a document"},
    kinds={"DOC": "docs/", "SCM": "schema/"},
    scopes={"P2": Scope("PH2_ENGINE/", {"M001": "modules/M001_RUN/"})},
)


@given(
    st.builds(
        DocId,
        st.from_regex(r"[A-Z]{3}", fullmatch=True),
        st.from_regex(r"[A-Z][A-Z0-9]", fullmatch=True),
        st.from_regex(r"M[0-9]{3}", fullmatch=True),
        st.from_regex(r"[A-Z]{3}", fullmatch=True),
        st.integers(1, 999),
    )
)
def test_an_id_survives_being_written_and_read(doc_id: DocId) -> None:
    assert read_doc_id(str(doc_id)) == doc_id


@given(st.text())
def test_text_that_is_read_as_an_id_is_spelled_like_it(text: str) -> None:
    doc_id = read_doc_id(text)
    assert doc_id is None or str(doc_id) == text


@pytest.mark.parametrize(
    "text",
    ["", "DOC", "DOC-P2M001-DOC-000", "DOC-P2M01-DOC-001", "doc-p2m001-doc-001", "DOC-P2M001-DOC-0001", "DOC-P2M001-DOC-00\u0661",
     "DOC-P2M001-DOC-001\n", " DOC-P2M001-DOC-001"],
)  # fmt: skip
def test_other_forms_are_no_ids(text: str) -> None:
    assert read_doc_id(text) is None


@pytest.mark.parametrize(
    ("text", "folder"),
    [
        ("DOC-P2M000-DOC-001", "PH2_ENGINE/docs/"),
        ("DOC-P2M001-DOC-001", "PH2_ENGINE/modules/M001_RUN/docs/"),
        ("DOC-P2M001-SCM-001", "PH2_ENGINE/schema/"),
    ],
)
def test_documents_go_to_their_module_and_all_else_to_the_package(text: str, folder: str) -> None:
    assert route(text, REGISTRY) == folder


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("ABC-P2M001-DOC-001", "type ABC"),
        ("DOC-P9M001-DOC-001", "scope P9"),
        ("DOC-P2M002-DOC-001", "module M002"),
        ("DOC-P2M001-XYZ-001", "kind XYZ"),
        ("nonsense", "no doc id"),
    ],
)
def test_an_id_that_routes_nowhere_is_refused_with_the_code_that_is_wrong(text: str, named: str) -> None:
    with pytest.raises(InvalidInput, match=named):
        route(text, REGISTRY)
