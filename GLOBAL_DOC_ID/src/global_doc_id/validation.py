"""The rules: ids are well-formed, known, unique, in their place, and there where the policy requires them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence, Set
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from global_util.errors import InvalidInput
from global_util.paths import covered

from global_doc_id.doc_id import read_doc_id
from global_doc_id.documents import Carrier, find_documents, read_carriers
from global_doc_id.policy import Policy
from global_doc_id.registry import Registry

FORM = "[TYPE]-[SCOPE][MODULE]-[KIND]-[NNN]"
EXAMPLE = "DOC-P2M000-DOC-001"


@dataclass(frozen=True, order=True)
class Finding:
    """What is wrong where, and what to do about it."""

    file: str
    line: int
    what: str
    mend: str

    def __str__(self) -> str:
        return f"{self.file}:{self.line}: {self.what}; {self.mend}"


def read_all(root: Path, policy: Policy) -> dict[str, list[Carrier]]:
    """The ids of every document that the policy does not exclude. Raises InvalidInput for one that is not readable."""
    paths = [path for path in find_documents(root) if not covered(policy.exclude, path)]
    try:
        return {path: read_carriers(root / path) for path in paths}
    except OSError as fault:
        raise InvalidInput(
            f"{fault.filename}: not readable: {fault.strerror}", "check the file's mode", "E382"
        ) from None


def validate(documents: Mapping[str, Sequence[Carrier]], registry: Registry, policy: Policy) -> list[Finding]:
    """All findings, by path and line."""
    homes: dict[str, set[str]] = {}
    for path, carriers in documents.items():
        for carrier in carriers:
            homes.setdefault(carrier.text, set()).add(path)
    findings: list[Finding] = []
    for path, carriers in documents.items():
        findings += _judge_presence(path, carriers, policy)
        for carrier in carriers:
            findings += _judge_id(path, carrier, registry)
            findings += _judge_uniqueness(path, carrier, homes[carrier.text])
    return sorted(findings)


def route(text: str, registry: Registry) -> str:
    """The folder where a document with this id lies. Raises InvalidInput (exit 3) for an id that is none."""
    doc_id = read_doc_id(text)
    if doc_id is None:
        raise InvalidInput(f"{text!r} is no doc id", f"write it as {FORM}, e.g. {EXAMPLE}", "E380")
    unknown = registry.unknown(doc_id)
    if unknown:
        raise InvalidInput(f"{doc_id}: {unknown}", "use a registered code, or register it", "E380")
    return registry.folder(doc_id)


def _judge_uniqueness(path: str, carrier: Carrier, homes: Set[str]) -> Iterator[Finding]:
    others = ", ".join(sorted(homes - {path}))
    if others and read_doc_id(carrier.text):
        yield Finding(
            path, carrier.line, f"{carrier.text} is the id of {others} too", "give all but one another number"
        )


def _judge_presence(path: str, carriers: Sequence[Carrier], policy: Policy) -> Iterator[Finding]:
    if not carriers and covered(policy.require, path):
        yield Finding(path, 1, "no doc_id", "begin the file with front matter: ---, doc_id: <id>, ---")
    for extra in carriers[1:]:
        yield Finding(path, extra.line, "a second doc_id", f"keep only line {carriers[0].line}")


def _judge_id(path: str, carrier: Carrier, registry: Registry) -> Iterator[Finding]:
    try:
        folder = route(carrier.text, registry)
    except InvalidInput as fault:
        yield Finding(path, carrier.line, fault.message, fault.hint)
        return
    if not PurePosixPath(path).is_relative_to(folder):
        what = f"{carrier.text} belongs into {folder}"
        yield Finding(path, carrier.line, what, "move the file, or give it an id of its place")
