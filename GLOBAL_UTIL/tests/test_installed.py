"""What is installed is told as importlib.metadata tells it, without its cost."""

from __future__ import annotations

import subprocess
import sys
import zipfile
from importlib import metadata
from pathlib import Path

import pytest
from global_util.installed import entry_values, version


def lay(folder: Path, name: str, number: str, entry_points: str = "") -> None:
    """An installed distribution, as far as its description goes."""
    info = folder / f"{name}-{number}.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: {number}\n", "utf-8")
    (info / "entry_points.txt").write_text(entry_points, "utf-8")


def test_every_distribution_here_has_the_version_that_the_library_tells() -> None:
    names = {found.metadata["Name"] for found in metadata.distributions()}
    assert "phaseline-global-util" in names
    assert {name: version(name) for name in names} == {name: metadata.version(name) for name in names}


def test_every_group_here_has_the_entry_points_that_the_library_tells() -> None:
    for group in metadata.entry_points().groups:
        told = {entry.name: entry.value for entry in reversed(tuple(metadata.entry_points(group=group)))}
        assert entry_values(group) == told


@pytest.mark.parametrize("spelled", ["some-tool", "some_tool", "Some.Tool", "some--tool"])
def test_a_name_is_found_however_it_is_spelled(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, spelled: str) -> None:
    lay(tmp_path, "some_tool", "1.2.post1+local.3")
    monkeypatch.syspath_prepend(tmp_path)
    assert version(spelled) == metadata.version(spelled) == "1.2.post1+local.3"


def test_the_first_on_the_path_counts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    lay(tmp_path / "b", "some_tool", "1.0", "[some.group]\nx = old:x\ny = old:y\n")
    lay(tmp_path / "a", "some_tool", "2.0", "[other]\nz = a:z\n\n[some.group]\n# a remark\nx = new:x\n")
    monkeypatch.setattr(sys, "path", [str(tmp_path / "a"), str(tmp_path / "b"), str(tmp_path / "gone"), *sys.path])
    assert version("some-tool") == metadata.version("some-tool") == "2.0"
    assert entry_values("some.group") == {"x": "new:x"}
    assert {entry.name for entry in metadata.entry_points(group="some.group")} == {"x"}


def test_what_is_not_installed_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(metadata.PackageNotFoundError):
        version("phaseline-of-another-world")


def test_an_archive_on_the_path_is_asked_through_the_library(tmp_path: Path) -> None:
    lay(tmp_path / "in", "some_tool", "3.0", "[some.group]\nx = packed:x\n")
    with zipfile.ZipFile(tmp_path / "some.whl", "w") as archive:
        for place in (tmp_path / "in").rglob("*"):
            archive.write(place, place.relative_to(tmp_path / "in"))
    asks = (
        f"import sys; sys.path.append({str(tmp_path / 'some.whl')!r})\n"
        "from global_util.installed import entry_values, version\n"
        "print(version('some-tool'), entry_values('some.group'))"
    )
    answer = subprocess.run([sys.executable, "-c", asks], capture_output=True, text=True, check=True)
    assert answer.stdout == "3.0 {'x': 'packed:x'}\n"
