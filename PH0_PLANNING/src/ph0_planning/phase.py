"""PH0: read a plan. What was understood becomes workstreams, what was not becomes notes and questions."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from global_util.contracts.workstream_set import WorkstreamSet

from ph0_planning.reading import read_plan

if TYPE_CHECKING:
    from global_util.phase import Context


class Planning:
    """The line phase behind ``ph0 run``."""

    id = "PH0_PLANNING"
    consumes = "plan"
    produces = WorkstreamSet.SCHEMA
    reads = ("planning.granularity",)

    def run(self, artifact: None, ctx: Context) -> dict[str, Any]:
        """The fields of the workstream set. ``plan`` and ``plan_format`` come from the command line."""
        del artifact
        root = ctx.repo.worktree or ctx.repo.cwd
        plan = Path(ctx.options["plan"]).absolute()
        reading = read_plan(plan, root, ctx.options.get("plan_format"), ctx.config.get("planning.granularity"))
        return {
            "plan": reading.plan,
            "workstreams": tuple(sorted(reading.workstreams, key=lambda workstream: workstream.id)),
            "notes": reading.notes,
            "questions": reading.questions,
            "officially_valid": reading.officially_valid,
        }


PHASE = Planning()
