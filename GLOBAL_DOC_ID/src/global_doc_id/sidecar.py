"""The sidecar of a folder: ``doc_ids.json`` states ids for files that should stay clean or cannot carry one."""

from __future__ import annotations

import re

from global_doc_id.carriers import Carrier
from global_doc_id.file_types import SIDECAR
from global_doc_id.findings import Finding

VERSION = 1
_SURROGATE = re.compile("[\ud800-\udfff]")
FORM = '{"version": 1, "doc_ids": {"<file in this folder>": "<id>"}}'


def read_sidecar(path: str, content: bytes) -> list[tuple[str, Carrier]]:
    """The files that a sidecar names, each with its id. What is malformed is left to ``judge_sidecar``."""
    return parse_sidecar(path, content)[0]


def judge_sidecar(path: str, content: bytes) -> list[Finding]:
    """What is wrong with a sidecar itself."""
    return parse_sidecar(path, content)[1]


def parse_sidecar(path: str, content: bytes) -> tuple[list[tuple[str, Carrier]], list[Finding]]:
    """What both of the above give."""
    plain = _read_plain(path, content)
    if plain is not None:
        return plain, []
    entries, faults = _read(path, content)
    names = [file for file, _ in entries]
    if not faults and names != sorted(names):
        faults = [Finding(path, 1, "sidecar", "its names are not sorted", "sort them: doc-id validate --fix", True)]
    return entries, faults


def is_version(value: object) -> bool:
    """Is this the version that is read here? ``true`` and ``1.0`` equal 1 and are not meant."""
    return type(value) is int and value == VERSION


def is_text(text: str) -> bool:
    """Can this be written as UTF-8? A name that cannot has no entry."""
    return not _SURROGATE.search(text)


def _read_plain(path: str, content: bytes) -> list[tuple[str, Carrier]] | None:
    """The entries of a sidecar in the form that is written here; None for all others. Spares most a JSON parser."""
    found = re.fullmatch(_PLAIN, content)
    try:
        entries = [(name.decode(), doc_id.decode()) for name, doc_id in re.findall(_ENTRY, found[1])] if found else []
    except UnicodeDecodeError:
        return None
    names = [name for name, _ in entries]
    if not names or names != sorted(set(names)) or not {".", "..", SIDECAR}.isdisjoint(names):
        return None
    folder = path.removesuffix(SIDECAR)
    return [(folder + name, Carrier(line, doc_id, "sidecar")) for line, (name, doc_id) in enumerate(entries, 4)]


_ENTRY = rb'    "([^"\\/\x00-\x1f]++)": "([^"\\\x00-\x1f]*+)"'
_LINE = _ENTRY.replace(b"(", b"(?:")
_PLAIN = rb'\{\n  "version": 1,\n  "doc_ids": \{\n((?:%b,\n)*+%b)\n  \}\n\}\n' % (_LINE, _LINE)


def _read(path: str, content: bytes) -> tuple[list[tuple[str, Carrier]], list[Finding]]:
    import json

    try:
        text = content.decode("utf-8-sig")
        raw = json.loads(text, object_pairs_hook=_Pairs)
    except RecursionError:
        return [], [_broken(path, 1, "nested too deep")]
    except ValueError as fault:
        return [], [_broken(path, getattr(fault, "lineno", 1), f"not readable as JSON: {fault}")]
    table = dict(raw) if isinstance(raw, _Pairs) else {}
    inner = table.get("doc_ids")
    if not isinstance(inner, _Pairs) or not is_version(table.get("version")) or len(raw) != 2:
        return [], [_broken(path, 1, f"not of the form {FORM}")]
    return _entries(path, text, inner)


def _entries(path: str, text: str, inner: _Pairs) -> tuple[list[tuple[str, Carrier]], list[Finding]]:
    numbers = _lines(text)
    lines = text.split("\n")
    folder = path.removesuffix(SIDECAR)
    entries: list[tuple[str, Carrier]] = []
    faults: list[Finding] = []
    seen: set[str] = set()
    for place, (name, doc_id) in enumerate(inner):
        line = numbers[place] if place < len(numbers) else 1
        fault = _fault(name, doc_id, lines[line - 1], seen)
        if fault:
            faults.append(_broken(path, line, fault))
        else:
            entries.append((folder + name, Carrier(line, str(doc_id), "sidecar")))
        seen.add(name)
    return entries, faults


def _fault(name: str, doc_id: object, line: str, seen: set[str]) -> str:
    if not isinstance(doc_id, str):
        return f"{_short(name)}: its id is no text"
    if "/" in name or name in ("", ".", "..", SIDECAR) or "\0" in name:
        return f"{_short(name)!r} is no file of this folder"
    if not is_text(name):
        return f"{_short(name)!a} is no UTF-8"
    if name in seen:
        return f"{_short(name)} stands there twice"
    if f'"{doc_id}"' not in line:
        return f"{_short(name)}: its id is not written plainly in the same line"
    return ""


_MEMBER = r'"(?:[^"\\]|\\.)*+"\s*:\s*'


def _lines(text: str) -> list[int]:
    """The lines of the members inside ``doc_ids``, in their order: each key is followed by a colon."""
    start = re.search(r'"doc_ids"\s*:\s*\{', text)
    place = start.end() if start else len(text)
    numbers: list[int] = []
    line, last = 1, 0
    for found in re.compile(_MEMBER).finditer(text, place):
        line, last = line + text.count("\n", last, found.start()), found.start()
        numbers.append(line)
    return numbers


class _Pairs(list[tuple[str, object]]):
    """A JSON object with its members as they stand there, repeated keys included."""


def _broken(path: str, line: int, what: str) -> Finding:
    return Finding(path, line, "sidecar", what, f"mend it by hand: {FORM}", False)


def _short(text: str) -> str:
    return text if len(text) <= 60 else f"{text[:60]}..."
