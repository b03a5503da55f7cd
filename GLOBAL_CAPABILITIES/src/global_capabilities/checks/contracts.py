"""Contracts name schemas that exist, unchanged; each artifact has one producer; the schema folder is as declared."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from global_capabilities.checks.finding import Finding, Repository
from global_capabilities.packages import CONTRACTS, Package

EXPORT = "python scripts/schemas.py"


def validate(repository: Repository) -> Iterator[Finding]:
    """Hashes, owners and producers of all contracts, then the schema folders."""
    schemas = {path.name: path for package in repository.packages for path in package.folder.glob("schema/*.json")}
    producers: dict[str, str] = {}
    for package in repository.packages:
        for side in ("consumes", "produces"):
            for entry in _entries(package, side):
                yield from _judge(repository, package, side, entry, schemas)
        for schema in package.produces():
            other = producers.setdefault(schema, package.id)
            if other != package.id:
                yield repository.finding(
                    package.folder / CONTRACTS, f"{schema} is produced by {other} too", "leave it to one"
                )
        yield from _folder(repository, package)
    yield from _unproduced(repository, producers)


def _entries(package: Package, side: str) -> list[dict[str, Any]]:
    entries: list[dict[str, Any]] = package.contracts.get(side, [])
    return entries


def _judge(
    repository: Repository, package: Package, side: str, entry: dict[str, Any], schemas: dict[str, Path]
) -> Iterator[Finding]:
    contracts = package.folder / CONTRACTS
    name = f"{entry['schema']}.{entry['version']}.json"
    path = schemas.get(name)
    if path is None:
        yield repository.finding(contracts, f"{side}: no package has schema/{name}", f"write it with {EXPORT}")
        return
    if hashlib.sha256(path.read_bytes()).hexdigest() != entry["sha256"]:
        where = path.relative_to(repository.root).as_posix()
        yield repository.finding(contracts, f"{side}: {where} has another sha256", f"agree on it, then {EXPORT}")
    if side == "produces" and path.parent.parent != package.folder:
        yield repository.finding(
            contracts, f"produces: {name} lies in {path.parent.parent.name}", "move it to its producer"
        )


def _unproduced(repository: Repository, producers: dict[str, str]) -> Iterator[Finding]:
    """What is read is written by somebody, or is a document that the reader owns."""
    for package in repository.packages:
        for schema in package.consumes():
            if schema not in producers and not (package.folder / "schema" / f"{schema}.json").is_file():
                what = f"consumes: nobody produces {schema}"
                yield repository.finding(package.folder / CONTRACTS, what, "name a schema and version that is produced")


def _folder(repository: Repository, package: Package) -> Iterator[Finding]:
    declared = set(package.manifest["key_artifacts"]["schemas"])
    present = {path.name for path in package.folder.glob("schema/*.json")}
    manifest = package.folder / package.manifest_file
    for name in sorted(declared - present):
        yield repository.finding(manifest, f"/key_artifacts/schemas: no schema/{name}", "write it, or take it out")
    for name in sorted(present - declared):
        yield repository.finding(manifest, f"/key_artifacts/schemas: schema/{name} is not listed", "list it")
