"""The report as SARIF 2.1.0, which editors and code hosts can show. Source: OASIS SARIF 2.1.0 (sections by number)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any
from urllib.parse import quote

from global_util.contracts.error_report import CheckResult, Finding, ReportItem
from global_util.paths import to_bytes

_SCHEMA = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
_FINGERPRINT = "phaseline/v1"
Result = tuple[ReportItem, CheckResult]


def to_sarif(items: Iterable[ReportItem], versions: Mapping[str, str] | None = None) -> dict[str, Any]:
    """One run per tool, in the order of their names; results in the order of the report.

    ``versions`` are those of the tools, where they are known. Paths are URIs relative to the repository.
    """
    by_tool: dict[str, list[Result]] = {}
    for item in items:
        for check in item.checks:
            by_tool.setdefault(check.tool, []).append((item, check))
    runs = [_run(tool, by_tool[tool], (versions or {}).get(tool)) for tool in sorted(by_tool)]
    return {"$schema": _SCHEMA, "version": "2.1.0", "runs": runs}


def _run(tool: str, results: list[Result], version: str | None) -> dict[str, Any]:
    rules = sorted({finding.rule for _, check in results for finding in check.findings})
    positions = {rule: index for index, rule in enumerate(rules)}
    driver: dict[str, Any] = {"name": tool, "rules": [{"id": rule} for rule in rules]}
    if version:
        driver["version"] = version
    return {
        "tool": {"driver": driver},
        "columnKind": "unicodeCodePoints",
        "invocations": [_invocation(item, check) for item, check in results],
        "results": [_result(item, check, finding, positions) for item, check in results for finding in check.findings],
    }


def _invocation(item: ReportItem, check: CheckResult) -> dict[str, Any]:
    """3.20: one check on one workstream; what it could not do is a notification."""
    done = check.status in ("pass", "findings")
    properties = {"workstreamId": item.workstream_id, "checkId": check.check_id, "status": check.status}
    invocation: dict[str, Any] = {"executionSuccessful": done, "properties": properties}
    if not done:
        text = check.detail or check.status
        invocation["toolExecutionNotifications"] = [{"level": "error", "message": {"text": text}}]
    return invocation


def _result(item: ReportItem, check: CheckResult, finding: Finding, positions: Mapping[str, int]) -> dict[str, Any]:
    """3.27."""
    result: dict[str, Any] = {
        "ruleId": finding.rule,
        "ruleIndex": positions[finding.rule],
        "level": finding.severity,
        "message": {"text": finding.message},
        "baselineState": finding.baseline,
        "partialFingerprints": {_FINGERPRINT: finding.fingerprint},
        "properties": {
            "workstreamId": item.workstream_id,
            "checkId": check.check_id,
            "fixable": finding.fixable,
        },
    }
    if finding.path is not None:
        result["locations"] = [{"physicalLocation": _place(finding, finding.path)}]
    return result


def _place(finding: Finding, path: str) -> dict[str, Any]:
    """3.29, 3.30: a region begins with a line; an end before its beginning is left out."""
    place: dict[str, Any] = {"artifactLocation": {"uri": quote(to_bytes(path), safe="/"), "uriBaseId": "%SRCROOT%"}}
    if finding.line is not None:
        region = {"startLine": finding.line}
        if finding.column is not None:
            region["startColumn"] = finding.column
        if finding.end_line is not None and finding.end_line >= finding.line:
            region["endLine"] = finding.end_line
        place["region"] = region
    return place
