"""Definition of done: whether what a workstream changed is complete, judged on its verdict and on the tree that lands."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

from global_util.contracts.commit_plan import DoneCondition
from global_util.contracts.error_pipeline_result import ResultItem
from global_util.contracts.workstream import AcceptanceDescribe

from global_capabilities.policies.code_tests import find_tests
from global_capabilities.policies.evidence import counted, named
from global_capabilities.policies.file_roles import (
    DOCUMENT_PATTERNS,
    is_code,
    is_document,
    is_test,
    word_of,
)
from global_capabilities.policies.fragments import Fragment
from global_capabilities.policies.layout import CHANGELOG, CONTRACTS, READY_DOCUMENTS, Package, package_of
from global_capabilities.policies.tree import Tree

TESTS = "tests of what it touches exist and pass"
CLEAN = "the error pipeline reports clean"
ACCEPTANCE = "acceptance tests passed"
DOCUMENTS = "documents of what it touches are updated"
CONTRACTS_KEPT = "contracts are updated where a schema changed"
TOLD = "the changelog tells of it"
DOC_IDS = "doc ids are valid"
Fact = tuple[bool | None, str]
"""Whether a condition is met (None: it cannot be said), and the evidence."""
_VERDICTS = {True: "met", False: "not_met", None: "not_checked"}
_JUDGE = "whether it should say more is for people to judge"


@dataclass(frozen=True)
class Landing:
    """A workstream that is about to land. ``tree`` is what comes out; ``upstream``: who changed a path before it."""

    item: ResultItem
    tree: Tree
    packages: tuple[Package, ...]
    upstream: Mapping[str, str]
    fragment: Fragment | None
    fragments: str
    changelog: str

    @cached_property
    def changed(self) -> list[str]:
        """The changed paths, but for the fragment."""
        own = f"{self.fragments}{self.item.workstream_id}.md"
        return [change.path for change in self.item.changes if not self.fragments or change.path != own]

    @cached_property
    def gone(self) -> set[str]:
        """The paths that it removed."""
        return {change.path for change in self.item.changes if change.status == "D"}

    @cached_property
    def code(self) -> list[str]:
        """The code that it added or changed."""
        return [path for path in self.changed if is_code(path) and path not in self.gone]

    @cached_property
    def touched(self) -> list[Package]:
        """The packages whose source or schemas it changed."""
        return [
            one for one in self.packages if any(one.is_source(path) or one.is_schema(path) for path in self.changed)
        ]

    def documents_of(self, package: Package, names: Sequence[str]) -> list[str]:
        """Those documents of the modules that it touched in a package."""
        paths = [path for path in self.changed if package.is_source(path) or package.is_schema(path)]
        modules = sorted({module for path in paths for module in package.modules_of(path)})
        return [module.document(name) for module in modules for name in names]

    def updated(self, documents: Sequence[str]) -> list[str]:
        """Which of them it changed, or a workstream that it builds on; each in words."""
        own = [path for path in documents if path in self.changed and path not in self.gone]
        earlier = [f"{path} (by {self.upstream[path]})" for path in documents if path in self.upstream]
        return own or earlier


def judge(landing: Landing) -> list[DoneCondition]:
    """The conditions of one workstream, in a fixed order: those of modules where there are packages, else the plain ones."""
    facts: dict[str, Fact] = {TESTS: _tests(landing), CLEAN: _clean(landing.item)}
    if landing.packages:
        facts |= {DOCUMENTS: _module_documents(landing), CONTRACTS_KEPT: _contracts(landing)}
    else:
        facts |= {ACCEPTANCE: _acceptance(landing.item), DOCUMENTS: _documents(landing)}
    facts[TOLD] = _told(landing)
    return [condition(text, fact, landing.item.workstream_id) for text, fact in facts.items()]


def condition(text: str, fact: Fact, workstream_id: str | None = None) -> DoneCondition:
    """A condition as the contract has it."""
    return DoneCondition.model_validate(
        {"workstream_id": workstream_id, "condition": text, "verdict": _VERDICTS[fact[0]], "evidence": fact[1]}
    )


def _tests(landing: Landing) -> Fact:
    ran = [check for check in landing.item.checks if check.kind in ("test", "acceptance")]
    passed = [check.check_id for check in ran if check.status == "pass"]
    others = [f"{check.check_id} ({check.status})" for check in ran if check.status != "pass"]
    told = f"passed: {named(passed) or 'none'}" + (f"; not passed: {named(others)}" if others else "")
    if not landing.code:
        return (True, f"no code is changed; {told}") if passed else (None, "no code is changed, and no test was run")
    there, missing = _existing(landing)
    if missing:
        return False, f"no test for {named(missing)}; {told}"
    return bool(passed), f"{named(there)}; {told}"


def _existing(landing: Landing) -> tuple[list[str], list[str]]:
    """What shows that there are tests, and the code or packages without."""
    there: list[str] = []
    missing: list[str] = []
    for package in sorted({one for path in landing.code if (one := package_of(landing.packages, path))}):
        tests = [path for path in landing.tree.below(package.tests) if is_test(path)]
        there += [f"{package.tests}: {counted(len(tests), 'file')}"] if tests else []
        missing += [] if tests else [package.folder]
    loose = [path for path in landing.code if package_of(landing.packages, path) is None]
    changed = [path for path in landing.changed if is_test(path) and path not in landing.gone]
    if loose and changed:
        return [*there, *(f"{path} is changed" for path in changed)], missing
    known = find_tests(landing.tree, loose) if loose else {}
    there += [f"{test} names {word_of(path)}" for path, test in known.items() if test]
    return there, [*missing, *(path for path, test in known.items() if not test)]


def _clean(item: ResultItem) -> Fact:
    passed = [check.check_id for check in item.checks if check.status == "pass"]
    repairs = f", {counted(len(item.fix_attempts), 'repair')}" if item.fix_attempts else ""
    told = f"{item.verdict}{repairs}; {counted(len(item.open_findings), 'open finding')}; passed: {named(passed) or 'none'}"
    return item.verdict in ("clean", "fixed") and not item.open_findings, told


def _acceptance(item: ResultItem) -> Fact:
    ran = [check for check in item.checks if check.kind == "acceptance"]
    words = sum(isinstance(test, AcceptanceDescribe) for test in item.work.acceptance)
    open_ones = f"; {counted(words, 'description')} that no command verifies" if words else ""
    failed = [f"{check.check_id} ({check.status})" for check in ran if check.status != "pass"]
    if failed:
        return False, f"{named(failed)}{open_ones}"
    if ran:
        return True, f"passed: {named(check.check_id for check in ran)}{open_ones}"
    if len(item.work.acceptance) > words:
        return False, f"no acceptance command was run{open_ones}"
    return (None, f"{counted(words, 'description')} that no command verifies") if words else (False, "none is given")


def _module_documents(landing: Landing) -> Fact:
    if not landing.touched:
        return None, "no source or schema of a package is changed"
    known = {one: landing.updated(landing.documents_of(one, READY_DOCUMENTS)) for one in landing.touched}
    silent = [package.folder for package, documents in known.items() if not documents]
    if silent:
        return False, f"source or schemas changed, none of {', '.join(READY_DOCUMENTS)} did: {named(silent)}"
    return True, named(document for documents in known.values() for document in documents)


def _contracts(landing: Landing) -> Fact:
    changed = {
        package: [path for path in landing.changed if package.is_schema(path)]
        for package in landing.touched
        if any(package.is_schema(path) for path in landing.changed)
    }
    if not changed:
        return None, "no schema is changed"
    known = {one: landing.updated(landing.documents_of(one, (CONTRACTS,))) for one in changed}
    silent = [path for package, schemas in changed.items() if not known[package] for path in schemas]
    if silent:
        return False, f"{CONTRACTS} was not changed with {named(silent)}"
    return True, named(document for documents in known.values() for document in documents)


def _documents(landing: Landing) -> Fact:
    """Heuristic, and says so: only a document that names a file which is gone is known to be wrong."""
    changed = [path for path in landing.changed if is_document(path) and path not in landing.gone]
    removed = sorted(path for path in landing.gone if is_code(path))
    wrong = landing.tree.mentions(removed, DOCUMENT_PATTERNS) if removed else {}
    for path in removed:
        places = [place for place in wrong.get(path, ()) if place != landing.changelog]
        if places:
            return False, f"{path} is removed, {named(places)} still names it"
    if changed:
        return True, f"{named(changed)}; {_JUDGE}"
    if not landing.code:
        return None, "no code is changed"
    names = {path.rpartition("/")[2] for path in landing.code}
    said = landing.tree.mentions(names, DOCUMENT_PATTERNS)
    places = sorted({place for found in said.values() for place in found} - {landing.changelog})
    if places:
        return None, f"{named(places)} names what is changed, and stayed as it is; {_JUDGE}"
    return None, f"no document names {named(sorted(names))}"


def _told(landing: Landing) -> Fact:
    fragment = landing.fragment
    if fragment is not None:
        lines = counted(len(fragment.text.splitlines()), "line")
        return not fragment.fault, f"{fragment.path} {fragment.fault or 'has ' + lines}"
    if landing.touched:
        known = {one: landing.updated(landing.documents_of(one, (CHANGELOG,))) for one in landing.touched}
        if all(known.values()):
            return True, named(document for documents in known.values() for document in documents)
    if landing.changelog in landing.changed and landing.changelog not in landing.gone:
        return True, f"{landing.changelog} is changed"
    places = [f"no {landing.fragments}{landing.item.workstream_id}.md"] if landing.fragments else []
    if landing.changelog in landing.tree.modes:
        places.append(f"{landing.changelog} is not changed")
    if landing.touched:
        places.append(f"{CHANGELOG} is not changed in {named(one.folder for one in landing.touched)}")
    return (False, ", ".join(places)) if places else (None, "the repository keeps no changelog")
