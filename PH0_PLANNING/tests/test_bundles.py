"""Workstream bundles: what people write, and what is told when it is wrong."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from global_util.errors import InvalidInput
from ph0_planning.reading import read_plan

WritePlan = Callable[..., Path]
GOOD: dict[str, Any] = {"id": "ws-one", "files_scope": ["src/one.py"], "tasks": ["Write one"]}


def _refused(path: Path, root: Path) -> InvalidInput:
    with pytest.raises(InvalidInput) as caught:
        read_plan(path, root)
    assert caught.value.hint
    return caught.value


def test_a_file_with_one_bundle(write_plan: WritePlan, tmp_path: Path) -> None:
    folder = write_plan("plans", {"login.json": json.dumps({**GOOD, "gate": 2, "priority": "foreground"})})
    reading = read_plan(folder / "login.json", tmp_path)
    (stream,) = reading.workstreams
    assert (stream.id, stream.gate, stream.files_scope, stream.tasks) == ("ws-one", 2, ("src/one.py",), ("Write one",))
    assert stream.source is not None
    assert (stream.source.path, stream.source.items) == ("plans/login.json", ("ws-one",))
    assert (reading.plan.id, reading.plan.root, reading.officially_valid.verdict) == ("login", "plans", "valid")
    assert [(file.path, file.sha256) for file in reading.plan.files] == [("login.json", stream.source.sha256)]


def test_a_folder_of_bundles_is_sorted_by_id(write_plan: WritePlan, tmp_path: Path) -> None:
    listed = json.dumps([{**GOOD, "id": "ws-c"}, {**GOOD, "id": "ws-a"}])
    folder = write_plan("plan b", {"a.json": listed, "b.json": json.dumps({**GOOD, "id": "ws-b"}), "README.md": "x"})
    reading = read_plan(folder, tmp_path)
    assert [stream.id for stream in reading.workstreams] == ["ws-a", "ws-b", "ws-c"]
    assert reading.plan.id == "plan-b"


def test_unknown_dependencies_are_left_to_the_next_phase(write_plan: WritePlan, tmp_path: Path) -> None:
    folder = write_plan("p", {"a.json": json.dumps({**GOOD, "depends_on": ["ws-nobody"]})})
    assert read_plan(folder, tmp_path).workstreams[0].depends_on == ("ws-nobody",)


def test_keys_of_older_bundles_are_kept_with_a_note(write_plan: WritePlan, tmp_path: Path) -> None:
    older = {"kind": "impl", "max_cost_usd": 1.5, "_comment_why": "x", "conflict_group": "db", "metadata": {"mine": 1}}
    reading = read_plan(write_plan("p", {"a.json": json.dumps({**GOOD, **older})}), tmp_path)
    (stream,) = reading.workstreams
    assert stream.metadata["mine"] == 1
    assert stream.metadata["legacy"] == {key: value for key, value in older.items() if key != "metadata"}
    assert stream.budget is not None
    assert stream.budget.cost_usd == 1.5
    assert {note.kind for note in reading.notes} == {"converted"}
    assert len(reading.notes) == 4


@pytest.mark.parametrize(
    ("content", "code", "said", "hint"),
    [
        pytest.param('{"id": "ws-a",\n "tasks": [}', "E315", "p/a.json:2: not JSON", "line", id="not JSON"),
        pytest.param('{"id": "ws-a", "id": "ws-b"}', "E315", "'id' is given twice", "", id="a key twice"),
        pytest.param('{"id": "ws-a", "gate": NaN}', "E315", "NaN", "", id="no number"),
        pytest.param(
            '{"id": "ws-a", "gate": 1e999999, "x": 99999999999999999999}', "E315", "too large", "", id="huge number"
        ),
        pytest.param('{"id": "ws-a", "title": "\\ud800"}', "E315", "surrogate", "", id="half a character"),
        pytest.param('{"id": "ws-a", "x": ' + "[" * 100_000, "E315", "p/a.json", "", id="deep"),
        pytest.param(b'{"id": "ws-a",\n"title": "\xff"}', "E317", "p/a.json:2: not UTF-8", "UTF-8", id="not UTF-8"),
        pytest.param(json.dumps({**GOOD, "file_scope": []}), "E319", "/file_scope", "'files_scope'", id="unknown key"),
        pytest.param(json.dumps([GOOD, {**GOOD, "zzzz": 1}]), "E319", "/1/zzzz", "known keys", id="nothing near"),
        pytest.param(
            json.dumps({**GOOD, "budget": {"token": 1}}), "E319", "/budget/token", "'tokens'", id="nested key"
        ),
        pytest.param(json.dumps({**GOOD, "files_scope": []}), "E320", "/files_scope", "workstream.v1", id="no scope"),
        pytest.param(json.dumps({"id": "ws-a", "tasks": []}), "E320", "files_scope", "", id="missing key"),
        pytest.param(json.dumps({**GOOD, "id": "ws-A"}), "E320", "/id", "", id="bad id"),
        pytest.param(json.dumps({**GOOD, "gate": 0}), "E320", "/gate", "", id="bad gate"),
        pytest.param(json.dumps({**GOOD, "gate": 1.0}), "E320", "/gate", "", id="a number that is no integer"),
        pytest.param(
            json.dumps({**GOOD, "metadata": {"legacy": 1}, "kind": "x"}), "E320", "/metadata/legacy", "", id="legacy"
        ),
        pytest.param('["ws-a"]', "E320", "/0: not an object", "", id="no object"),
        pytest.param(
            json.dumps({**GOOD, "files_scope": ["/etc/x"]}),
            "E321",
            "/files_scope/0: '/etc/x' is absolute",
            "",
            id="absolute",
        ),
        pytest.param(
            json.dumps([{**GOOD, "files_create": ["a/../../x"]}]), "E321", "/0/files_create/0", "", id="leaves"
        ),
        pytest.param(
            json.dumps({**GOOD, "files_scope": [{"path": ".git/config"}]}), "E321", "enters .git", "", id=".git"
        ),
        pytest.param(json.dumps({**GOOD, "forbidden_paths": [""]}), "E320", "/forbidden_paths/0", "", id="empty path"),
        pytest.param(json.dumps([GOOD, GOOD]), "E316", "p/a.json: /0", "rename", id="duplicate id"),
    ],
)
def test_what_is_wrong_with_a_bundle(
    write_plan: WritePlan, tmp_path: Path, content: str | bytes, code: str, said: str, hint: str
) -> None:
    folder = write_plan("p", {"a.json": content})
    fault = _refused(folder / "a.json", tmp_path)
    assert (fault.code, int(fault.exit_code)) == (code, 3)
    assert "p/a.json" in fault.message
    assert said in fault.message
    assert hint in fault.hint


def test_the_same_id_in_two_files_names_both(write_plan: WritePlan, tmp_path: Path) -> None:
    fault = _refused(write_plan("p", {"a.json": json.dumps(GOOD), "b.json": json.dumps(GOOD)}), tmp_path)
    assert fault.code == "E316"
    assert "p/a.json" in fault.message
    assert "p/b.json" in fault.message


def test_a_byte_order_mark_and_other_line_ends_are_fine(write_plan: WritePlan, tmp_path: Path) -> None:
    text = json.dumps(GOOD, indent=2).replace("\n", "\r\n")
    (stream,) = read_plan(write_plan("p", {"a.json": b"\xef\xbb\xbf" + text.encode()}), tmp_path).workstreams
    assert stream.id == "ws-one"
