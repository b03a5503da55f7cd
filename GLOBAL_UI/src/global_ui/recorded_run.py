"""A finished run as it was recorded: its artifacts, its recordings, and what each phase was told."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar, cast

from global_aim.project_tools import choose_interpreter
from global_util.config import LOCAL_KEYS, PLAY, is_known, load_settings
from global_util.contracts import Artifact
from global_util.contracts.error_pipeline_result import ErrorPipelineResult
from global_util.contracts.git_operation_log import GitOperationLog
from global_util.contracts.phase_plan import PhasePlan
from global_util.contracts.workstream_set import WorkstreamSet
from global_util.errors import EnvironmentFault, InvalidInput
from global_util.git import Repository
from global_util.phase import LINE

from global_ui.run_state import Runs

_MACHINE = (*LOCAL_KEYS, "worktree.setup", "worktree.setup_inputs")
"""Keys that no artifact records: how this machine makes a worktree ready is asked now."""
_PUTTING_OFF = ("limits.run.", "limits.day.")
"""What is played costs nothing. These put work off, and change nothing that comes out."""

A = TypeVar("A", bound=Artifact)


@dataclass(frozen=True)
class RecordedRun:
    """``artifacts``: those of the line, from PH0 to PH7."""

    repo: Repository
    execution: str
    folder: Path
    artifacts: Sequence[Artifact]

    def take(self, model: type[A]) -> A:
        """The artifact of a kind."""
        return cast("A", next(one for one in self.artifacts if one.schema_id == model.SCHEMA))

    @property
    def recordings(self) -> Path:
        """Where the calls of AI tools are recorded."""
        return self.folder / "recording"

    @property
    def calls(self) -> list[tuple[str, int]]:
        """Workstream and number of every call of an AI tool that a result rests on."""
        return [(item.workstream_id, call.n) for item in self.take(ErrorPipelineResult).items for call in item.calls]

    def options(self, phase: str) -> dict[str, Any]:
        """What a phase was told beside its configuration, as far as what it wrote tells."""
        if phase == LINE[-1]:
            return {"dry_run": True} if self.take(GitOperationLog).dry_run else {}
        return _plan_options(self) if phase == "ph1" else {}

    def overrides(self, phase: str) -> dict[str, Any]:
        """Configuration that stands in a phase's artifact and not in the one before."""
        place = LINE.index(phase)
        before, after = self.artifacts[place - 1].config, self.artifacts[place].config
        return {
            key: value
            for key, value in after.items()
            if (key not in before or before[key] != value) and is_known(key) and key not in LOCAL_KEYS
        }

    def settings(self, slots: Path) -> dict[str, Any]:
        """What all phases find configured: what was recorded, whichever phase was the first to record it.

        Raises EnvironmentFault (E442) when the project's interpreter is gone.
        """
        plan = self.take(PhasePlan)
        given = plan.observed.get("config")
        current = load_settings(self.repo.cwd, {}, given if isinstance(given, dict) else {})
        values = {key: current.get(key) for key in _MACHINE if current.get(key) is not None}
        values = {key: value for key, value in values.items() if not key.startswith(_PUTTING_OFF)}
        for artifact in reversed(self.artifacts):
            values |= artifact.config
        for phase, artifact in zip(LINE, self.artifacts, strict=True):
            values[f"phases.{phase}"] = artifact.producer.distribution
        for tool in plan.tools:
            values |= {f"tools.{tool.id}.{key}": value for key, value in tool.to_json().items() if key != "id"}
        python = choose_interpreter(str(values.get("checks.python") or ""), self.repo.worktree).python
        return {**values, "checks.python": python, "worktree.root": str(slots), PLAY: str(self.recordings)}


def read_run(runs: Runs, execution: str) -> RecordedRun:
    """A run that can be replayed.

    Raises InvalidInput (exit 3): E465 when there is no such run, E466 when it has not ended, came to nothing, or lacks a
    recording, E303 and others when an artifact is damaged; EnvironmentFault (E408) when git has lost what it began with.
    """
    runs.find(execution)
    if not runs.has_ended(execution):
        raise InvalidInput(
            f"{execution} has not ended: there is nothing to compare with yet",
            f"let it end: pipeline run --resume {execution}",
            "E466",
        )
    artifacts = runs.artifacts(execution)
    if len(artifacts) < len(LINE):
        last = LINE[len(artifacts)]
        raise InvalidInput(
            f"{execution} is {runs.find(execution)['status']} and has no artifact of {last}: nothing can be compared",
            f"see pipeline show-run {execution}",
            "E466",
        )
    found = RecordedRun(runs.repo, execution, runs.folder(execution).path, artifacts)
    _require_recordings(found)
    _require_base(found)
    return found


def _require_recordings(run: RecordedRun) -> None:
    missing = [(name, n) for name, n in run.calls if not (run.recordings / name / f"{n}.patch").is_file()]
    if missing:
        name, n = missing[0]
        more = f", and {len(missing) - 1} more are missing" if len(missing) > 1 else ""
        raise InvalidInput(
            f"{run.execution}: call {n} of {name} has no recording below {run.recordings}{more}",
            "restore it from a copy; a run of another clone has its recordings there",
            "E466",
        )


def _require_base(run: RecordedRun) -> None:
    base = run.take(PhasePlan).base.commit
    if run.repo.commit_of(base) is None:
        raise EnvironmentFault(
            f"{run.execution} began at the commit {base}, which is not in this repository any more",
            "fetch it from another clone",
            "E408",
        )


def _plan_options(run: RecordedRun) -> dict[str, Any]:
    """What makes PH1 plan the same again. A tool that all workstreams have may have been given by name, or not: it is the same,
    unless others may take over from it, which no tool given by name allows."""
    plan = run.take(PhasePlan)
    tools = {one.work.tool for one in plan.workstreams}
    options = {
        "target": plan.target_branch,
        "strategy": plan.strategy,
        "tool": tools.pop() if len(tools) == 1 and not any(one.work.instead for one in plan.workstreams) else None,
        "recording": str(run.folder / "replay") if plan.recording else None,
        "jobs": plan.observed.get("jobs"),
        "workstream_id": _chosen(run),
    }
    return {key: value for key, value in options.items() if value is not None}


def _chosen(run: RecordedRun) -> str | None:
    """The workstream that was asked for, if not all were: nothing else in the plan needs it."""
    planned = run.take(PhasePlan).workstreams
    if len(planned) == len(run.take(WorkstreamSet).workstreams):
        return None
    needs = {one.id: one.depends_on for one in run.take(WorkstreamSet).workstreams}
    needed = {name for one in planned for name in needs[one.id]}
    return next((one.id for one in planned if one.id not in needed), None)
