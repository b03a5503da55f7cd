"""A sealed home, a repository with codes of its own, and ``doc-id`` on it."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from global_doc_id.cli import main
from global_doc_id.testing.playground import Playground
from global_util.testing import sealed_environment


@pytest.fixture
def ground(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Playground:
    """A repository with one commit: policy and registries."""
    for key in [key for key in os.environ if key.startswith("GIT_")]:
        monkeypatch.delenv(key)
    for key, value in sealed_environment(tmp_path / "home").items():
        monkeypatch.setenv(key, value)
    return Playground(tmp_path / "repo")


@pytest.fixture
def doc_id(ground: Playground) -> Callable[..., Result]:
    """``doc-id COMMAND`` in the repository; words that are paths lie in it."""

    def run(command: str, *words: str | Path) -> Result:
        return CliRunner().invoke(main, [command, "--repo", str(ground.folder), *map(str, words)])

    return run
