"""The canonical form is RFC 8785 whichever writer gave it: the library decides, and refuses what it refuses."""

from __future__ import annotations

from typing import Any

import pytest
import rfc8785
from global_util.contracts.base import canonical_json
from hypothesis import example, given
from hypothesis import strategies as st

NUMBERS = st.integers(-(2**60), 2**60) | st.floats(allow_nan=False, allow_infinity=False)
VALUES: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | NUMBERS | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=3), inner, max_size=4),
    max_leaves=12,
)


@given(VALUES)
@example({"b": 0.0, "a": [1.5, 1e30, "\x7f\u2028"], "c": {"\ue000": 1, "\U0001f600": 2}})
@example({"a": [{"b": 2**53}]})
@example({"a": {"b": "\ud800"}})
def test_both_writers_give_the_same_bytes(value: Any) -> None:
    try:
        wanted = rfc8785.dumps(value)
    except (rfc8785.CanonicalizationError, UnicodeError) as fault:
        with pytest.raises(type(fault)):
            canonical_json(value)
    else:
        assert canonical_json(value) == wanted
