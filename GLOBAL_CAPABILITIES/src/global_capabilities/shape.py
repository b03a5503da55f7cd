"""Whether a manifest or contracts file has its published shape."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from global_util.package_data import data_path

from global_capabilities.json_lines import escape


@dataclass(frozen=True)
class Fault:
    """A place in a file (JSON pointer, and a message that names it), and the schema that it breaks."""

    path: Path
    pointer: str
    what: str
    schema: str


def shape_faults(path: Path, document: dict[str, Any]) -> Iterator[Fault]:
    """The faults of a ``phase.manifest.json``, ``service.manifest.json`` or ``phase.contracts.json``."""
    from jsonschema import Draft202012Validator

    name = path.name.removesuffix(".json") + ".v1.json"
    schema = read_schema(name)
    place = f"GLOBAL_CAPABILITIES/schema/{name}"
    try:
        found = sorted(Draft202012Validator(schema).iter_errors(document), key=lambda fault: fault.json_path)
    except RecursionError:
        yield Fault(path, "", "/: is nested too deeply", place)
        return
    for fault in found:
        pointer = "".join(f"/{escape(part)}" for part in fault.absolute_path)
        yield Fault(path, pointer, f"{pointer or '/'}: {fault.message:.500}", place)


def read_schema(name: str) -> dict[str, Any]:
    """A schema that this package ships."""
    import json

    schema: dict[str, Any] = json.loads(data_path("global_capabilities", f"schema/{name}").read_text("utf-8"))
    return schema
