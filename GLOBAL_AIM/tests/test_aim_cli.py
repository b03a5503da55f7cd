"""``aim`` on the command line."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

AIM = Path(sys.executable).with_name("aim")


def aim(cwd: Path, *words: str, path: str | None = None) -> subprocess.CompletedProcess[str]:
    env = {**os.environ, "HOME": str(cwd), "PATH": path if path is not None else os.environ["PATH"]}
    return subprocess.run([AIM, *words], cwd=cwd, env=env, capture_output=True, text=True, check=False)


@pytest.fixture
def repo(tmp_path: Path) -> Path:
    subprocess.run(["git", "init", "--quiet"], cwd=tmp_path, check=True)
    return tmp_path


def test_the_tools_are_shown_with_source_and_program(repo: Path) -> None:
    (repo / "pipeline.toml").write_text(
        '[tools.mine]\ncommand = ["sh", "{prompt_file}"]\n[tools.aider]\ntimeout_s = 7\n'
    )
    (repo / "inner").mkdir()
    done = aim(repo / "inner", "tools", "--json")
    assert done.returncode == 0, done.stderr
    tools = {row["id"]: row for row in json.loads(done.stdout)["tools"]}
    assert tools["mine"]["source"] == "pipeline.toml"
    assert tools["mine"]["program"].endswith("/sh")
    assert (tools["aider"]["timeout_s"], tools["aider"]["source"]) == (7, "shipped, pipeline.toml")
    plain = aim(repo, "tools", path="/nowhere").stdout
    assert "aider: not installed" in plain


def test_tools_can_be_looked_at_anywhere_and_overridden(tmp_path: Path) -> None:
    done = aim(tmp_path, "tools", "--json", "--set", 'tools.mine.command=["sh"]')
    assert done.returncode == 0, done.stderr
    assert "mine" in {row["id"] for row in json.loads(done.stdout)["tools"]}


def test_a_wrong_table_is_invalid_input(repo: Path) -> None:
    (repo / "pipeline.toml").write_text('[tools.mine]\ncomand = ["sh"]\n')
    done = aim(repo, "tools")
    assert done.returncode == 3
    assert "tools.mine.comand" in done.stderr
    assert "did you mean 'command'" in done.stderr
    assert len(done.stderr.splitlines()) <= 3


def test_the_doctor_tells_what_there_is(tmp_path: Path) -> None:
    done = aim(tmp_path, "doctor", "--json")
    assert done.returncode == 0
    checks = {row["check"]: row for row in json.loads(done.stdout)["checks"]}
    assert checks["git"]["verdict"] == "ok"
    assert checks["containment"]["verdict"] in ("ok", "weak")
    assert {"sandbox bwrap", "sandbox unshare"} <= set(checks)
    assert "containment" in aim(tmp_path, "doctor").stdout


def test_without_git_the_doctor_exits_with_4(tmp_path: Path) -> None:
    done = aim(tmp_path, "doctor", path=str(tmp_path))
    assert done.returncode == 4
    assert "missing" in done.stdout


@pytest.mark.parametrize("words", [["--help"], ["tools", "--help"], ["doctor", "--help"]])
def test_help_has_an_example(tmp_path: Path, words: list[str]) -> None:
    done = aim(tmp_path, *words)
    assert done.returncode == 0
    assert "Example" in done.stdout


def test_version_and_wrong_use(tmp_path: Path) -> None:
    assert aim(tmp_path, "--version").stdout.startswith("aim ")
    assert aim(tmp_path, "tols").returncode == 2


def test_starting_it_imports_little(tmp_path: Path) -> None:
    code = "import sys, global_aim.cli; print([name for name in ('pydantic', 'yaml', 'structlog', 'rich') if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"
