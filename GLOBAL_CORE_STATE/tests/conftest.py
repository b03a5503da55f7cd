"""Every test has a home of its own, and a repository if it asks for one."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from global_util.installed import look_up
from global_util.testing import FILE, Sandbox, sealed_environment


@pytest.fixture(autouse=True, scope="module")
def sealed_home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    home = tmp_path_factory.mktemp("home")
    with pytest.MonkeyPatch.context() as patch:
        for name in [name for name in os.environ if name.startswith("GIT_")]:
            patch.delenv(name)
        for name, value in sealed_environment(home).items():
            patch.setenv(name, value)
        yield home


@pytest.fixture
def sandbox(tmp_path: Path) -> Sandbox:
    return Sandbox(tmp_path / "repo")


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory, sealed_home: Path) -> Sandbox:
    """One repository for all examples of a property."""
    return Sandbox(tmp_path_factory.mktemp("shared") / "repo")


@pytest.fixture
def install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str, str], None]:
    """Installs a distribution that consists of entry points."""
    folder = tmp_path / "site"
    monkeypatch.syspath_prepend(str(folder))

    def put(name: str, entries: str) -> None:
        place = folder / f"{name.replace('-', '_')}-1.0.dist-info"
        place.mkdir(parents=True)
        (place / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n")
        (place / "entry_points.txt").write_text(entries)
        look_up.cache_clear()

    return put


@pytest.fixture
def repo(sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> Sandbox:
    """Its line is ``fake-phases``, where real ones are installed too."""
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "1767323045")
    decided = "[phases]\n" + "".join(f'ph{n} = "fake-phases"\n' for n in range(8))
    sandbox.start({b"f": (FILE, b"1\n"), b"pipeline.toml": (FILE, decided.encode())})
    return sandbox
