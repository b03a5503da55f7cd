"""The rules: ids are well-formed, known, unique, in their place, there where they must be, and never given again."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, NamedTuple

from global_util.errors import InvalidInput

from global_doc_id.carriers import Carrier
from global_doc_id.doc_id import meant, read_doc_id
from global_doc_id.file_types import is_sidecar
from global_doc_id.findings import Finding
from global_doc_id.inventory import Inventory
from global_doc_id.policy import Policy
from global_doc_id.registry import Registry

if TYPE_CHECKING:
    from global_doc_id.ledger import Retired

FORM = "[TYPE]-[SCOPE][MODULE]-[KIND]-[NNN]"
EXAMPLE = "DOC-P2M000-DOC-001"


class Was(NamedTuple):
    """Where an id stood in the baseline."""

    path: str
    line: int


Homes = Callable[[str], Sequence[str]]
"""The files that carry an id, sorted."""


def validate(
    inventory: Inventory,
    registry: Registry,
    policy: Policy,
    ledger: Mapping[str, Retired],
    before: Mapping[str, Was] | None = None,
    homes: HomeBook | None = None,
) -> list[Finding]:
    """All findings of a whole repository, by path and line. ``before``: ids of the baseline that may have vanished.

    ``homes``: which file carries which id, if that is known already.
    """
    homes = homes or HomeBook(inventory)
    judge = Judge(registry, policy, ledger, homes.of)
    findings = [*inventory.faults, *judge_dead(inventory.dead), *judge.gone(before or {})]
    for path in judge.doubtful(inventory.carriers, homes.several):
        findings += judge.carriers(path, inventory.carriers[path], inventory)
    first = homes.first
    for path, references in inventory.references.items():
        for line, text in references:
            if text not in first:
                findings += judge.reference(path, line, text)
    findings += judge.missing(filter(policy.required, inventory.paths - inventory.carriers.keys()), inventory)
    return sorted(findings)


class HomeBook:
    """Which files carry which id. Most ids have one file, and no list is made for those."""

    def __init__(self, inventory: Inventory) -> None:
        self.first: dict[str, str] = {}
        self.several: dict[str, set[str]] = {}
        first = self.first
        for path, carriers in inventory.carriers.items():
            for _, text, _ in carriers:
                other = first.setdefault(text, path)
                if other is not path:
                    self.several.setdefault(text, {other}).add(path)

    def of(self, text: str) -> Sequence[str]:
        """The files that carry an id, sorted."""
        return sorted(self.several[text]) if text in self.several else [self.first[text]] if text in self.first else []


def route(text: str, registry: Registry) -> str:
    """The folder where a file with this id lies. Raises InvalidInput (exit 3) for an id that is none."""
    fault = _route(text, registry)
    if fault.rule:
        raise InvalidInput(fault.what, fault.mend, "E380")
    return fault.folder


class Judge:
    """The rules for single files. ``homes`` says which files have an id."""

    def __init__(self, registry: Registry, policy: Policy, ledger: Mapping[str, Retired], homes: Homes) -> None:
        self.registry = registry
        self.policy = policy
        self.ledger = ledger
        self.homes = homes

    def carriers(self, path: str, carriers: Sequence[Carrier], inventory: Inventory) -> list[Finding]:
        """What is wrong with the ids of a file."""
        findings: list[Finding] = []
        for carrier in carriers:
            routed = _route(carrier.text, self.registry)
            if (
                routed.rule
                or not path.startswith(routed.folder)
                or carrier.text in self.ledger
                or len(self.homes(carrier.text)) > 1
            ):
                findings += self._carrier(path, carrier, routed, inventory)
        if len(carriers) > 1:
            findings += _judge_second(path, carriers, inventory)
        return findings

    def _carrier(self, path: str, carrier: Carrier, routed: _Route, inventory: Inventory) -> Iterator[Finding]:
        text = carrier.text
        where = inventory.place(path, carrier)
        of = f"{path}: " if where != path else ""
        if routed.rule:
            fixable = routed.rule == "form" and meant(text) is not None and where == path
            yield Finding(where, carrier.line, routed.rule, of + routed.what, routed.mend, fixable)
            return
        if not path.startswith(routed.folder):
            what = f"{of}{text} belongs into {routed.folder}"
            mend = f"move the file, or give it an id of its place: doc-id rename {text}"
            yield Finding(where, carrier.line, "place", what, mend)
        others = ", ".join(home for home in self.homes(text) if home != path)
        if others:
            what, mend = (
                f"{of}{text} is the id of {others} too",
                "give all but one another number: doc-id fix-duplicates",
            )
            yield Finding(where, carrier.line, "unique", what, mend)
        if text in self.ledger:
            what = f"{of}{text} is retired ({self.ledger[text].why})"
            yield Finding(where, carrier.line, "reused", what, "give the file another number: doc-id mint")

    def reference(self, path: str, line: int, text: str) -> Iterator[Finding]:
        """What is wrong with a mention of an id."""
        if self.homes(text):
            return
        retired = self.ledger.get(text)
        why = f", retired: {retired.why}" if retired else ""
        yield Finding(
            path, line, "reference", f"[[{text}]] leads to no file{why}", "refer to an id of a file, or remove it"
        )

    def missing(self, paths: Iterable[str], inventory: Inventory) -> Iterator[Finding]:
        """Of files that must have an id, those that have none."""
        for path in paths:
            if path in inventory.carriers or not self.policy.requires(path) or is_own(path, self.policy):
                continue
            yield Finding(path, 1, "required", "no doc_id", *self._mend_missing(path))

    def _mend_missing(self, path: str) -> tuple[str, bool]:
        try:
            self.registry.family_of(path)
        except InvalidInput:
            return "give it one, and register its folder in the registry", False
        return f"give it one: doc-id mint {path}", True

    def gone(self, before: Mapping[str, Was]) -> Iterator[Finding]:
        """Ids that the baseline had and that are nowhere now, nor in the ledger."""
        for text, was in before.items():
            if read_doc_id(text) and text not in self.ledger and not self.homes(text):
                mend = f"give it back, or retire it: doc-id retire {text} --why TEXT"
                yield Finding(was.path, was.line, "gone", f"{text} is gone and not in {self.policy.ledger}", mend, True)

    def doubtful(self, files: Mapping[str, Sequence[Carrier]], several: Collection[str]) -> Iterator[str]:
        """All files but those that have one well-formed id, in its place, not retired and not in ``several``.

        Quick for a family that was met before, as most files are right.
        """
        numbers = frozenset(f"{number:03d}" for number in range(1, 1000))
        folders: dict[str, str] = {}
        suspect = {*several, *self.ledger}
        for path, carriers in files.items():
            text = carriers[0][1]
            folder = folders.get(text[:-3])
            if folder is None:
                routed = _route(text, self.registry)
                if routed.rule:
                    yield path
                    continue
                folder = folders[text[:-3]] = routed.folder
            if not path.startswith(folder) or text[-3:] not in numbers or len(carriers) > 1 or text in suspect:
                yield path


class _Route(NamedTuple):
    folder: str
    rule: str = ""
    what: str = ""
    mend: str = ""


def _route(text: str, registry: Registry) -> _Route:
    doc_id = read_doc_id(text)
    if doc_id is None:
        return _Route("", "form", f"{_short(text)!r} is no doc id", _mend_form(text))
    part, what = registry.unknown_code(doc_id)
    if part:
        return _Route("", part, f"{doc_id}: {what}", "use a registered code, or register it")
    return _Route(registry.folder(doc_id))


def _mend_form(text: str) -> str:
    from global_doc_id.ledger import is_older_form

    if is_older_form(text):
        return "give it one of today's form: doc-id migrate"
    return f"write it as {meant(text)}: doc-id validate --fix" if meant(text) else f"write it as {FORM}, e.g. {EXAMPLE}"


def _judge_second(path: str, carriers: Sequence[Carrier], inventory: Inventory) -> Iterator[Finding]:
    """One id may be told by two carriers of different kinds, as by name and front matter; two ids may not."""
    first = carriers[0]
    ways = {(first.text, first.how)}
    for extra in carriers[1:]:
        again = (extra.text, extra.how) in ways or extra.text != first.text
        ways.add((extra.text, extra.how))
        if again:
            where = inventory.place(path, extra)
            of = f"{path}: " if where != path else ""
            kept = f"{inventory.place(path, first)}:{first.line}"
            yield Finding(where, extra.line, "second", f"{of}a second doc_id", f"keep only that of {kept}")


def judge_dead(dead: Iterable[tuple[str, Carrier, str]]) -> Iterator[Finding]:
    """Entries of sidecars whose file is not there."""
    for sidecar, carrier, file in dead:
        what = f"{file} is no file here, or ignored by git"
        yield Finding(sidecar, carrier.line, "sidecar", what, "remove the entry: doc-id validate --fix", True)


def is_own(path: str, policy: Policy) -> bool:
    """Is this one of the files that ids are kept in? Those need none themselves."""
    return is_sidecar(path) or path == policy.ledger


def _short(text: str) -> str:
    return text if len(text) <= 60 else f"{text[:60]}..."
