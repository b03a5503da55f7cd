"""What the demo plays on: the repository, and the recordings of what an AI client answered."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

from global_util.contracts.item import Change
from global_util.git import Repository
from global_util.package_data import data_path

EPOCH = "1767225600"
"""The demo's clock: 2026-01-01, so that the same demo gives the same commits."""

_CACHES = {"__pycache__", ".mypy_cache", ".ruff_cache", ".pytest_cache"}
"""What a linter leaves on the stage where it lies in a checkout; no part of the play."""


def build(folder: Path) -> Path:
    """The repository and the recordings of what an AI client answered; the path of the repository."""
    stage = data_path("global_ui", "demo")
    repository = folder / "repository"
    shutil.copytree(stage / "base", repository, ignore=shutil.ignore_patterns(*_CACHES))
    (repository / "gitignore").rename(repository / ".gitignore")
    for words in (("init", "--quiet", "-b", "main"), ("add", "."), ("commit", "--quiet", "-m", "Add up invoices")):
        _git(repository, *words)
    _git(repository, "config", "user.name", "Demo")
    _git(repository, "config", "user.email", "demo@example.org")
    repo = Repository.discover(repository)
    for group in sorted((stage / "edits").iterdir()):
        _record(repo, group, folder / "recordings" / f"ws-add-discounts-{int(group.name):02d}")
    return repository


def _record(repo: Repository, group: Path, target: Path) -> None:
    """Turn the files of each try into the patch that leads to them from where the try starts."""
    head = repo.commit_of("HEAD")
    assert head is not None
    tree = (
        _with_files(repo, head.tree, group.parent / _STARTS_AFTER[group.name])
        if group.name in _STARTS_AFTER
        else head.tree
    )
    target.mkdir(parents=True)
    for number in sorted(int(entry.name) for entry in group.iterdir()):
        after = _put(repo, tree, group / str(number))
        (target / f"{number}.patch").write_bytes(repo.patch(tree, after))
        tree = after


_STARTS_AFTER = {"2": "1", "4": "3", "7": "6"}
"""Groups that begin where another one ended."""


def _with_files(repo: Repository, tree: str, group: Path) -> str:
    for number in sorted(int(entry.name) for entry in group.iterdir()):
        tree = _put(repo, tree, group / str(number))
    return tree


def _put(repo: Repository, tree: str, files: Path) -> str:
    changes = []
    for place in sorted(entry for entry in files.rglob("*") if entry.is_file() and not _CACHES & set(entry.parts)):
        blob = repo.sealed("hash-object", "-w", "--stdin", stdin=place.read_bytes()).stdout.decode().strip()
        values = {
            "path": place.relative_to(files).as_posix(),
            "status": "M",
            "old_mode": "100644",
            "new_mode": "100644",
        }
        changes.append(Change.model_validate({**values, "old_blob": blob, "new_blob": blob}))
    return repo.overlay(tree, changes)


def _git(repository: Path, *words: str) -> None:
    identity = {
        f"GIT_{role}_{part}": value
        for role in ("AUTHOR", "COMMITTER")
        for part, value in (("NAME", "Demo"), ("EMAIL", "demo@example.org"), ("DATE", f"@{EPOCH} +0000"))
    }
    env = {
        **{key: value for key, value in os.environ.items() if not key.startswith("GIT_")},
        **identity,
        "GIT_CONFIG_GLOBAL": os.devnull,
        "GIT_CONFIG_NOSYSTEM": "1",
    }
    subprocess.run(["git", *words], cwd=repository, env=env, check=True, capture_output=True)
