"""The published schemas are those of the models, and the examples in the tree keep both honest."""

from __future__ import annotations

import copy
import json
import random
import shutil
import subprocess
import sys
from collections.abc import Iterator
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any

import pytest
from global_util.contracts import ARTIFACTS, DOCUMENTS, Model, load_artifact, parse
from global_util.errors import InvalidInput
from jsonschema import Draft202012Validator

ROOT = Path(__file__).resolve().parent.parent
MODELS: dict[str, tuple[str, type[Model]]] = {
    **{name: (model.OWNER, model) for name, model in ARTIFACTS.items()},
    **DOCUMENTS,
}
EXAMPLES = [
    pytest.param(schema, path, id=f"{schema}/{path.stem}")
    for schema, (owner, _) in sorted(MODELS.items())
    for path in sorted((ROOT / owner / "schema" / "examples" / schema).glob("*.json"))
]
FREE = {"config", "observed", "metadata", "detail"}
"""Fields that hold any JSON."""
OPEN = {*FREE, "trailers", "env", "capability_slots"}
"""Fields whose keys are chosen freely."""
WRONG: Any = [{"\u0000": 1}]
"""A value that no field of the contracts accepts."""


def read_schema(schema: str) -> dict[str, Any]:
    owner, _ = MODELS[schema]
    published: dict[str, Any] = json.loads((ROOT / owner / "schema" / f"{schema}.json").read_text("utf-8"))
    return published


def validator(schema: str) -> Draft202012Validator:
    return Draft202012Validator(read_schema(schema))


def refuses(schema: str, document: Any) -> bool:
    """Both the model and the published schema refuse it."""
    try:
        parse(MODELS[schema][1], json.dumps(document), "test")
    except InvalidInput:
        return not validator(schema).is_valid(document)
    return False


def pointers(value: Any, prefix: tuple[str | int, ...] = ()) -> Iterator[tuple[str | int, ...]]:
    """Every place in a document whose shape is fixed."""
    children = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, child in children:
        yield (*prefix, key)
        if key not in FREE:
            yield from pointers(child, (*prefix, key))


def at(document: Any, pointer: tuple[str | int, ...]) -> Any:
    for part in pointer:
        document = document[part]
    return document


def sample(places: list[tuple[str | int, ...]]) -> list[tuple[str | int, ...]]:
    return random.Random(0).sample(places, min(len(places), 120))


@pytest.mark.parametrize("schema", sorted(MODELS))
def test_every_contract_has_an_example(schema: str) -> None:
    owner, _ = MODELS[schema]
    assert list((ROOT / owner / "schema" / "examples" / schema).glob("*.json"))


@pytest.mark.parametrize("schema", sorted(MODELS))
def test_a_published_schema_is_a_valid_schema(schema: str) -> None:
    published = read_schema(schema)
    Draft202012Validator.check_schema(published)
    assert published["$id"] == f"phaseline:{schema}"


@pytest.mark.parametrize(("schema", "path"), EXAMPLES)
def test_an_example_is_accepted_by_model_and_schema(schema: str, path: Path) -> None:
    text = path.read_text("utf-8")
    validator(schema).validate(json.loads(text))
    if schema in ARTIFACTS:
        assert load_artifact(text, path.name, schema).to_json() == json.loads(text)
    else:
        parse(MODELS[schema][1], text, path.name)


@pytest.mark.parametrize(("schema", "path"), EXAMPLES)
def test_a_wrong_value_anywhere_is_refused(schema: str, path: Path) -> None:
    document = json.loads(path.read_text("utf-8"))
    for pointer in sample(list(pointers(document))):
        broken = copy.deepcopy(document)
        at(broken, pointer[:-1])[pointer[-1]] = WRONG
        assert refuses(schema, broken), pointer


@pytest.mark.parametrize(("schema", "path"), EXAMPLES)
def test_an_unknown_field_anywhere_is_refused(schema: str, path: Path) -> None:
    document = json.loads(path.read_text("utf-8"))
    places = [place for place in pointers(document) if not OPEN & {place[-1]} and isinstance(at(document, place), dict)]
    for pointer in [(), *sample(places)]:
        broken = copy.deepcopy(document)
        at(broken, pointer)["surprise"] = 1
        assert refuses(schema, broken), pointer


@pytest.mark.parametrize(("schema", "path"), [case for case in EXAMPLES if case.values[0] in ARTIFACTS])
def test_an_artifact_edited_by_hand_is_refused(schema: str, path: Path) -> None:
    document = json.loads(path.read_text("utf-8"))
    document["execution_id"] = "EXEC-2001-01-01-777"
    with pytest.raises(InvalidInput, match="artifact_id"):
        load_artifact(json.dumps(document), path.name, schema)


def test_the_schema_script_finds_no_drift() -> None:
    checked = run_script(ROOT)
    assert (checked.returncode, checked.stdout) == (0, "")


def test_the_schema_script_names_each_file_that_differs(tmp_path: Path) -> None:
    for folder in ("scripts", *sorted({owner for owner, _ in MODELS.values()})):
        shutil.copytree(ROOT / folder, tmp_path / folder, ignore=shutil.ignore_patterns("src", "tests", "examples"))
    changed = tmp_path / "PH1_PLAN_TO_EXEC" / "schema" / "phase_plan.v1.json"
    changed.write_text(changed.read_text("utf-8").replace("target_branch", "branch"), "utf-8")
    (tmp_path / "PH2_EXECUTION_ENGINE" / "phase.contracts.json").unlink()
    checked = run_script(tmp_path)
    assert checked.returncode == 1
    assert [line.split(":")[0] for line in checked.stdout.splitlines()[:-1]] == [
        "PH1_PLAN_TO_EXEC/schema/phase_plan.v1.json",
        "PH2_EXECUTION_ENGINE/phase.contracts.json",
    ]


@pytest.mark.parametrize("entry", sorted(entry_points(group="pipeline.phases")), ids=lambda entry: entry.name)
def test_a_phase_reads_and_writes_what_its_contracts_and_manifest_say(entry: Any) -> None:
    phase = entry.load()
    folder = next(ROOT.glob(f"{entry.name.upper()}_*"))
    contracts = json.loads((folder / "phase.contracts.json").read_text("utf-8"))
    consumes, produces = (
        {f"{one['schema']}.{one['version']}" for one in contracts[side]} for side in ("consumes", "produces")
    )
    assert phase.consumes in (consumes if entry.name != "ph0" else {"plan"})
    assert phase.produces in produces
    manifest = json.loads((folder / "phase.manifest.json").read_text("utf-8"))
    assert sorted(manifest["config_keys"]) == sorted(phase.reads)


def run_script(root: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, str(root / "scripts" / "schemas.py"), "--check"]
    return subprocess.run(command, capture_output=True, text=True, check=False)
