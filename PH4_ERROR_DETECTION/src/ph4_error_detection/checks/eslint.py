"""ESLint: lint of the changed JavaScript and TypeScript files, where the repository asks for it."""

# ruff: noqa: ARG002  (the protocol decides what is passed)
from __future__ import annotations

import json
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from global_util.checks import Check, Finished, Outcome, RawFinding, TreeFacts, Wanted

from ph4_error_detection.checks.selection import present

if TYPE_CHECKING:
    from global_util.contracts.error_check_targets import CheckKind, TargetFile

_LANGUAGES = ("javascript", "svelte", "typescript", "vue")


class ESLint:
    """Reads ``eslint --format json``. Warnings do not count: the repository's own gate lets them pass."""

    id = "eslint"
    tool = "eslint"
    kind: CheckKind = "lint"
    config_files: tuple[str, ...] = ("package.json",)
    python_module: str | None = None

    def wanted(self, files: Sequence[TargetFile], facts: TreeFacts) -> Wanted:
        """Only when configured, and script files were changed."""
        if not _configured(facts):
            return Wanted(False, "the repository does not configure eslint")
        paths = present(files, *_LANGUAGES)
        if not paths:
            return Wanted(False, "no script file to read was changed", configured=True)
        why = "the repository configures eslint, and script files were changed"
        return Wanted(True, why, True, paths, argv=("eslint", "--format", "json", "--", *paths))

    def read(self, finished: Finished, files: Sequence[str]) -> Outcome:
        """0: nothing found, 1: findings, 2: ESLint did not work. A file that it ignores is not judged."""
        if finished.exit_code not in (0, 1):
            return Outcome("crashed", detail=finished.stderr or f"exit code {finished.exit_code}")
        answers = json.loads(finished.stdout)
        findings = tuple(
            _finding(answer["filePath"], entry)
            for answer in answers
            for entry in answer["messages"]
            if entry["severity"] == 2
        )
        if bool(findings) != (finished.exit_code == 1):
            return Outcome("crashed", detail=f"exit code {finished.exit_code} with {len(findings)} findings")
        judged = tuple(answer["filePath"] for answer in answers if not _ignored(answer))
        return Outcome("findings" if findings else "pass", findings, judged=judged)

    def fixer(self, files: Sequence[str]) -> tuple[str, ...] | None:
        """ESLint's own fixes."""
        return ("eslint", "--fix", "--", *files)


def _configured(facts: TreeFacts) -> bool:
    if any(path.startswith(("eslint.config.", ".eslintrc")) for path in facts.paths):
        return True
    text = facts.texts.get("package.json", "")
    try:
        package = json.loads(text) if text else None
    except (json.JSONDecodeError, RecursionError):
        return '"eslintConfig"' in text
    return isinstance(package, dict) and "eslintConfig" in package


def _ignored(answer: dict[str, Any]) -> bool:
    return any(
        entry["ruleId"] is None and not entry.get("fatal") and entry["message"].startswith("File ignored")
        for entry in answer["messages"]
    )


def _finding(path: str, entry: dict[str, Any]) -> RawFinding:
    return RawFinding(
        rule=entry["ruleId"] or "parsing",
        message=entry["message"],
        path=path,
        line=entry.get("line"),
        column=entry.get("column"),
        end_line=entry.get("endLine"),
        fixable="fix" in entry,
    )


CHECK: Check = ESLint()
