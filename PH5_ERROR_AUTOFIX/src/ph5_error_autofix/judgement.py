"""What a report means: which findings stand in the way, and whether anything vouches for the change."""

from __future__ import annotations

from global_util.contracts.base import content_id
from global_util.contracts.error_report import CheckResult, Finding, ReportItem

VOUCHING = ("test", "type", "lint", "acceptance")
"""Kinds of checks that can vouch for a change; a tidy format does not."""

INCONCLUSIVE = ("crashed", "timeout", "tool_missing", "wrong_tree")


def blocking(item: ReportItem) -> tuple[Finding, ...]:
    """Findings that are new against the base and more than a note."""
    found = (finding for check in item.checks for finding in check.findings)
    return tuple(finding for finding in found if finding.baseline == "new" and finding.severity != "note")


def inconclusive(item: ReportItem) -> tuple[CheckResult, ...]:
    """Checks that gave no answer: never a pass."""
    return tuple(check for check in item.checks if check.status in INCONCLUSIVE)


def verified(item: ReportItem) -> bool:
    """Did at least one check that reads the changed files pass (old findings of the base do not count)?"""
    return any(
        check.kind in VOUCHING
        and check.status in ("pass", "findings")
        and not any(finding.baseline == "new" for finding in check.findings)
        and (bool(check.judged) or check.kind == "acceptance")
        for check in item.checks
    )


def blind(item: ReportItem) -> tuple[str, ...]:
    """Checks that ran and judged nothing of the change, such as tests that cannot be loaded, before and after."""
    return tuple(
        check.check_id for check in item.checks if check.status in ("findings", "no_tests") and not check.judged
    )


def signature(findings: tuple[Finding, ...]) -> str:
    """The same for the same set of findings."""
    return content_id(sorted(finding.fingerprint for finding in findings))
