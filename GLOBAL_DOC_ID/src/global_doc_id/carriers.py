"""Where a file states its id: in its name, its front matter, a comment line, or a member of its JSON object."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache
from typing import NamedTuple

from global_doc_id.doc_id import SHAPE
from global_doc_id.file_types import Form, form_of

HEAD_BYTES = 16_384
"""How far into a file an id is looked for."""
COMMENT_LINES = 5
"""A comment line with the id is one of the first so many, those that must come first not counted."""
HEADER_LINES = 8
"""So many lines that must come first are passed over."""
NEAR_BYTES = 1024
"""Comment lines are mostly within these; a NUL byte in them says that this is no text."""

_NAME = re.compile(rf"({SHAPE})__[^.].*\Z", re.DOTALL)
_BOM = b"\xef\xbb\xbf"
_FENCE = re.compile(rb"(?:\xef\xbb\xbf)?---[ \t]*\r?\n")
_END = re.compile(rb"^---[ \t]*\r?(?:\n|\Z)", re.MULTILINE)
_FIELD = re.compile(rb"^([\"']?)doc_id\1[ \t]*:(?:[ \t]([^\n]*)|\r?)$", re.MULTILINE)
_REMARK = re.compile(rb"(?:^|[ \t])#")
_HEADERS = {
    "#": rb"#!(?!\[)|[ \t\f]*#.*?coding[:=]|#[ \t]*(?:syntax|escape|check)[ \t]*=",
    "//": rb"#!(?!\[)|<\?php[ \t]*\r?$",
    "/*": rb"@charset[ ]",
    "<!--": rb"<\?xml|<!doctype",
    "%": rb"%&",
    "REM": rb"@echo[ ]off",
    "::": rb"@echo[ ]off",
}
"""By comment mark, the lines that must come first."""
_STRING = rb"\"\"\"|'''"
_TOKEN = rb'[ \t\r\n]*("(?:[^"\\\x00-\x1f]|\\.)*+"|[{}\[\],:]|[-+.\w]+)'
_KEYS = (b'"doc_id"', b'"x-doc-id"')


class Carrier(NamedTuple):
    """A place that states an id: ``line`` from 1, ``text`` as written, ``how`` it is carried.

    ``how`` is "name", "front matter", "comment", "json" or "sidecar". Bytes that are no UTF-8 are surrogates.
    """

    line: int
    text: str
    how: str


def allowed(path: str) -> str | None:
    """Which carrier a file of this type can have inside: "front matter", "comment", "json"; None for name or sidecar only."""
    form = form_of(path)
    return form.how if form else None


def comment_marks(path: str) -> tuple[str, str]:
    """What a comment line of this type begins and ends with; empty texts for a type without comment lines."""
    form = form_of(path)
    mark = form.marks[0] if form and form.marks else ""
    return mark, _CLOSING.get(mark, "")


def read_name(path: str) -> Carrier | None:
    """The id that begins a file's name, ``[doc_id]__[slug].[ext]``."""
    found = _NAME.match(path, path.rfind("/") + 1)
    return Carrier(1, found[1], "name") if found else None


def may_state(path: str) -> bool:
    """Can a file of this name state an id?"""
    return form_of(path) is not None or read_name(path) is not None


def read_carriers(path: str, content: bytes) -> list[Carrier]:
    """The ids that a file states in its name and its first ``HEAD_BYTES``: none, one, or more if somebody made a mistake.

    Only what is literally there: never raises, and takes no mention of an id for one. The sidecar is read elsewhere.
    """
    found = read_name(path) if "__" in path else None
    carriers = [found] if found else []
    form = form_of(path)
    if form is not None:
        carriers += inside(form, content[:HEAD_BYTES])
    return carriers


def inside(form: Form, head: bytes) -> list[Carrier]:
    """The ids stated in the beginning of a file of this form. One with a NUL byte near its beginning states none."""
    if head.find(b"\0", 0, NEAR_BYTES) >= 0:
        return []
    quick = _usual(form).match(head)
    if quick and _is_only(form, head, quick.end()):
        return [Carrier(head.count(b"\n", 0, quick.start(1)) + 1, quick[1].decode(), form.how)]
    return list(_READERS[form.how](form, head))


def _is_only(form: Form, head: bytes, end: int) -> bool:
    """Is an id that was read at once surely the only one?"""
    if form.how == "front matter":
        fence = _END.search(head, end)
        return fence is not None and head.find(b"doc_id", end, fence.start()) < 0
    if form.how == "json":
        return head.find(b"doc", end) < 0 or (head.find(b"doc_id", end) < 0 and head.find(b"x-doc-id", end) < 0)
    return head.find(b"doc_id", end) < 0


def _front_matter(_form: Form, head: bytes) -> Iterator[Carrier]:
    begin = _FENCE.match(head)
    end = _END.search(head, begin.end()) if begin else None
    if begin is None or end is None or head.find(b"doc_id", begin.end(), end.start()) < 0:
        return
    for found in _FIELD.finditer(head, begin.end(), end.start()):
        value = _REMARK.split(found[2] or b"", maxsplit=1)[0].strip(b" \t\r")
        yield Carrier(_line(head, found.start()), _text(value).strip("\"'"), "front matter")


