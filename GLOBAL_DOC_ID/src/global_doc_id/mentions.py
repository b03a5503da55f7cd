"""Mentions of an id in documents, given another id."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Mapping, Sequence
from pathlib import Path

from global_util.errors import InvalidInput

from global_doc_id.carriers import HEAD_BYTES
from global_doc_id.references import Reference
from global_doc_id.working_file import read_file, replace_file

_FENCE = re.compile(rb" {0,3}(`{3,}|~{3,})")
_CODE = re.compile(rb"((`+)(?!`).*?(?<!`)\2(?!`))")
_WORD = re.compile(rb"(?<![\w-])([A-Z]{3}(?:-[A-Z0-9]+)+-[0-9]{3,4})(?![\w-])")
_BRACKETED = re.compile(rb"\[\[([A-Z0-9-]+)\]\]")
"""Words, and what stands in brackets, that may be ids of the older form."""


def places_of(references: Mapping[str, Sequence[Reference]], doc_id: str) -> list[str]:
    """``path:line`` of every reference to an id, sorted."""
    found = {(path, one.line) for path, all_ in references.items() for one in all_ if one.text == doc_id}
    return [f"{path}:{line}" for path, line in sorted(found)]


def change_references(root: Path, references: Mapping[str, Sequence[Reference]], old: str, new: str) -> list[str]:
    """Write ``[[new]]`` where a reference says ``[[old]]``; the paths of the documents that changed."""
    changed = []
    for path, found in sorted(references.items()):
        lines = {one.line for one in found if one.text == old}
        if lines:
            file = read_file(root, path)
            replace_file(file, _changed(file.content, lines, old, new))
            changed.append(path)
    return changed


def change_older(root: Path, paths: Sequence[str], new: Mapping[str, str]) -> list[str]:
    """Give mentions of ids of the older form the new ids: ``[[old]]`` outside code, and words in front matter.

    Four digits alone are changed between brackets only: elsewhere they may be a year. The paths that changed. Raises the
    first document's InvalidInput that cannot be written, once all others are.
    """
    table = {old.encode(): id_.encode() for old, id_ in new.items()}
    changed: list[str] = []
    faults: list[InvalidInput] = []
    for path in paths if new else ():
        try:
            file = read_file(root, path)
            content = _without_older(file.content, table)
            if content != file.content:
                replace_file(file, content)
                changed.append(path)
        except InvalidInput as fault:
            faults.append(fault)
    if faults:
        raise faults[0]
    return changed


def places_of_older(root: Path, paths: Sequence[str], new: Mapping[str, str]) -> list[str]:
    """``path:line`` of every word in a text file that is one of these older ids. What cannot be read is passed over."""
    table = {old.encode() for old in new}
    found = []
    for path in paths:
        content = b""
        with contextlib.suppress(InvalidInput):
            content = read_file(root, path).content
        if b"\0" in content[:HEAD_BYTES]:
            continue
        lines = {content.count(b"\n", 0, one.start()) + 1 for one in _WORD.finditer(content) if one[1] in table}
        found += [f"{path}:{line}" for line in sorted(lines)]
    return found


def _without_older(content: bytes, new: Mapping[bytes, bytes]) -> bytes:
    lines = content.split(b"\n")
    body = _body_start(lines)
    fence = b""
    for number, line in enumerate(lines):
        if number < body:
            lines[number] = _WORD.sub(lambda found: new.get(found[1], found[1]), line)
            continue
        mark = _FENCE.match(line)
        if mark and not fence:
            fence = mark[1]
        elif mark and mark[1].startswith(fence) and not line[mark.end() :].strip():
            fence = b""
        elif not fence and not line.startswith((b"    ", b"\t")):
            lines[number] = _outside_code(line, new)
    return b"\n".join(lines)


def _outside_code(line: bytes, new: Mapping[bytes, bytes]) -> bytes:
    """Every second part between equally long runs of backticks is code; those are left as they are."""
    parts = _CODE.split(line)
    for place in range(0, len(parts), 3):
        parts[place] = _BRACKETED.sub(lambda found: b"[[%b]]" % new.get(found[1], found[1]), parts[place])
    return b"".join(part for place, part in enumerate(parts) if place % 3 != 2)


def _body_start(lines: Sequence[bytes]) -> int:
    """The index of the line behind the front matter; 0 without any."""
    if lines[0].removeprefix(b"\xef\xbb\xbf").rstrip() != b"---":
        return 0
    return next((number + 1 for number, line in enumerate(lines[1:], 1) if line.rstrip() == b"---"), 0)


def _changed(content: bytes, numbers: set[int], old: str, new: str) -> bytes:
    lines = content.split(b"\n")
    for number in numbers:
        lines[number - 1] = lines[number - 1].replace(f"[[{old}]]".encode(), f"[[{new}]]".encode())
    return b"\n".join(lines)
