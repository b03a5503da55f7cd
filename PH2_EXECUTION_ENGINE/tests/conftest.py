"""A repository made of trees, and a harness that answers for the other phases."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
from global_util.attempt import AttemptRequest, AttemptResult
from global_util.config import load_settings
from global_util.contracts.error_pipeline_result import ResultItem
from global_util.contracts.execution_result import ExecutionItem, ExecutionResult
from global_util.contracts.item import Call, Limits, Scope, ScopeReport, State, Work
from global_util.contracts.phase_plan import BasePin, DagChoice, PhasePlan, PlannedWorkstream, RunLimits
from global_util.errors import PipelineError
from global_util.git import Person, Repository
from ph2_execution_engine.phase import PHASE

NOBODY = Person("A", "a@localhost")
NO_CHANGE = "sha256:" + "0" * 64
ENVELOPE: dict[str, Any] = {
    "execution_id": "EXEC-2026-01-01-001",
    "run_clock": "2026-01-01T00:00:00Z",
    "producer": {"phase": "T", "distribution": "t", "version": "1"},
    "config": {},
    "inputs": (),
}
Files = Mapping[str, str | None]


class World:
    """States by their files, workstreams by what their tool does, verdicts as told."""

    def __init__(self, folder: Path) -> None:
        env = {**os.environ, "GIT_CONFIG_GLOBAL": os.devnull, "HOME": str(folder)}
        subprocess.run(["git", "init", "-q", "--template=", str(folder)], env=env, check=True)
        self.repo = Repository.discover(folder)
        self.folder = folder
        self.root = self.state(None, {"a.txt": "a\n" * 5, "b.txt": "b\n", "thing": "file\n"})
        self.edits: dict[str, Files] = {}
        self.outcomes: dict[str, str] = {}
        self.verdicts: dict[str, str] = {}
        self.violations: set[str] = set()
        self.refusals: dict[str, PipelineError] = {}
        self.before: frozenset[str] = frozenset()
        self.requests: list[AttemptRequest] = []
        self.calls: list[tuple[str, str]] = []
        self.moves: list[tuple[str, str]] = []
        self.events: list[tuple[str, str | None, dict[str, Any]]] = []
        self.config = load_settings(None, {"policy.unverified": "save"} if self._knows("policy.unverified") else {})

    @staticmethod
    def _knows(key: str) -> bool:
        from global_util.config import defaults

        return key in defaults()

    def state(self, parent: State | None, files: Files) -> State:
        """The commit that has these files on top of its parent's."""
        with self.repo.scratch_index(parent.tree if parent else None) as env:
            for name, text in files.items():
                if text is None:
                    self.repo.sealed("rm", "--cached", "-rq", "--", name, env=env)
                    continue
                oid = self.repo.sealed("hash-object", "-w", "--stdin", stdin=text.encode()).stdout.decode().strip()
                self.repo.sealed("update-index", "--add", "--replace", "--cacheinfo", f"100644,{oid},{name}", env=env)
            tree = self.repo.sealed("write-tree", env=env).stdout.decode().strip()
        parents = (parent.commit,) if parent else ()
        return State(commit=self.repo.commit(tree, parents, "state\n", NOBODY, 1767225600), tree=tree)

    def files(self, tree: str) -> dict[str, str]:
        """The files of a tree with their text."""
        return {name: self.repo.read_file(tree, name) or "" for name in self.repo.paths_of(tree)}

    def plan(self, needs: Mapping[str, Sequence[str]], jobs: int = 1, **dags: str) -> PhasePlan:
        """A phase plan; ``dags``: the template of a workstream, by its letter."""
        planned = [
            PlannedWorkstream(
                id=name, work=_work(), depends_on=tuple(before), priority=0, gate=1, dag=dags.get(name[3:])
            )
            for name, before in needs.items()
        ]
        return PhasePlan.seal(
            **ENVELOPE,
            observed={"jobs": jobs},
            plan_id="p",
            base=BasePin(branch="main", commit=self.root.commit, tree=self.root.tree),
            target_branch="main",
            strategy="ff_only",
            tools=(),
            workstreams=planned,
            edges=(),
            waves=(),
            critical_path=(),
            scope_overlaps=(),
            pre_flight_checks=(),
            readiness=(),
            limits=RunLimits(),
            dag=DagChoice(decisions=()),
        )

    def run(self, plan: PhasePlan) -> dict[str, ExecutionItem]:
        """PH2 on a plan; the items by workstream."""
        made = ExecutionResult.seal(**ENVELOPE, **PHASE.run(plan, self))  # type: ignore[arg-type]
        return {item.workstream_id: item for item in made.items}

    # -- what PH2 asks of the harness ---------------------------------------------------------------------------

    def attempt(self, request: AttemptRequest) -> AttemptResult:
        """The tool does what the story says."""
        self.requests.append(request)
        if request.workstream_id in self.refusals:
            raise self.refusals[request.workstream_id]
        outcome = self.outcomes.get(request.workstream_id, "ok")
        files = self.edits.get(request.workstream_id, {})
        head = self.state(request.start, files) if files and outcome == "ok" else request.start
        violated = request.workstream_id in self.violations
        report: dict[str, Any] = {"verdict": "inside"}
        if violated:
            report = {"verdict": "violated", "violations": ({"path": "x", "kind": "outside"},)}
        call = Call.model_validate({"n": request.n, "tool": "fake", "outcome": outcome, "change": NO_CHANGE})
        return AttemptResult(head=head, scope=ScopeReport.model_validate(report), call=call)

    def call(self, phase: str, item: Any) -> Any:
        """PH3 and PH4 hand on; PH5 gives the verdict of the story."""
        self.calls.append((phase, item.workstream_id))
        return item if phase != "ph5" else self.verdict(item)

    def verdict(self, item: ExecutionItem) -> ResultItem:
        """What PH5 would say."""
        verdict = self.verdicts.get(item.workstream_id) or (
            "clean" if item.status == "edited" else "nothing" if item.status == "no_change" else "quarantined"
        )
        return ResultItem.seal(
            **item.common(),
            inputs=(item.item_id,),
            execution_status=item.status,
            verdict=verdict,
            changes=(),
            scope=item.scope,
            checks=(),
            open_findings=(),
            fix_attempts=(),
            calls=(),
            explanation="as the story says",
        )

    def settled(self, phase: str) -> frozenset[str]:
        """What the story says was settled before."""
        return self.before

    def publish(self, model: Any, **fields: Any) -> Any:
        """Seal an artifact."""
        return model.seal(**ENVELOPE, **fields)

    def move(self, name: str, state: str, why: str = "") -> None:
        """Remember a state."""
        self.moves.append((name, state))

    def emit(self, event: str, name: str | None = None, **payload: Any) -> None:
        """Remember an event."""
        self.events.append((event, name, payload))


def _work() -> Work:
    return Work(
        title="t",
        tasks=("t",),
        scope=Scope(files_scope=("**",)),
        acceptance=(),
        context=(),
        tool="fake",
        limits=Limits(max_attempts=2, max_error_repeats=3, oscillation_threshold=2),
        plan_source="p",
    )


@pytest.fixture
def world(tmp_path: Path) -> World:
    """A world to run a plan in."""
    return World(tmp_path)


@pytest.fixture
def make_world(tmp_path: Path) -> Callable[[str], World]:
    """Several worlds."""

    def make(name: str) -> World:
        (tmp_path / name).mkdir()
        return World(tmp_path / name)

    return make
