"""The two registry files: which scope and module lie in which folder, which folder a kind has, which types there are."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from os import PathLike, fspath
from typing import Any, NamedTuple

from global_util.errors import InvalidInput

from global_doc_id.doc_id import PACKAGE_LEVEL, DocId
from global_doc_id.policy import REGISTRY, is_inside, read_setting

FOLDER = REGISTRY
"""Where a repository has its own registry files, unless its policy says otherwise."""
ROUTING_FILE = "doc_id_module_routing.json"
KINDS_FILE = "doc_id_kinds.v1.json"
SHIPPED = "the registry shipped with doc-id"
DOCUMENTS = "DOC"
"""The kind that modules route, and the type of what has no type of its own."""

PATTERN = "[TYPE]-[SCOPE][MODULE]-[KIND]-[NNN]"
FILE_PATTERN = "[doc_id]__[short_slug].[ext]"
_SCOPE, _MODULE, _CODE = re.compile(r"[A-Z][A-Z0-9]"), re.compile(r"M(?!000)[0-9]{3}"), re.compile(r"[A-Z]{3}")
_NOTES = {"$schema", "doc_id", "x-doc-id", "description"}
_ROUTING_KEYS = {"version", "pattern", "filename_pattern", "scopes", *_NOTES}
_KINDS_KEYS = {"version", "types", "kinds", "default_types", *_NOTES}


class Scope(NamedTuple):
    """A package: its folder, and the folder of each module inside it."""

    folder: str
    modules: Mapping[str, str]


class Registry:
    """All known codes. Folders end with a slash. ``default_types``: by kind, the type of an id that nobody chose.

    ``name`` says where the codes come from.
    """

    def __init__(
        self,
        types: Mapping[str, str],
        kinds: Mapping[str, str],
        scopes: Mapping[str, Scope],
        default_types: Mapping[str, str] | None = None,
        name: str = FOLDER,
    ) -> None:
        self.types = types
        self.kinds = kinds
        self.scopes = scopes
        self.default_types = default_types or {}
        self.name = name

    def unknown(self, doc_id: DocId) -> str:
        """Which code of an id is not registered, or an empty string."""
        return self.unknown_code(doc_id)[1]

    def unknown_code(self, doc_id: DocId) -> tuple[str, str]:
        """The part of an id whose code is not registered ("type", "scope", "module", "kind"), and what to say of it."""
        scope = self.scopes.get(doc_id.scope)
        if scope and doc_id.module in scope.modules and doc_id.type in self.types and doc_id.kind in self.kinds:
            return "", ""
        modules = {PACKAGE_LEVEL: "", **scope.modules} if scope else {}
        for part, code, known in (
            ("type", doc_id.type, self.types),
            ("scope", doc_id.scope, self.scopes),
            ("module", doc_id.module, modules),
            ("kind", doc_id.kind, self.kinds),
        ):
            if code not in known:
                return part, f"{part} {code} is not one of {', '.join(sorted(known))}"
        return "", ""

    def folder(self, doc_id: DocId) -> str:
        """Where a file with this id lies. Documents of a module lie in the module's folder, all else in the package's."""
        scope = self.scopes[doc_id.scope]
        kind = self.kinds[doc_id.kind]
        module = scope.modules.get(doc_id.module, "") if doc_id.kind == DOCUMENTS else ""
        return scope.folder + module + kind

    def family_of(self, path: str, type_: str | None = None, module: str | None = None) -> str:
        """The family of ids that a file of this place can have: ``DOC-P2M001-DOC``. The longest folder wins.

        ``type_`` and ``module`` replace what the place says. Without ``module`` it is the one whose folder the file lies in, else M000. Raises InvalidInput (E393) for a place
        or a code that is not registered, or a module whose documents lie elsewhere.
        """
        place, scope, in_module, kind = self._place(path)
        if not place:
            hint = f"move it, or register its folder ({self.name}/{ROUTING_FILE})"
            raise InvalidInput(f"{path}: lies in no folder of the registry", hint, "E393")
        chosen = DocId(type_ or self._default_type(path, kind), scope, module or in_module, kind, 1)
        _, what = self.unknown_code(chosen)
        if not what and self.folder(chosen) != place:
            what = f"documents of module {chosen.module} lie in {self.folder(chosen)}"
        if what:
            raise InvalidInput(f"{path}: {what}", "use a registered code, or register it", "E393")
        return chosen.family

    def _place(self, path: str) -> tuple[str, str, str, str]:
        """Folder, scope, module and kind of the longest registered folder that a path lies in; empty texts for none."""
        best = ("", "", "", "")
        for code, scope in sorted(self.scopes.items()):
            if not path.startswith(scope.folder):
                continue
            places = [(scope.folder + folder, code, PACKAGE_LEVEL, kind) for kind, folder in sorted(self.kinds.items())]
            if DOCUMENTS in self.kinds:
                docs = self.kinds[DOCUMENTS]
                places += [
                    (f"{scope.folder}{folder}{docs}", code, name, DOCUMENTS) for name, folder in scope.modules.items()
                ]
            for place in places:
                if path.startswith(place[0]) and len(place[0]) > len(best[0]):
                    best = place
        return best

    def _default_type(self, path: str, kind: str) -> str:
        for code in (self.default_types.get(kind), kind, DOCUMENTS, *sorted(self.types)[: len(self.types) == 1]):
            if code in self.types:
                return str(code)
        raise InvalidInput(f"{path}: no type is the usual one of kind {kind}", "name the type with --type", "E393")


def load_registry(root: str | PathLike[str], folder: str = FOLDER) -> Registry:
    """The repository's own registry files, or those shipped here. Raises InvalidInput (exit 3) for a broken one.

    ``folder`` is the place of its own ones in the repository, see ``Policy.registry``.
    """
    return load_with(lambda path: _content(root, path), folder)


def load_with(read: Callable[[str], bytes | None], folder: str) -> Registry:
    """The registry of a repository whose files ``read`` gives by path: its own two files, or the two that are shipped.

    Raises InvalidInput (E381) for a broken one, for one file without the other, and for a folder that was chosen and
    has none: codes of somebody else would judge, and nobody would know.
    """
    names = (ROUTING_FILE, KINDS_FILE)
    found = [read(f"{folder}/{name}") for name in names]
    missing = [name for name, content in zip(names, found, strict=True) if content is None]
    if missing and (len(missing) == 1 or folder != FOLDER):
        raise InvalidInput(
            f"{folder}/{missing[0]}: no such file",
            f"write {' and '.join(missing)}, or mend registry in [doc_id] of pipeline.toml",
            "E381",
        )
    routing, kinds = (shipped(name) if content is None else content for name, content in zip(names, found, strict=True))
    return read_registry(routing, kinds, SHIPPED if missing else folder)


def read_registry(routing: bytes, kinds: bytes, folder: str = FOLDER) -> Registry:
    """The registry that two files state. Raises InvalidInput (E381) for a broken one."""
    places, codes = _File(f"{folder}/{ROUTING_FILE}"), _File(f"{folder}/{KINDS_FILE}")
    routed = places.read(routing, _ROUTING_KEYS)
    places.fixed(routed, {"version": 2, "pattern": PATTERN, "filename_pattern": FILE_PATTERN})
    listed = codes.read(kinds, _KINDS_KEYS)
    codes.fixed(listed, {"version": 1})
    types = codes.texts(listed, "types", "", _CODE)
    folders = codes.folders(listed, "kinds", "", _CODE)
    defaults = codes.texts(listed, "default_types", "", _CODE) if "default_types" in listed else {}
    for kind, code in defaults.items():
        if kind not in folders or code not in types:
            raise codes.broken(f"/default_types/{kind} names a kind or a type that is not registered")
    return Registry(types, folders, places.scopes(routed), defaults, folder)


def shipped(name: str) -> bytes:
    """A registry file as it comes with this package."""
    from global_util.package_data import data_path

    return data_path("global_doc_id", f"schema/{name}").read_bytes()


def _content(root: str | PathLike[str], path: str) -> bytes | None:
    try:
        return read_setting(f"{fspath(root)}/{path}")
    except OSError as fault:
        raise _File(path).broken(f"not readable: {fault.strerror}") from None


class _File:
    """Reads one registry file, and says what is wrong with it by name and JSON pointer."""

    def __init__(self, path: str) -> None:
        self.path = path

    def broken(self, what: str) -> InvalidInput:
        return InvalidInput(f"{self.path}: {what}", "see DOC_ID_ROUTING_SPEC_V2.md", "E381")

    def read(self, content: bytes, keys: set[str]) -> dict[str, Any]:
        import json

        try:
            raw = json.loads(content.decode("utf-8-sig"), object_pairs_hook=_once)
        except (ValueError, RecursionError) as fault:
            raise self.broken(f"not readable as JSON: {fault}") from None
        if not isinstance(raw, dict):
            raise self.broken("not a JSON object")
        self.known(raw, keys, "")
        for key in _NOTES & raw.keys():
            if not isinstance(raw[key], str):
                raise self.broken(f"/{key} is no text")
        return raw

    def known(self, raw: Mapping[str, Any], keys: set[str], pointer: str) -> None:
        unknown = sorted(raw.keys() - keys)
        if unknown:
            raise self.broken(f"{pointer}/{unknown[0]} is not one of {', '.join(sorted(keys))}")

    def fixed(self, raw: Mapping[str, Any], values: Mapping[str, object]) -> None:
        for key, value in values.items():
            if key in raw and (raw[key] != value or isinstance(raw[key], bool)):
                raise self.broken(f"/{key} is not {value!r}")

    def scopes(self, raw: Mapping[str, Any]) -> dict[str, Scope]:
        scopes: dict[str, Scope] = {}
        homes: dict[str, str] = {}
        for code, entry in self.table(raw, "scopes", "", _SCOPE).items():
            pointer = f"/scopes/{code}"
            if not isinstance(entry, dict):
                raise self.broken(f"{pointer} is no object")
            self.known(entry, {"folder", "modules", "description"}, pointer)
            if not isinstance(entry.get("description", ""), str):
                raise self.broken(f"{pointer}/description is no text")
            folder = self.folder(entry.get("folder"), f"{pointer}/folder")
            other = homes.setdefault(folder, code)
            if other != code:
                raise self.broken(f"{pointer}/folder is that of {other} too")
            modules = self.folders(entry, "modules", pointer, _MODULE)
            if len(set(modules.values())) != len(modules):
                raise self.broken(f"{pointer}/modules: two modules have the same folder")
            scopes[code] = Scope(folder, modules)
        return scopes

    def folders(self, raw: Mapping[str, Any], key: str, pointer: str, code: re.Pattern[str]) -> dict[str, str]:
        table = self.texts(raw, key, pointer, code)
        for name, folder in table.items():
            self.folder(folder, f"{pointer}/{key}/{name}")
        return table

    def texts(self, raw: Mapping[str, Any], key: str, pointer: str, code: re.Pattern[str]) -> dict[str, str]:
        table = self.table(raw, key, pointer, code)
        for name, text in table.items():
            if not isinstance(text, str):
                raise self.broken(f"{pointer}/{key}/{name} is no text")
        return table

    def table(self, raw: Mapping[str, Any], key: str, pointer: str, code: re.Pattern[str]) -> dict[str, Any]:
        table = raw.get(key)
        if not isinstance(table, dict):
            raise self.broken(f"{pointer}/{key} is no object")
        wrong = next((name for name in table if not code.fullmatch(name)), None)
        if wrong is not None:
            raise self.broken(f"{pointer}/{key}/{wrong} is no code of the form {code.pattern}")
        return table

    def folder(self, text: object, pointer: str) -> str:
        if not isinstance(text, str):
            raise self.broken(f"{pointer} is no text")
        if not text.endswith("/") or not is_inside(text[:-1]) or "\\" in text:
            raise self.broken(f"{pointer}: {text!r} is no folder inside the repository that ends with a slash")
        return text


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    table = dict(pairs)
    if len(table) != len(pairs):
        names = [name for name, _ in pairs]
        raise ValueError(f"{next(name for name in names if names.count(name) > 1)!r} stands there twice")
    return table
