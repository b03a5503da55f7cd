"""Items: what PH2 to PH5 hand on for one workstream. Self-contained, and free of clock, host and execution id."""

from __future__ import annotations

import json
from typing import Annotated, Any, Literal, Self

from pydantic import Field

from global_util.contracts.base import ArtifactId, GitMode, GitOid, Model, RepoPath, WorkstreamId, content_id
from global_util.contracts.workstream import AcceptanceDescribe, AcceptanceRun, Budget, ContextExcerpt, ScopeEntry


class State(Model):
    """A commit and its tree."""

    commit: GitOid
    tree: GitOid


class UpstreamRef(Model):
    """A PH5 item that this workstream builds on."""

    workstream_id: WorkstreamId
    item_id: ArtifactId


class Join(Model):
    """A base made from several upstream heads: the order in which their changes were combined, and how."""

    workstreams: tuple[WorkstreamId, ...]
    rungs: tuple[Literal["path", "ort"], ...]


class Base(State):
    """Where a workstream starts."""

    upstream: tuple[UpstreamRef, ...] = ()
    join: Join | None = None


class Scope(Model):
    """What a workstream may change, and what it must not."""

    files_scope: tuple[ScopeEntry, ...]
    files_create: tuple[ScopeEntry, ...] = ()
    files_read_only: tuple[ScopeEntry, ...] = ()
    forbidden_paths: tuple[ScopeEntry, ...] = ()


class Limits(Model):
    """Bounds of the repair loop."""

    max_attempts: Annotated[int, Field(ge=0)]
    max_error_repeats: Annotated[int, Field(ge=1)]
    oscillation_threshold: Annotated[int, Field(ge=1)]


class Change(Model):
    """One changed path against the base."""

    path: RepoPath
    status: Literal["A", "M", "D", "R", "T"]
    old_path: RepoPath | None = None
    old_mode: GitMode
    new_mode: GitMode
    old_blob: GitOid
    new_blob: GitOid


class Violation(Model):
    """A path that a tool changed without being allowed to."""

    path: RepoPath
    kind: Literal["outside", "read_only", "forbidden", "not_creatable", "submodule", "git_dir"]


class ScopeReport(Model):
    """Whether the change stayed inside its scope; what did not is anchored under ``kept_under``."""

    verdict: Literal["inside", "violated", "not_judged"]
    violations: tuple[Violation, ...] = ()
    kept_under: GitOid | None = None


CallOutcome = Literal[
    "ok", "failed", "timeout", "idle_timeout", "tool_missing", "no_recording", "rate_limited", "interrupted"
]
"""A ``rate_limited`` call is made again later: it stands in no item, only in the events."""


class Call(Model):
    """One call of an AI tool. ``change`` is the SHA-256 of the patch that it made inside the scope."""

    n: Annotated[int, Field(ge=1)]
    tool: str
    outcome: CallOutcome
    exit_code: int | None = None
    change: ArtifactId


class Work(Model):
    """What is to be done, unchanged from plan to verdict."""

    title: str
    tasks: tuple[str, ...]
    scope: Scope
    acceptance: tuple[AcceptanceRun | AcceptanceDescribe, ...]
    context: tuple[ContextExcerpt, ...]
    tool: str
    limits: Limits
    budget: Budget | None = None
    instead: tuple[str, ...] | None = None
    """Tools that take a call over, in this order, while the service behind ``tool`` wants none."""
    plan_source: str


class Item(Model):
    """The common part. ``item_id`` hashes all other fields; ``inputs`` are the ids of the items it was made from."""

    item_id: ArtifactId
    workstream_id: WorkstreamId
    inputs: tuple[ArtifactId, ...]
    work: Work
    base: Base
    head: State

    @classmethod
    def seal(cls, **fields: Any) -> Self:
        """Build the item and compute its id."""
        raw = json.loads(json.dumps(fields, default=lambda model: model.to_json()))
        unsealed = cls.model_validate_json(json.dumps({**raw, "item_id": "sha256:" + "0" * 64}))
        return unsealed.model_copy(update={"item_id": unsealed.computed_id()})

    def computed_id(self) -> str:
        """The id that the content has now."""
        body = self.to_json()
        body.pop("item_id")
        return content_id(body)

    def common(self) -> dict[str, Any]:
        """The fields that the next phase's item takes over as they are."""
        return {"workstream_id": self.workstream_id, "work": self.work, "base": self.base, "head": self.head}
