"""Name, command and entry points of a manifest are those of pyproject.toml, and the code they name is there."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from global_capabilities.checks.finding import Finding, Repository
from global_capabilities.packages import Package


def validate(repository: Repository) -> Iterator[Finding]:
    """Every package has a pyproject.toml that says the same."""
    for package in repository.packages:
        path = package.folder / "pyproject.toml"
        try:
            project = tomllib.loads(path.read_text("utf-8"))["project"]
        except (OSError, ValueError, KeyError) as fault:
            yield repository.finding(path, f"no readable [project] table: {fault}", "write one")
            continue
        yield from _compare(repository, package, project)
        yield from _targets(repository, package, path, project)


def _compare(repository: Repository, package: Package, project: dict[str, Any]) -> Iterator[Finding]:
    cli = package.manifest["cli"]
    pairs = (
        ("distribution", package.manifest["distribution"], project.get("name")),
        ("cli", {cli["command"]: cli["entry"]} if cli else {}, project.get("scripts", {})),
        ("entry_points", package.manifest["entry_points"], project.get("entry-points", {})),
    )
    for key, declared, real in pairs:
        if declared != real:
            manifest = package.folder / package.manifest_file
            yield repository.finding(manifest, f"/{key}: {declared} here, {real} in pyproject.toml", "make them equal")


def _targets(repository: Repository, package: Package, path: Path, project: dict[str, Any]) -> Iterator[Finding]:
    groups = {"scripts": project.get("scripts", {}), **project.get("entry-points", {})}
    for group, entries in sorted(groups.items()):
        for name, target in sorted(entries.items()):
            if not _exists(package.folder / "src", target):
                yield repository.finding(
                    path, f"{group}: {name} = {target!r} names no module in src/", "mend the target"
                )


def _exists(source: Path, target: str) -> bool:
    place = source / target.partition(":")[0].replace(".", "/")
    return place.with_suffix(".py").is_file() or (place / "__init__.py").is_file()
