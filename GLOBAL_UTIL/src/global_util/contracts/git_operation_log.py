"""``git_strategy.v1`` and ``git_operation_log.v1``: how PH7 lands a plan, and what it did."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

from pydantic import Field

from global_util.contracts.base import Artifact, ArtifactId, GitOid, JsonValue, Model
from global_util.contracts.commit_plan import DoneCondition
from global_util.contracts.phase_plan import Strategy


class GitStrategy(Model):
    """``git_strategy.v1``: the strategy and its options."""

    SCHEMA: ClassVar[str] = "git_strategy.v1"
    OWNER: ClassVar[str] = "PH7_MERGE_AND_RELEASE"

    schema_id: Literal["git_strategy.v1"] = Field(alias="schema")
    name: Strategy
    history: Literal["linear", "semi_linear"]
    remote: str | None = None
    push: bool = False
    sign: bool = False


class RefState(Model):
    """A ref and what it pointed to; no ``oid``: it did not exist."""

    ref: str
    oid: GitOid | None = None


class Operation(Model):
    """One step. ``undo`` is the git command that takes it back."""

    seq: Annotated[int, Field(ge=1)]
    op: Literal["commit", "merge", "anchor", "update_ref", "sync_worktree", "replan"]
    before: tuple[RefState, ...]
    after: tuple[RefState, ...]
    outcome: Literal["done", "planned", "refused"]
    detail: dict[str, JsonValue]
    undo: tuple[str, ...]


class LandedCommit(Model):
    """A group's commit; ``merge`` is the merge commit that brought it in."""

    group_id: str
    commit: GitOid
    merge: GitOid | None = None


class GitOperationLog(Artifact):
    """What PH7 did, in order; enough to undo all of it."""

    SCHEMA: ClassVar[str] = "git_operation_log.v1"
    OWNER: ClassVar[str] = "PH7_MERGE_AND_RELEASE"

    commit_plan: ArtifactId
    strategy: GitStrategy
    target_branch: str
    dry_run: bool
    commits: tuple[LandedCommit, ...]
    operations: tuple[Operation, ...]
    definition_of_done: tuple[DoneCondition, ...]
