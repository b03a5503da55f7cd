"""PH2: run a phase plan. Every workstream gets a worktree of its own, a tool works in it, and ``settle`` judges it."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, cast

from global_util import graph
from global_util.attempt import AttemptRequest
from global_util.contracts.base import ArtifactId
from global_util.contracts.dag import DagGraph, GraphNode
from global_util.contracts.error_pipeline_result import ResultItem
from global_util.contracts.execution_result import MAX_LISTED_CHANGES, Blocker, ExecutionItem, ExecutionResult
from global_util.contracts.item import Base, ScopeReport, State
from global_util.contracts.phase_plan import PhasePlan, PlannedWorkstream
from global_util.contracts.workstream import AcceptanceDescribe
from global_util.errors import EnvironmentFault, Overspent, Parked

from ph2_execution_engine import dag
from ph2_execution_engine.bases import Bases, Settled, Start
from ph2_execution_engine.schedule import Decision, Slots, run_graph

if TYPE_CHECKING:
    from global_util.phase import Context

_RECALL = "recall"
"""The step of a workstream that was settled before: no step of a template may be called so."""


class ExecutionEngine:
    """The line phase behind ``ph2 run``."""

    id = "PH2_EXECUTION_ENGINE"
    consumes = PhasePlan.SCHEMA
    produces = ExecutionResult.SCHEMA
    reads = ("policy.unverified",)

    def plan_dag(self, workstreams: list[PlannedWorkstream]) -> Any:
        """What PH1 asks: which template every workstream uses."""
        return dag.plan_dag(workstreams)

    def run(self, artifact: PhasePlan, ctx: Context) -> dict[str, Any]:
        """The fields of the execution result."""
        _pre_flight(artifact, ctx)
        fields, settled = dag.expand(artifact), ctx.settled("ph5")
        # A run that goes on published its graph before: it can wait until the tools have begun.
        flat = None if settled else ctx.publish(DagGraph, **fields)
        nodes, edges = fields["nodes"], fields["edges"]
        engine = _Engine(artifact, ctx)
        needs: dict[str, list[str]] = {node.id: [] for node in nodes}
        for edge in edges:
            needs[edge.after].append(edge.before)
        kinds = {node.id: engine.kinds(node.workstream_id) for node in nodes if node.kind == "tool"}
        ranked, needs = _unsettled(_ranked(artifact, nodes), needs, settled)
        parked = run_graph(
            ranked, needs, engine.work, _jobs(artifact), Slots(artifact.limits.capability_slots, kinds), engine.decide
        )
        if parked:
            raise _put_off(artifact.execution_id, parked)
        items = [engine.edited[workstream.id] for workstream in artifact.workstreams]
        graph_id: ArtifactId = (flat or ctx.publish(DagGraph, **fields)).artifact_id
        return {"graph": graph_id, "items": items}


def _put_off(execution: str, parked: Mapping[str, Parked]) -> Parked:
    """What is told when nothing else can run: what the first that may go on waits for."""
    names = sorted({node.partition(":")[0] for node in parked})
    shown = ", ".join(names[:3]) + (f" and {len(names) - 3} more" if len(names) > 3 else "")
    first = min(parked.values(), key=lambda fault: (not fault.until, fault.until))
    return Parked(f"{execution}: parked are {shown}: {first.message}", first.hint, first.code, first.until)


def _ranked(plan: PhasePlan, nodes: Sequence[GraphNode]) -> list[str]:
    """All nodes by the rank of their workstream. The plan's order alone would not do: it also puts needs before dependents."""
    rank = graph.ranks(
        {workstream.id: workstream.depends_on for workstream in plan.workstreams},
        {workstream.id: workstream.priority for workstream in plan.workstreams},
    )
    return [node.id for node in sorted(nodes, key=lambda node: rank[node.workstream_id])]


def _unsettled(
    ranked: list[str], needs: dict[str, list[str]], settled: frozenset[str]
) -> tuple[list[str], dict[str, list[str]]]:
    """The graph for a run that goes on. What was settled holds nothing up: it is looked up when somebody needs it, or last."""
    left = [node for node in ranked if node.partition(":")[0] not in settled]
    known = set(left)
    waits = {node: [name for name in needs[node] if name in known] for node in left}
    last = [f"{name}:{_RECALL}" for name in dict.fromkeys(node.partition(":")[0] for node in ranked) if name in settled]
    return [*left, *last], {**waits, **{node: [] for node in last}}


def _jobs(plan: PhasePlan) -> int:
    jobs = plan.observed.get("jobs")
    return jobs if isinstance(jobs, int) and jobs > 0 else 1


