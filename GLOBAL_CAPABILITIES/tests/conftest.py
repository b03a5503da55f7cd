"""A small repository with one phase and one service that keep every rule."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import pytest
from global_capabilities.checks.documents import SUITE

FRONT = "---\ndoc_id: DOC-P1M001-DOC-001\nmodule: M001_WORK\nstatus: active\nversion: 1.2\n---\n"
SCHEMA = '{"type": "object"}\n'


def write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, "utf-8")


def make_package(root: Path, name: str, doc_scope: str, command: str, **more: Any) -> Path:
    """A package with a manifest, a pyproject.toml, one module and its documents."""
    folder = root / name
    package = name.lower()
    manifest = {
        "id": name,
        "name": name.title(),
        "role": "Does one thing",
        "owner": "team-a",
        "distribution": name.lower().replace("_", "-"),
        "import_package": package,
        "doc_scope": doc_scope,
        "cli": {"command": command, "entry": f"{package}.cli:main"},
        "entry_points": {},
        "config_keys": [],
        "modules": [{"id": "M001_WORK", "name": "Work", "docs": "modules/M001_WORK/docs/"}],
        "key_artifacts": {"docs": [], "schemas": []},
        **more,
    }
    write(folder / f"{manifest['kind']}.manifest.json", json.dumps(manifest, indent=2))
    project = f'[project]\nname = "{manifest["distribution"]}"\nversion = "1.2"\n'
    project += f'dependencies = ["click>=8"]\n[project.scripts]\n{command} = "{package}.cli:main"\n'
    write(folder / "pyproject.toml", project)
    write(folder / "src" / package / "__init__.py", "")
    write(folder / "src" / package / "cli.py", "import click\n\nmain = None\n")
    for document in SUITE:
        write(folder / "modules" / "M001_WORK" / "docs" / document, f"{FRONT}# {document}\n\nWhat {name} says.\n")
    return folder


@pytest.fixture
def repo(tmp_path: Path) -> Path:
    """PH1_MAKE writes ``thing.v1`` and reads nothing; GLOBAL_KEEP keeps."""
    artifacts = {"docs": ["OVERVIEW.md"], "schemas": ["thing.v1.json"]}
    phase = make_package(
        tmp_path, "PH1_MAKE", "P1", "make-it", kind="phase", section="PLANNING", key_artifacts=artifacts
    )
    make_package(tmp_path, "GLOBAL_KEEP", "GK", "keep", kind="service", scope=["keeping"], contents=["cli"])
    write(phase / "schema" / "thing.v1.json", SCHEMA)
    write(phase / "docs" / "OVERVIEW.md", "# Overview\n\nThings are made.\n")
    digest = hashlib.sha256(SCHEMA.encode()).hexdigest()
    produced = [{"schema": "thing", "version": "v1", "sha256": digest}]
    write(phase / "phase.contracts.json", json.dumps({"consumes": [], "produces": produced}, indent=2))
    return tmp_path
