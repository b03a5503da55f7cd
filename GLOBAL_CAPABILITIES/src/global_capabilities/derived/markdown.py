"""Tables and code spans in which foreign text stays text."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

_CODE = re.compile(r"(?<!`)(`+)(?!`)(.+?)(?<!`)\1(?!`)")
_ACTIVE = re.compile(r"(?<![^\W_])_|_(?![^\W_])|[\\`*<\[&~$]")


def text(said: str) -> str:
    """A sentence on one line. Code spans stay; nothing else of it is markup."""
    said = " ".join(said.split())
    parts: list[str] = []
    end = 0
    for span in _CODE.finditer(said):
        parts += [_ACTIVE.sub(r"\\\g<0>", said[end : span.start()]), code(span[2].strip())]
        end = span.end()
    return "".join([*parts, _ACTIVE.sub(r"\\\g<0>", said[end:])])


def code(said: str) -> str:
    """A code span on one line."""
    said = " ".join(said.split())
    ticks = "`" * (max(map(len, re.findall("`+", said)), default=0) + 1)
    pad = " " if said.startswith("`") or said.endswith("`") else ""
    return f"{ticks}{pad}{said}{pad}{ticks}" if said else ""


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table; a pipe in a cell is escaped, in code spans too, as tables want it."""
    lines = ["| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |" for line in (head, *rows)]
    return "\n".join([lines[0], "|" + "---|" * len(head), *lines[1:]])


def sections(parts: Iterable[str]) -> str:
    """Paragraphs and tables with a blank line between them."""
    return "\n\n".join(part for part in parts if part)
