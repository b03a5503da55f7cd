"""The ledger of retired ids: text, one line each, sorted, so that a number is never given again and merges are plain."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from global_util.errors import InvalidInput

from global_doc_id.doc_id import read_doc_id
from global_doc_id.findings import Finding
from global_doc_id.policy import Policy
from global_doc_id.working_file import create_file, read_file, replace_file

FORM = "<id>TAB<last path>TAB<why>"
_OLDER = re.compile(r"[A-Z]{3}(?:-[A-Z0-9]+)+-[0-9]{3,4}|[0-9]{4}")
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")


@dataclass(frozen=True, order=True)
class Retired:
    """An id that is given no more: the path that had it last, and why. ``line`` is where the ledger says so, from 1."""

    doc_id: str
    path: str
    why: str
    line: int = 0


def is_older_form(text: str) -> bool:
    """Is this an id of the form before version 2: ``DOC-<WORDS>-NNN(N)`` or four digits?"""
    return read_doc_id(text) is None and _OLDER.fullmatch(text) is not None


def read_ledger(text: str) -> dict[str, Retired]:
    """The retired ids; of two lines with one id the first counts, lines of another form are left to ``judge_ledger``."""
    found: dict[str, Retired] = {}
    for _, entry in _entries(text):
        if entry is not None:
            found.setdefault(entry.doc_id, entry)
    return found


def judge_ledger(text: str, name: str) -> list[Finding]:
    """What is wrong with a ledger: lines of another form, an id told twice, lines that are not sorted."""
    findings: list[Finding] = []
    seen: dict[str, int] = {}
    last = ""
    for number, entry in _entries(text):
        if entry is None:
            findings.append(
                Finding(name, number, "ledger", f"not of the form {FORM}", "mend or remove the line", False)
            )
            continue
        if entry.doc_id in seen:
            what = f"{entry.doc_id} is retired in line {seen[entry.doc_id]} too"
            findings.append(Finding(name, number, "ledger", what, "keep the line that is right", False))
        elif entry.doc_id < last:
            findings.append(Finding(name, number, "ledger", "lines are not sorted", "doc-id validate --fix", True))
        seen.setdefault(entry.doc_id, number)
        last = entry.doc_id
    return findings


def load_ledger(root: Path, policy: Policy) -> dict[str, Retired]:
    """The ledger of the working copy; empty where there is none."""
    place = root / policy.ledger
    return read_ledger(read_file(root, policy.ledger).content.decode("utf-8", "replace")) if place.exists() else {}


def add(root: Path, policy: Policy, entries: Sequence[Retired]) -> str:
    """Write entries into the ledger, sorted, and return its path. An id that is there keeps the line that it has.

    Raises InvalidInput (E392) for a ledger with a line of another form: rewriting would hide it.
    """
    if not (root / policy.ledger).exists():
        create_file(root, policy.ledger, _written(entries, ""))
        return policy.ledger
    file = read_file(root, policy.ledger)
    text = file.content.decode("utf-8", "surrogateescape")
    broken = next((finding for finding in judge_ledger(text, policy.ledger) if not finding.fixable), None)
    if broken is not None:
        raise InvalidInput(f"{broken.file}:{broken.line}: {broken.what}", broken.mend, "E392")
    content = _written(entries, text)
    if content != file.content:
        replace_file(file, content)
    return policy.ledger


def _written(entries: Sequence[Retired], text: str) -> bytes:
    """A ledger with more entries. Lines that it has are kept byte for byte, what is no UTF-8 in them too."""
    lines = {entry.doc_id: _line(entry) for entry in reversed(entries)}
    lines |= {line.partition("\t")[0]: line.rstrip("\r") for line in text.split("\n") if line.strip()}
    return "".join(f"{line}\n" for _, line in sorted(lines.items())).encode("utf-8", "surrogateescape")


def _line(entry: Retired) -> str:
    return f"{entry.doc_id}\t{one_line(entry.path)}\t{one_line(entry.why) or '-'}"


def one_line(text: str) -> str:
    """Text that fits between two tabs and is UTF-8: a byte that is not, or no character to show, becomes ``\\xff``."""
    return _CONTROL.sub(lambda found: f"\\x{_byte(ord(found[0])):02x}", text.strip())


def _byte(code: int) -> int:
    return code - 0xDC00 if 0xDC80 <= code <= 0xDCFF else code


def _entries(text: str) -> Iterator[tuple[int, Retired | None]]:
    """Number and entry of each line that is not blank; None for one of another form."""
    for number, line in enumerate(text.split("\n"), 1):
        doc_id, *rest = line.rstrip("\r").split("\t")
        if not line.strip():
            continue
        fit = len(rest) == 2 and all(map(str.strip, rest)) and (read_doc_id(doc_id) or is_older_form(doc_id))
        yield number, Retired(doc_id, rest[0], rest[1], number) if fit else None
