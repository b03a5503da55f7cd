"""An artifact proves that nobody edited it, and refuses everything that it is not."""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator
from typing import Any

import pytest
from global_util.contracts import ARTIFACTS, Artifact, content_id, load_artifact
from global_util.contracts.execution_result import ExecutionItem, ExecutionResult
from global_util.contracts.item import Item
from global_util.contracts.workstream_set import WorkstreamSet
from global_util.errors import Exit, InvalidInput
from hypothesis import given, settings
from hypothesis import strategies as st

STATE = {"commit": "1" * 40, "tree": "2" * 40}
NOTHING = "sha256:" + "0" * 64
WORK = {
    "title": "t",
    "tasks": ["do it"],
    "scope": {"files_scope": ["src/", {"path": "a*"}]},
    "acceptance": [{"run": ["pytest"]}, {"describe": "it works"}],
    "context": [{"path": "p", "text": "x"}],
    "tool": "replay",
    "limits": {"max_attempts": 1, "max_error_repeats": 2, "oscillation_threshold": 3},
    "plan_source": "p#1",
}
ENVELOPE: dict[str, Any] = {
    "execution_id": "EXEC-2026-01-02-001",
    "run_clock": "2026-01-02T03:04:05Z",
    "producer": {"phase": "ph2", "distribution": "d", "version": "1"},
    "config": {"checks.enabled": [], "none": None, "deep": {"x": 1.5}},
    "inputs": [{"schema": "phase_plan.v1", "artifact_id": NOTHING}],
}


def make_item(**more: Any) -> ExecutionItem:
    change = {"path": "a\\xe9", "status": "M", "old_mode": "100644", "new_mode": "100755"}
    fields: dict[str, Any] = {
        "workstream_id": "ws-a",
        "inputs": [],
        "work": WORK,
        "base": {**STATE, "upstream": [{"workstream_id": "ws-b", "item_id": NOTHING}]},
        "head": STATE,
        "status": "edited",
        "changes": [{**change, "old_blob": "3" * 40, "new_blob": "4" * 40}],
        "changes_total": 1,
        "scope": {"verdict": "inside"},
        "calls": [{"n": 1, "tool": "replay", "outcome": "ok", "exit_code": 0, "change": NOTHING}],
    }
    return ExecutionItem.seal(**{**fields, **more})


def make(**more: Any) -> ExecutionResult:
    return ExecutionResult.seal(**{**ENVELOPE, "graph": NOTHING, "items": (make_item(),), **more})


def leaves(value: Any, place: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    children = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    yield place
    for key, child in children:
        yield from leaves(child, (*place, key))


def put(document: Any, place: tuple[Any, ...], value: Any) -> Any:
    changed = copy.deepcopy(document)
    inner = changed
    for key in place[:-1]:
        inner = inner[key]
    inner[place[-1]] = value
    return changed


def other(value: Any) -> Any:
    match value:
        case bool() | None:
            return not value
        case int() | float():
            return value + 1
        case str():
            return value[:-1] + ("1" if value[-1:] == "0" else "0")
        case list():
            return [*value, value[0]] if value else ["x"]
        case _:
            return {**value, "x": 1}


DOCUMENT = make().to_json()


@pytest.mark.parametrize("place", [place for place in leaves(DOCUMENT) if place and place[0] != "observed"], ids=str)
def test_whatever_is_edited_is_noticed(place: tuple[Any, ...]) -> None:
    value = DOCUMENT
    for key in place:
        value = value[key]
    with pytest.raises(InvalidInput) as fault:
        load_artifact(json.dumps(put(DOCUMENT, place, other(value))), "x.json")
    assert fault.value.exit_code == Exit.INVALID
    assert fault.value.message.startswith("x.json: ")


def test_an_edited_item_inside_a_resealed_artifact_is_noticed() -> None:
    forged = make(items=(make_item().model_copy(update={"status": "failed"}),))
    with pytest.raises(InvalidInput, match="/items/0") as fault:
        load_artifact(forged.dumps(), "x")
    assert fault.value.code == "E303"


def test_what_is_observed_does_not_matter() -> None:
    plain, seen = make(), make(observed={"seconds": 1.5, "host": "h"})
    assert plain.artifact_id == seen.artifact_id
    assert load_artifact(seen.dumps(), "x") == seen
    edited = {**seen.to_json(), "observed": {"other": [1]}}
    assert load_artifact(json.dumps(edited), "x").artifact_id == plain.artifact_id
    del edited["observed"]
    assert load_artifact(json.dumps(edited), "x").artifact_id == plain.artifact_id


JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**53) + 1, 2**53 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


