"""Derived blocks of a Markdown text: where they are, and the text with other content in them.

A block begins with the line ``<!-- derived: NAME -->`` and ends with ``<!-- /derived -->``; what ``NAME`` is followed by
in parentheses is a remark. Code fences and indented code hold no markers.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from global_capabilities.derived.fault import COMMAND

END = "<!-- /derived -->"
_BEGIN = re.compile(r" {0,3}<!--[ \t]*derived:[ \t]*([\w.-]+)[ \t]*(?:\([^()]*\))?[ \t]*-->[ \t]*")
_END = re.compile(r" {0,3}<!--[ \t]*/derived[ \t]*-->[ \t]*")
_MEANT = re.compile(r" {0,3}<!--[ \t]*/?derived\b")
_FENCE = re.compile(r" {0,3}(`{3,}(?=[^`]*$)|~{3,})")


@dataclass(frozen=True)
class Block:
    """Lines ``first`` (the opening marker) to ``last`` (the closing one) of a text, counted from 0."""

    name: str
    first: int
    last: int


@dataclass(frozen=True)
class Fault:
    """A marker that makes no block. ``line`` counts from 1."""

    line: int
    what: str
    mend: str


def marker(name: str) -> str:
    """The line that opens a block, as ``docs build`` writes it."""
    return f"<!-- derived: {name} ({COMMAND}) -->"


def read_blocks(text: str) -> tuple[list[Block], list[Fault]]:
    """All blocks of a text, and the markers that belong to none."""
    blocks: list[Block] = []
    faults: list[Fault] = []
    name, first = "", -1
    for number, line in _outside_code(text):
        begin = _BEGIN.fullmatch(line)
        if begin and first >= 0:
            faults.append(_unclosed(name, first))
        if begin:
            name, first = begin[1], number
        elif _END.fullmatch(line) and first >= 0:
            blocks.append(Block(name, first, number))
            first = -1
        elif _END.fullmatch(line):
            faults.append(Fault(number + 1, f"{END} closes no block", "take the line out, or write the opening marker"))
        elif _MEANT.match(line):
            faults.append(Fault(number + 1, f"no marker: {line.strip()!r:.80}", f"write {marker('NAME')} or {END}"))
    return blocks, [*faults, _unclosed(name, first)] if first >= 0 else faults


def _unclosed(name: str, first: int) -> Fault:
    return Fault(first + 1, f"block {name!r} is not closed", f"write {END} below it")


def _outside_code(text: str) -> Iterator[tuple[int, str]]:
    """The lines that can be markers. Inside a block no line opens a fence: what stands there is ours."""
    fence, inside = "", False
    for number, line in enumerate(text.split("\n")):
        line = line.removesuffix("\r")
        found = _FENCE.match(line)
        if fence:
            closes = found and found[1].startswith(fence) and not line.strip().strip(fence[0])
            fence = "" if closes else fence
        elif found and not inside:
            fence = found[1]
        else:
            yield number, line
            inside = not _END.fullmatch(line) and (inside or bool(_BEGIN.fullmatch(line)))


def fill(text: str, blocks: list[Block], contents: Mapping[str, str]) -> str:
    """The text with the blocks that have new content; line endings are those of the block's opening line."""
    lines = text.split("\n")
    for block in sorted(blocks, key=lambda block: block.first, reverse=True):
        if block.name in contents:
            end = "\r" if lines[block.first].endswith("\r") else ""
            said = [marker(block.name), "", *contents[block.name].split("\n"), "", END]
            closing = "\r" if lines[block.last].endswith("\r") else ""
            fresh = [line + end for line in said[:-1]] + [END + closing]
            lines[block.first : block.last + 1] = fresh
    return "\n".join(lines)


def first_difference(text: str, wanted: str) -> tuple[int, str, str]:
    """Where two texts that are not equal first differ: line (from 1), what is there, what should be there."""
    there, should = text.split("\n"), wanted.split("\n")
    number = next(
        (at for at, pair in enumerate(zip(there, should, strict=False)) if pair[0] != pair[1]),
        min(len(there), len(should)),
    )
    return number + 1, "".join(there[number : number + 1]), "".join(should[number : number + 1])
