"""ShellCheck: lint of the changed shell scripts."""

# ruff: noqa: ARG002  (the protocol decides what is passed)
from __future__ import annotations

import json
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from global_util.checks import Check, Finished, Outcome, RawFinding, TreeFacts, Wanted

from ph4_error_detection.checks.selection import present

if TYPE_CHECKING:
    from global_util.contracts.error_check_targets import CheckKind, TargetFile

_SEVERITIES = {"error": "error", "warning": "warning"}


class ShellCheck:
    """Reads ``shellcheck --format=json1``."""

    id = "shellcheck"
    tool = "shellcheck"
    kind: CheckKind = "lint"
    config_files: tuple[str, ...] = (".shellcheckrc",)
    python_module: str | None = None

    def wanted(self, files: Sequence[TargetFile], facts: TreeFacts) -> Wanted:
        """Whenever shell scripts were changed."""
        paths = present(files, "shell")
        if not paths:
            return Wanted(False, "no shell script to read was changed")
        configured = ".shellcheckrc" in facts.paths
        argv = ("shellcheck", "--format=json1", "--", *paths)
        return Wanted(True, "shell scripts were changed", configured, paths, argv=argv)

    def read(self, finished: Finished, files: Sequence[str]) -> Outcome:
        """0: nothing found, 1: findings, anything else: some file could not be read."""
        if finished.exit_code not in (0, 1):
            return Outcome("crashed", detail=finished.stderr or f"exit code {finished.exit_code}")
        findings = tuple(_finding(entry) for entry in json.loads(finished.stdout)["comments"])
        if bool(findings) != (finished.exit_code == 1):
            return Outcome("crashed", detail=f"exit code {finished.exit_code} with {len(findings)} findings")
        return Outcome("findings" if findings else "pass", findings)

    def fixer(self, files: Sequence[str]) -> tuple[str, ...] | None:
        """ShellCheck only prints patches, it applies none."""
        return None


def _finding(entry: dict[str, Any]) -> RawFinding:
    return RawFinding(
        rule=f"SC{entry['code']}",
        message=entry["message"],
        path=entry["file"],
        line=entry["line"],
        column=entry["column"],
        end_line=entry["endLine"],
        severity=_SEVERITIES.get(entry["level"], "note"),
    )


CHECK: Check = ShellCheck()
