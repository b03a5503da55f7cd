"""Where a workstream starts: the pinned base, the head of the one it depends on, or a join of several heads."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from global_util import graph
from global_util.contracts.error_pipeline_result import ResultItem, lands
from global_util.contracts.execution_result import Blocker, ExecutionItem
from global_util.contracts.item import Base, Join, State, UpstreamRef
from global_util.contracts.phase_plan import PhasePlan
from global_util.git import Person, Repository
from global_util.merge import join

_NOBODY = Person("Phaseline", "phaseline@localhost")

Settled = ResultItem | ExecutionItem
"""What a dependent waits for: the verdict, or the bare edit where the template ends with it."""


@dataclass(frozen=True)
class Start:
    """A base to start from; with blockers the workstream does not start."""

    base: Base
    blockers: tuple[Blocker, ...] = ()


class Bases:
    """Finds bases as upstream workstreams settle."""

    def __init__(self, repo: Repository, plan: PhasePlan, unverified: str) -> None:
        self.repo = repo
        self.unverified = unverified
        self.root = Base(commit=plan.base.commit, tree=plan.base.tree)
        self.needs = {workstream.id: workstream.depends_on for workstream in plan.workstreams}
        self.sequence = [workstream.id for workstream in plan.workstreams]
        self.place = {name: number for number, name in enumerate(self.sequence)}
        self.ancestors = graph.ancestors(self.needs, self.sequence)

    def find(self, workstream: str, settled: Mapping[str, Settled]) -> Start:
        """The base of a workstream whose dependencies have all settled."""
        blockers = [
            Blocker(workstream_id=name, why=_why(settled[name]))
            for name in self.needs[workstream]
            if not self._stands(settled[name])
        ]
        if blockers:
            return Start(self.root, tuple(blockers))
        direct = self._direct(workstream)
        if not direct:
            return Start(self.root)
        if len(direct) == 1:
            head = settled[direct[0]].head
            return Start(Base(commit=head.commit, tree=head.tree, upstream=self._refs(direct, settled)))
        return self._join(direct, settled)

    def _stands(self, item: Settled) -> bool:
        if isinstance(item, ExecutionItem):
            return item.status in ("edited", "no_change")
        return item.verdict == "nothing" or lands(item, self.unverified)

    def _direct(self, workstream: str) -> list[str]:
        """The dependencies that no other dependency contains, in launch order."""
        names = self.needs[workstream]
        return [
            name
            for name in sorted(names, key=self.place.__getitem__)
            if not any(name in self.ancestors[other] for other in names if other != name)
        ]

    @staticmethod
    def _refs(names: Sequence[str], settled: Mapping[str, Settled]) -> tuple[UpstreamRef, ...]:
        return tuple(UpstreamRef(workstream_id=name, item_id=settled[name].item_id) for name in names)

    def _join(self, direct: Sequence[str], settled: Mapping[str, Settled]) -> Start:
        """Begin with the head that holds most, then put on it, in launch order, every change that it does not hold."""
        first = max(direct, key=lambda name: (len(self.ancestors[name]), -self.place[name]))
        held = self.ancestors[first] | {first}
        wanted = set(direct).union(*(self.ancestors[name] for name in direct))
        tree, order, rungs = settled[first].head.tree, [first], ["path"]
        for name in sorted(wanted - held, key=self.place.__getitem__):
            joined = join(self.repo, tree, settled[name].base.tree, settled[name].head.tree)
            if joined.tree is None:
                why = f"its change conflicts with that of {', '.join(order)} in {', '.join(joined.conflicts[:3])}"
                return Start(self.root, (Blocker(workstream_id=name, why=why),))
            tree = joined.tree
            order.append(name)
            rungs.append(joined.rung)
        state = self._join_commit(tree, [settled[name].head for name in direct])
        made = Join.model_validate({"workstreams": tuple(order), "rungs": tuple(rungs)})
        return Start(Base(commit=state.commit, tree=state.tree, upstream=self._refs(direct, settled), join=made))

    def _join_commit(self, tree: str, heads: Sequence[State]) -> State:
        parents = list(dict.fromkeys(head.commit for head in heads))
        epoch = max(self.repo.date_of(parent) for parent in parents)
        return State(commit=self.repo.commit(tree, parents, "join\n", _NOBODY, epoch), tree=tree)


def _why(item: Settled) -> str:
    if isinstance(item, ExecutionItem):
        return f"it ended with {item.status}"
    return f"it is {item.verdict}" + (f" ({item.reason})" if item.reason else "")
