"""The last commit group: what PH6 writes itself, so that workstreams do not collide in it. No clock, no order but theirs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from global_capabilities.policies import changelog
from global_capabilities.policies.evidence import counted
from global_capabilities.policies.fragments import Fragment, read
from global_capabilities.policies.layout import CHANGELOG
from global_capabilities.policies.tree import REGULAR, Tree
from global_util.contracts.commit_plan import CommitGroup, GroupChange
from global_util.contracts.error_pipeline_result import ResultItem
from global_util.contracts.item import Change

from ph6_finalization_prep.combine import modules_of

if TYPE_CHECKING:
    from global_util.git import Repository

    from ph6_finalization_prep.combine import Combined
    from ph6_finalization_prep.rules import Rules

TITLE = "Changelog"
IDS_TITLE = "Document ids"
Files = dict[str, bytes | None]
"""New content by path; None: the file is removed."""


@dataclass
class Finish:
    """What is written after the last workstream. ``fault`` says why the changelog cannot be written."""

    tree: str
    fragments: dict[str, Fragment] = field(default_factory=dict)
    fault: str = ""
    lines: list[str] = field(default_factory=list)
    """What the commit message tells."""

    @property
    def taken(self) -> list[Fragment]:
        """The fragments that go into the changelog, in launch order."""
        return [] if self.fault else [one for one in self.fragments.values() if not one.fault]


def gather(repo: Repository, tree: Tree, landing: Sequence[ResultItem], rules: Rules) -> Finish:
    """Move the fragments of what lands into the changelogs; the tree that comes out."""
    out = Finish(tree.oid)
    for item in landing:
        fragment = read(tree, rules.fragments, item.workstream_id)
        if fragment and any(change.path == fragment.path for change in item.changes):
            out.fragments[item.workstream_id] = fragment
    out.fault = _unfit(tree, rules.changelog) if out.fragments else ""
    if out.taken:
        files: Files = {rules.changelog: _with(tree, rules.changelog, [one.text for one in out.taken])}
        files |= _module_changelogs(tree, landing, out, rules)
        files |= {one.path: None for one in out.taken}
        out.tree = write(repo, tree, files)
        out.lines = [f"- {one.workstream_id}: {one.path}" for one in out.taken]
    return out


def group(combined: Combined, finish: Finish, repo: Repository, execution: str) -> CommitGroup:
    """The commit group that leads from the combined tree to the finished one."""
    files = tuple(change.path for change in repo.diff(combined.tree, finish.tree))
    title = TITLE if finish.taken else IDS_TITLE
    told = {one.workstream_id for one in finish.taken}
    return CommitGroup(
        group_id=f"GRP-{len(combined.groups) + 1:03d}",
        description=title,
        files=files,
        modules=modules_of(files),
        commit_message="\n".join([title, "", *finish.lines]) + "\n",
        workstreams=(),
        change=GroupChange(base_tree=combined.tree, head_tree=finish.tree),
        proven_tree=finish.tree,
        rung="path",
        depends_on=tuple(one.group_id for one in combined.groups if told & set(one.workstreams)),
        trailers={"Execution-Id": execution},
    )


def written(finish: Finish, rules: Rules) -> tuple[bool | None, str]:
    """Whether the fragments are in the changelog, and the evidence."""
    left = [f"{one.path} {one.fault}" for one in finish.fragments.values() if one.fault]
    if finish.fault:
        return (
            False,
            f"{rules.changelog} {finish.fault}; {counted(len(finish.fragments), 'fragment')} left in place",
        )
    told = f"{counted(len(finish.taken), 'fragment')} moved into {rules.changelog}"
    if left:
        return False, f"{told}; left in place: {', '.join(left)}"
    return (True, told) if finish.taken else (None, f"no fragment in {rules.fragments}")


def write(repo: Repository, tree: Tree, files: Mapping[str, bytes | None]) -> str:
    """The tree with some files written or removed; a mode stays as it was."""
    zero = "0" * len(tree.oid)
    changes = []
    for path, content in sorted(files.items()):
        mode = tree.modes.get(path, "000000")
        blob = zero
        if content is not None:
            blob = repo.sealed("hash-object", "-w", "--stdin", stdin=content).stdout.decode().strip()
        fields = {
            "path": path,
            "status": "D" if content is None else "M" if path in tree.modes else "A",
            "old_mode": mode,
            "new_mode": "000000" if content is None else mode if path in tree.modes else "100644",
            "old_blob": zero,
            "new_blob": blob,
        }
        changes.append(Change.model_validate(fields))
    return repo.overlay(tree.oid, changes)


def _module_changelogs(tree: Tree, landing: Sequence[ResultItem], finish: Finish, rules: Rules) -> Files:
    """A line for the changelog of every module that a workstream touched and whose changelog it left alone."""
    lines: dict[str, list[str]] = {}
    for item in landing:
        fragment = finish.fragments.get(item.workstream_id)
        if fragment is None or fragment.fault:
            continue
        paths = {change.path for change in item.changes}
        modules = {
            module
            for package in rules.packages
            for path in paths
            if package.is_source(path) or package.is_schema(path)
            for module in package.modules_of(path)
        }
        for place in sorted(module.document(CHANGELOG) for module in modules):
            if place not in paths and tree.modes.get(place) in REGULAR:
                lines.setdefault(place, []).append(changelog.headline(fragment.text))
    return {place: _with(tree, place, entries) for place, entries in lines.items()}


def _unfit(tree: Tree, path: str) -> str:
    """Why a path cannot be written as a file."""
    if path in tree.modes:
        return "" if tree.modes[path] in REGULAR else "is no regular file"
    above = [path[:at] for at, char in enumerate(path) if char == "/"]
    return "is no place for a file" if tree.below(f"{path}/") or any(part in tree.modes for part in above) else ""


def _with(tree: Tree, path: str, entries: Sequence[str]) -> bytes:
    """A changelog with entries; bytes of it that are not UTF-8 stay as they are."""
    text = (tree.read(path) or b"").decode("utf-8", "surrogateescape")
    return changelog.add(text, entries).encode("utf-8", "surrogateescape")
