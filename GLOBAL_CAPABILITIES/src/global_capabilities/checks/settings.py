"""Configuration keys that manifests declare have a shipped default, and each shipped default is declared by a reader."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from global_util.config import OPEN_TABLES, defaults, flatten

from global_capabilities.checks.finding import Finding, Repository, line_with
from global_capabilities.files import read_text, why

GROUP = "pipeline.config"


def validate(repository: Repository) -> Iterator[Finding]:
    """Compared in both directions over all packages, since a phase may read a key that another one ships."""
    shipped: dict[str, Path] = {}
    for package in repository.packages:
        for name in sorted(package.manifest["entry_points"].get(GROUP, {})):
            path = package.folder / "config" / name
            try:
                shipped.update(dict.fromkeys(_read(path), path))
            except (OSError, ValueError, RecursionError) as fault:
                yield repository.finding(path, f"not readable: {why(fault)}", "mend the file")
    yield from _undefined(repository, shipped)
    declared = {key for package in repository.packages for key in package.manifest["config_keys"]}
    for key, path in sorted(shipped.items()):
        if key not in declared:
            line = line_with(path, key.rpartition(".")[2])
            mend = "declare it under config_keys of the package that reads it, or take it out"
            yield repository.finding(path, f"{key}: no manifest declares it", mend, line)


def _undefined(repository: Repository, shipped: dict[str, Path]) -> Iterator[Finding]:
    for package in repository.packages:
        for number, key in enumerate(package.manifest["config_keys"]):
            if key not in shipped and key.partition(".")[0] not in OPEN_TABLES and key not in defaults():
                what = f"{key} has no default in any config/ that is registered under {GROUP}"
                mend = "give it a default, or take it out"
                yield repository.manifest(package, f"/config_keys/{number}", what, mend)


def _read(path: Path) -> dict[str, Any]:
    text = read_text(path)
    if path.suffix == ".toml":
        return flatten(tomllib.loads(text))
    if path.suffix == ".json":
        raw = json.loads(text)
    else:
        import yaml

        try:
            raw = yaml.safe_load(text)
        except yaml.YAMLError as fault:
            raise ValueError(str(fault)) from None
    if not isinstance(raw, dict):
        raise ValueError("not a table")
    return flatten(raw)
