"""``workstream.v1``: one unit of work that one tool does in one worktree."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from global_util.contracts.base import JsonValue, Model, RepoPath, WorkstreamId


class LiteralPath(Model):
    """A scope entry that is never read as a glob."""

    path: RepoPath


ScopeEntry = RepoPath | LiteralPath
"""A path, a folder with a trailing slash, or a glob; an object is taken literally."""


class AcceptanceRun(Model):
    """A command that must exit with 0."""

    run: Annotated[tuple[str, ...], Field(min_length=1)]
    timeout_s: Annotated[int, Field(ge=1)] = 600


class AcceptanceDescribe(Model):
    """A criterion that no command verifies. It is reported, and never counts as passed."""

    describe: Annotated[str, Field(min_length=1)]


AcceptanceTest = AcceptanceRun | AcceptanceDescribe | str
"""A string is decided by PH1: a command if its first word is a known runner, else a description."""


class CircuitBreaker(Model):
    """Bounds of the repair loop; what is absent comes from the configuration."""

    max_attempts: Annotated[int, Field(ge=0)] | None = None
    max_error_repeats: Annotated[int, Field(ge=1)] | None = None
    oscillation_threshold: Annotated[int, Field(ge=1)] | None = None


class Budget(Model):
    """What a workstream may spend; 0 or absent is no limit of its own."""

    attempts: Annotated[int, Field(ge=0)] | None = None
    """Calls of AI tools: the edit, its repairs, and tries that were interrupted or killed."""
    tokens: Annotated[int, Field(ge=0)] | None = None
    cost_usd: Annotated[float, Field(ge=0)] | None = None
    seconds: Annotated[int, Field(ge=0)] | None = None


class ContextExcerpt(Model):
    """A piece of the plan that the tool should read."""

    path: str
    text: str


class Source(Model):
    """Where a workstream came from, for tracing (spec-kit ``T012``, OpenSpec ``2.3``)."""

    format: str
    path: str
    sha256: str
    items: tuple[str, ...] = ()


class Workstream(Model):
    """A workstream as planned; a scope that is not known yet is empty."""

    id: WorkstreamId
    title: str = ""
    files_scope: tuple[ScopeEntry, ...]
    tasks: tuple[str, ...]
    openspec_change: str | None = None
    ccpm_issue: int | str | None = None
    gate: Annotated[int, Field(ge=1)] = 1
    files_create: tuple[ScopeEntry, ...] = ()
    files_read_only: tuple[ScopeEntry, ...] = ()
    forbidden_paths: tuple[ScopeEntry, ...] = ()
    acceptance_tests: tuple[AcceptanceTest, ...] = ()
    depends_on: tuple[WorkstreamId, ...] = ()
    tool: str | None = None
    capability: str | None = None
    circuit_breaker: CircuitBreaker | None = None
    budget: Budget | None = None
    priority: int | Literal["foreground", "background"] = 0
    dag: str | None = None
    context: tuple[ContextExcerpt, ...] = ()
    metadata: dict[str, JsonValue] = {}
    doc_id: str | None = None
    source: Source | None = None


class WorkstreamBundle(Workstream):
    """A bundle file as people write it: the scope is given."""

    files_scope: Annotated[tuple[ScopeEntry, ...], Field(min_length=1)]
