"""A manifest says the truth about its own folder."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from global_capabilities.checks.finding import Finding, Repository
from global_capabilities.packages import Package

_FOLDERS = ("config", "docs", "modules", "schema", "src", "tests")


def validate(repository: Repository) -> Iterator[Finding]:
    """Id, owner and import package are there; where ``contents`` lists the source modules, it lists all of them."""
    for package in repository.packages:
        if package.id != package.folder.name:
            yield repository.manifest(
                package, "/id", f"{package.id} is not the folder's name", f"write {package.folder.name}"
            )
        for key in ("owner", "name", "role"):
            if not package.manifest[key].strip():
                yield repository.manifest(
                    package, f"/{key}", "is blank", "write it: the team to ask, or what it is for"
                )
        for folder in [package.folder / name for name in _FOLDERS]:
            if folder.is_symlink():
                yield repository.finding(folder, "is a link, and is not entered", "put the folder here")
        source = package.folder / "src" / package.manifest["import_package"]
        if not source.is_dir():
            what = f"no folder src/{source.name}"
            yield repository.manifest(package, "/import_package", what, "name the package in src/")
        if "contents" in package.manifest:
            yield from _contents(repository, package, source, set(package.manifest["contents"]))


def _contents(repository: Repository, package: Package, source: Path, listed: set[str]) -> Iterator[Finding]:
    present = {path.stem for path in source.glob("*.py")} - {"__init__"}
    present |= {path.parent.name for path in source.glob("*/__init__.py")}
    for name in sorted(present - listed):
        mend = "list it, or move it where it belongs"
        yield repository.manifest(package, "/contents", f"{name} is not listed", mend)
    for name in sorted(listed - present):
        yield repository.manifest(package, "/contents", f"{name} does not exist", "take it out")
