"""Ruff: lint of the changed Python files."""

# ruff: noqa: ARG002  (the protocol decides what is passed)
from __future__ import annotations

import json
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from global_util.checks import Check, Finished, Outcome, RawFinding, TreeFacts, Wanted

from ph4_error_detection.checks.selection import present, toml_table

if TYPE_CHECKING:
    from global_util.contracts.error_check_targets import CheckKind, TargetFile

_COMMON = ("--no-cache", "--force-exclude", "--")


class Ruff:
    """Reads ``ruff check --output-format json``; its safe fixes mend what can be mended."""

    id = "ruff"
    tool = "ruff"
    kind: CheckKind = "lint"
    config_files: tuple[str, ...] = ("ruff.toml", ".ruff.toml", "pyproject.toml")
    python_module: str | None = "ruff"

    def wanted(self, files: Sequence[TargetFile], facts: TreeFacts) -> Wanted:
        """Whenever Python files were changed."""
        paths = present(files, "python", endings=(".py", ".pyi"))
        if not paths:
            return Wanted(False, "no Python file to read was changed")
        configured = (
            not facts.paths.isdisjoint(self.config_files[:2])
            or toml_table(facts.texts, "pyproject.toml", "tool", "ruff") is not None
        )
        why = "Python files were changed" + (", and the repository configures ruff" if configured else "")
        argv = ("ruff", "check", "--output-format", "json", *_COMMON, *paths)
        return Wanted(True, why, configured, paths, argv=argv)

    def read(self, finished: Finished, files: Sequence[str]) -> Outcome:
        """0: nothing found, 1: findings, anything else: ruff did not work."""
        if finished.exit_code not in (0, 1):
            return Outcome("crashed", detail=finished.stderr or f"exit code {finished.exit_code}")
        findings = tuple(_finding(entry) for entry in json.loads(finished.stdout))
        if bool(findings) != (finished.exit_code == 1):
            return Outcome("crashed", detail=f"exit code {finished.exit_code} with {len(findings)} findings")
        excluded = not findings and "No Python files found" in finished.stderr
        return Outcome("findings" if findings else "pass", findings, judged=() if excluded else None)

    def fixer(self, files: Sequence[str]) -> tuple[str, ...] | None:
        """Ruff's own safe fixes."""
        return ("ruff", "check", "--fix", *_COMMON, *files)


def _finding(entry: dict[str, Any]) -> RawFinding:
    return RawFinding(
        rule=entry["code"] or "invalid-syntax",
        message=entry["message"],
        path=entry["filename"],
        line=entry["location"]["row"],
        column=entry["location"]["column"],
        end_line=entry["end_location"]["row"],
        fixable=(entry["fix"] or {}).get("applicability") == "safe",
    )


CHECK: Check = Ruff()
