"""Git trees to judge: plain ones, and one with a package that has a module."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from global_capabilities.policies.tree import Tree
from global_util.contracts.item import Limits, Work
from global_util.contracts.phase_plan import PlannedWorkstream
from global_util.git import Person, Repository

Files = Mapping[str, str | bytes | None]
DOCS = "PH1_MAKE/modules/M001_WORK/docs/"
PACKAGE: Files = {
    "PH1_MAKE/phase.manifest.json": json.dumps({"modules": [{"id": "M001_WORK"}]}),
    "PH1_MAKE/src/ph1_make/work.py": "def work(): ...\n",
    "PH1_MAKE/schema/thing.v1.json": "{}\n",
    "PH1_MAKE/tests/test_work.py": "def test_work(): ...\n",
    "README.md": "# Makes\n",
    **{
        f"{DOCS}MOD_{name}.md": f"---\nmodule: M001_WORK\n---\n# {name}\n\nWhat is true.\n"
        for name in ("SPEC", "CONTRACTS", "DESIGN", "TEST_PLAN", "OPERATIONS", "CHANGELOG", "DELIVERABLES")
    },
}
"""A repository with the module layout."""


class Grove:
    """Makes trees in one repository."""

    def __init__(self, folder: Path) -> None:
        env = {**os.environ, "GIT_CONFIG_GLOBAL": os.devnull, "HOME": str(folder)}
        subprocess.run(["git", "init", "-q", "--template=", str(folder)], env=env, check=True)
        self.repo = Repository.discover(folder)

    def tree(self, *layers: Files, modes: Mapping[str, str] | None = None) -> Tree:
        """The tree of files, later layers over earlier ones; None takes a file away."""
        files = {path: content for layer in layers for path, content in layer.items()}
        files = {path: content for path, content in files.items() if content is not None}
        with self.repo.scratch_index(None) as env:
            for path, content in files.items():
                raw = content.encode() if isinstance(content, str) else content or b""
                oid = self.repo.sealed("hash-object", "-w", "--stdin", stdin=raw).stdout.decode().strip()
                entry = f"{(modes or {}).get(path, '100644')},{oid},{path}"
                self.repo.sealed("update-index", "--add", "--cacheinfo", entry, env=env)
            return Tree(self.repo, self.repo.sealed("write-tree", env=env).stdout.decode().strip())

    def commit(self, tree: Tree) -> str:
        """A commit of a tree."""
        return self.repo.commit(tree.oid, (), "t\n", Person("A", "a@localhost"), 0)


def _work(**fields: Any) -> Work:
    scope = {name: fields.pop(name) for name in tuple(fields) if name.startswith(("files_", "forbidden"))}
    given = {
        "title": "T",
        "tasks": ("t",),
        "scope": {"files_scope": (), **scope},
        "acceptance": ({"run": ("pytest",)},),
        "context": (),
        "tool": "replay",
        "limits": Limits(max_attempts=1, max_error_repeats=1, oscillation_threshold=1),
        "plan_source": "p",
        **fields,
    }
    return Work.model_validate(given)


def _planned(name: str, *scope: str, depends_on: tuple[str, ...] = (), **fields: Any) -> PlannedWorkstream:
    work = _work(files_scope=scope, **fields)
    return PlannedWorkstream(id=name, work=work, depends_on=depends_on, priority=0, gate=1)


@pytest.fixture
def grove(tmp_path: Path) -> Grove:
    """A repository to make trees in."""
    return Grove(tmp_path)


@pytest.fixture(scope="session")
def planned() -> Any:
    """Makes a planned workstream: ``planned(id, *scope, **fields)``."""
    return _planned


@pytest.fixture(scope="session")
def make_work() -> Any:
    """Makes the work of a workstream."""
    return _work


@pytest.fixture(scope="session")
def package() -> Files:
    """The files of a repository with the module layout."""
    return PACKAGE
