"""PH5: judge every workstream, repair what can be repaired within bounds, set aside the rest."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from global_util.contracts.error_pipeline_result import Breaker, ErrorPipelineResult, Reason, ResultItem, Verdict, lands
from global_util.contracts.error_report import ErrorReport, ReportItem

from ph5_error_autofix.judgement import blind, blocking, inconclusive, verified
from ph5_error_autofix.repair import Repair

if TYPE_CHECKING:
    from global_util.phase import Context

_STOPPED: dict[str, tuple[Reason, str]] = {
    "failed": ("tool_failed", "failed"),
    "blocked": ("upstream", "blocked"),
    "abandoned": ("abandoned", "abandoned"),
    "interrupted": ("interrupted", "interrupted"),
}


@dataclass(frozen=True)
class Ruling:
    """A verdict with its reason, the sentence for people, and the state that the workstream enters."""

    verdict: Verdict
    reason: Reason | None
    explanation: str
    state: str


class ErrorAutofix:
    """The item phase behind ``ph5 run``."""

    id = "PH5_ERROR_AUTOFIX"
    consumes = ErrorReport.SCHEMA
    produces = ErrorPipelineResult.SCHEMA
    reads = ("policy.unverified",)

    def one(self, item: ReportItem, ctx: Context) -> ResultItem:
        """The verdict on one workstream."""
        repair = Repair.of(ctx, item)
        own = tuple(one.why for one in item.execution.blockers if one.workstream_id == item.workstream_id)
        if own:
            repair.breaker = Breaker(kind="budget", reason="its budget is used up", evidence=own)
        if item.execution.status == "edited":
            repair.run()
        ruling = _rule(repair, ctx.config.get("policy.unverified"))
        made = ResultItem.seal(
            **{**item.common(), "head": repair.head},
            inputs=(item.item_id,),
            execution_status=item.execution.status,
            verdict=ruling.verdict,
            changes=ctx.repo.diff(item.base.tree, repair.head.tree),
            scope=repair.scope,
            checks=repair.report.checks,
            open_findings=blocking(repair.report),
            fix_attempts=tuple(repair.attempts),
            calls=tuple(repair.calls),
            breaker=repair.breaker,
            reason=ruling.reason,
            explanation=ruling.explanation,
            unverified=item.execution.unverified,
        )
        state = ruling.state
        if ruling.verdict == "unverified" and not lands(made, ctx.config.get("policy.unverified")):
            state = "quarantined"
        ctx.move(item.workstream_id, state, ruling.explanation)
        return made


def _rule(repair: Repair, unverified: str) -> Ruling:
    item, execution = repair.report, repair.report.execution
    if repair.breaker is not None and execution.status == "blocked":
        return _aside("breaker", f"never started: {repair.breaker.reason}: {', '.join(repair.breaker.evidence)}")
    if execution.status in _STOPPED:
        reason, state = _STOPPED[execution.status]
        return Ruling("quarantined", reason, _why_stopped(item), state)
    if repair.scope.verdict == "violated":
        return _aside("scope", _why_outside(item, [violation.path for violation in repair.scope.violations]))
    if repair.breaker is not None:
        return _aside("breaker", f"{repair.breaker.reason}; {len(blocking(item))} findings stay open")
    if blocking(item):
        return _aside("findings", f"{len(blocking(item))} findings stay open")
    if inconclusive(item):
        check = inconclusive(item)[0]
        return _aside("inconclusive", f"{check.check_id} gave no answer: {check.status}")
    if execution.status == "no_change":
        return _nothing(item)
    if not verified(item):
        saved = "saved by policy" if unverified == "save" else "set aside by policy"
        return Ruling("unverified", "unverified", f"no check could judge the change; {saved}", "done")
    if repair.attempts:
        fixers = ", ".join(dict.fromkeys(tried.fixer for tried in repair.attempts))
        return Ruling("fixed", None, _seen(item, f"repaired by {fixers}"), "done")
    return Ruling("clean", None, _seen(item, "all checks passed at once"), "done")


def _why_outside(item: ReportItem, outside: list[str]) -> str:
    """Which files, and the likeliest slip: a folder named without its trailing slash."""
    why = f"changed files outside its scope: {', '.join(outside[:3])}"
    for entry in item.work.scope.files_scope:
        if isinstance(entry, str) and any(path.startswith(f"{entry}/") for path in outside):
            return f"{why}; the scope says {entry!r}, a folder is written {entry + '/'!r}"
    return why


def _seen(item: ReportItem, explanation: str) -> str:
    return f"{explanation}; {', '.join(blind(item))} judged nothing" if blind(item) else explanation


def _nothing(item: ReportItem) -> Ruling:
    if any(check.kind == "acceptance" and check.status == "pass" for check in item.checks):
        return Ruling("nothing", None, "the tool changed nothing, and acceptance passes as it is", "done")
    return _aside("no_change", "the tool changed nothing, and no acceptance command says that nothing was needed")


def _aside(reason: Reason, explanation: str) -> Ruling:
    return Ruling("quarantined", reason, explanation, "quarantined")


def _why_stopped(item: ReportItem) -> str:
    execution = item.execution
    if execution.blockers:
        return "never started: " + "; ".join(
            f"{blocker.workstream_id}: {blocker.why}" for blocker in execution.blockers
        )
    if execution.calls:
        call = execution.calls[-1]
        how = f"exit {call.exit_code}" if call.exit_code is not None else call.outcome
        return f"the tool {call.tool} failed: {call.outcome}, {how}"
    return execution.status


PHASE = ErrorAutofix()
