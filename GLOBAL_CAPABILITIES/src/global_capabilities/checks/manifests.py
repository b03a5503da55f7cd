"""A manifest says the truth about its own folder."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from global_capabilities.checks.finding import Finding, Repository


def validate(repository: Repository) -> Iterator[Finding]:
    """Id and import package are there; where ``contents`` lists the source modules, it lists all of them."""
    for package in repository.packages:
        manifest = package.folder / package.manifest_file
        if package.id != package.folder.name:
            yield repository.finding(
                manifest, f"/id: {package.id} is not the folder's name", f"write {package.folder.name}"
            )
        source = package.folder / "src" / package.manifest["import_package"]
        if not source.is_dir():
            yield repository.finding(
                manifest, f"/import_package: no folder src/{source.name}", "name the package in src/"
            )
        if "contents" in package.manifest:
            yield from _contents(repository, manifest, source, set(package.manifest["contents"]))


def _contents(repository: Repository, manifest: Path, source: Path, listed: set[str]) -> Iterator[Finding]:
    present = {path.stem for path in source.glob("*.py")} - {"__init__"}
    present |= {path.parent.name for path in source.glob("*/__init__.py")}
    for name in sorted(present - listed):
        yield repository.finding(manifest, f"/contents: {name} is not listed", "list it, or move it where it belongs")
    for name in sorted(listed - present):
        yield repository.finding(manifest, f"/contents: {name} does not exist", "take it out")
