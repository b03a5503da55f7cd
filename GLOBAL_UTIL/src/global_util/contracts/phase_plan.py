"""``phase_plan.v1``: what will run, in which order, on which base."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

from pydantic import Field

from global_util.contracts.base import Artifact, ArtifactId, GitOid, JsonValue, Model, WorkstreamId
from global_util.contracts.item import Work

Strategy = Literal["ff_only", "safe_merge_v1", "pr_only"]


class BasePin(Model):
    """The commit that everything starts from."""

    branch: str
    commit: GitOid
    tree: GitOid


class PlannedWorkstream(Model):
    """A workstream that passed every check, with its defaults filled in."""

    id: WorkstreamId
    work: Work
    depends_on: tuple[WorkstreamId, ...]
    priority: int
    gate: Annotated[int, Field(ge=1)]
    dag: str | None = None
    metadata: dict[str, JsonValue] = {}


class Edge(Model):
    """``after`` waits for ``before``."""

    before: WorkstreamId
    after: WorkstreamId
    why: Literal["declared", "scope_overlap"]


class ScopeOverlap(Model):
    """Two workstreams that may change the same paths, and what was decided."""

    first: WorkstreamId
    second: WorkstreamId
    paths: tuple[str, ...]
    resolution: Literal["already_ordered", "edge_added", "allowed", "refused"]


class PreFlightCheck(Model):
    """A condition that PH2 proves again before it starts."""

    id: str
    command: tuple[str, ...]
    expected: str
    on_fail: Literal["stop"]


class Readiness(Model):
    """One condition of the definition of ready, for one workstream."""

    workstream_id: WorkstreamId
    check: str
    verdict: Literal["ready", "not_ready", "not_checked"]
    evidence: str


class ToolProfile(Model):
    """A tool as resolved for this run; values of ``env`` are names of variables to pass on, never secrets."""

    id: str
    kind: str
    capabilities: tuple[str, ...]
    command: tuple[str, ...]
    env: dict[str, str] = {}
    timeout_s: Annotated[int, Field(ge=1)]
    idle_timeout_s: Annotated[int, Field(ge=1)]
    usage: str | None = None
    """How the output tells what a call used: ``json-lines``, or a regular expression with named groups."""
    rate_limit: tuple[str, ...] | None = None
    """Regular expressions: what the last lines say when the client's service wants no more calls for now."""
    rate_limit_wait_s: Annotated[int, Field(ge=1)] | None = None
    """How long to wait when the output does not tell."""


class RunLimits(Model):
    """How much of a kind may run at once. How much in all (``jobs``) changes nothing that comes out: see ``observed``."""

    capability_slots: dict[str, Annotated[int, Field(ge=1)]] = {}


class DagDecision(Model):
    """Which template a workstream uses, by which rule."""

    workstream_id: WorkstreamId
    template: str
    rule: Annotated[int, Field(ge=1)]
    because: str


class DagChoice(Model):
    """The template library and what the mapping rules decided; without an installed PH2 both are left to it."""

    library: ArtifactId | None = None
    decisions: tuple[DagDecision, ...]


class PhasePlan(Artifact):
    """PH1 -> PH2."""

    SCHEMA: ClassVar[str] = "phase_plan.v1"
    OWNER: ClassVar[str] = "PH1_PLAN_TO_EXEC"

    plan_id: str
    base: BasePin
    target_branch: str
    strategy: Strategy
    tools: tuple[ToolProfile, ...]
    recording: ArtifactId | None = None
    """Hash of the recordings that the ``replay`` tool plays; they lie in the run's folder, under ``replay/``."""
    workstreams: tuple[PlannedWorkstream, ...]
    edges: tuple[Edge, ...]
    waves: tuple[tuple[WorkstreamId, ...], ...]
    critical_path: tuple[WorkstreamId, ...]
    scope_overlaps: tuple[ScopeOverlap, ...]
    pre_flight_checks: tuple[PreFlightCheck, ...]
    readiness: tuple[Readiness, ...]
    limits: RunLimits
    dag: DagChoice
