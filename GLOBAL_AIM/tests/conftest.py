"""Every test has a home of its own, and a repository if it asks for one."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from global_util.testing import Sandbox, sealed_environment


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
