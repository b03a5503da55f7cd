"""A repository with one commit, and a context that holds nothing but what PH1 asks for."""

from __future__ import annotations

import subprocess
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from global_util.config import Settings, defaults
from global_util.contracts.phase_plan import PhasePlan
from global_util.contracts.workstream import Workstream
from global_util.contracts.workstream_set import Plan, Validity, WorkstreamSet
from global_util.git import Repository
from ph1_plan_to_exec.phase import PHASE

ENVELOPE: dict[str, Any] = {
    "execution_id": "EXEC-2026-01-01-001",
    "run_clock": "2026-01-01T00:00:00Z",
    "producer": {"phase": "T", "distribution": "t", "version": "1"},
    "config": {},
    "inputs": (),
}
ELSEWHERE = {
    "circuit_breaker.max_attempts": 2,
    "circuit_breaker.max_error_repeats": 3,
    "circuit_breaker.oscillation_threshold": 2,
    "executor.jobs": 2,
}
"""Defaults that other rooms ship, for the case that they are not installed."""


@dataclass
class Ctx:
    """What PH1 sees of the harness."""

    repo: Repository
    run_dir: Path
    options: Mapping[str, Any]
    config: Any
    observed: dict[str, Any] = field(default_factory=dict)

    def observe(self, key: str, value: Any) -> None:
        """Remember what is not hashed."""
        self.observed[key] = value


class Bench:
    """Plans workstreams in a repository."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.root = folder / "repo"
        self.root.mkdir()
        (folder / "recordings").mkdir()
        self.git("init", "--quiet", "--template=", "--initial-branch=main")
        (self.root / "a.txt").write_text("a\n", "utf-8")
        script = self.root / "check.sh"
        script.write_text("#!/bin/sh\n", "utf-8")
        script.chmod(0o755)
        self.git("add", ".")
        self.git("-c", "user.name=A", "-c", "user.email=a@localhost", "commit", "--quiet", "-m", "first")

    def git(self, *words: str) -> str:
        """Git's answer."""
        done = subprocess.run(["git", *words], cwd=self.root, capture_output=True, check=True)
        return done.stdout.decode().strip()

    def plan(self, *workstreams: Workstream, overrides: Mapping[str, Any] | None = None, **options: Any) -> PhasePlan:
        """The phase plan."""
        given = WorkstreamSet.seal(
            **ENVELOPE,
            plan=Plan(id="p", title="P", format="bundles", root="p", files=()),
            workstreams=tuple(sorted(workstreams, key=lambda one: one.id)),
            notes=(),
            questions=(),
            officially_valid=Validity(verdict="valid"),
        )
        options = {"tool": "replay", "recording": str(self.folder / "recordings"), **options}
        layers = {"elsewhere": ELSEWHERE, "default": defaults(), "--set": overrides or {}}
        settings = Settings(tuple(layers.items()))
        self.ctx = Ctx(Repository.discover(self.root), self.folder / "run", options, settings)
        fields = PHASE.run(given, self.ctx)  # type: ignore[arg-type]
        return PhasePlan.seal(**ENVELOPE, **fields)


def _workstream(name: str, *scope: Any, **fields: Any) -> Workstream:
    return Workstream.model_validate({"id": name, "files_scope": scope or (f"{name}.txt",), "tasks": ("t",), **fields})


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    """A bench to plan on."""
    return Bench(tmp_path)


@pytest.fixture(scope="session")
def workstream() -> Any:
    """Makes a workstream: ``workstream(id, *scope, **fields)``."""
    return _workstream
