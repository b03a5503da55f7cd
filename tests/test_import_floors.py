"""Imports only go down, and phases never import each other."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent


def lint_imports(folder: Path) -> subprocess.CompletedProcess[str]:
    """Run import-linter over the packages that lie in ``folder``."""
    command = [
        str(Path(sys.executable).parent / "lint-imports"),
        "--no-cache",
        "--config",
        str(ROOT / "pyproject.toml"),
    ]
    environment = {**os.environ, "PYTHONPATH": str(folder)}
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)


@pytest.fixture
def packages(tmp_path: Path) -> Path:
    """A copy of the source of all packages, side by side."""
    for source in ROOT.glob("*/src/*/"):
        shutil.copytree(source, tmp_path / source.name, ignore=shutil.ignore_patterns("__pycache__"))
    return tmp_path


def test_the_floors_hold(packages: Path) -> None:
    checked = lint_imports(packages)
    assert checked.returncode == 0, checked.stdout + checked.stderr


@pytest.mark.parametrize(
    ("importer", "imported"),
    [("global_util", "global_core_state"), ("ph3_exec_to_error", "ph4_error_detection"), ("global_aim", "global_ui")],
)
def test_an_import_that_goes_up_or_sideways_is_found(packages: Path, importer: str, imported: str) -> None:
    (packages / importer / "shortcut.py").write_text(f"import {imported}\n", "utf-8")
    checked = lint_imports(packages)
    assert checked.returncode == 1
    assert f"{importer}.shortcut -> {imported}" in checked.stdout
