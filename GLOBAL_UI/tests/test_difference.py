"""The places in which two JSON values differ."""

from __future__ import annotations

from typing import Any

from global_ui.difference import ABSENT, Field, compare
from hypothesis import given
from hypothesis import strategies as st

SCALARS = st.none() | st.booleans() | st.integers(-5, 5) | st.text(max_size=3)
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text("ab/~", max_size=2), inner, max_size=3),
    max_leaves=12,
)


def at(value: Any, pointer: str) -> Any:
    """What a JSON pointer leads to."""
    for part in pointer.split("/")[1:]:
        name = part.replace("~1", "/").replace("~0", "~")
        try:
            value = value[int(name)] if isinstance(value, list) else value[name]
        except (LookupError, TypeError):
            return ABSENT
    return value


@given(VALUES, VALUES)
def test_every_place_is_true_and_without_any_the_values_are_the_same(one: Any, other: Any) -> None:
    found = list(compare(one, other))
    for place in found:
        assert (place.recorded, place.now) == (at(one, place.pointer), at(other, place.pointer))
    assert list(compare(one, one)) == []
    assert bool(found) == bool(list(compare(other, one)))


@given(VALUES, VALUES)
def test_what_is_told_is_enough_to_make_one_of_the_other(one: Any, other: Any) -> None:
    if repr(one) != repr(other) and not isinstance(one, dict):
        assert list(compare(one, other))


def test_places_are_told_in_the_order_of_the_artifact() -> None:
    one = {"b": [1, {"x/y": True}], "a": 1}
    other = {"b": [1, {"x/y": 1}, 2], "a": 1, "c": None}
    assert list(compare(one, other)) == [
        Field("/b/1/x~1y", True, 1),
        Field("/b/2", ABSENT, 2),
        Field("/c", ABSENT, None),
    ]
