"""PH6: from verdicts to a commit plan. It proves the tree of every step; PH7 only moves refs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

from global_util.contracts.commit_plan import CommitPlan, DoneCondition
from global_util.contracts.error_pipeline_result import ErrorPipelineResult, ResultItem, lands
from global_util.contracts.item import State
from global_util.contracts.phase_plan import PhasePlan

from ph6_finalization_prep.combine import Combined, combine

if TYPE_CHECKING:
    from global_util.phase import Context


class FinalizationPrep:
    """The line phase behind ``ph6 run``."""

    id = "PH6_FINALIZATION_PREP"
    consumes = ErrorPipelineResult.SCHEMA
    produces = CommitPlan.SCHEMA
    reads = ("policy.unverified",)

    def run(self, artifact: ErrorPipelineResult, ctx: Context) -> dict[str, Any]:
        """The fields of the commit plan on the pinned base."""
        plan = cast("PhasePlan", ctx.ancestor(PhasePlan.SCHEMA))
        return self.plan_on(artifact, ctx, State(commit=plan.base.commit, tree=plan.base.tree))

    def plan_on(
        self, artifact: ErrorPipelineResult, ctx: Context, base: State, *, trial: bool = False
    ) -> dict[str, Any]:
        """The fields of a commit plan on any base. PH7 asks for it when the target has moved; a trial moves no state."""
        plan = cast("PhasePlan", ctx.ancestor(PhasePlan.SCHEMA))
        unverified = ctx.config.get("policy.unverified")
        combined = combine(ctx.repo, base.tree, artifact.items, unverified, ctx.execution_id)
        late = {item.workstream_id for item in artifact.items if item.verdict == "nothing" or lands(item, unverified)}
        for aside in combined.aside:
            if aside.workstream_id in late and not trial:
                ctx.move(aside.workstream_id, "landing")
                ctx.move(aside.workstream_id, "quarantined", aside.explanation)
        return {
            "commit_plan_id": "CP-" + ctx.execution_id.removeprefix("EXEC-"),
            "target_branch": plan.target_branch,
            "base_branch": plan.base.branch,
            "strategy": plan.strategy,
            "base_commit": base.commit,
            "final_tree": combined.tree,
            "commit_groups": combined.groups,
            "quarantine": combined.aside,
            "nothing_to_land": combined.nothing,
            "definition_of_done": _done(artifact.items, combined),
        }


def _done(items: tuple[ResultItem, ...], combined: Combined) -> list[DoneCondition]:
    names = {name for group in combined.groups for name in group.workstreams}
    landing = [item for item in items if item.workstream_id in names]
    tested = sum(
        any(check.kind in ("test", "acceptance") and check.status == "pass" for check in item.checks)
        for item in landing
    )
    clean = sum(item.verdict in ("clean", "fixed") for item in landing)
    count = len(landing)
    facts = (
        (
            "tests of what lands exist and pass",
            tested == count,
            f"{tested} of {count} workstreams passed a test or acceptance command",
        ),
        ("the error pipeline reports clean", clean == count, f"{clean} of {count} workstreams are clean or fixed"),
    )
    verdicts = {True: "met", False: "not_met"} if count else dict.fromkeys((True, False), "not_checked")
    conditions = [
        DoneCondition.model_validate({"condition": text, "verdict": verdicts[met], "evidence": evidence})
        for text, met, evidence in facts
    ]
    return [
        *conditions,
        DoneCondition(
            condition="documents, changelog and doc ids are kept",
            verdict="not_checked",
            evidence="no policy asks for it",
        ),
    ]


PHASE = FinalizationPrep()