def _comment(form: Form, head: bytes) -> Iterator[Carrier]:
    window, line = _patterns(form.marks)
    place = head.find(b"doc_id")
    last = -1
    while place >= 0:
        number = head.count(b"\n", 0, place) + 1
        if number > COMMENT_LINES and last < 0:
            reach = window.match(head)
            last = reach.end() if reach else 0
        if -1 < last <= place:
            return
        start = head.rfind(b"\n", 0, place) + 1
        found = line.match(head, start)
        if found and not (form.strings and _opens_string(head[:start])):
            yield Carrier(number, _text(next(filter(None, found.groups()))), "comment")
        end = head.find(b"\n", place)
        place = head.find(b"doc_id", end) if end >= 0 else -1


def _opens_string(before: bytes) -> bool:
    """Is the end of this Python source inside of a string of several lines?"""
    quote = b""
    for found in re.finditer(_STRING, before):
        if not quote:
            quote = found[0]
        elif quote == found[0]:
            quote = b""
    return bool(quote)


def _json(_form: Form, head: bytes) -> Iterator[Carrier]:
    """Members of the outermost object. Reads tokens one after the other: no depth of nesting is too deep."""
    place = len(_BOM) if head.startswith(_BOM) else 0
    last = max(head.rfind(key[1:]) for key in _KEYS)
    match = re.compile(_TOKEN).match
    depth, key, begins = 0, b"", False
    while (place <= last or key) and (found := match(head, place)):
        token, place = found[1], found.end()
        if depth == 0 and token != b"{":
            return
        if token in (b"{", b"["):
            depth += 1
        elif token in (b"}", b"]"):
            depth -= 1
        elif depth == 1 and key in _KEYS and token[:1] == b'"':
            yield Carrier(_line(head, found.start(1)), _text(token[1:-1]), "json")
        if depth == 0:
            return
        key, begins = _key(token, key, begins, depth)


def _key(token: bytes, key: bytes, begins: bool, depth: int) -> tuple[bytes, bool]:
    """The key whose value comes next, if its colon was just read; and whether a member may begin now."""
    if depth != 1:
        return b"", False
    if token in (b"{", b","):
        return b"", True
    if begins and token[:1] == b'"':
        return b"key " + token, False
    if token == b":" and key.startswith(b"key "):
        return key[4:], False
    return b"", False


def _line(head: bytes, place: int) -> int:
    return head.count(b"\n", 0, place) + 1


def _text(raw: bytes) -> str:
    return raw.decode("utf-8", "surrogateescape")


@cache
def _usual(form: Form) -> re.Pattern[bytes]:
    """How a file of this form begins that says its id first, as most do: read at once."""
    shape = SHAPE.encode()
    if form.how == "json":
        return re.compile(rb'[ \t\r\n]*\{[ \t\r\n]*"(?:x-doc-id|doc_id)"[ \t\r\n]*:[ \t\r\n]*"(' + shape + rb')"')
    if form.how == "front matter":
        return re.compile(rb"---\r?\ndoc_id: (" + shape + rb")\r?\n")
    mark = form.marks[0]
    closing = f" {_CLOSING[mark]}" if mark in _CLOSING else ""
    line = rb"%b doc_id: (%b)%b\r?\n" % (re.escape(mark.encode()), shape, re.escape(closing.encode()))
    return re.compile(rb"(?:#!(?!\[)[^\n]*\n)?" + line)


@cache
def _patterns(marks: tuple[str, ...]) -> tuple[re.Pattern[bytes], re.Pattern[bytes]]:
    return _window(marks), _comment_line(marks)


def _window(marks: tuple[str, ...]) -> re.Pattern[bytes]:
    """From the beginning to the end of the last line that counts."""
    headers = b"|".join(dict.fromkeys(_HEADERS.get(mark, rb"#!(?!\[)") for mark in marks))
    return re.compile(
        rb"(?:\xef\xbb\xbf)?(?:(?:"
        + headers
        + rb")[^\n]*(?:\n|\Z)){0,%d}+(?:[^\n]*+(?:\n|\Z)){1,%d}" % (HEADER_LINES, COMMENT_LINES),
        re.IGNORECASE | re.MULTILINE,
    )


def _comment_line(marks: tuple[str, ...]) -> re.Pattern[bytes]:
    """A line that is nothing but the comment with the id: one word, at the beginning of the line."""
    parts = [
        rb"%b[ \t]*doc_id[ \t]*:[ \t]*([^\s]+?)[ \t]*+%b" % (_spelled(mark), re.escape(_CLOSING.get(mark, "").encode()))
        for mark in marks
    ]
    return re.compile(rb"(?:\xef\xbb\xbf)?(?:" + b"|".join(parts) + rb")[ \t]*+\r?(?:\n|\Z)")


def _spelled(mark: str) -> bytes:
    return rb"@?[Rr][Ee][Mm][ \t]" if mark == "REM" else re.escape(mark.encode())


_CLOSING = {"/*": "*/", "<!--": "-->"}
_READERS = {"front matter": _front_matter, "comment": _comment, "json": _json}
