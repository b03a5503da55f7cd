"""A new artifact: its model among the contracts, its published schema, an example, and its place on the line."""

from __future__ import annotations

import ast
import hashlib
import sys
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from typing import TYPE_CHECKING

from global_util.errors import InvalidInput
from global_util.files import read_regular

from global_capabilities.checks.sources import parse
from global_capabilities.files import why
from global_capabilities.packages import read_json
from global_capabilities.scaffold.draft import Draft
from global_capabilities.scaffold.edits import insert_line, insert_sorted
from global_capabilities.scaffold.templates import fill

if TYPE_CHECKING:
    from global_util.contracts.base import Artifact

FOLDER = "GLOBAL_UTIL/src/global_util/contracts"
SCRIPT = "scripts/schemas.py"


@dataclass(frozen=True)
class Contract:
    """Where the model of a schema id is: ``git_operation_log.v1``, the class, its module, and the package that owns it."""

    schema: str
    model: str
    module: str
    owner: str


def find_contracts(root: Path) -> dict[str, Contract]:
    """All models of the repository with a SCHEMA and an OWNER, by schema id."""
    found = (one for path in sorted((root / FOLDER).glob("*.py")) for one in _models(path))
    return {one.schema: one for one in found}


def _models(path: Path) -> Iterator[Contract]:
    tree = parse(path)
    for node in tree.body if tree else ():
        if isinstance(node, ast.ClassDef):
            texts = {
                line.target.id: line.value.value
                for line in node.body
                if isinstance(line, ast.AnnAssign)
                and isinstance(line.target, ast.Name)
                and isinstance(line.value, ast.Constant)
            }
            if "SCHEMA" in texts and "OWNER" in texts:
                yield Contract(str(texts["SCHEMA"]), node.name, path.stem, str(texts["OWNER"]))


def require_example(root: Path, contract: Contract) -> str:
    """An example of an artifact. Raises InvalidInput (exit 3) when the repository has none."""
    folder = Path(contract.owner) / "schema" / "examples" / contract.schema
    for path in sorted((root / folder).glob("*.json")):
        return path.relative_to(root).as_posix()
    raise InvalidInput(f"{folder}: no example", "write one; a test reads it", "E337")


def reference(root: Path, contract: Contract) -> dict[str, str]:
    """The entry of a published schema in a contracts file."""
    return _entry(contract.schema, _content(root / contract.owner / "schema" / f"{contract.schema}.json"))


def _content(path: Path) -> bytes:
    try:
        return read_regular(path)
    except OSError as fault:
        raise InvalidInput(f"{path.name}: not readable: {why(fault)}", "put a readable schema here", "E337") from None


def _entry(schema: str, content: bytes) -> dict[str, str]:
    name, _, version = schema.rpartition(".")
    return {"schema": name, "version": version, "sha256": hashlib.sha256(content).hexdigest()}


def add_contract(draft: Draft, contract: Contract, read: Contract, values: Mapping[str, str]) -> dict[str, str]:
    """Write model, schema and example of an artifact that is made from ``read``; its entry in a contracts file."""
    from global_util.contracts.publishing import schema_text

    source = fill("phase/contract.py", values)
    draft.add(f"{FOLDER}/{contract.module}.py", source)
    line = f"from global_util.contracts.{contract.module} import {contract.model}"
    insert_sorted(draft, f"{FOLDER}/registry.py", line, "from global_util.contracts.")
    insert_line(draft, f"{FOLDER}/registry.py", f"        {contract.model},", "ARTIFACTS: ", "    )")
    insert_line(draft, SCRIPT, f'    "{contract.schema}": "{read.schema}",', "LINE = {", "}")
    model = load_model(source, contract)
    text = schema_text(contract.schema, model)
    draft.add(f"{contract.owner}/schema/{contract.schema}.json", text)
    example = _example(draft.root / require_example(draft.root, read), model, values)
    draft.add(example_path(contract), example)
    return _entry(contract.schema, text.encode())


def example_path(contract: Contract) -> str:
    """Where the example of a new artifact lies."""
    return f"{contract.owner}/schema/examples/{contract.schema}/one_workstream.json"


def load_model(source: str, contract: Contract) -> type[Artifact]:
    """The model of a text that was made from our own template."""
    name = f"_scaffolded_{contract.module}"
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / f"{name}.py"
        path.write_text(source, "utf-8")
        spec = spec_from_file_location(name, path)
        assert spec
        assert spec.loader
        module = sys.modules[name] = module_from_spec(spec)
        try:
            spec.loader.exec_module(module)
        finally:
            del sys.modules[name]
    model: type[Artifact] = getattr(module, contract.model)
    model.model_rebuild(_types_namespace=vars(module))
    return model


def _example(path: Path, model: type[Artifact], values: Mapping[str, str]) -> str:
    """What the phase would make of an artifact: the same run, and one count for each list in it."""
    read = read_json(path)
    envelope = {"schema", "artifact_id", "execution_id", "run_clock", "producer", "config", "inputs", "observed"}
    lists = {name: value for name, value in read.items() if isinstance(value, list) and name not in envelope}
    made = model.seal(
        execution_id=read["execution_id"],
        run_clock=read["run_clock"],
        producer={"phase": values["id"], "distribution": values["distribution"], "version": values["version"]},
        config={},
        inputs=[{"schema": read["schema"], "artifact_id": read["artifact_id"]}],
        subject=read["artifact_id"],
        counts=[{"name": name, "entries": len(lists[name])} for name in sorted(lists)],
    )
    return made.dumps()
