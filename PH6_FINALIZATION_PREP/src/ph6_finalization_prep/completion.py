"""Definition of done: combine, finish, judge; what is not done is set aside where the policy says so, and all begins anew."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from global_capabilities.policies import done
from global_capabilities.policies.evidence import counted
from global_capabilities.policies.layout import Package, read_layout
from global_capabilities.policies.tree import Tree
from global_util.contracts.commit_plan import DoneCondition
from global_util.contracts.error_pipeline_result import ResultItem

from ph6_finalization_prep import doc_ids, finishing
from ph6_finalization_prep.combine import Combined, combine

if TYPE_CHECKING:
    from global_util.git import Repository

    from ph6_finalization_prep.rules import Rules

PLANNED = "the commit plan is generated"
WRITTEN = "the changelog is written from fragments"


@dataclass(frozen=True)
class Settled:
    """What lands, and how far it is done."""

    combined: Combined
    conditions: list[DoneCondition]


def settle(repo: Repository, base: str, items: Sequence[ResultItem], rules: Rules, execution: str) -> Settled:
    """The plan on the tree ``base``. Every round sets at least one more aside, so there is an end."""
    refused: dict[str, str] = {}
    told: dict[str, list[DoneCondition]] = {}
    while True:
        combined = combine(repo, base, items, rules.unverified, execution, refused)
        names = [name for group in combined.groups for name in group.workstreams]
        landing = [item for item in items if item.workstream_id in set(names)]
        conditions = _finish(repo, base, combined, landing, rules, execution)
        for name in names:
            told[name] = [one for one in conditions if one.workstream_id == name]
        late = _refuse(names, told) if rules.quarantine else {}
        if not late:
            kept = [
                one
                for name in [item.workstream_id for item in items]
                if name in {*names, *refused}
                for one in told[name]
            ]
            return Settled(combined, kept + [one for one in conditions if one.workstream_id is None])
        refused |= late


def _refuse(names: Sequence[str], told: Mapping[str, list[DoneCondition]]) -> dict[str, str]:
    """Workstreams with conditions that are not met, each with all of them."""
    wrong = {name: [one for one in told[name] if one.verdict == "not_met"] for name in names}
    return {
        name: "; ".join(f"not done: {one.condition}: {one.evidence}" for one in found)
        for name, found in wrong.items()
        if found
    }


def _finish(
    repo: Repository, base: str, combined: Combined, landing: Sequence[ResultItem], rules: Rules, execution: str
) -> list[DoneCondition]:
    """Add the last group to what was combined, and judge what comes out."""
    trees = [group.proven_tree for group in combined.groups]
    tree = Tree(repo, combined.tree)
    finish = finishing.gather(repo, tree, landing, rules)
    if rules.mint:
        doc_ids.mint(repo, base, finish)
    if finish.tree != combined.tree:
        combined.groups.append(finishing.group(combined, finish, repo, execution))
        combined.tree = finish.tree
    if rules.definition == "off":
        return []
    names = [item.workstream_id for item in landing]
    ids = doc_ids.judge(repo, base, dict(zip(names, trees, strict=True)), finish.tree)
    return [*_conditions(landing, tree, finish, rules, ids), *_whole(combined, finish, rules, ids)]


def _conditions(
    landing: Sequence[ResultItem],
    tree: Tree,
    finish: finishing.Finish,
    rules: Rules,
    ids: Mapping[str | None, done.Fact],
) -> list[DoneCondition]:
    out: list[DoneCondition] = []
    upstream: dict[str, dict[str, str]] = {}
    packages = _packages(tree, rules)
    for item in landing:
        before = {
            path: name for ref in item.base.upstream for path, name in upstream.get(ref.workstream_id, {}).items()
        }
        upstream[item.workstream_id] = before | {change.path: item.workstream_id for change in item.changes}
        fragment = finish.fragments.get(item.workstream_id)
        facts = done.Landing(item, tree, packages, before, fragment, rules.fragments, rules.changelog)
        out += [*done.judge(facts), done.condition(done.DOC_IDS, ids[item.workstream_id], item.workstream_id)]
    return out


def _packages(tree: Tree, rules: Rules) -> tuple[Package, ...]:
    """Those of the base, which no change can take out of sight, and those that are new."""
    if rules.definition != "module":
        return ()
    known = {package.folder: package for package in (*read_layout(tree), *rules.packages)}
    return tuple(sorted(known.values()))


def _whole(
    combined: Combined, finish: finishing.Finish, rules: Rules, ids: Mapping[str | None, done.Fact]
) -> list[DoneCondition]:
    """What is true of all that lands."""
    out = [done.condition(WRITTEN, finishing.written(finish, rules))] if rules.fragments else []
    out += [done.condition(done.DOC_IDS, ids[None])] if None in ids else []
    aside = counted(len(combined.aside), "workstream")
    told = f"{counted(len(combined.groups), 'group')} on {combined.tree[:12]}, {aside} set aside"
    return [
        *out,
        done.condition(
            PLANNED, (bool(combined.groups), told if combined.groups else f"nothing lands, {aside} set aside")
        ),
    ]
