"""PH6: from verdicts to a commit plan. It proves the tree of every step; PH7 only moves refs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

from global_util.contracts.commit_plan import CommitPlan
from global_util.contracts.error_pipeline_result import ErrorPipelineResult, lands
from global_util.contracts.item import State
from global_util.contracts.phase_plan import PhasePlan

from ph6_finalization_prep.completion import settle
from ph6_finalization_prep.rules import read_rules

if TYPE_CHECKING:
    from global_util.phase import Context


class FinalizationPrep:
    """The line phase behind ``ph6 run``."""

    id = "PH6_FINALIZATION_PREP"
    consumes = ErrorPipelineResult.SCHEMA
    produces = CommitPlan.SCHEMA
    reads = (
        "policy.changelog",
        "policy.changelog_fragments",
        "policy.definition_of_done",
        "policy.mint_doc_ids",
        "policy.not_done",
        "policy.unverified",
    )

    def run(self, artifact: ErrorPipelineResult, ctx: Context) -> dict[str, Any]:
        """The fields of the commit plan on the pinned base."""
        plan = cast("PhasePlan", ctx.ancestor(PhasePlan.SCHEMA))
        return self.plan_on(artifact, ctx, State(commit=plan.base.commit, tree=plan.base.tree))

    def plan_on(
        self, artifact: ErrorPipelineResult, ctx: Context, base: State, *, trial: bool = False
    ) -> dict[str, Any]:
        """The fields of a commit plan on any base. PH7 asks for it when the target has moved; a trial moves no state."""
        plan = cast("PhasePlan", ctx.ancestor(PhasePlan.SCHEMA))
        rules = read_rules(ctx.config, ctx.repo, plan.base.tree, base.tree)
        settled = settle(ctx.repo, base.tree, artifact.items, rules, ctx.execution_id)
        combined = settled.combined
        late = {
            item.workstream_id for item in artifact.items if item.verdict == "nothing" or lands(item, rules.unverified)
        }
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
            "definition_of_done": settled.conditions,
        }


PHASE = FinalizationPrep()
