"""Definition of ready: whether a workstream can be begun, judged on its plan and on the tree that it starts from."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from global_util import graph, paths
from global_util.contracts.item import Scope
from global_util.contracts.phase_plan import PlannedWorkstream, Readiness
from global_util.contracts.workstream import AcceptanceRun, ScopeEntry

from global_capabilities.checks.documents import body_lines
from global_capabilities.policies.code_tests import find_tests
from global_capabilities.policies.evidence import counted, named
from global_capabilities.policies.file_roles import is_code, is_test, is_test_place
from global_capabilities.policies.layout import (
    CONTRACTS,
    READY_DOCUMENTS,
    Module,
    Package,
    package_of,
    read_layout,
)
from global_capabilities.policies.tree import Tree

WHOLE_REPOSITORY: tuple[ScopeEntry, ...] = ("**",)
ACCEPTANCE = "acceptance-given"
Fact = tuple[str, bool | None, str]
"""The name of a check, whether the workstream is ready by it (None: it cannot be said), and the evidence."""
_VERDICTS = {True: "ready", False: "not_ready", None: "not_checked"}


@dataclass(frozen=True)
class Planned:
    """A workstream with the scopes of all that comes before it, nearest last."""

    own: PlannedWorkstream
    before: tuple[PlannedWorkstream, ...]

    @property
    def scope(self) -> Scope:
        """What it may change."""
        return self.own.work.scope

    @property
    def entries(self) -> tuple[ScopeEntry, ...]:
        """Everything that it may change or create."""
        return (*self.scope.files_scope, *self.scope.files_create)


def judge(workstreams: Sequence[PlannedWorkstream], tree: Tree, definition: str) -> list[Readiness]:
    """All conditions of all workstreams, in their order. ``definition``: ``module``, ``plain`` or ``off``."""
    if definition == "off":
        return []
    packages = read_layout(tree) if definition == "module" else ()
    needs = {one.id: list(one.depends_on) for one in workstreams}
    before = graph.ancestors(needs, [one.id for one in workstreams])
    out: list[Readiness] = []
    for one in workstreams:
        planned = Planned(one, tuple(other for other in workstreams if other.id in before[one.id]))
        facts = [
            *_plain(planned, tree, packages),
            *(_module(planned, tree, packages) if definition == "module" else ()),
        ]
        out += [
            Readiness.model_validate(
                {"workstream_id": one.id, "check": check, "verdict": _VERDICTS[ready], "evidence": evidence}
            )
            for check, ready, evidence in facts
        ]
    return out


def _plain(planned: Planned, tree: Tree, packages: Sequence[Package]) -> Iterator[Fact]:
    work = planned.own.work
    commands = sum(isinstance(test, AcceptanceRun) for test in work.acceptance)
    others = len(work.acceptance) - commands
    given = planned.scope.files_scope != WHOLE_REPOSITORY
    yield "scope-given", given, counted(len(planned.entries), "entry") if given else "the whole repository"
    yield "tasks-given", bool(work.tasks), counted(len(work.tasks), "task")
    yield ACCEPTANCE, commands > 0, f"{counted(commands, 'command')}, {counted(others, 'description')}"
    yield ("place-for-tests", *_place_for_tests(planned, tree, packages))


def _place_for_tests(planned: Planned, tree: Tree, packages: Sequence[Package]) -> tuple[bool | None, str]:
    own = next((text for entry in planned.entries if (text := _tests_in(entry, tree))), "")
    if own:
        return True, f"the scope holds tests: {own}"
    touched = {path for entry in planned.entries for path in _files(entry, tree) if is_code(path)}
    code = sorted(path for path in touched if package_of(packages, path) is None)
    if not code:
        return None, "the scope names no code" if not touched else "all code lies in packages: see test-skeletons"
    known = {path: test for path, test in find_tests(tree, code).items() if test}
    if known:
        return True, f"the base has tests for {len(known)} of {counted(len(code), 'file')}: {named(_unique(known))}"
    return False, f"no test in the scope, and none in the base for {named(code)}"


def _tests_in(entry: ScopeEntry, tree: Tree) -> str:
    """An entry by which tests can be written, as text."""
    text = paths.entry_path(entry)
    wide = paths.covers(entry, "tests/test_new.py")
    return text if wide or is_test_place(_head(entry)) or any(map(is_test, tree.matches(entry))) else ""


def _module(planned: Planned, tree: Tree, packages: Sequence[Package]) -> Iterator[Fact]:
    touched = {package: modules for package in packages if (modules := _modules(planned, package, tree))}
    yield ("module-documents", *_documents(planned, touched, tree))
    yield ("test-skeletons", *_skeletons(planned, touched, tree))
    yield ("contracts-before-code", *_contracts(planned, touched, tree))


def _documents(planned: Planned, touched: Mapping[Package, Sequence[Module]], tree: Tree) -> tuple[bool | None, str]:
    modules = [module for group in touched.values() for module in group]
    if not modules:
        return None, "the scope touches no module"
    every = [module.document(name) for module in modules for name in READY_DOCUMENTS]
    there = {path for path in every if body_lines(tree.text(path))}
    coming = {path for path in every if path not in there and _is_declared(planned, path)}
    missing = [path for path in every if path not in there | coming]
    if missing:
        return False, f"missing or empty: {named(missing)}"
    return True, f"{len(there)} of {counted(len(every), 'document')} are there, {len(coming)} to be created"


def _is_declared(planned: Planned, path: str) -> bool:
    """Is a document to be created by this workstream, or by one before it?"""
    scopes = [one.work.scope for one in (planned.own, *planned.before)]
    return any(
        paths.covered(scope.files_create, path) or path in map(paths.entry_path, scope.files_scope) for scope in scopes
    )


def _skeletons(planned: Planned, touched: Mapping[Package, Sequence[Module]], tree: Tree) -> tuple[bool | None, str]:
    if not touched:
        return None, "the scope touches no package"
    known = {package.folder: [path for path in tree.below(package.tests) if is_test(path)] for package in touched}
    missing = [
        package.tests
        for package in touched
        if not known[package.folder] and not any(_opens(entry, package.tests) for entry in planned.entries)
    ]
    if missing:
        return False, f"no test in the base, and none in the scope: {named(missing)}"
    return True, named(
        f"{folder}tests/: {counted(len(tests), 'file')}" + ("" if tests else ", in the scope")
        for folder, tests in known.items()
    )


def _opens(entry: ScopeEntry, folder: str) -> bool:
    """May a test be written into this folder?"""
    return _head(entry).startswith(folder) or paths.covers(entry, f"{folder}test_new.py")


def _contracts(planned: Planned, touched: Mapping[Package, Sequence[Module]], tree: Tree) -> tuple[bool | None, str]:
    coded = [
        package
        for package in touched
        if any(_touches(entry, f"{package.folder}src/", tree) for entry in planned.entries)
    ]
    if not coded:
        return None, "the scope covers no source of a package"
    found, missing = [], []
    for package in coded:
        documents = [module.document(CONTRACTS) for module in touched[package]]
        places = [
            f"{path} ({one.id})"
            for one in (planned.own, *planned.before)
            for path in documents
            if not paths.judge(one.work.scope, path, path in tree.modes)
        ]
        found += places[:1]
        missing += [] if places else documents
    if missing:
        return False, f"neither in the scope nor in that of a workstream before it: {named(missing)}"
    return True, f"in the scope of its workstream: {named(found)}"


def _modules(planned: Planned, package: Package, tree: Tree) -> tuple[Module, ...]:
    """The modules of a package that a workstream may change."""
    touched = {
        path
        for entry in planned.entries
        for path in (_head(entry), *_files(entry, tree))
        if path.startswith(package.folder)
    }
    return tuple(sorted({module for path in touched for module in package.modules_of(path)}))


def _touches(entry: ScopeEntry, folder: str, tree: Tree) -> bool:
    return _head(entry).startswith(folder) or any(path.startswith(folder) for path in _files(entry, tree))


def _files(entry: ScopeEntry, tree: Tree) -> list[str]:
    """The files that an entry names: those that are there, and one that is spelled out."""
    text = paths.entry_path(entry)
    return tree.matches(entry) if _head(entry) != text or text.endswith("/") else [text]


def _head(entry: ScopeEntry) -> str:
    """What all paths of an entry begin with."""
    text = paths.entry_path(entry)
    marks = [at for mark in "*?[" if (at := text.find(mark)) >= 0] if isinstance(entry, str) else []
    return text[: min(marks)] if marks else text


def _unique(known: Mapping[str, str]) -> list[str]:
    return sorted(set(known.values()))
