"""Contracts name schemas that exist, unchanged; versions fit along the line; the schema folders are as declared."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from global_doc_id.file_types import SIDECAR
from global_util.files import read_regular

from global_capabilities.checks.finding import Finding, Repository
from global_capabilities.files import why
from global_capabilities.packages import Package

EXPORT = "python scripts/schemas.py"
SIDES = ("consumes", "produces")


@dataclass(frozen=True)
class Reference:
    """One entry of a contracts file, and where it stands."""

    package: Package
    side: str
    pointer: str
    schema: str
    version: str
    sha256: str

    @property
    def id(self) -> str:
        """``phase_plan.v1``."""
        return f"{self.schema}.{self.version}"


def references(package: Package) -> list[Reference]:
    """All entries of a package's contracts file."""
    sides: dict[str, list[dict[str, Any]]] = {side: package.contracts.get(side, []) for side in SIDES}
    return [
        Reference(package, side, f"/{side}/{number}", entry["schema"], entry["version"], entry["sha256"])
        for side, entries in sides.items()
        for number, entry in enumerate(entries)
    ]


def validate(repository: Repository) -> Iterator[Finding]:
    """Hashes, owners and producers of all contracts, then the schema folders."""
    schemas = {
        path.name: path for package in repository.packages for path in sorted(package.folder.glob("schema/*.json"))
    }
    every = [reference for package in repository.packages for reference in references(package)]
    producers: dict[str, Reference] = {}
    for reference in every:
        if reference.side == "produces":
            yield from _second(repository, reference, producers.setdefault(reference.id, reference))
    for reference in every:
        yield from _judge(repository, reference, schemas, producers)
    for package in repository.packages:
        yield from _folder(repository, package)


def _tell(repository: Repository, reference: Reference, what: str, mend: str, key: str = "") -> Finding:
    return repository.at(reference.package.contracts_path, reference.pointer + key, what, mend)


def _second(repository: Repository, reference: Reference, first: Reference) -> Iterator[Finding]:
    if first is not reference:
        where = repository.name(first.package.contracts_path)
        yield _tell(repository, reference, f"{reference.id} is produced by {where} too", "leave it to one")


def _judge(
    repository: Repository, reference: Reference, schemas: dict[str, Path], producers: dict[str, Reference]
) -> Iterator[Finding]:
    name = f"{reference.id}.json"
    path = schemas.get(name)
    owned = path is not None and path.parent.parent == reference.package.folder
    if reference.side == "consumes" and reference.id not in producers and not owned:
        yield _unproduced(repository, reference, producers)
    elif path is None:
        yield _tell(repository, reference, f"no package has schema/{name}", f"write it with {EXPORT}")
    elif what := _unlike(path, reference.sha256):
        mend = f"agree on the change with its readers, then {EXPORT}"
        yield _tell(repository, reference, f"{repository.name(path)} {what}", mend, "/sha256")
    if path is not None and reference.side == "produces" and not owned:
        yield _tell(repository, reference, f"{name} lies in {path.parent.parent.name}", "move it to its producer")


def _unlike(path: Path, sha256: str) -> str:
    try:
        return "" if hashlib.sha256(read_regular(path)).hexdigest() == sha256 else "has another sha256"
    except OSError as fault:
        return f"is not readable: {why(fault)}"


def _unproduced(repository: Repository, reference: Reference, producers: dict[str, Reference]) -> Finding:
    """What is read is written by somebody, or is a document that the reader owns; another version is named."""
    others = sorted(one.id for one in producers.values() if one.schema == reference.schema)
    if not others:
        mend = "name a schema and version that is produced, or let a package produce it"
        return _tell(repository, reference, f"nobody produces {reference.id}", mend)
    other = producers[others[-1]]
    file = other.package.contracts_path
    line = repository.at(file, other.pointer, "", "").line
    what = f"consumes {reference.id}, but {repository.name(file)}:{line} produces {', '.join(others)} only"
    mend = f"let {other.package.id} produce {reference.version} as well, or read {other.version}"
    return _tell(repository, reference, what, mend, "/version")


def _folder(repository: Repository, package: Package) -> Iterator[Finding]:
    declared = set(package.manifest["key_artifacts"]["schemas"])
    present = {path.name for path in package.folder.glob("schema/*.json")} - {SIDECAR}
    pointer = "/key_artifacts/schemas"
    for name in sorted(declared - present):
        yield repository.manifest(package, pointer, f"no schema/{name}", "write it, or take it out")
    for name in sorted(present - declared):
        yield repository.manifest(package, pointer, f"schema/{name} is not listed", "list it, or remove the file")
    yield from _unused(repository, package, present)


def _unused(repository: Repository, package: Package, present: set[str]) -> Iterator[Finding]:
    """A phase produces or reads each schema that it owns."""
    named = {f"{reference.id}.json" for reference in references(package)}
    for name in sorted(present - named) if package.is_phase else ():
        path = package.folder / "schema" / name
        what = f"no entry of {package.contracts_path.name} names it"
        yield repository.finding(path, what, "name it under consumes or produces, or remove the file")