def _pre_flight(plan: PhasePlan, ctx: Context) -> None:
    state = ctx.repo.commit_of(plan.base.commit)
    if state is None or state.tree != plan.base.tree:
        raise EnvironmentFault(
            f"the base commit {plan.base.commit[:12]} is not in this repository",
            "run in the repository that the plan was made in",
            "E408",
        )


class _Outcomes(dict[str, Settled]):
    """What workstreams came to. Those that were settled before the phase was run again are looked up when asked for."""

    def __init__(self, look_up: Callable[[str], Settled]) -> None:
        super().__init__()
        self._look_up = look_up

    def __missing__(self, name: str) -> Settled:
        return self._look_up(name)


class _Engine:
    """What is known while the graph runs."""

    def __init__(self, plan: PhasePlan, ctx: Context) -> None:
        self.ctx = ctx
        self.plan = {workstream.id: workstream for workstream in plan.workstreams}
        self.capabilities = {tool.id: (tool.id, *tool.capabilities) for tool in plan.tools}
        self.bases = Bases(ctx.repo, plan, ctx.config.get("policy.unverified"))
        self.edited: dict[str, ExecutionItem] = {}
        self.settled = _Outcomes(self._recall)
        self._lock = threading.Lock()
        self._recalling = threading.RLock()

    def kinds(self, name: str) -> tuple[str, ...]:
        """The names under which slots may limit a workstream's tool."""
        tool = self.plan[name].work.tool
        return self.capabilities.get(tool, (tool,))

    def decide(self, decision: Decision) -> None:
        """Record the start of a node, and why it was this one."""
        name, _, step = decision.node.partition(":")
        if step != _RECALL:
            self.ctx.emit("decision", name, **decision.payload())

    def work(self, node: str) -> None:
        """Run one node, and remember what it gave."""
        name, _, step = node.partition(":")
        if step == _RECALL:
            self._recall(name)
            return
        if step == "settle":
            settled = self._settle(self.edited[name])
            with self._lock:
                self.settled[name] = settled
            return
        item = self._edit(self.plan[name])
        with self._lock:
            self.edited[name] = item
            self.settled[name] = item

    def _recall(self, name: str) -> Settled:
        """What a workstream came to before. All of it is asked for as if it were new, and answered from the journal."""
        with self._recalling:
            if name not in self.settled:
                item = self._edit(self.plan[name])
                settled = self._settle(item)
                with self._lock:
                    self.edited[name] = item
                    self.settled[name] = settled
            return self.settled[name]

    def _edit(self, workstream: PlannedWorkstream) -> ExecutionItem:
        start = self.bases.find(workstream.id, self.settled)
        if start.blockers:
            return self._item(workstream, start, start.base, "blocked")
        self.ctx.move(workstream.id, "ready")
        self.ctx.move(workstream.id, "editing")
        begin = State(commit=start.base.commit, tree=start.base.tree)
        try:
            result = self.ctx.attempt(
                AttemptRequest(
                    workstream_id=workstream.id, n=1, purpose="edit", work=workstream.work, base=start.base, start=begin
                )
            )
        except Overspent as fault:
            spent = tuple(Blocker(workstream_id=workstream.id, why=line) for line in fault.evidence)
            return self._item(workstream, Start(start.base, spent), start.base, "blocked")
        if result.detail:
            self.ctx.emit("tool_ended", workstream.id, outcome=result.call.outcome, detail=result.detail)
        if result.call.outcome != "ok":
            status = "failed"
        else:
            status = "edited" if result.head != begin or result.scope.violations else "no_change"
        return self._item(workstream, start, result.head, status, scope=result.scope, calls=(result.call,))

    def _item(
        self,
        workstream: PlannedWorkstream,
        start: Start,
        head: State,
        status: str,
        scope: ScopeReport | None = None,
        calls: tuple[Any, ...] = (),
    ) -> ExecutionItem:
        base: Base = start.base
        changes = self.ctx.repo.diff(base.tree, head.tree)
        return ExecutionItem.seal(
            workstream_id=workstream.id,
            inputs=tuple(ref.item_id for ref in base.upstream),
            work=workstream.work,
            base=base,
            head={"commit": head.commit, "tree": head.tree},
            status=status,
            changes=changes if len(changes) <= MAX_LISTED_CHANGES else (),
            changes_total=len(changes),
            scope=scope or ScopeReport(verdict="not_judged"),
            calls=calls,
            blockers=start.blockers,
            unverified=tuple(
                test.describe for test in workstream.work.acceptance if isinstance(test, AcceptanceDescribe)
            ),
        )

    def _settle(self, item: ExecutionItem) -> ResultItem:
        targets = self.ctx.call("ph3", item)
        report = self.ctx.call("ph4", targets)
        return cast("ResultItem", self.ctx.call("ph5", report))


PHASE = ExecutionEngine()
