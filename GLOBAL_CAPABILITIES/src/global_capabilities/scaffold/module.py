"""A new module: its seven documents, and what has to know of it."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from global_doc_id.policy import load_policy
from global_doc_id.registry import ROUTING_FILE
from global_util.errors import InvalidInput

from global_capabilities.checks.documents import SUITE
from global_capabilities.checks.pyproject import read_project
from global_capabilities.derived.blocks import END, marker
from global_capabilities.files import text_or_nothing
from global_capabilities.packages import Package, find_package, read_repository
from global_capabilities.scaffold.draft import Draft
from global_capabilities.scaffold.edits import edit_json
from global_capabilities.scaffold.names import require_name, require_sentence, title, words
from global_capabilities.scaffold.templates import fill


def scaffold_module(root: Path, package: str, name: str, role: str) -> Draft:
    """The module ``name`` (``M002_CACHE``) of a package. Raises InvalidInput (exit 3) for names that do not fit."""
    require_name(name, r"M(?!000)[0-9]{3}_[A-Z][A-Z0-9_]*", "M002_CACHE")
    owner = find_package(read_repository(root), package)
    taken = {module["id"][:4]: module["id"] for module in owner.manifest["modules"]}
    if name[:4] in taken:
        free = next(f"M{number:03}" for number in range(1, 1000) if f"M{number:03}" not in taken)
        raise InvalidInput(f"{owner.id} has {taken[name[:4]]} already", f"the next number is {free}", "E335")
    draft = Draft(root)
    entry = {"id": name, "name": title(name), "docs": f"modules/{name}/docs/"}
    path = f"{owner.folder.name}/{owner.manifest_file}"
    edit_json(draft, path, lambda manifest: manifest["modules"].append(entry), f"{json.dumps(entry)} under modules")
    route_module(draft, owner.manifest["doc_scope"], name)
    role = require_sentence(role or f"The part of {owner.id} that is about its {words(name)}")
    add_documents(draft, owner.folder.name, owner.manifest["doc_scope"], name, _texts(owner, name, role))
    return draft


def route_module(draft: Draft, scope: str, module: str) -> None:
    """Let document ids of the module be routed to its folder, where the repository has a routing file of its own."""

    def change(routing: Any) -> None:
        routing["scopes"][scope]["modules"][module[:4]] = f"modules/{module}/"

    path = routing_file(draft.root)
    if (draft.root / path).is_file():
        edit_json(draft, path, change, f'"{module[:4]}": "modules/{module}/" under /scopes/{scope}/modules')


def routing_file(root: Path) -> str:
    """Where the repository's own routing file is, or would be."""
    return f"{load_policy(root).registry}/{ROUTING_FILE}"


def add_documents(draft: Draft, folder: str, scope: str, module: str, texts: Mapping[str, str]) -> None:
    """The seven documents, in status draft. ``texts`` fills the templates."""
    family = f"DOC-{scope}{module[:4]}-DOC"
    first = _after_retired(draft.root, family)
    for number, name in enumerate(SUITE, first):
        values = {**texts, "doc_id": f"{family}-{number:03}", "module": module, "title": title(module)}
        draft.add(f"{folder}/modules/{module}/docs/{name}", fill(f"module/{name}", values))


def blocks(*names: str) -> str:
    """Blocks that ``capabilities docs build`` fills."""
    return "\n\n".join(f"{marker(name)}\n{END}" for name in names)


def _after_retired(root: Path, family: str) -> int:
    """Documents of a new module are 1 to 7, unless an earlier module had these numbers: they are not given again."""
    text = text_or_nothing(root / load_policy(root).ledger)
    return max(map(int, re.findall(rf"^{family}-([0-9]{{3}})\b", text, re.MULTILINE)), default=0) + 1


def _texts(owner: Package, name: str, role: str) -> dict[str, str]:
    folder, about = owner.folder.name, words(name)
    source = f"`{folder}/src/{owner.manifest['import_package']}/`"
    return {
        "role": role,
        "owner": owner.manifest["owner"],
        "version": read_project(owner).version,
        "responsible": f"- {role}. No code does that yet; it will lie in {source}.",
        "rules": f"- It keeps to the floor of {owner.id}: no import goes up or sideways.",
        "contracts": f"- Nothing yet: no function of the {about} part exists, and no artifact of {owner.id} mentions it.",
        "design": f"There is no file yet. Files about {about} belong into {source}, one noun each.",
        "tests": f"| file | proves |\n|---|---|\n| `{folder}/tests/` | nothing of this module yet |",
        "operations": f"- `capabilities show {owner.id}/{name}` tells its state; `draft` means that nothing is promised yet.",
        "deliverables": f"- These seven documents. Code of the {about} part follows.",
    }
