"""Where documents are derived, all are: no package has lost a block for something that it has."""

from __future__ import annotations

from collections.abc import Iterator

from global_capabilities.checks.documents import front_matter
from global_capabilities.checks.finding import Finding, Repository
from global_capabilities.files import text_or_nothing
from global_capabilities.packages import Package


def validate(repository: Repository) -> Iterator[Finding]:
    """Each block that a package needs is in a document of one of its modules; repositories without any are not judged."""
    present = {package.id: _present(package) for package in repository.packages}
    if any(present.values()):
        for package in repository.packages:
            yield from _missing(repository, package, present[package.id])


def _missing(repository: Repository, package: Package, present: set[str]) -> Iterator[Finding]:
    from global_capabilities.derived.blocks import END, marker
    from global_capabilities.derived.build import PLACES

    modules = package.manifest["modules"]
    for name in sorted(_needed(package) - present):
        path = package.folder / "modules" / modules[0]["id"] / "docs" / PLACES[name]
        mend = f"write the marker {marker(name)} and {END} into it, then capabilities docs build"
        yield repository.finding(path, f"no derived block {name!r} in any module of {package.id}", mend)


def _present(package: Package) -> set[str]:
    """The blocks in documents that are draft or active."""
    from global_capabilities.derived.blocks import read_blocks
    from global_capabilities.derived.build import PLACES

    found: set[str] = set()
    for module in package.manifest["modules"]:
        for place in sorted({*PLACES.values()}):
            text = text_or_nothing(package.folder / "modules" / module["id"] / "docs" / place)
            if front_matter(text).get("status") != "deprecated":
                found |= {block.name for block in read_blocks(text)[0] if PLACES.get(block.name) == place}
    return found


def _needed(package: Package) -> set[str]:
    manifest = package.manifest
    needs = {
        "cli": package.command,
        "config": manifest["config_keys"] or manifest["entry_points"].get("pipeline.config"),
        "deliverables": package.is_phase,
        "entry_points": manifest["cli"] or manifest["entry_points"],
        "schemas": manifest["key_artifacts"]["schemas"],
        "tests": (package.folder / "tests").is_dir(),
    }
    return {name for name, is_needed in needs.items() if is_needed}
