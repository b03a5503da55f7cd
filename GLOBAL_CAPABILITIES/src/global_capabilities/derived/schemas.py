"""Tables of the JSON Schemas that a package owns: fields, types, meanings, two levels deep."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from global_capabilities.derived import markdown
from global_capabilities.derived.fault import NotDerivable
from global_capabilities.files import read_text, why
from global_capabilities.packages import Package

Schema = dict[str, Any]
_EVERYTHING = {"string", "number", "boolean", "array", "object", "null"}
_BOUNDS = (
    ("pattern", "matches"),
    ("minimum", "at least"),
    ("maximum", "at most"),
    ("exclusiveMinimum", "more than"),
    ("exclusiveMaximum", "less than"),
)


def reference(package: Package) -> str:
    """The block ``schemas``: one table per file in ``schema/`` that is a JSON Schema."""
    found = [(path, _read(path)) for path in sorted(package.folder.glob("schema/*.json"))]
    parts = [part for path, schema in found if is_schema(schema) for part in describe(path, schema)]
    return markdown.sections(parts) or "This package owns no schema."


def is_schema(document: Any) -> bool:
    """Data files lie in ``schema/`` too; a schema says that it is one."""
    if not isinstance(document, dict):
        return False
    dialect = document.get("$schema")
    named = isinstance(dialect, str) and "json-schema.org" in dialect
    return named or isinstance(document.get("properties"), dict)


def _read(path: Path) -> Any:
    try:
        return json.loads(read_text(path))
    except (OSError, ValueError, RecursionError) as fault:
        raise NotDerivable(f"schema/{path.name} is not readable as JSON: {why(fault)}", "mending that file") from None


def describe(path: Path, schema: Schema) -> Iterator[str]:
    """Heading, description and table of one schema, whatever else is in it."""
    yield f"### {markdown.code(f'schema/{path.name}')}"
    yield markdown.text(_text(schema, "description"))
    rows = list(_rows(schema, schema, "", 2))
    yield markdown.table(("field", "type", "required", "meaning"), rows) if rows else "It names no fields."


def _rows(schema: Schema, root: Schema, prefix: str, levels: int) -> Iterator[tuple[str, str, str, str]]:
    properties = schema.get("properties")
    required = schema.get("required")
    for name, field in properties.items() if isinstance(properties, dict) else ():
        field = field if isinstance(field, dict) else {}
        is_required = isinstance(required, list) and name in required
        yield markdown.code(prefix + name), _type(field, root), "yes" if is_required else "", _meaning(field, root)
        inner, suffix = _inside(field, root)
        if levels > 1 and inner:
            yield from _rows(inner, root, f"{prefix}{name}{suffix}.", levels - 1)


def _inside(field: Schema, root: Schema) -> tuple[Schema, str]:
    """The object that a field, or each entry of it, holds, and how its path goes on."""
    field = _one(field, root)
    if isinstance(field.get("items"), dict):
        inner, suffix = _inside(field["items"], root)
        return inner, "[]" + suffix
    if isinstance(field.get("additionalProperties"), dict):
        inner, suffix = _inside(field["additionalProperties"], root)
        return inner, ".*" + suffix
    return (field, "") if isinstance(field.get("properties"), dict) else ({}, "")


def _one(field: Schema, root: Schema) -> Schema:
    """A field without references and without the choice of null."""
    field = _resolve(field, root)
    choices = [choice for choice in _choices(field) if choice.get("type") != "null"]
    return _resolve(choices[0], root) if len(choices) == 1 else field


def _choices(field: Schema) -> list[Schema]:
    found = field.get("anyOf") or field.get("oneOf") or field.get("allOf") or []
    return [choice for choice in found if isinstance(choice, dict)] if isinstance(found, list) else []


def _resolve(field: Schema, root: Schema) -> Schema:
    for _ in range(9):
        name = _referred(field)
        definitions = root.get("$defs")
        found = definitions.get(name) if isinstance(definitions, dict) and name else None
        if not isinstance(found, dict):
            return field
        field = found
    return {}


def _referred(field: Schema) -> str:
    return _text(field, "$ref").removeprefix("#/$defs/")


def _type(field: Schema, root: Schema) -> str:
    if _referred(field):
        return _named(field, root)
    if "const" in field:
        return markdown.code(json.dumps(field["const"], ensure_ascii=False))
    if isinstance(field.get("enum"), list):
        return " or ".join(markdown.code(json.dumps(value, ensure_ascii=False)) for value in field["enum"])
    if _choices(field):
        every = {str(choice.get("type")) for choice in _choices(field)} >= _EVERYTHING
        return "any" if every else " or ".join(_type(choice, root) for choice in _choices(field))
    kind = field.get("type", "any")
    kinds = [str(one) for one in kind] if isinstance(kind, list) else [str(kind)]
    return " or ".join(_kind(one, field, root) for one in kinds)


def _named(field: Schema, root: Schema) -> str:
    found = _resolve(field, root)
    return (
        markdown.text(_referred(field))
        if isinstance(found.get("properties"), dict)
        else _type({**found, "$ref": ""}, root)
    )


def _kind(kind: str, field: Schema, root: Schema) -> str:
    if kind == "array":
        items = field.get("items")
        inner = _type(items, root) if isinstance(items, dict) else "any"
        return "list" if inner == "any" else f"list of {inner}"
    values = field.get("additionalProperties")
    if kind == "object" and isinstance(values, dict):
        inner = _type(values, root)
        return "map" if inner == "any" else f"map to {inner}"
    return markdown.text(kind)


def _meaning(field: Schema, root: Schema) -> str:
    """What a person wrote about a field or about the object in it, and the bounds of a value."""
    own = _one(field, root)
    items = own.get("items")
    entry = _one(items, root) if isinstance(items, dict) else own
    said = _text(field, "description") or _text(own, "description") or _text(entry, "description")
    bounds = [f"{word} {markdown.code(str(own[key]))}" for key, word in _BOUNDS if key in own]
    default = field.get("default")
    bounds += (
        [f"default {markdown.code(json.dumps(default, ensure_ascii=False))}"] if default not in (None, [], {}) else []
    )
    told = ", ".join(bounds)
    return " ".join(part for part in (markdown.text(said), f"({told})" if told and said else told) if part)


def _text(schema: Schema, key: str) -> str:
    value = schema.get(key)
    return value if isinstance(value, str) else ""
