"""A new service: a package with a command, on the floor of another service."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

from global_doc_id.policy import load_policy
from global_doc_id.registry import load_registry

from global_capabilities.packages import Package, read_repository
from global_capabilities.scaffold.draft import Draft
from global_capabilities.scaffold.edits import dumps
from global_capabilities.scaffold.module import add_documents, blocks
from global_capabilities.scaffold.names import require_name, require_sentence, title, words
from global_capabilities.scaffold.package import find_neighbours, place_package, require_free, route_scope
from global_capabilities.scaffold.templates import fill

MODULE = "M001_FACTS"


def scaffold_service(root: Path, name: str, command: str, doc_scope: str, owner: str, role: str, beside: str) -> Draft:
    """The service ``name`` (``GLOBAL_NOTES``). Raises InvalidInput (exit 3) for what does not fit this repository."""
    require_name(name, r"GLOBAL_[A-Z][A-Z0-9_]*", "GLOBAL_NOTES")
    command = command or words(name).replace(" ", "-")
    require_name(command, r"[a-z][a-z0-9]*(-[a-z0-9]+)*", "notes")
    every = read_repository(root)
    neighbours = find_neighbours(root, every, is_phase=False, beside=beside)
    scope = doc_scope or _free_scope(root, every, name)
    require_name(scope, r"[A-Z][A-Z0-9]", "GN")
    distribution = neighbours.distribution(name)
    free = {"doc_scope": scope, "command": command, "distribution": distribution}
    require_free(every, {**free, "import_package": name.lower()})
    values = {
        "id": name,
        "command": command,
        "package": name.lower(),
        "distribution": distribution,
        "doc_scope": scope,
        "role": require_sentence(role or f"Know what there is to know about {words(name)}"),
        "owner": owner or neighbours.sibling.manifest["owner"],
        "version": neighbours.version,
        "util": neighbours.distribution_of("global_util"),
        "module": MODULE,
    }
    draft = Draft(root)
    _files(draft, values)
    draft.add(f"{name}/service.manifest.json", dumps(_manifest(values)))
    add_documents(draft, name, scope, MODULE, _texts(values))
    place_package(draft, name, distribution, neighbours)
    route_scope(draft, scope, name, MODULE, _last_service(every))
    return draft


def _free_scope(root: Path, every: list[Package], name: str) -> str:
    """``G`` and the first letter or digit of the name that is free."""
    taken = {package.manifest["doc_scope"] for package in every} | set(
        load_registry(root, load_policy(root).registry).scopes
    )
    letters = [*name.removeprefix("GLOBAL_").replace("_", ""), *"ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"]
    return next((f"G{letter}" for letter in letters if f"G{letter}" not in taken), "")


def _last_service(every: list[Package]) -> str:
    return str(every[-1].manifest["doc_scope"])


def _files(draft: Draft, values: dict[str, str]) -> None:
    name, package = values["id"], values["package"]
    for path in ("README.md", "pyproject.toml"):
        draft.add(f"{name}/{path}", fill(f"service/{path}", values))
    for path in ("cli.py", "facts.py"):
        draft.add(f"{name}/src/{package}/{path}", fill(f"service/{path}", values))
    draft.add(f"{name}/src/{package}/__init__.py", f'"""{values["role"]}."""\n')
    draft.add(f"{name}/src/{package}/py.typed", "")
    for folder in ("config", "schema"):
        draft.add(f"{name}/{folder}/.gitkeep", "")
    draft.add(f"{name}/tests/test_{package}.py", fill("service/test.py", values))


def _manifest(values: dict[str, str]) -> dict[str, Any]:
    package = values["package"]
    return {
        "id": values["id"],
        "kind": "service",
        "name": re.sub(r"\b[a-z]", lambda found: found[0].upper(), words(values["id"])),
        "role": values["role"],
        "scope": [words(values["id"]).replace(" ", "_")],
        "owner": values["owner"],
        "distribution": values["distribution"],
        "import_package": package,
        "doc_scope": values["doc_scope"],
        "cli": {"command": values["command"], "entry": f"{package}.cli:main"},
        "entry_points": {"pipeline.manifests": {"service.manifest.json": package}},
        "config_keys": [],
        "modules": [{"id": MODULE, "name": title(MODULE), "docs": f"modules/{MODULE}/docs/"}],
        "key_artifacts": {"docs": [], "schemas": []},
    }


def _texts(values: dict[str, str]) -> dict[str, str]:
    command, package = values["command"], values["package"]
    return {
        **values,
        "responsible": f"- Telling what {values['id']} is for, and whom to ask: `{command} about`.",
        "rules": "- What is told stands in the manifest and nowhere else.\n- No state, no file, no configuration key.",
        "contracts": f"- `{command} about [--json]`: id, role and owner.\n- `facts.read_facts() -> dict[str, str]`: the same.\n\n"
        + blocks("cli", "entry_points", "schemas"),
        "design": "| file | holds |\n|---|---|\n"
        f"| `src/{package}/cli.py` | the command; it decides nothing |\n"
        f"| `src/{package}/facts.py` | reading the manifest that is installed with the package |",
        "tests": blocks("tests"),
        "operations": f"- `{command} about` answers when it is installed; nothing else depends on it yet.",
        "deliverables": f"- Lines on standard output, or {json.dumps(['id', 'role', 'owner'])} as JSON.",
    }
