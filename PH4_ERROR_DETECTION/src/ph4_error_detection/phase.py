"""PH4: run the chosen checks on a workstream's tree, and report what is new against its base."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from global_aim.project_tools import choose_interpreter
from global_util.checks import checks
from global_util.contracts.error_check_targets import ChosenCheck, ErrorCheckTargets, TargetsItem
from global_util.contracts.error_report import ErrorReport, ReportItem
from global_util.files import write_atomically

from ph4_error_detection.report import judge
from ph4_error_detection.sarif import to_sarif

if TYPE_CHECKING:
    from global_util.phase import Context


SARIF = "error_report.sarif"
"""The name of the report in the run's folder."""


class ErrorDetection:
    """The item phase behind ``ph4 run``."""

    id = "PH4_ERROR_DETECTION"
    consumes = ErrorCheckTargets.SCHEMA
    produces = ErrorReport.SCHEMA
    reads = ("checks.python",)

    def one(self, item: TargetsItem, ctx: Context) -> ReportItem:
        """The results for one workstream."""
        if not item.checks:
            return ReportItem.seal(
                **item.common(),
                inputs=(item.item_id,),
                execution=item.execution,
                checks=(),
                not_chosen=item.not_chosen,
            )

        def told(chosen: ChosenCheck) -> None:
            if chosen.kind in ("test", "acceptance"):
                ctx.move(item.workstream_id, "runtime_check", chosen.check_id)
            ctx.emit("check_started", item.workstream_id, check=chosen.check_id)

        def recall(chosen: ChosenCheck, answer: Callable[[], dict[str, Any]]) -> dict[str, Any]:
            """Every repair is compared with the same base: its answers are found out once per run.

            Nobody is asked whether it happened: a check leaves nothing, and costs no more than its time to do again.
            """
            return ctx.effect("base_check", {"tree": item.base.tree, "check": chosen.to_json()}, answer)

        interpreter = choose_interpreter(ctx.config.get("checks.python") or "", ctx.repo.worktree)
        with ctx.checkout(item.head.commit) as tree:
            return judge(item, checks(), tree, lambda: ctx.checkout(item.base.commit), interpreter, told, recall)

    def finish(self, items: Sequence[ReportItem], ctx: Context) -> None:
        """Write the whole report as SARIF into the run's folder."""
        content = (json.dumps(to_sarif(items), indent=2, sort_keys=True) + "\n").encode()
        write_atomically(ctx.run_dir / SARIF, content)
        ctx.emit("file_written", path=SARIF, sha256=hashlib.sha256(content).hexdigest())


PHASE = ErrorDetection()
