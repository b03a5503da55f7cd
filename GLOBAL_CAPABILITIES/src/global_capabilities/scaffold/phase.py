"""A new phase: it reads an artifact, writes one of its own, and has its place in the repository."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from global_util.errors import InvalidInput

from global_capabilities.packages import read_repository
from global_capabilities.scaffold.contracts import (
    Contract,
    add_contract,
    example_path,
    find_contracts,
    reference,
    require_example,
)
from global_capabilities.scaffold.draft import Draft
from global_capabilities.scaffold.edits import dumps
from global_capabilities.scaffold.module import add_documents, blocks
from global_capabilities.scaffold.names import camel, require_name, require_sentence, title, words
from global_capabilities.scaffold.package import find_neighbours, place_package, require_free, route_scope
from global_capabilities.scaffold.templates import fill

MODULE = "M001_COUNTING"
_TAKEN = {"Annotated", "Any", "Artifact", "ArtifactId", "Context", "Count", "Field", "Model", "Path"}


def scaffold_phase(
    root: Path, name: str, consumes: str, produces: str, command: str, section: str, owner: str, role: str
) -> Draft:
    """The phase ``name`` (``PH8_ANNOUNCE``). Raises InvalidInput (exit 3) for what does not fit this repository."""
    require_name(name, r"PH[0-9]_[A-Z][A-Z0-9_]*", "PH8_ANNOUNCE")
    number = name[:3]
    if (command or number.lower()) != number.lower():
        raise InvalidInput(
            f"{command!r} cannot be the command", f"the harness knows {name} as {number.lower()}", "E334"
        )
    require_name(produces, r"[a-z][a-z0-9_]*\.v[1-9][0-9]*", "announcement.v1")
    every = read_repository(root)
    neighbours = find_neighbours(root, every, is_phase=True)
    distribution = neighbours.distribution(name)
    free = {"doc_scope": f"P{name[2]}", "command": number.lower(), "distribution": distribution}
    require_free(every, {**free, "import_package": name.lower()})
    read, made = _contracts(root, consumes, produces, name)
    values = {
        "id": name,
        "number": number,
        "command": number.lower(),
        "package": name.lower(),
        "distribution": distribution,
        "class_name": f"{camel(name[4:])}Phase",
        "role": require_sentence(role or f"Make {produces} from {consumes}"),
        "owner": owner or neighbours.sibling.manifest["owner"],
        "section": section or neighbours.sibling.manifest["section"],
        "version": neighbours.version,
        "consumes": consumes,
        "produces": produces,
        "consumed_model": read.model,
        "produced_model": made.model,
        "produced_module": made.module,
        "consumed_example": require_example(root, read),
        "produced_example": example_path(made),
        "util": neighbours.distribution_of("global_util"),
        "core_state": neighbours.distribution_of("global_core_state"),
        "module": MODULE,
    }
    values |= _imports(values, read, made)
    draft = Draft(root)
    _files(draft, values)
    entries = [reference(root, read)], [add_contract(draft, made, read, values)]
    draft.add(f"{name}/phase.contracts.json", dumps(dict(zip(("consumes", "produces"), entries, strict=True))))
    draft.add(f"{name}/phase.manifest.json", dumps(_manifest(values)))
    add_documents(draft, name, f"P{name[2]}", MODULE, _texts(values))
    place_package(draft, name, distribution, neighbours)
    route_scope(draft, f"P{name[2]}", name, MODULE, neighbours.sibling.manifest["doc_scope"])
    return draft


def _contracts(root: Path, consumes: str, produces: str, owner: str) -> tuple[Contract, Contract]:
    known = find_contracts(root)
    if consumes not in known:
        raise InvalidInput(f"nobody produces {consumes!r}", f"known: {', '.join(sorted(known)) or 'none'}", "E337")
    if produces in known:
        raise InvalidInput(f"{produces} is that of {known[produces].owner}", "name an artifact of its own", "E335")
    base, _, version = produces.rpartition(".")
    module = base if version == "v1" else f"{base}_{version}"
    made = Contract(produces, camel(module), module, owner)
    if made.model in {*_TAKEN, f"{camel(owner[4:])}Phase", *(one.model for one in known.values())}:
        raise InvalidInput(f"{produces}: its model would be called {made.model}, as another thing is", "", "E334")
    require_name(module, r"[a-z][a-z0-9_]*", "announcement.v1")
    return known[consumes], made


def _imports(values: dict[str, str], read: Contract, made: Contract) -> dict[str, str]:
    contracts = "global_util.contracts"
    both = [f"from {contracts}.{one.module} import {one.model}" for one in (read, made)]
    package = values["package"]
    tested = [
        f"from {contracts} import load_artifact",
        f"from {package}.cli import main",
        f"from {package}.counts import count_entries",
        f"from {package}.phase import PHASE",
    ]
    counted = [f"from {contracts}.base import Artifact", f"from {contracts}.{made.module} import Count"]
    return {
        "count_imports": "\n".join(sorted(counted)),
        "model_imports": "\n".join(sorted(both)),
        "test_imports": "\n".join(tested),
        "consumed_import": both[0],
    }


def _files(draft: Draft, values: dict[str, str]) -> None:
    name, package = values["id"], values["package"]
    for path in ("README.md", "pyproject.toml"):
        draft.add(f"{name}/{path}", fill(f"phase/{path}", values))
    for path in ("cli.py", "phase.py", "counts.py"):
        draft.add(f"{name}/src/{package}/{path}", fill(f"phase/{path}", values))
    draft.add(f"{name}/src/{package}/__init__.py", f'"""{values["role"]}."""\n')
    draft.add(f"{name}/src/{package}/py.typed", "")
    draft.add(f"{name}/config/.gitkeep", "")
    draft.add(f"{name}/tests/test_{package}.py", fill("phase/test.py", values))


def _manifest(values: dict[str, str]) -> dict[str, Any]:
    command, package = values["command"], values["package"]
    return {
        "id": values["id"],
        "kind": "phase",
        "name": re.sub(r"\b[a-z]", lambda found: found[0].upper(), words(values["id"])),
        "section": values["section"],
        "role": values["role"],
        "owner": values["owner"],
        "distribution": values["distribution"],
        "import_package": package,
        "doc_scope": f"P{values['number'][2]}",
        "cli": {"command": command, "entry": f"{package}.cli:main"},
        "entry_points": {
            "pipeline.phases": {command: f"{package}.phase:PHASE"},
            "pipeline.manifests": {"phase.manifest.json": package},
        },
        "config_keys": [],
        "modules": [{"id": MODULE, "name": title(MODULE), "docs": f"modules/{MODULE}/docs/"}],
        "key_artifacts": {"docs": [], "schemas": [f"{values['produces']}.json"]},
    }


def _texts(values: dict[str, str]) -> dict[str, str]:
    consumes, produces, command, package = (values[key] for key in ("consumes", "produces", "command", "package"))
    return {
        **values,
        "responsible": f"- Reading `{consumes}` and writing `{produces}`, which says what was read and how much it holds.",
        "rules": f"- `subject` is the `artifact_id` of the `{consumes}` that was read.\n"
        f"- `counts` has one entry for each list at the top of `{consumes}`, by name; the envelope's `inputs` is left out.\n"
        "- It reads no configuration key, and changes nothing: no file, no ref.",
        "contracts": f"- `{command} run [--in FILE] [--out FILE] [--repo DIR]`: `{consumes}` in, `{produces}` out.\n"
        f"- `{produces}`: `subject` (an artifact id) and `counts[]` of `name` and `entries`.\n"
        "- Errors are those of the harness: E301 to E304 for what cannot be read or was edited.\n\n"
        + blocks("cli", "entry_points", "schemas"),
        "design": "| file | holds |\n|---|---|\n"
        f"| `src/{package}/cli.py` | the command; the harness makes it |\n"
        f"| `src/{package}/phase.py` | the line phase: which fields `{produces}` gets |\n"
        f"| `src/{package}/counts.py` | the counting, without any effect |\n\n"
        f"The model of `{produces}` stands in GLOBAL_UTIL, beside that of `{consumes}`, for phases never import each other.",
        "tests": blocks("tests"),
        "operations": f"- `{command} run --in {consumes}.json` after the phase that writes it; `pipeline run` does not call it.",
        "deliverables": f"- `{produces}`: one artifact for each `{consumes}`, the same for the same input.\n\n"
        + blocks("deliverables"),
    }
