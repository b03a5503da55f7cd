"""Repeating a finished run phase by phase, and comparing each artifact with the recorded one."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any

from global_core_state.harness import Order, run_phase
from global_core_state.keep_objects import Commit, commits
from global_util.contracts import Artifact
from global_util.contracts.error_pipeline_result import ErrorPipelineResult
from global_util.contracts.git_operation_log import GitOperationLog
from global_util.contracts.phase_plan import PhasePlan
from global_util.errors import Interrupted
from global_util.phase import LINE
from global_util.progress import Listener

from global_ui.difference import ABSENT, Field, fields
from global_ui.recorded_run import RecordedRun
from global_ui.replay_stage import Stage, committing_as

MOST = 50
"""Fields of one artifact that are told."""


@dataclass(frozen=True)
class Difference:
    """Where a replay left the recorded way: phase, what it wrote (a schema id, or ``refs``), and the fields, the first first."""

    phase: str
    what: str
    fields: Sequence[Field]


@dataclass(frozen=True)
class Replayed:
    """What was compared until the end, or until the first ``difference``."""

    execution: str
    calls: int
    artifacts: int
    commits: int
    trees: int
    difference: Difference | None = None


def replay(run: RecordedRun, stage: Stage, listener: Listener) -> Replayed:
    """Run PH1 to PH7 on the stage. PH0 is not repeated: the plan is read from its recorded artifact."""
    last, compared = _as_read(run, stage), 0
    with committing_as(run):
        for phase, recorded in zip(LINE[1:], run.artifacts[1:], strict=True):
            if phase == LINE[-1]:
                stage.before_landing(run)
            last = _run(run, _order(run, stage, phase, last, listener))
            found = tuple(islice(fields(recorded, last), MOST))
            if found:
                return Replayed(
                    run.execution, len(run.calls), compared, 0, 0, Difference(phase, recorded.schema_id, found)
                )
            compared += 1
    states = _states(run)
    unlike = (*_unlike_refs(run, stage), *_unlike_trees(stage, states))
    difference = Difference(LINE[-1], "refs", unlike[:MOST]) if unlike else None
    return Replayed(run.execution, len(run.calls), compared, len(states), len(set(states.values())), difference)


def _run(run: RecordedRun, order: Order) -> Artifact:
    try:
        return run_phase(order)
    except Interrupted:
        raise Interrupted(f"the replay of {run.execution} was stopped in {order.phase}", "begin it again") from None


def _as_read(run: RecordedRun, stage: Stage) -> Artifact:
    """PH0's artifact. What is configured travels in the part that no id covers, as settings of a machine do."""
    return run.artifacts[0].model_copy(update={"observed": {"config": dict(stage.settings)}})


def _order(run: RecordedRun, stage: Stage, phase: str, last: Artifact, listener: Listener) -> Order:
    return Order(
        phase=phase,
        repo=stage.repo,
        text=last.dumps().encode(),
        where=f"the artifact for {phase}",
        overrides=run.overrides(phase),
        options=run.options(phase),
        listener=listener,
    )


def _states(run: RecordedRun) -> dict[str, str]:
    """The commits that a run made, with the trees that its artifacts name for them."""
    plan = run.take(PhasePlan)
    items = run.take(ErrorPipelineResult).items
    found = {state.commit: state.tree for item in items for state in (item.base, item.head)}
    log = run.take(GitOperationLog)
    for operation in log.operations:
        commit, tree = operation.detail.get("commit"), operation.detail.get("tree")
        if commit and tree:
            found[str(commit)] = str(tree)
    found.pop(plan.base.commit, None)
    return found


def _unlike_refs(run: RecordedRun, stage: Stage) -> Iterator[Field]:
    """The refs of the run that both have, and the target branch."""
    prefix = f"refs/pipeline/runs/{run.execution}/"
    recorded, now = run.repo.refs(prefix), stage.repo.refs(prefix)
    for ref in sorted(recorded.keys() & now.keys()):
        if recorded[ref] != now[ref]:
            yield Field(ref, recorded[ref], now[ref])
    log = run.take(GitOperationLog)
    if log.commits and not log.dry_run:
        ref, tip = f"refs/heads/{log.target_branch}", log.commits[-1].merge or log.commits[-1].commit
        found = stage.repo.resolve(ref)
        if found != tip:
            yield Field(ref, tip, found or ABSENT)


def _unlike_trees(stage: Stage, states: dict[str, str]) -> Iterator[Field]:
    """The commits in the clone hold the trees that the artifacts name."""
    made = commits(stage.repo, states)
    for commit, tree in states.items():
        found = made.get(commit)
        held: Any = found.tree if isinstance(found, Commit) else ABSENT
        if held != tree:
            yield Field(f"commit {commit}", tree, held)
