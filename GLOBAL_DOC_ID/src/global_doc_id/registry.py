"""The two registry files: which scope and module lie in which folder, and which folder a kind has."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from global_util.errors import InvalidInput
from global_util.package_data import data_path

from global_doc_id.doc_id import PACKAGE_LEVEL, DocId

FOLDER = "GLOBAL_DOC_ID/schema"
ROUTING_FILE = "doc_id_module_routing.json"
KINDS_FILE = "doc_id_kinds.v1.json"


@dataclass(frozen=True)
class Scope:
    """A package: its folder, and the folder of each module inside it."""

    folder: str
    modules: Mapping[str, str]


@dataclass(frozen=True)
class Registry:
    """All known codes. Folders end with a slash."""

    types: Mapping[str, str]
    kinds: Mapping[str, str]
    scopes: Mapping[str, Scope]

    def unknown(self, doc_id: DocId) -> str:
        """Which code of an id is not registered, or an empty string."""
        if doc_id.type not in self.types:
            return f"type {doc_id.type} is not one of {', '.join(sorted(self.types))}"
        if doc_id.scope not in self.scopes:
            return f"scope {doc_id.scope} is not one of {', '.join(sorted(self.scopes))}"
        modules = self.scopes[doc_id.scope].modules
        if doc_id.module != PACKAGE_LEVEL and doc_id.module not in modules:
            return f"module {doc_id.module} is not one of {', '.join([PACKAGE_LEVEL, *sorted(modules)])}"
        if doc_id.kind not in self.kinds:
            return f"kind {doc_id.kind} is not one of {', '.join(sorted(self.kinds))}"
        return ""

    def folder(self, doc_id: DocId) -> str:
        """Where a file with this id lies. Documents of a module lie in the module's folder, all else in the package's."""
        scope = self.scopes[doc_id.scope]
        kind = self.kinds[doc_id.kind]
        module = scope.modules.get(doc_id.module, "") if doc_id.kind == "DOC" else ""
        return scope.folder + module + kind


def load_registry(root: Path) -> Registry:
    """The repository's own registry files, or those shipped here. Raises InvalidInput (exit 3) for a broken one."""
    routing = _read(root, ROUTING_FILE)
    kinds = _read(root, KINDS_FILE)
    scopes = {
        code: Scope(_folder(entry, f"/scopes/{code}"), _texts(entry, "modules", ROUTING_FILE, f"/scopes/{code}"))
        for code, entry in _table(routing, "scopes", ROUTING_FILE).items()
    }
    return Registry(_texts(kinds, "types", KINDS_FILE), _texts(kinds, "kinds", KINDS_FILE), scopes)


def _folder(entry: Any, pointer: str) -> str:
    folder = entry.get("folder") if isinstance(entry, dict) else None
    if not isinstance(folder, str):
        raise _broken(ROUTING_FILE, f"{pointer}/folder is no text")
    return folder


def _texts(raw: Any, key: str, name: str, pointer: str = "") -> dict[str, str]:
    table = _table(raw, key, name, pointer)
    wrong = next((code for code, text in table.items() if not isinstance(text, str)), None)
    if wrong is not None:
        raise _broken(name, f"{pointer}/{key}/{wrong} is no text")
    return table


def _table(raw: Any, key: str, name: str, pointer: str = "") -> dict[str, Any]:
    table = raw.get(key) if isinstance(raw, dict) else None
    if not isinstance(table, dict):
        raise _broken(name, f"{pointer}/{key} is no object")
    return table


def _broken(name: str, what: str) -> InvalidInput:
    return InvalidInput(f"{FOLDER}/{name}: {what}", "see DOC_ID_ROUTING_SPEC_V2.md", "E381")


def _read(root: Path, name: str) -> dict[str, Any]:
    own = root / FOLDER / name
    path = own if own.is_file() else data_path("global_doc_id", f"schema/{name}")
    try:
        raw = json.loads(path.read_text("utf-8"))
    except (OSError, ValueError) as fault:
        raise _broken(name, f"not readable as JSON: {fault}") from None
    if not isinstance(raw, dict):
        raise _broken(name, "not a JSON object")
    return raw
