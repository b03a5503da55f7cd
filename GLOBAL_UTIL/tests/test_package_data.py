"""Shipped files are found in a wheel, and beside ``src/`` in the working tree."""

from __future__ import annotations

from pathlib import Path

import pytest
from global_util.package_data import data_path


def make_package(folder: Path, name: str, monkeypatch: pytest.MonkeyPatch) -> Path:
    package = folder / name
    package.mkdir(parents=True)
    (package / "__init__.py").write_text("raise RuntimeError('imported')\n", "utf-8")
    monkeypatch.syspath_prepend(str(folder))
    return package


def write(path: Path) -> Path:
    path.parent.mkdir(parents=True)
    path.write_text("{}", "utf-8")
    return path


def test_a_file_of_this_package_is_found() -> None:
    assert data_path("global_util", "service.manifest.json").is_file()


def test_a_wheel_carries_its_files_inside_the_package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    package = make_package(tmp_path, "wheel_like", monkeypatch)
    shipped = write(package / "_data" / "schema" / "x.json")
    assert data_path("wheel_like", "schema/x.json") == shipped


def test_in_a_working_tree_they_lie_beside_the_source(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    make_package(tmp_path / "ROOM" / "src", "tree_like", monkeypatch)
    shipped = write(tmp_path / "ROOM" / "config" / "x.yaml")
    assert data_path("tree_like", "config/x.yaml") == shipped


@pytest.mark.parametrize("package", ["global_util", "no_such_package"])
def test_what_is_not_shipped_is_named(package: str) -> None:
    with pytest.raises(FileNotFoundError, match=f"{package} ships no schema/nothing.json"):
        data_path(package, "schema/nothing.json")
