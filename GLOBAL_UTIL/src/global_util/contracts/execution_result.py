"""``execution_result.v1``: what the tools changed, before any repair."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

from pydantic import Field

from global_util.contracts.base import Artifact, ArtifactId, Model, WorkstreamId
from global_util.contracts.item import Call, Change, Item, ScopeReport

MAX_LISTED_CHANGES = 5000
"""Above this the changes are only counted: the trees are the truth."""


class Blocker(Model):
    """Why a workstream did not start."""

    workstream_id: WorkstreamId
    why: str


class ExecutionItem(Item):
    """One workstream after its edit."""

    status: Literal["edited", "no_change", "failed", "blocked", "abandoned", "interrupted"]
    changes: tuple[Change, ...]
    changes_total: Annotated[int, Field(ge=0)]
    scope: ScopeReport
    calls: tuple[Call, ...]
    blockers: tuple[Blocker, ...] = ()
    unverified: tuple[str, ...] = ()
    """Acceptance criteria that no command verifies."""


class ExecutionResult(Artifact):
    """PH2 -> PH3."""

    SCHEMA: ClassVar[str] = "execution_result.v1"
    OWNER: ClassVar[str] = "PH2_EXECUTION_ENGINE"

    graph: ArtifactId
    items: tuple[ExecutionItem, ...]
