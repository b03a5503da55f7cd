"""``commit_plan.v1``: which changes land, in which order, with the tree that each step was proven to give."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

from pydantic import Field

from global_util.contracts.base import Artifact, ArtifactId, GitOid, Model, RepoPath, WorkstreamId
from global_util.contracts.error_pipeline_result import Reason
from global_util.contracts.phase_plan import Strategy


class GroupChange(Model):
    """The change that a group lands."""

    base_tree: GitOid
    head_tree: GitOid


class CommitGroup(Model):
    """One commit. ``proven_tree`` is the tree after it, on top of the groups before it."""

    group_id: Annotated[str, Field(pattern=r"^GRP-\d{3,}$")]
    description: str
    files: tuple[RepoPath, ...]
    modules: tuple[str, ...]
    commit_message: str
    workstreams: tuple[WorkstreamId, ...]
    """The workstreams that it lands; empty for what PH6 adds itself: changelog and document ids."""
    change: GroupChange
    proven_tree: GitOid
    rung: Literal["path", "ort"]
    depends_on: tuple[str, ...]
    trailers: dict[str, str]


class Quarantined(Model):
    """A workstream that does not land. ``head`` keeps what it did."""

    workstream_id: WorkstreamId
    reason: Reason
    explanation: str
    head: GitOid


class NothingToLand(Model):
    """A workstream that needed no change."""

    workstream_id: WorkstreamId
    why: str


class DoneCondition(Model):
    """One condition of the definition of done, for one workstream or, without one, for all that lands."""

    workstream_id: WorkstreamId | None = None
    condition: str
    verdict: Literal["met", "not_met", "not_checked"]
    evidence: str


class CommitPlan(Artifact):
    """PH6 -> PH7."""

    SCHEMA: ClassVar[str] = "commit_plan.v1"
    OWNER: ClassVar[str] = "PH6_FINALIZATION_PREP"

    commit_plan_id: Annotated[str, Field(pattern=r"^CP-\d{4}-\d{2}-\d{2}-\d{3,}$")]
    target_branch: str
    base_branch: str
    strategy: Strategy
    base_commit: GitOid
    final_tree: GitOid
    commit_groups: tuple[CommitGroup, ...]
    quarantine: tuple[Quarantined, ...]
    nothing_to_land: tuple[NothingToLand, ...]
    definition_of_done: tuple[DoneCondition, ...]
    supersedes: ArtifactId | None = None
