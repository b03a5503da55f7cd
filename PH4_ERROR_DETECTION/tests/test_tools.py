"""Where programs are found: the project's interpreter, our own, PATH, in that order."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest
from global_aim.project_tools import Interpreter, choose_interpreter, has_module, locate
from global_util.errors import EnvironmentFault
from ph4_error_detection.environment import make_environment, search_path


def _program(place: Path, text: str = "#!/bin/sh\n") -> Path:
    place.parent.mkdir(parents=True, exist_ok=True)
    place.write_text(text)
    place.chmod(0o755)
    return place


def test_the_virtual_environment_of_the_main_worktree_is_used_when_there_is_one(tmp_path: Path) -> None:
    assert choose_interpreter("", tmp_path).python == sys.executable
    python = _program(tmp_path / ".venv" / "bin" / "python")
    assert choose_interpreter("", tmp_path) == Interpreter(str(python), tmp_path)


def test_a_configured_interpreter_wins_and_may_be_relative(tmp_path: Path) -> None:
    _program(tmp_path / ".venv" / "bin" / "python")
    other = _program(tmp_path / "env" / "python")
    assert choose_interpreter("env/python", tmp_path).python == str(other)
    assert choose_interpreter(str(other), tmp_path).python == str(other)


@pytest.mark.parametrize("configured", ["env/python", "no-such-python-anywhere"])
def test_a_configured_interpreter_that_is_missing_is_refused(tmp_path: Path, configured: str) -> None:
    with pytest.raises(EnvironmentFault, match=r"checks\.python") as caught:
        choose_interpreter(configured, tmp_path)
    assert caught.value.code == "E442"


def test_a_module_of_the_interpreter_is_run_by_it(tmp_path: Path) -> None:
    own = Interpreter(sys.executable)
    assert locate("pytest", "pytest", tmp_path, own, "", isolated=False) == (sys.executable, "-m", "pytest")
    assert locate("ruff", "ruff", tmp_path, own, "") == (sys.executable, "-I", "-m", "ruff")


def test_an_interpreter_without_the_module_falls_back_to_ours(tmp_path: Path) -> None:
    bare = Interpreter(str(_program(tmp_path / "python", "#!/bin/sh\nexit 1\n")))
    assert not has_module(bare.python, "ruff")
    beside = Path(sys.executable).parent / "ruff"
    expected = str(beside) if os.access(beside, os.X_OK) else None
    found = locate("ruff", "ruff", tmp_path, bare, "")
    assert found == ((expected,) if expected else None)


def test_the_path_comes_last(tmp_path: Path) -> None:
    on_path = _program(tmp_path / "bin" / "tool-of-path")
    own = Interpreter(sys.executable)
    assert locate("tool-of-path", None, tmp_path, own, str(tmp_path / "bin")) == (str(on_path),)
    in_tree = _program(tmp_path / "node_modules" / ".bin" / "tool-of-path")
    assert locate("tool-of-path", None, tmp_path, own, str(tmp_path / "bin")) == (str(in_tree),)
    assert locate("tool-of-nobody", None, tmp_path, own, str(tmp_path / "bin")) is None


def test_python_is_the_projects_own_and_a_path_starts_at_the_tree(tmp_path: Path) -> None:
    own = Interpreter("/opt/python")
    assert locate("python", None, tmp_path, own, "") == ("/opt/python",)
    script = _program(tmp_path / "scripts" / "check")
    assert locate("./scripts/check", None, tmp_path, own, "") == (str(script),)
    assert locate("scripts/none", None, tmp_path, own, "") is None


def test_the_tree_stands_first_on_the_module_path(tmp_path: Path) -> None:
    assert search_path(tmp_path).split(os.pathsep)[0] == str(tmp_path)
    (tmp_path / "src").mkdir()
    assert search_path(tmp_path).split(os.pathsep)[:2] == [str(tmp_path / "src"), str(tmp_path)]


def test_only_what_runs_the_projects_code_gets_its_module_path(tmp_path: Path) -> None:
    own = Interpreter(sys.executable, tmp_path)
    assert "PYTHONPATH" not in make_environment(tmp_path, tmp_path, False, own)
    assert "PYTHONPATH" in make_environment(tmp_path, tmp_path, True, own)
