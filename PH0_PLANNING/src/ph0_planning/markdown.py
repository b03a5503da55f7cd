"""The little of Markdown that plans are made of: lines, fences, headings, list items, checkboxes.

Every function looks at each character a bounded number of times, so that a hostile line costs no more than a long one.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

SPACE = " \t\v\f\r\u00a0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a\u2028\u2029\u202f\u205f\u3000\ufeff"
"""What counts as white space inside a line."""

_FENCE = re.compile(r"[ \t]*(`{3,}|~{3,})(.*)", re.DOTALL)
_HEADING = re.compile(r" {0,3}(#{1,6})(?:[ \t]+(.*)|[ \t]*)$", re.DOTALL)
_MARKER = re.compile(r"[-*+]|\d{1,9}[.)]")
_WIDE_MARKER = re.compile(r"(?:[-*+\u2022\u2013\u2014]|\d{1,9}[.)]|#{1,6})?")
_LONGEST_LABEL = 20


@dataclass(frozen=True)
class Heading:
    """A heading; ``line`` counts from 1."""

    level: int
    title: str
    line: int


@dataclass(frozen=True)
class Box:
    """A list item with a checkbox. ``mark`` is what stands in the box, stripped; only x and X mean done."""

    indent: int
    mark: str
    text: str

    @property
    def done(self) -> bool:
        """Is it ticked?"""
        return self.mark in ("x", "X")

    @property
    def plain(self) -> bool:
        """Is the mark one that everybody understands?"""
        return self.mark in ("", "x", "X")


def normalise(text: str) -> list[str]:
    """The lines of a text: one byte order mark is dropped, all line ends become one kind."""
    return text.removeprefix("\ufeff").replace("\r\n", "\n").replace("\r", "\n").split("\n")


def fence_mask(lines: Sequence[str]) -> list[bool]:
    """For each line: does it belong to a fenced block (its borders included)? An open fence runs to the end."""
    mask: list[bool] = []
    border = ""
    for line in lines:
        found = _FENCE.match(line)
        if border:
            mask.append(True)
            if found and found[1][0] == border[0] and len(found[1]) >= len(border) and not found[2].strip():
                border = ""
        else:
            mask.append(found is not None)
            border = found[1] if found else ""
    return mask


def headings(lines: Sequence[str], fenced: Sequence[bool]) -> list[Heading]:
    """All headings outside fences, in order."""
    found = []
    for number, line in enumerate(lines, 1):
        match = None if fenced[number - 1] else _HEADING.match(line)
        if match:
            found.append(Heading(len(match[1]), _title(match[2] or ""), number))
    return found


def sections(lines: Sequence[str], outlined: Sequence[Heading]) -> dict[int, list[str]]:
    """The lines below each heading (by its line), up to the next heading of its level or above."""
    return {heading.line: list(lines[heading.line : end]) for heading, end in _ends(outlined, len(lines)).items()}


def section(lines: Sequence[str], fenced: Sequence[bool], titles: Sequence[str]) -> tuple[int, list[str]]:
    """Line number and body of the first section whose title is (or starts with) one of ``titles``; (0, []) if none."""
    outlined = headings(lines, fenced)
    for heading, end in _ends(outlined, len(lines)).items():
        if heading.title.lower().startswith(tuple(titles)):
            return heading.line, list(lines[heading.line : end])
    return 0, []


def _ends(outlined: Sequence[Heading], last: int) -> dict[Heading, int]:
    """The last line of each heading's section, in the order of the headings."""
    ends = dict.fromkeys(outlined, last)
    opened: list[Heading] = []
    for heading in outlined:
        while opened and opened[-1].level >= heading.level:
            ends[opened.pop()] = heading.line - 1
        opened.append(heading)
    return ends


def indent(line: str) -> int:
    """Columns of white space before the text; a tab goes to the next multiple of four."""
    column = 0
    for char in line:
        if char == "\t":
            column += 4 - column % 4
        elif char in SPACE:
            column += 1
        else:
            break
    return column


def list_text(line: str) -> str | None:
    """The text of a list item, or None when the line is none (a rule such as ``- - -`` is none)."""
    text = line.strip(SPACE)
    marker = _MARKER.match(text)
    if marker is None or text[marker.end() : marker.end() + 1].strip(SPACE):
        return None
    rest = text[marker.end() :].strip(SPACE)
    return rest if rest and set(text) - set("-* ") else None


def box(line: str) -> Box | None:
    """A checkbox in the wide sense: any list marker, at most one character in the brackets, no link behind them."""
    text = line.lstrip(SPACE)
    marker = _MARKER.match(text)
    if marker is None:
        return None
    opened = text[marker.end() :].lstrip(SPACE)
    close = opened.find("]")
    if not opened.startswith("[") or close < 0:
        return None
    mark, behind = opened[1:close].strip(SPACE), opened[close + 1 :]
    is_blank = close > 1 and not mark
    if len(mark) > 1 or mark > "\uffff" or (behind[:1] in ("(", "[") and behind and not is_blank):
        return None
    return Box(indent(line), mark, behind.strip(SPACE))


def label(line: str) -> str | None:
    """What stands in brackets at the start of an item, quote or heading (``- [018] text``); None when it is a link."""
    text = line.lstrip(SPACE + ">")
    marker = _WIDE_MARKER.match(text)
    rest = text[marker.end() if marker else 0 :].lstrip(SPACE + "*")
    close = rest.find("]", 1, _LONGEST_LABEL + 2)
    if not rest.startswith("[") or close < 0:
        return None
    content = rest[1:close].strip(SPACE)
    is_link = rest[close + 1 : close + 2] in ("(", "[", ":")
    return None if is_link and content else content


def _title(text: str) -> str:
    stripped = text.strip(SPACE)
    bare = stripped.rstrip("#")
    return bare.rstrip(SPACE) if bare != stripped and (not bare or bare[-1] in SPACE) else stripped
