"""``error_report.v1``: what the checks found, and what of it is new against the base."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

from pydantic import Field

from global_util.contracts.base import Artifact, ArtifactId, Model, RepoPath
from global_util.contracts.error_check_targets import CheckKind, NotChosen
from global_util.contracts.execution_result import ExecutionItem
from global_util.contracts.item import Item

CheckStatus = Literal["pass", "findings", "no_tests", "crashed", "timeout", "tool_missing", "wrong_tree"]


class Finding(Model):
    """One fault. ``fingerprint`` hashes tool, rule, path and message, not the line, so that it survives moved code."""

    fingerprint: ArtifactId
    tool: str
    rule: str
    severity: Literal["error", "warning", "note"]
    path: RepoPath | None = None
    line: Annotated[int, Field(ge=1)] | None = None
    column: Annotated[int, Field(ge=1)] | None = None
    end_line: Annotated[int, Field(ge=1)] | None = None
    message: str
    baseline: Literal["new", "unchanged"]
    fixable: bool


class CheckResult(Model):
    """One check on one tree. ``detail`` says why a status is neither pass nor findings."""

    check_id: str
    tool: str
    kind: CheckKind
    status: CheckStatus
    judged: tuple[RepoPath, ...]
    """The changed files that the check read."""
    whole_tree: bool
    findings: tuple[Finding, ...]
    detail: str = ""


class ReportItem(Item):
    """One workstream with the results of its checks."""

    execution: ExecutionItem
    checks: tuple[CheckResult, ...]
    not_chosen: tuple[NotChosen, ...]


class ErrorReport(Artifact):
    """PH4 -> PH5."""

    SCHEMA: ClassVar[str] = "error_report.v1"
    OWNER: ClassVar[str] = "PH4_ERROR_DETECTION"

    items: tuple[ReportItem, ...]
