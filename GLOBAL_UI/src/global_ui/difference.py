"""Where two artifacts differ: the JSON pointer of every field that says something else, the first one first."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

from global_util.contracts import Artifact

APART = ("artifact_id", "observed")
"""What says nothing by itself: the id follows from the rest, and what was observed is no result."""


class _Absent:
    """Stands for a field or an entry that is not there."""

    def __repr__(self) -> str:
        return "absent"


ABSENT = _Absent()


class Field(NamedTuple):
    """A place in an artifact, what was recorded there, and what is there now; ``ABSENT`` where there is nothing."""

    pointer: str
    recorded: Any
    now: Any


def fields(recorded: Artifact, now: Artifact) -> Iterator[Field]:
    """The fields in which two artifacts differ, in the order in which they are written."""
    before, after = recorded.to_json(), now.to_json()
    for name in APART:
        before.pop(name, None)
        after.pop(name, None)
    return compare(before, after)


def compare(recorded: Any, now: Any, pointer: str = "") -> Iterator[Field]:
    """The places in which two JSON values differ. ``true`` is not 1, and 1 is 1.0, as in the canonical form."""
    if isinstance(recorded, dict) and isinstance(now, dict):
        for name in dict.fromkeys((*recorded, *now)):
            inner = f"{pointer}/{name.replace('~', '~0').replace('/', '~1')}"
            yield from compare(recorded.get(name, ABSENT), now.get(name, ABSENT), inner)
    elif isinstance(recorded, list) and isinstance(now, list):
        for place in range(max(len(recorded), len(now))):
            inner = f"{pointer}/{place}"
            yield from compare(_entry(recorded, place), _entry(now, place), inner)
    elif recorded is not now and not _is_same(recorded, now):
        yield Field(pointer, recorded, now)


def _entry(values: list[Any], place: int) -> Any:
    return values[place] if place < len(values) else ABSENT


def _is_same(one: Any, other: Any) -> bool:
    return isinstance(one, bool) == isinstance(other, bool) and one == other
