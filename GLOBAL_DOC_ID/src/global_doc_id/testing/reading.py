"""A file read as everything that is read here, and whether each id that came out stands where the reader says."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from global_util.errors import InvalidInput
from global_util.paths import covered

from global_doc_id.carriers import HEAD_BYTES, read_carriers
from global_doc_id.ledger import judge_ledger, read_ledger
from global_doc_id.policy import read_policy
from global_doc_id.references import read_references
from global_doc_id.registry import KINDS_FILE, ROUTING_FILE, read_registry, shipped
from global_doc_id.sidecar import judge_sidecar, read_sidecar

AGREED = ("page.md", "part.py", "part.js", "part.sql", "part.html", "part.tex", "part.ini", "part.bat", "shape.json")
"""A path of each form: every file is read as each of them, too."""

COMPARED = 200
"""Characters of the longest glob whose meaning is compared with ``covered``, which takes its time for long ones."""


@dataclass
class Reading:
    """How many ids and references were read, how often input was refused, and what should not have happened."""

    ids: int = 0
    refused: int = 0
    faults: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Stated:
    """What a reader says: that ``text`` stands in ``line`` of the file at ``path``."""

    reader: str
    path: str
    line: int
    text: str
    near: bytes = b""
    """What stands in the same line, too."""


def read_everything(path: str, content: bytes) -> Reading:
    """Give a file to every reader, whatever it is. Exceptions that are not documented go through."""
    reading = Reading()
    for stated in (*_carriers(path, content), *_others(content)):
        reading.ids += 1
        if not stands(stated, content):
            reading.faults.append(f"invented by {stated.reader}: {stated.text!r} in line {stated.line}")
    reading.refused += bool(judge_sidecar("doc_ids.json", content))
    reading.refused += bool(judge_ledger(content.decode("utf-8", "replace"), "doc_ids.ledger"))
    for read in (_routing, _kinds, _policy):
        try:
            reading.faults += read(path, content)
        except InvalidInput:
            reading.refused += 1
    return reading


def _routing(path: str, content: bytes) -> list[str]:
    read_registry(content, _SHIPPED[KINDS_FILE]).family_of(path)
    return []


def _kinds(path: str, content: bytes) -> list[str]:
    read_registry(_SHIPPED[ROUTING_FILE], content).family_of(path)
    return []


def _policy(path: str, content: bytes) -> list[str]:
    policy = read_policy(content.decode("utf-8", "replace"))
    return [
        f"glob: {globs} and {place!r}"
        for globs, covers in ((policy.require, policy.required), (policy.exclude, policy.excluded))
        for place in (path, *AGREED)
        if max(map(len, globs), default=0) < COMPARED and bool(covers(place)) != covered(globs, place)
    ]


def _carriers(path: str, content: bytes) -> Iterator[Stated]:
    for place in (path, *AGREED):
        for carrier in read_carriers(place, content):
            near = b"doc_id" if carrier.how in ("front matter", "comment") else b""
            yield Stated(carrier.how, place, carrier.line, carrier.text, near)


def _others(content: bytes) -> Iterator[Stated]:
    for file, carrier in read_sidecar("docs/doc_ids.json", content):
        yield Stated("sidecar", file, carrier.line, carrier.text)
    for reference in read_references(content):
        yield Stated("reference", "page.md", reference.line, reference.text, f"[[{reference.text}]]".encode())
    for retired in read_ledger(content.decode("utf-8", "replace")).values():
        yield Stated("ledger", retired.path, retired.line, retired.doc_id, b"\t")


def stands(stated: Stated, content: bytes) -> bool:
    """Does the text literally stand in the line that the reader told, or begin the file's name?"""
    if stated.reader == "name":
        return stated.path.rpartition("/")[2].startswith(f"{stated.text}__") and stated.line == 1
    lines = content.split(b"\n", stated.line)
    if not 1 <= stated.line <= len(lines) or (
        stated.reader not in _FREE and sum(map(len, lines[: stated.line - 1])) > HEAD_BYTES
    ):
        return False
    line = lines[stated.line - 1]
    if stated.reader == "sidecar" and b"\\" in line:
        return True
    return stated.text.encode("utf-8", "surrogateescape") in line and stated.near in line


_FREE = ("sidecar", "reference", "ledger")
"""Readers of whole files; all others look at the beginning."""

_SHIPPED = {name: shipped(name) for name in (ROUTING_FILE, KINDS_FILE)}
