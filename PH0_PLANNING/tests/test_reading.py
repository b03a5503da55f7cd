"""Finding the format of a plan, and what is told when there is none."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Callable
from pathlib import Path

import pytest
from global_util.errors import InvalidInput
from ph0_planning import errors
from ph0_planning.reading import read_plan

WritePlan = Callable[..., Path]
BUNDLE = json.dumps({"id": "ws-one", "files_scope": ["a.py"], "tasks": ["x"]})
CHANGE = {"proposal.md": "## Why\nx", "tasks.md": "## 1. A\n- [ ] 1.1 Change `src/a.py`"}
FEATURE = {"spec.md": "# Feature", "tasks.md": "## Phase 1: A\n- [ ] T001 Change `src/a.py`"}


def _refused(path: Path, root: Path, format_id: str | None = None) -> InvalidInput:
    with pytest.raises(InvalidInput) as caught:
        read_plan(path, root, format_id)
    assert caught.value.hint
    assert int(caught.value.exit_code) == 3
    return caught.value


@pytest.mark.parametrize(
    ("folder", "files", "expected"),
    [
        pytest.param("plans", {"a.json": BUNDLE}, "bundles", id="bundles"),
        pytest.param("openspec/changes/add-x", {"tasks.md": "- [ ] x"}, "openspec", id="change without a proposal"),
        pytest.param("openspec/changes/archive/2025-01-01-x", CHANGE, "openspec", id="archived change"),
        pytest.param("elsewhere/add-x", CHANGE, "openspec", id="change elsewhere"),
        pytest.param("openspec/changes/001-x", {**CHANGE, **FEATURE}, "openspec", id="the place decides"),
        pytest.param("specs/001-x", FEATURE, "spec-kit", id="feature"),
        pytest.param("specs/20250102-030405-x", {**FEATURE, "data.json": "{}"}, "spec-kit", id="feature with a time"),
    ],
)
def test_formats_are_recognised_from_the_files(
    write_plan: WritePlan, tmp_path: Path, folder: str, files: dict[str, str], expected: str
) -> None:
    reading = read_plan(write_plan(folder, files), tmp_path)
    assert (reading.plan.format, reading.plan.root) == (expected, folder)


def test_a_plan_outside_of_the_repository_shows_only_its_folder_name(write_plan: WritePlan, tmp_path: Path) -> None:
    plan = write_plan("outside/add-x", CHANGE)
    reading = read_plan(plan, write_plan("repository", {"a": "b"}))
    assert reading.plan.root == "add-x"
    assert str(tmp_path) not in repr(reading)
    assert reading.workstreams[0].source is not None
    assert reading.workstreams[0].source.path == "add-x/tasks.md"


@pytest.mark.parametrize(
    ("folder", "files", "code"),
    [
        pytest.param("p", {"a.txt": "x"}, "E312", id="no format"),
        pytest.param("p", {"package.json": '{"name": "x"}'}, "E312", id="other JSON"),
        pytest.param("p", {"a.json": ""}, "E312", id="folder with an empty file"),
        pytest.param("p", {**CHANGE, "ws-a.json": BUNDLE}, "E313", id="two formats"),
        pytest.param("p/001-x", {**CHANGE, **FEATURE}, "E313", id="two other formats"),
        pytest.param("openspec/changes/x", {"proposal.md": "## Why\nx"}, "E322", id="change without tasks"),
        pytest.param("specs/001-x", {"spec.md": "# x"}, "E322", id="feature without tasks"),
        pytest.param("openspec/changes/x", {"tasks.md": " \n"}, "E311", id="empty tasks"),
        pytest.param("openspec/changes/x", {"tasks.md": b"- [ ] a\n\xe9"}, "E317", id="not UTF-8"),
        pytest.param("openspec/changes/x", {"tasks.md": "- [ ] a\n" * 700_000}, "E318", id="too large"),
    ],
)
def test_plans_that_cannot_be_read(
    write_plan: WritePlan, tmp_path: Path, folder: str, files: dict[str, str | bytes], code: str
) -> None:
    assert _refused(write_plan(folder, files), tmp_path).code == code


def test_paths_that_are_no_plan(write_plan: WritePlan, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    files = write_plan("p", {"empty.json": "", "a.md": "- [ ] x"})
    assert _refused(tmp_path / "nowhere", tmp_path).code == "E310"
    assert _refused(tmp_path / "a\0b", tmp_path).code == "E310"
    assert _refused(tmp_path / "empty", tmp_path).code == "E311"
    assert _refused(files / "empty.json", tmp_path).code == "E311"
    assert _refused(files / "a.md", tmp_path).code == "E312"


def test_the_format_can_be_named(write_plan: WritePlan, tmp_path: Path) -> None:
    plan = write_plan("p", {**CHANGE, "ws-a.json": BUNDLE})
    assert read_plan(plan, tmp_path, "openspec").plan.format == "openspec"
    assert read_plan(plan, tmp_path, "bundles").plan.format == "bundles"
    fault = _refused(plan, tmp_path, "nonsense")
    assert fault.code == "E314"
    assert "openspec" in fault.hint


def test_links_that_lead_out_of_the_plan_are_not_followed(write_plan: WritePlan, tmp_path: Path) -> None:
    secret = write_plan("outside", {"secret.md": "- [ ] secret"})
    repository = write_plan("repository", {"a": "b"})
    plan = write_plan("repository/openspec/changes/x", {"proposal.md": "## Why\nx"})
    (plan / "tasks.md").symlink_to(secret / "secret.md")
    assert _refused(plan, repository).code == "E322"


def test_a_pipe_is_no_plan_file(write_plan: WritePlan, tmp_path: Path) -> None:
    plan = write_plan("openspec/changes/x", {"proposal.md": "## Why\nx"})
    os.mkfifo(plan / "tasks.md")
    assert _refused(plan, tmp_path).code == "E322"


def test_file_names_that_are_not_utf8_are_escaped(write_plan: WritePlan, tmp_path: Path) -> None:
    folder = write_plan("p", {"a.md": "x"})
    name = os.fsencode(folder) + b"/ws-\xff.json"
    try:
        with open(name, "wb") as stream:
            stream.write(BUNDLE.encode())
    except OSError:
        pytest.skip("this file system takes UTF-8 names only")
    assert [file.path for file in read_plan(folder, tmp_path).plan.files] == ["ws-\\xff.json"]


def test_every_failure_has_a_code_of_its_own() -> None:
    kinds = [kind for kind in vars(errors).values() if isinstance(kind, type) and kind is not InvalidInput]
    codes = [kind.code for kind in kinds if issubclass(kind, InvalidInput)]
    assert len(codes) == len(set(codes)) == 14
    assert all(re.fullmatch(r"E3[12]\d", code) for code in codes)
