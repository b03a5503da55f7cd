"""Document ids of what lands: judged on trees by the rules of GLOBAL_DOC_ID, and given to new files where asked for.

The policy is that of the base, so that no change loosens what it is judged by; registry and ledger are those of the tree.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from global_capabilities.policies.evidence import counted, named
from global_capabilities.policies.tree import Tree
from global_doc_id.file_types import sidecar_of
from global_doc_id.findings import Finding
from global_doc_id.inventory import Inventory, read_inventory
from global_doc_id.ledger import Retired, read_ledger
from global_doc_id.numbers import LAST, number_in
from global_doc_id.policy import FILE_NAME, Policy, read_policy
from global_doc_id.registry import ROUTING_FILE, Registry, load_with
from global_doc_id.sidecar_edits import read_entries, written
from global_doc_id.source import Tree as Source
from global_doc_id.stamping import in_sidecar, with_id
from global_doc_id.validation import Was, validate
from global_doc_id.working_file import WorkingFile
from global_util import paths
from global_util.errors import PipelineError

from ph6_finalization_prep.combine import one_line
from ph6_finalization_prep.finishing import write

if TYPE_CHECKING:
    from global_capabilities.policies.done import Fact
    from global_util.git import Repository

    from ph6_finalization_prep.finishing import Files, Finish

Key = tuple[str, str, str]
"""A finding without its line: file, rule, what is wrong."""
Findings = Mapping[Key, Finding]


class DocIds:
    """The document ids of the trees of one repository. ``policy`` is None where the base keeps none."""

    def __init__(self, repo: Repository, base: str) -> None:
        self.repo = repo
        self.base = Tree(repo, base)
        policy = read_policy(self.base.text(FILE_NAME))
        kept = policy.require or {policy.ledger, f"{policy.registry}/{ROUTING_FILE}"} & self.base.modes.keys()
        self.policy = policy if kept else None

    def findings(self, policy: Policy, oid: str) -> Findings:
        """What is wrong in a tree. An id that the base had is still somewhere in it, or retired."""
        tree = Tree(self.repo, oid)
        try:
            registry = _registry(tree, policy)
        except PipelineError as fault:
            broken = Finding(policy.registry, 1, "registry", fault.message, fault.hint)
            return {_key(broken): broken}
        before = self._inventory(policy, self.base.oid)
        had = {
            carrier.text: Was(before.place(path, carrier), carrier.line)
            for path, carriers in before.carriers.items()
            for carrier in carriers
        }
        found = validate(self._inventory(policy, oid), registry, policy, _ledger(tree, policy), had)
        return {_key(one): one for one in found}

    def mint(self, policy: Policy, finish: Finish) -> None:
        """Give each new file for which the policy asks the next number of its family, in the order of the paths."""
        tree = Tree(self.repo, finish.tree)
        found = self.findings(policy, finish.tree).values()
        fresh = [one.file for one in found if one.rule == "required" and _text(one.file) not in self.base.modes]
        if not fresh:
            return
        registry = _registry(tree, policy)
        taken = {*_ledger(tree, policy), *_ledger(self.base, policy)}
        for oid in (finish.tree, self.base.oid):
            carriers = self._inventory(policy, oid).carriers.values()
            taken |= {carrier.text for group in carriers for carrier in group}
        files: Files = {}
        for path in sorted(fresh):
            doc_id = _next(path, registry, taken)
            if doc_id and _stamp(tree, files, path, doc_id, policy):
                taken.add(doc_id)
                finish.lines.append(f"- {doc_id}: {one_line(_text(path))}")
        finish.tree = write(self.repo, tree, files) if files else finish.tree

    def _inventory(self, policy: Policy, oid: str) -> Inventory:
        return read_inventory(Source(self.repo.cwd, oid), policy)


def judge(repo: Repository, base: str, trees: Mapping[str, str], final: str) -> dict[str | None, Fact]:
    """The verdict on each workstream; ``trees``: what comes out after it. None: what the last group brought about."""
    try:
        ids = DocIds(repo, base)
        if ids.policy is None:
            return dict.fromkeys(trees, (None, "the repository keeps no document ids"))
        blamed = _blame(ids, ids.policy, trees, final)
    except PipelineError as fault:
        return dict.fromkeys(trees, (None, f"cannot be judged: {fault.message}"))
    return {name: _fact(found) for name, found in blamed.items()}


def mint(repo: Repository, base: str, finish: Finish) -> None:
    """Give ids to the new files of a finished tree. Where the rules of the base cannot be read, nothing is given."""
    try:
        ids = DocIds(repo, base)
        if ids.policy is not None:
            ids.mint(ids.policy, finish)
    except PipelineError:
        return


def _blame(ids: DocIds, policy: Policy, trees: Mapping[str, str], final: str) -> dict[str | None, list[Finding]]:
    """Whose change brought which finding that stays: that after which it is there, and was not before."""
    old = ids.findings(policy, ids.base.oid)
    new = {key: one for key, one in ids.findings(policy, final).items() if key not in old}
    culprits: dict[Key, str | None] = dict.fromkeys(new)
    seen: set[Key] = set()
    for name, tree in trees.items() if new else ():
        there = ids.findings(policy, tree).keys() & new.keys()
        culprits |= dict.fromkeys(there - seen, name)
        seen = there
    blamed: dict[str | None, list[Finding]] = {name: [] for name in trees}
    for key, culprit in culprits.items():
        blamed.setdefault(culprit if key in seen else None, []).append(new[key])
    return blamed


def _fact(found: list[Finding]) -> Fact:
    if not found:
        return True, "no finding that the base has not"
    shown = named(f"{_text(one.file)}:{one.line}: {one.what}" for one in sorted(found))
    return False, f"{counted(len(found), 'finding')}: {shown}"


def _registry(tree: Tree, policy: Policy) -> Registry:
    return load_with(tree.read, policy.registry)


def _ledger(tree: Tree, policy: Policy) -> dict[str, Retired]:
    return read_ledger(tree.text(policy.ledger))


def _next(path: str, registry: Registry, taken: set[str]) -> str:
    """The first id of a file's family that is free for good; empty for a place without ids, and for a full family."""
    try:
        family = registry.family_of(path)
    except PipelineError:
        return ""
    number = max((number_in(family, text) for text in taken), default=0) + 1
    return f"{family}-{number:03d}" if number <= LAST else ""


def _stamp(tree: Tree, files: Files, path: str, doc_id: str, policy: Policy) -> bool:
    """Put the content with the id into ``files``: in the file's own carrier, else in the sidecar of its folder."""
    content = tree.read(_text(path))
    stamped = None if content is None or in_sidecar(path, policy) else with_id(path, content, doc_id)
    if stamped is not None:
        files[_text(path)] = stamped
        return True
    sidecar, name = sidecar_of(path), path.rpartition("/")[2]
    there = files.get(_text(sidecar)) or tree.read(_text(sidecar))
    try:
        entries = read_entries(WorkingFile(sidecar, Path(sidecar), there, 0, ())) if there is not None else {}
        files[_text(sidecar)] = written({**entries, name: doc_id})
    except (PipelineError, UnicodeEncodeError):
        return False
    return True


def _key(finding: Finding) -> Key:
    return finding.file, finding.rule, finding.what


def _text(path: str) -> str:
    """A path as git has it, in the form that artifacts carry."""
    return paths.from_bytes(os.fsencode(path))
