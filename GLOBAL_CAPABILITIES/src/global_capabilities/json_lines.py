"""In which line of a JSON text a JSON pointer lies."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator

_TOKEN = re.compile(r'"(?:[^"\\]|\\.)*"|[{}\[\],:]|[^\s{}\[\],:"]+')
_Place = tuple[str, int]
_DEEP = 200
"""Levels; pointers below are not told, for their lengths add up."""


def pointer_lines(text: str) -> dict[str, int]:
    """The line, from 1, of each value by its pointer; of an object's member it is the line of its key. "" is the document.

    What is no JSON gives the places up to the fault.
    """
    found = {"": 1}
    for pointer, offset in _walk([(match[0], match.start()) for match in _TOKEN.finditer(text)]):
        found.setdefault(pointer, text.count("\n", 0, offset) + 1)
    return found


def escape(part: object) -> str:
    """A key as a part of a pointer."""
    return str(part).replace("~", "~0").replace("/", "~1")


def _walk(tokens: list[_Place]) -> Iterator[_Place]:
    above: list[tuple[str, int]] = []
    """Containers around the current place: pointer of each, and how many items an array has had (-1: an object)."""
    here = ""
    for number, (mark, offset) in enumerate(tokens):
        is_key = tokens[number + 1 : number + 2] and tokens[number + 1][0] == ":"
        if mark in "]}":
            above = above[:-1]
        elif mark == ",":
            above[-1:] = [(pointer, count + (count >= 0)) for pointer, count in above[-1:]]
        elif is_key and above and above[-1][1] < 0:
            here = f"{above[-1][0]}/{escape(_text(mark))}"
            yield here, offset
        elif mark != ":":
            if above and above[-1][1] >= 0:
                here = f"{above[-1][0]}/{above[-1][1]}"
                yield here, offset
            if len(above) > _DEEP:
                return
            if mark in "[{":
                above.append((here, 0 if mark == "[" else -1))


def _text(mark: str) -> str:
    try:
        return str(json.loads(mark))
    except ValueError:
        return mark
