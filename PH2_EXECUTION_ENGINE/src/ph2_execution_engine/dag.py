"""From templates to the flat graph: which template a workstream uses, and the steps of all workstreams with their edges."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from global_util import graph
from global_util.contracts.base import content_id, parse
from global_util.contracts.dag import DagGraph, DagLibrary, DagMappingRules, GraphEdge, GraphNode, Template, When
from global_util.contracts.phase_plan import DagChoice, DagDecision, PhasePlan, PlannedWorkstream
from global_util.errors import InvalidInput
from global_util.package_data import data_path

if TYPE_CHECKING:
    from global_util.contracts.base import Model

_PACKAGE = "ph2_execution_engine"


@lru_cache(maxsize=1)
def library() -> DagLibrary:
    """The shipped templates."""
    return parse(DagLibrary, data_path(_PACKAGE, "config/dag_library.json").read_bytes(), "config/dag_library.json")


@lru_cache(maxsize=1)
def rules() -> DagMappingRules:
    """The shipped rules."""
    place = data_path(_PACKAGE, "config/dag_mapping_rules.json")
    return parse(DagMappingRules, place.read_bytes(), "config/dag_mapping_rules.json")


def plan_dag(workstreams: Sequence[PlannedWorkstream]) -> DagChoice:
    """The first rule that fits decides, for every workstream. Raises InvalidInput when none fits (exit 3)."""
    return DagChoice(library=_id(library()), decisions=tuple(_decide(workstream) for workstream in workstreams))


def _id(model: Model) -> str:
    return content_id(model.to_json())


def _decide(workstream: PlannedWorkstream) -> DagDecision:
    names = {template.id for template in library().templates}
    if workstream.dag is not None and workstream.dag not in names:
        raise InvalidInput(
            f"workstream {workstream.id}: no DAG template {workstream.dag!r}",
            f"known: {', '.join(sorted(names))}",
            "E345",
        )
    for number, rule in enumerate(rules().rules, start=1):
        if _fits(rule.when, workstream):
            return DagDecision(workstream_id=workstream.id, template=rule.use, rule=number, because=rule.because)
    raise InvalidInput(f"workstream {workstream.id}: no rule chooses a DAG template", "", "E345")


def _fits(when: When, workstream: PlannedWorkstream) -> bool:
    return (when.dag is None or when.dag == workstream.dag) and (
        when.metadata_key is None or when.metadata_key in workstream.metadata
    )


def templates(plan: PhasePlan) -> dict[str, Template]:
    """The template of every workstream of a plan."""
    known = {template.id: template for template in library().templates}
    decisions = plan.dag.decisions or plan_dag(plan.workstreams).decisions
    return {decision.workstream_id: known[decision.template] for decision in decisions}


def expand(plan: PhasePlan) -> dict[str, Any]:
    """The fields of ``dag_graph.v1``: a dependent's first steps wait for the last steps of what it depends on."""
    chosen = templates(plan)
    nodes: list[GraphNode] = []
    needs: dict[str, list[str]] = {}
    for workstream in plan.workstreams:
        before = [f"{name}:{step}" for name in workstream.depends_on for step in _last(chosen[name])]
        for step in chosen[workstream.id].steps:
            node = f"{workstream.id}:{step.id}"
            nodes.append(GraphNode(id=node, workstream_id=workstream.id, step=step.id, kind=step.kind, run=step.run))
            needs[node] = [f"{workstream.id}:{name}" for name in step.needs] or before
    place = {node.id: number for number, node in enumerate(nodes)}
    sequence = graph.order(needs, place.__getitem__)
    edges = [GraphEdge(before=name, after=node) for node in sequence for name in sorted(needs[node])]
    return {"library": _id(library()), "nodes": nodes, "edges": edges, "waves": graph.waves(needs, sequence)}


def _last(template: Template) -> list[str]:
    needed = {name for step in template.steps for name in step.needs}
    return [step.id for step in template.steps if step.id not in needed]


__all__ = ["DagGraph", "expand", "library", "plan_dag", "rules", "templates"]