@settings(deadline=None)
@given(st.dictionaries(st.text(), JSON, max_size=4))
def test_an_artifact_survives_being_written_and_read(config: dict[str, Any]) -> None:
    made = make(config=config)
    read = load_artifact(made.dumps(), "x")
    assert read.artifact_id == made.artifact_id
    shuffled = json.dumps(dict(reversed(made.to_json().items())), ensure_ascii=True)
    assert load_artifact(shuffled, "x").artifact_id == made.artifact_id


@settings(deadline=None)
@given(st.dictionaries(st.text(), JSON, max_size=3), st.dictionaries(st.text(), JSON, max_size=3))
def test_ids_differ_when_the_content_does(one: dict[str, Any], two: dict[str, Any]) -> None:
    assert (content_id(one) == content_id(two)) == (one == two and repr_of(one) == repr_of(two))


def repr_of(value: Any) -> str:
    """JSON has one kind of number, and no order of keys."""
    return json.dumps(json.loads(json.dumps(value), parse_float=as_number, parse_int=as_number), sort_keys=True)


def as_number(text: str) -> float:
    return float(text) + 0.0


def refusal(text: str | bytes, expected: str = "") -> tuple[str, str]:
    with pytest.raises(InvalidInput) as fault:
        load_artifact(text, "here", expected)
    assert "\n" not in fault.value.message
    return fault.value.code, fault.value.message


def with_config(raw: str) -> str:
    return make(config={"x": "HERE"}).dumps().replace('"HERE"', raw)


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("", "E301"),
        (" \n", "E301"),
        ("{", "E304"),
        ("nonsense", "E304"),
        ("[]", "E304"),
        ("null", "E304"),
        (b"\xff\xfe\xff", "E304"),
        ("[" * 100_000, "E304"),
        ('{"schema": ' + "[" * 100_000, "E304"),
        (with_config("NaN"), "E304"),
        (with_config("-Infinity"), "E304"),
        (with_config("1e999"), "E304"),
        (with_config("9" * 30), "E304"),
        (with_config("9" * 5000), "E304"),
        (with_config('"\\ud800"'), "E300"),
        (with_config("[" * 300 + "]" * 300), "E300"),
        ('{"schema": "execution_result.v1"}', "E300"),
        ('{"schema": "execution_result.v2"}', "E302"),
        ('{"schema": "made_up.v1"}', "E302"),
        ('{"schema": ["execution_result.v1"]}', "E302"),
        ("{}", "E302"),
    ],
)
def test_what_is_no_artifact(text: str | bytes, code: str) -> None:
    assert refusal(text)[0] == code


def test_an_artifact_of_another_phase() -> None:
    code, message = refusal(make().dumps(), "phase_plan.v1")
    assert code == "E302"
    assert "expected 'phase_plan.v1'" in message


def test_a_fault_is_told_with_its_place() -> None:
    assert "/producer/version" in refusal(json.dumps(put(DOCUMENT, ("producer", "version"), 1)))[1]
    assert "/unknown~1field" in refusal(json.dumps({**DOCUMENT, "unknown/field": 1}))[1]


def test_items_and_artifacts_are_immutable_and_closed() -> None:
    item = make_item()
    with pytest.raises(ValueError, match="frozen"):
        item.status = "failed"  # type: ignore[misc]
    assert isinstance(item, Item)
    assert item.common().keys() == {"workstream_id", "work", "base", "head"}
    assert ExecutionItem.seal(**{key: value for key, value in item if key != "item_id"}).item_id == item.item_id
    assert make_item(status="failed").item_id != item.item_id


def test_every_artifact_is_known_by_its_schema() -> None:
    assert all(issubclass(model, Artifact) and name == model.SCHEMA for name, model in ARTIFACTS.items())
    assert ARTIFACTS["workstream_set.v1"] is WorkstreamSet
