"""``error_pipeline_result.v1``: the verdict on every workstream, after repair."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

from pydantic import Field

from global_util.contracts.base import Artifact, ArtifactId, Model
from global_util.contracts.error_report import CheckResult, Finding
from global_util.contracts.item import Call, Change, Item, ScopeReport

Verdict = Literal["clean", "fixed", "unverified", "quarantined", "nothing"]
Reason = Literal[
    "findings",
    "inconclusive",
    "scope",
    "breaker",
    "upstream",
    "unverified",
    "no_change",
    "tool_failed",
    "conflict",
    "not_done",
    "abandoned",
    "interrupted",
]
BreakerKind = Literal["max_attempts", "max_error_repeats", "oscillation", "budget", "no_progress"]


class FixAttempt(Model):
    """One try to repair: by a check's own fixer, or by the AI tool."""

    n: Annotated[int, Field(ge=1)]
    fixer: str
    findings_before: Annotated[int, Field(ge=0)]
    findings_after: Annotated[int, Field(ge=0)]
    change: ArtifactId
    outcome: Literal["clean", "better", "same", "worse", "no_change", "failed", "out_of_scope"]


class Breaker(Model):
    """The bound that ended the repair."""

    kind: BreakerKind
    reason: str
    evidence: tuple[str, ...]


class ResultItem(Item):
    """One workstream with its verdict. ``head`` is final: what may land is the change from ``base`` to ``head``."""

    execution_status: Literal["edited", "no_change", "failed", "blocked", "abandoned", "interrupted"]
    verdict: Verdict
    changes: tuple[Change, ...]
    scope: ScopeReport
    checks: tuple[CheckResult, ...]
    open_findings: tuple[Finding, ...]
    fix_attempts: tuple[FixAttempt, ...]
    calls: tuple[Call, ...]
    breaker: Breaker | None = None
    reason: Reason | None = None
    explanation: str
    """One sentence for people: what happened and why."""
    unverified: tuple[str, ...] = ()


class ErrorPipelineResult(Artifact):
    """PH5 -> PH6."""

    SCHEMA: ClassVar[str] = "error_pipeline_result.v1"
    OWNER: ClassVar[str] = "PH5_ERROR_AUTOFIX"

    items: tuple[ResultItem, ...]


def lands(item: ResultItem, unverified: str) -> bool:
    """Whether a change may be built upon and saved. ``unverified`` is the policy: ``quarantine`` or ``save``."""
    return item.verdict in ("clean", "fixed") or (item.verdict == "unverified" and unverified == "save")
