"""An id in a JSON object, put in and taken out without touching any other byte."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass

KEYS = ("doc_id", "x-doc-id")
_PUBLISHED = {"$schema", "openapi", "swagger", "asyncapi"}
"""Formats with a vocabulary of their own: what is foreign to it begins with ``x-``."""
_BLANK = re.compile(r"[ \t\r\n]*")


@dataclass(frozen=True)
class Member:
    """A top-level member: its key and where key and value begin and end."""

    key: str
    start: int
    end: int


def read_members(text: str) -> list[Member] | None:
    """The top-level members, or None for text that is no JSON object (an array, comments, broken, nested too deep)."""
    try:
        if not isinstance(json.loads(text), dict):
            return None
        return _scan(text)
    except (ValueError, RecursionError):
        return None


def insert_id(text: str, doc_id: str) -> str | None:
    """The text with the id as its first member; None where it has none to be put into, or has one already."""
    members = read_members(text)
    if members is None or any(member.key in KEYS for member in members):
        return None
    key = "x-doc-id" if any(member.key in _PUBLISHED for member in members) else "doc_id"
    entry = f'"{key}": "{doc_id}"'
    start = text.index("{") + 1
    if not members:
        return text[:start] + entry + text[start:]
    first = members[0].start
    blank = text[start:first]
    last_line = re.search(r"\r?\n[ \t]*\Z", blank)
    gap = last_line[0] if last_line else blank or " "
    return f"{text[:first]}{entry},{gap}{text[first:]}"


def remove_id(text: str, doc_id: str) -> str | None:
    """The text without its member that states ``doc_id``; None where there is none."""
    members = read_members(text) or []
    for place, member in enumerate(members):
        if member.key in KEYS and text[member.start : member.end].endswith(json.dumps(doc_id)):
            if place + 1 < len(members):
                return text[: member.start] + text[members[place + 1].start :]
            start = members[place - 1].end if place else member.start
            return text[:start] + text[member.end :]
    return None


def _scan(text: str) -> list[Member]:
    decoder = json.JSONDecoder()
    members: list[Member] = []
    place = _skip(text, text.index("{") + 1)
    while text[place] != "}":
        start = place
        key, place = decoder.raw_decode(text, start)
        _, end = decoder.raw_decode(text, _skip(text, _skip(text, place) + 1))
        members.append(Member(key, start, end))
        place = _skip(text, end)
        if text[place] == ",":
            place = _skip(text, place + 1)
    return members


def _skip(text: str, place: int) -> int:
    found = _BLANK.match(text, place)
    return found.end() if found else place
