"""Verdicts on changes in a repository made of trees."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from global_util.contracts.commit_plan import CommitPlan
from global_util.contracts.error_pipeline_result import ErrorPipelineResult, ResultItem
from global_util.contracts.error_report import CheckResult
from global_util.contracts.item import Base, Limits, Scope, ScopeReport, State, Work
from global_util.git import Person, Repository
from ph6_finalization_prep.phase import PHASE

ENVELOPE: dict[str, Any] = {
    "execution_id": "EXEC-2026-01-01-001",
    "run_clock": "2026-01-01T00:00:00Z",
    "producer": {"phase": "T", "distribution": "t", "version": "1"},
    "config": {},
    "inputs": (),
}
Files = Mapping[str, str | bytes | None]
DEFAULTS = {
    "policy.changelog": "CHANGELOG.md",
    "policy.changelog_fragments": "auto",
    "policy.definition_of_done": "auto",
    "policy.mint_doc_ids": False,
    "policy.not_done": "report",
    "policy.unverified": "quarantine",
}


class Verdicts:
    """Makes items of PH5, and lets PH6 plan."""

    def __init__(self, folder: Path) -> None:
        env = {**os.environ, "GIT_CONFIG_GLOBAL": os.devnull, "HOME": str(folder)}
        subprocess.run(["git", "init", "-q", "--template=", str(folder)], env=env, check=True)
        self.repo = Repository.discover(folder)
        self.base = self.state(None, {"a.txt": "a\n" * 5, "b.txt": "b\n"})
        self.moves: list[tuple[str, str]] = []

    def state(self, parent: State | None, files: Files) -> State:
        """The commit that has these files on top of its parent's."""
        with self.repo.scratch_index(parent.tree if parent else None) as env:
            for name, text in files.items():
                if text is None:
                    self.repo.sealed("rm", "--cached", "-q", "--", name, env=env)
                    continue
                raw = text.encode() if isinstance(text, str) else text
                oid = self.repo.sealed("hash-object", "-w", "--stdin", stdin=raw).stdout.decode().strip()
                self.repo.sealed("update-index", "--add", "--cacheinfo", f"100644,{oid},{name}", env=env)
            tree = self.repo.sealed("write-tree", env=env).stdout.decode().strip()
        parents = (parent.commit,) if parent else ()
        return State(commit=self.repo.commit(tree, parents, "s\n", Person("A", "a@localhost"), 1767225600), tree=tree)

    def item(
        self,
        name: str,
        files: Files,
        after: Sequence[ResultItem] = (),
        verdict: str = "clean",
        reason: str | None = None,
        passed: str = "pytest",
        **work: Any,
    ) -> ResultItem:
        """The verdict on a change, on the base or on the head of the first of ``after``."""
        start = after[0].head if after else self.base
        head = self.state(start, files) if files else start
        upstream = [{"workstream_id": one.workstream_id, "item_id": one.item_id} for one in after]
        kind = "test" if passed == "pytest" else "acceptance"
        fields = {"check_id": passed, "tool": "pytest", "kind": kind, "status": "pass", "judged": ("a.txt",)}
        check = CheckResult.model_validate({**fields, "whole_tree": True, "findings": ()})
        return ResultItem.seal(
            workstream_id=name,
            inputs=(),
            work=_work(work),
            base=Base.model_validate({"commit": start.commit, "tree": start.tree, "upstream": tuple(upstream)}),
            head=head,
            execution_status="edited",
            verdict=verdict,
            reason=reason or ("findings" if verdict == "quarantined" else None),
            changes=self.repo.diff(start.tree, head.tree),
            scope=ScopeReport(verdict="inside"),
            checks=(check,) if verdict in ("clean", "fixed") else (),
            open_findings=(),
            fix_attempts=(),
            calls=(),
            explanation=f"{verdict} as told",
        )

    def plan(
        self, *items: ResultItem, base: State | None = None, config: Mapping[str, Any] | None = None
    ) -> CommitPlan:
        """What PH6 makes of the items."""
        pin = {"branch": "main", "commit": self.base.commit, "tree": self.base.tree}
        phase_plan = SimpleNamespace(base=SimpleNamespace(**pin), target_branch="main", strategy="safe_merge_v1")
        ctx = SimpleNamespace(
            repo=self.repo,
            config={**DEFAULTS, **(config or {})},
            execution_id="EXEC-2026-01-01-001",
            ancestor=lambda schema: phase_plan,
            move=lambda name, state, why="": self.moves.append((name, state)),
        )
        result = ErrorPipelineResult.seal(**ENVELOPE, items=items)
        fields = PHASE.plan_on(result, ctx, base) if base else PHASE.run(result, ctx)
        return CommitPlan.seal(**ENVELOPE, **fields)

    def files(self, tree: str) -> dict[str, str]:
        """The files of a tree with their text."""
        return {name: self.repo.read_file(tree, name) or "" for name in self.repo.paths_of(tree)}


def _work(given: Mapping[str, Any]) -> Work:
    fields = {
        "title": "A title",
        "tasks": ("do it",),
        "scope": Scope(files_scope=("**",)),
        "acceptance": (),
        "context": (),
        "tool": "fake",
        "limits": Limits(max_attempts=2, max_error_repeats=3, oscillation_threshold=2),
        "plan_source": "plan.json ws-a",
    }
    return Work.model_validate({**fields, **given})


@pytest.fixture
def verdicts(tmp_path: Path) -> Verdicts:
    """A repository to judge in."""
    return Verdicts(tmp_path)
