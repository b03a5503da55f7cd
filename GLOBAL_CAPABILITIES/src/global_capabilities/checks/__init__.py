"""What ``capabilities check`` proves: one module per subject, each with ``validate(repository)``."""

from __future__ import annotations

from pathlib import Path

from global_capabilities.checks import (
    commands,
    contracts,
    derived_blocks,
    documents,
    imports,
    manifests,
    routing,
    settings,
    spec_index,
    unique,
)
from global_capabilities.checks.finding import Finding, Repository, open_repository

CHECKS = (
    manifests.validate,
    unique.validate,
    contracts.validate,
    commands.validate,
    settings.validate,
    imports.validate,
    documents.validate,
    derived_blocks.validate,
    routing.validate,
    spec_index.validate,
)


def check(root: Path) -> list[Finding]:
    """All findings of a repository, by file. A malformed package is reported, and not judged any further."""
    repository, findings = open_repository(root)
    return sorted({*findings, *(finding for validate in CHECKS for finding in validate(repository))})


__all__ = ["CHECKS", "Finding", "Repository", "check"]
