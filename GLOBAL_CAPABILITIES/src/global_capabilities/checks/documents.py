"""Each module has its seven documents, each package the documents its manifest names; none is empty."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from global_capabilities.checks.finding import Finding, Repository
from global_capabilities.packages import Package

SUITE = (
    "MOD_SPEC.md",
    "MOD_CONTRACTS.md",
    "MOD_DESIGN.md",
    "MOD_TEST_PLAN.md",
    "MOD_OPERATIONS.md",
    "MOD_CHANGELOG.md",
    "MOD_DELIVERABLES.md",
)
"""What every module documents, in the order of their numbers."""


def validate(repository: Repository) -> Iterator[Finding]:
    """Declared modules and documents are there, and no module folder is undeclared."""
    for package in repository.packages:
        declared = [module["id"] for module in package.manifest["modules"]]
        for module in declared:
            folder = package.folder / "modules" / module / "docs"
            yield from _judge(repository, [folder / name for name in SUITE])
        named = package.manifest["key_artifacts"]["docs"]
        yield from _judge(repository, [package.folder / "docs" / name for name in named])
        yield from _undeclared(repository, package, set(declared))


def body_lines(text: str) -> list[str]:
    """What a document says: its lines without front matter, headings, comments and blank lines."""
    lines = text.splitlines()
    if lines[:1] == ["---"] and "---" in lines[1:]:
        lines = lines[lines.index("---", 1) + 1 :]
    return [line for line in map(str.strip, lines) if line and not line.startswith(("#", "<!--"))]


def _judge(repository: Repository, paths: list[Path]) -> Iterator[Finding]:
    for path in paths:
        if not path.is_file():
            yield repository.finding(path, "missing", "write it; short and true is enough")
        elif not body_lines(path.read_text("utf-8", "replace")):
            yield repository.finding(path, "says nothing below its headings", "write what is true")


def _undeclared(repository: Repository, package: Package, declared: set[str]) -> Iterator[Finding]:
    for folder in sorted(package.folder.glob("modules/*/")):
        if folder.name not in declared:
            yield repository.finding(folder, "is no module of the manifest", f"declare it in {package.manifest_file}")
