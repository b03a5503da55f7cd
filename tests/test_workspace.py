"""The root knows every package: it installs it, tests it, and puts it on a floor."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parent.parent
PACKAGES = sorted(path.parent.name for path in ROOT.glob("*/pyproject.toml"))


@pytest.fixture(scope="module")
def settings() -> dict[str, Any]:
    return tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))


def test_there_are_fourteen_packages() -> None:
    """More may be scaffolded; each package has a manifest, and each manifest a package."""
    assert len(PACKAGES) >= 14
    assert sorted(path.parent.name for path in ROOT.glob("*/*.manifest.json")) == PACKAGES


@pytest.mark.parametrize("package", PACKAGES)
def test_the_root_installs_tests_and_places_a_package(package: str, settings: dict[str, Any]) -> None:
    assert any(line.endswith(f"/{package}") for line in settings["project"]["dependencies"])
    assert f"{package}/tests" in settings["tool"]["pytest"]["ini_options"]["testpaths"]
    linter = settings["tool"]["importlinter"]
    assert package.lower() in linter["root_packages"]
    assert package.lower() in " | ".join(linter["contracts"][0]["layers"]).split(" | ")


@pytest.mark.parametrize("package", PACKAGES)
def test_a_package_depends_on_lower_floors_only_and_ships_its_data(package: str) -> None:
    project = tomllib.loads((ROOT / package / "pyproject.toml").read_text("utf-8"))
    assert not [line for line in project["project"]["dependencies"] if line.startswith("phaseline-ph")]
    data = project["tool"]["hatch"]["build"]["targets"]["wheel"]["force-include"]
    present = {path.name for path in (ROOT / package).glob("*.json")} | {"schema", "config"}
    assert data == {name: f"{package.lower()}/_data/{name}" for name in {*data, *present}}
