"""PH7: apply a commit plan to the local repository. Proven trees in, commits and one moved ref out."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

from global_util.contracts import Artifact, load_artifact
from global_util.contracts.commit_plan import CommitPlan, DoneCondition
from global_util.contracts.error_pipeline_result import ErrorPipelineResult
from global_util.contracts.git_operation_log import GitOperationLog, GitStrategy
from global_util.contracts.item import State
from global_util.errors import Held
from global_util.phase import find

from ph7_merge_and_release.land import Landing

if TYPE_CHECKING:
    from global_util.phase import Context

MAX_REPLANS = 3
"""How often a moving target is followed before the landing gives up."""


class MergeAndRelease:
    """The line phase behind ``ph7 run``."""

    id = "PH7_MERGE_AND_RELEASE"
    consumes = CommitPlan.SCHEMA
    produces = GitOperationLog.SCHEMA
    reads = ()

    def run(self, artifact: CommitPlan, ctx: Context) -> dict[str, Any]:
        """The fields of the operation log."""
        dry_run = bool(ctx.options.get("dry_run"))
        ctx.repo.require_there(artifact.target_branch, artifact.base_commit)
        if not dry_run:
            _take_back(artifact.target_branch, ctx)
        ctx.repo.require_clean(artifact.target_branch)
        landing = Landing(ctx.repo, artifact, ctx.run_clock, dry_run)
        if artifact.commit_groups:
            landing = _land(landing, ctx)
        return {
            "commit_plan": landing.plan.artifact_id,
            "strategy": _strategy(landing.plan),
            "target_branch": landing.plan.target_branch,
            "dry_run": dry_run,
            "commits": landing.commits,
            "operations": landing.operations,
            "definition_of_done": (*landing.plan.definition_of_done, _applied(landing)),
        }


def _take_back(branch: str, ctx: Context) -> None:
    """An earlier try can have ended while git wrote the files of the checkout: they are its own, no person's."""
    anchored, old = ctx.repo.resolve(_anchor(ctx)), ctx.repo.resolve(f"refs/heads/{branch}")
    if anchored and old and not ctx.repo.is_ancestor(anchored, old):
        ctx.repo.take_back(branch, anchored)


def _strategy(plan: CommitPlan) -> GitStrategy:
    history = "linear" if plan.strategy == "ff_only" else "semi_linear"
    return GitStrategy.model_validate({"schema": GitStrategy.SCHEMA, "name": plan.strategy, "history": history})


def _land(landing: Landing, ctx: Context) -> Landing:
    for _ in range(MAX_REPLANS + 1):
        old = ctx.repo.resolve(landing.ref)
        if old is not None and old != landing.plan.base_commit:
            before = _landed_before(landing, ctx, old)
            if before is not None:
                return before
            landing = _replan(landing, ctx, old)
        try:
            return _apply(landing, ctx, old)
        except Held as fault:
            if fault.code != "E501":
                raise
    raise Held(f"{landing.ref} keeps moving", "run ph7 again when it rests", "E504")


def _landed_before(landing: Landing, ctx: Context, tip: str) -> Landing | None:
    """An earlier try ended between moving the ref and telling so: the branch already holds what that try anchored.

    The anchor announces the landing, and the branch itself is asked whether it happened: it, not the journal, is what a
    person may have moved since. Commits need no question, the same ones are made again; anchors are compared and swapped.
    """
    anchored = ctx.repo.resolve(_anchor(ctx))
    if anchored is None:
        return None
    happened = ctx.repo.is_ancestor(anchored, tip)
    if not landing.dry_run:
        ctx.emit("asked", kind="landing", happened=happened)
    if not happened:
        return None
    told = Landing(ctx.repo, _plan_of(landing.plan, ctx, anchored), ctx.run_clock, landing.dry_run)
    kept = ctx.repo.resolve(_kept(ctx))
    told.recall(anchored, kept, {_anchor(ctx): anchored, _kept(ctx): kept})
    if not told.dry_run:
        _report(told, ctx)
    return told


def _plan_of(plan: CommitPlan, ctx: Context, commit: str) -> CommitPlan:
    """The plan that a landed commit names: the given one, or one that took its place when the target had moved."""
    words = ("show", "-s", "--no-show-signature", "--format=%(trailers:key=Commit-Plan,valueonly)", commit)
    name = ctx.repo.run(*words).decode().strip()
    if name == plan.artifact_id:
        return plan
    place = ctx.run_dir / "artifacts" / f"{name.removeprefix('sha256:')}.json"
    return cast("CommitPlan", load_artifact(place.read_bytes(), str(place), CommitPlan.SCHEMA))


def _anchor(ctx: Context) -> str:
    return f"refs/pipeline/runs/{ctx.execution_id}/landing"


def _kept(ctx: Context) -> str:
    return f"refs/pipeline/keep/{ctx.execution_id}/target/1"


def _apply(landing: Landing, ctx: Context, old: str | None) -> Landing:
    made = Landing(ctx.repo, landing.plan, ctx.run_clock, landing.dry_run, list(landing.operations))
    tip = made.make_commits()
    made.anchor(_anchor(ctx), tip)
    if old:
        made.anchor(_kept(ctx), old)
    if not made.dry_run:
        _report(made, ctx, "landing")
    made.move(tip, old)
    if not made.dry_run:
        _report(made, ctx)
    return made


def _report(landing: Landing, ctx: Context, state: str = "landed") -> None:
    for group in landing.plan.commit_groups:
        for name in group.workstreams:
            ctx.move(name, state, group.group_id)


def _replan(landing: Landing, ctx: Context, tip: str) -> Landing:
    """Ask PH6 for the same verdicts on the target's new tip."""
    phase, _ = find("ph6", ctx.config.get("phases.ph6") or "")
    plan_on = getattr(phase, "plan_on", None)
    if plan_on is None:
        raise Held(f"{landing.ref} has moved, and this PH6 cannot plan anew", "run ph6 again on the new base", "E505")
    result = cast("ErrorPipelineResult", ctx.ancestor(ErrorPipelineResult.SCHEMA))
    fields = plan_on(result, ctx, State(commit=tip, tree=ctx.repo.tree_of(tip)), trial=landing.dry_run)
    plan: Artifact = ctx.publish(CommitPlan, **fields, supersedes=landing.plan.artifact_id)
    fresh = Landing(ctx.repo, cast("CommitPlan", plan), ctx.run_clock, landing.dry_run, list(landing.operations))
    fresh.note_replan(landing.plan.base_commit, tip)
    return fresh


def _applied(landing: Landing) -> DoneCondition:
    if not landing.plan.commit_groups:
        return DoneCondition(condition="the commit plan is applied", verdict="not_met", evidence="nothing lands")
    if landing.dry_run:
        return DoneCondition(condition="the commit plan is applied", verdict="not_checked", evidence="dry run")
    evidence = f"{len(landing.commits)} commits on {landing.plan.target_branch}"
    return DoneCondition(condition="the commit plan is applied", verdict="met", evidence=evidence)


PHASE = MergeAndRelease()
