"""An id in front matter or in a comment line, put in and taken out without touching any other byte."""

from __future__ import annotations

import re

BOM = b"\xef\xbb\xbf"
_FENCE = re.compile(rb"---[ \t]*\r?\n?")
_OWN_FRONT_MATTER = (b"+++", b";;;")
"""Front matter of other kinds: a block before it would make it plain text."""

_XML = rb"<\?xml(?:-stylesheet)?[ ][^>\n]*\?>[ \t]*\r?\n|<!doctype[ ][^<>\[\n]*>[ \t]*\r?\n"
_SHEBANG = rb"\#!(?!\[)"
_HEADERS = {
    "#": _SHEBANG + rb"|[ \t\f]*\#.*?coding[:=]|\#[ \t]*(?:syntax|escape|check)[ \t]*=",
    "//": _SHEBANG + rb"|<\?php[ \t]*\r?\n",
    "/*": rb"@charset[ ]",
    "<!--": _XML,
    "%": rb"%&",
    "REM": rb"@echo[ ]off",
    "::": rb"@echo[ ]off",
}
"""By comment mark, the lines that must come first: interpreter, encoding, parser directives, declarations."""
_ENTRY = re.compile(rb"(?:\"[^\"]*\"|'[^']*'|[^\s\"'\#{}\[\],&*!|>%@`?:-][^\#]*?)[ \t]*:(?:[ \t\r]|\Z)")
_SECOND_LINE = re.compile(rb"[ \t\f]*(?:\#[^\n]*)?\n[ \t\f]*\#[^\n]*?coding[:=]")
"""An encoding may stand in the second line, under a comment or an empty line, and nowhere below."""
_UNFIT = re.compile(rb"<\?|/\*[\s\S]{0,4096}?@jest")
"""Beginnings before which nothing may stand: a declaration that goes on, a block that must be the first."""


def insert_front_matter(content: bytes, doc_id: str) -> bytes | None:
    """With the id in the front matter, made if there is none. None where that is not safe.

    Not safe is a block that never ends, and one that does not begin with a plain ``key:`` in the first column: beside
    an indented or flow mapping, or a list, another entry would break it.
    """
    bom, body = _split_bom(content)
    if body.startswith(_OWN_FRONT_MATTER):
        return None
    lines = body.split(b"\n")
    if not _FENCE.fullmatch(lines[0]):
        end = _line_end(body)
        return bom + b"---" + end + b"doc_id: " + doc_id.encode() + end + b"---" + end + body
    end_line = next((number for number, line in enumerate(lines[1:], 1) if _FENCE.fullmatch(line)), 0)
    entries = [line for line in lines[1:end_line] if line.strip() and not line.startswith(b"#")]
    if not end_line or (entries and not _ENTRY.match(entries[0])):
        return None
    empty = _FENCE.fullmatch(lines[1]) is not None
    entry = f'doc_id: "{doc_id}"' if empty else f"doc_id: {doc_id}"  # quotes: taken out, the empty block stays
    first = lines[0] + b"\n"
    return bom + first + entry.encode() + _line_end(first) + body[len(first) :]


def remove_front_matter(content: bytes, line: int) -> bytes:
    """Without the line of the id; without the whole block if it held nothing else."""
    lines = content.split(b"\n")
    alone = line == 2 and len(lines) > 2 and _FENCE.fullmatch(lines[2]) and b'"' not in lines[1]
    if alone:
        bom, _ = _split_bom(content)
        return bom + b"\n".join(lines[3:])
    return b"\n".join(lines[: line - 1] + lines[line:])


def insert_comment(content: bytes, mark: str, comment: str) -> bytes | None:
    """With a comment line behind what must come first. None where nothing may come before what is there."""
    bom, body = _split_bom(content)
    header = re.compile(_HEADERS.get(mark, _SHEBANG), re.IGNORECASE)
    place = body.index(b"\n") + 1 if mark == "#" and _SECOND_LINE.match(body) else 0
    while header.match(body, place):
        place = body.find(b"\n", place) + 1
        if place == 0:
            return None if content.endswith(b"\r") else content + _line_end(content) + comment.encode()
    if _UNFIT.match(body, place):
        return None
    return bom + body[:place] + comment.encode() + _line_end(body) + body[place:]


def remove_comment(content: bytes, line: int) -> bytes:
    """Without the line of the id. When it ends the file, the line break before it goes, as it came."""
    lines = content.split(b"\n")
    bom = BOM if line == 1 and content.startswith(BOM) else b""
    if line == len(lines) > 1:
        return content[: -len(lines[-1])].removesuffix(b"\n").removesuffix(b"\r")
    return bom + b"\n".join(lines[: line - 1] + lines[line:])


def _split_bom(content: bytes) -> tuple[bytes, bytes]:
    return (BOM, content[len(BOM) :]) if content.startswith(BOM) else (b"", content)


def _line_end(content: bytes) -> bytes:
    """The line end of the first line; a line feed where there is none."""
    place = content.find(b"\n")
    return b"\r\n" if place > 0 and content[place - 1 : place] == b"\r" else b"\n"
