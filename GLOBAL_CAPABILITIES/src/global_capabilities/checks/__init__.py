"""What ``capabilities check`` proves: one module per subject, each with ``validate(repository)``."""

from __future__ import annotations

from pathlib import Path

from global_capabilities.checks import commands, contracts, documents, manifests, routing
from global_capabilities.checks.finding import Finding, Repository, open_repository

CHECKS = (manifests.validate, contracts.validate, commands.validate, documents.validate, routing.validate)


def check(root: Path) -> list[Finding]:
    """All findings of a repository, by file. A malformed package is reported, and not judged any further."""
    repository, findings = open_repository(root)
    return sorted({*findings, *(finding for validate in CHECKS for finding in validate(repository))})


__all__ = ["CHECKS", "Finding", "Repository", "check"]
