"""Mypy: types of the whole tree, where the repository asks for it."""

# ruff: noqa: ARG002  (the protocol decides what is passed)
from __future__ import annotations

import json
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from global_util.checks import Check, Finished, Outcome, RawFinding, TreeFacts, Wanted
from global_util.paths import covers

from ph4_error_detection.checks.selection import ini_section, present, toml_table

if TYPE_CHECKING:
    from global_util.contracts.error_check_targets import CheckKind, TargetFile

_ARGV = ("mypy", "-O", "json", "--no-error-summary", "--cache-dir", "/dev/null", "--python-executable", "{python}")


class Mypy:
    """Reads the JSON lines of ``mypy -O json``. What it checks is what the configuration names, else the tree."""

    id = "mypy"
    tool = "mypy"
    kind: CheckKind = "type"
    config_files: tuple[str, ...] = ("mypy.ini", ".mypy.ini", "pyproject.toml", "setup.cfg")
    python_module: str | None = "mypy"

    def wanted(self, files: Sequence[TargetFile], facts: TreeFacts) -> Wanted:
        """Only when configured, and Python files were changed (or deleted: others may import them)."""
        settings = _settings(facts)
        if settings is None:
            return Wanted(False, "the repository does not configure mypy")
        if not any(file.language == "python" for file in files):
            return Wanted(False, "no Python file was changed", configured=True)
        if not any(path.endswith((".py", ".pyi")) for path in facts.paths):
            return Wanted(False, "no Python file is left", configured=True)
        named = any(settings.get(key) for key in ("files", "packages", "modules"))
        paths = tuple(path for path in present(files, "python") if _reads(settings, path))
        why = "the repository configures mypy, and Python files were changed"
        return Wanted(True, why, True, paths, whole_tree=True, argv=_ARGV if named else (*_ARGV, "."))

    def read(self, finished: Finished, files: Sequence[str]) -> Outcome:
        """0: nothing found, 1: findings, 2: a fault that stopped mypy: a finding where it names one (syntax)."""
        entries = [json.loads(line) for line in finished.stdout.splitlines() if line.strip()]
        findings = tuple(_finding(entry) for entry in entries if entry["severity"] == "error")
        if finished.exit_code in (1, 2) and findings:
            return Outcome("findings", findings)
        if finished.exit_code == 0 and not findings:
            return Outcome("pass")
        return Outcome("crashed", detail=finished.stderr or f"exit code {finished.exit_code}")

    def fixer(self, files: Sequence[str]) -> tuple[str, ...] | None:
        """Mypy mends nothing."""
        return None


def _settings(facts: TreeFacts) -> dict[str, Any] | None:
    """The first configuration in the order in which mypy looks for it."""
    for file in ("mypy.ini", ".mypy.ini"):
        if file in facts.paths:
            return ini_section(facts.texts, file, "mypy") or {}
    table = toml_table(facts.texts, "pyproject.toml", "tool", "mypy")
    return table if table is not None else ini_section(facts.texts, "setup.cfg", "mypy")


def _reads(settings: dict[str, Any], path: str) -> bool:
    """Does mypy check this path? Packages and modules cannot be told from paths, so they count as reading all."""
    if settings.get("packages") or settings.get("modules") or not settings.get("files"):
        return True
    files = settings["files"]
    entries = [entry.strip() for entry in (files.split(",") if isinstance(files, str) else files)]
    return any(
        entry in (".", "./") or covers(entry, path) or path.startswith(entry.removeprefix("./").rstrip("/") + "/")
        for entry in entries
        if entry
    )


def _finding(entry: dict[str, Any]) -> RawFinding:
    column = entry["column"] + 1  # mypy counts columns from 0; -1 stands for none
    return RawFinding(
        rule=entry["code"] or "mypy",
        message=entry["message"],
        path=entry["file"],
        line=entry["line"],
        column=column,
        end_line=entry.get("end_line"),
    )


CHECK: Check = Mypy()
