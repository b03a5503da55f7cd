"""The repair loop: the checks' own fixers first, then the AI tool with the findings, until clean or a bound is reached."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, cast

from global_util.attempt import AttemptRequest, AttemptResult
from global_util.checks import checks
from global_util.contracts.error_pipeline_result import Breaker, FixAttempt
from global_util.contracts.error_report import Finding, ReportItem
from global_util.contracts.execution_result import MAX_LISTED_CHANGES, ExecutionItem
from global_util.contracts.item import Call, ScopeReport, State
from global_util.errors import Overspent

from ph5_error_autofix.judgement import blocking, inconclusive, signature

if TYPE_CHECKING:
    from global_util.phase import Context


@dataclass
class Repair:
    """One workstream's repair: the current report and head, and everything that was tried."""

    ctx: Context
    report: ReportItem
    head: State
    scope: ScopeReport
    calls: list[Call]
    attempts: list[FixAttempt] = field(default_factory=list)
    breaker: Breaker | None = None
    trees: Counter[str] = field(default_factory=Counter)
    errors: Counter[str] = field(default_factory=Counter)
    fixed: set[tuple[str, str]] = field(default_factory=set)
    """Pairs of check and tree on which the check's fixer was tried."""

    @classmethod
    def of(cls, ctx: Context, report: ReportItem) -> Repair:
        """Begin with what the edit left."""
        return cls(ctx, report, report.head, report.execution.scope, list(report.execution.calls))

    def run(self) -> None:
        """Repair until nothing stands in the way, the scope is left, or a breaker trips."""
        self._count()
        while blocking(self.report) and self.scope.verdict != "violated" and self.breaker is None:
            if not self._mend_by_fixer():
                self._mend_by_tool()

    def _mend_by_fixer(self) -> bool:
        """Let a check's fixer work, at most once per tree and check. False when there was nothing for it to do."""
        for check_id, files in self._fixable():
            plugin = checks().get(check_id)
            command = plugin.fixer(files) if plugin else None
            if plugin is None or command is None or (check_id, self.head.tree) in self.fixed:
                continue
            self.fixed.add((check_id, self.head.tree))
            self._try(f"{check_id} fixer", self._request("fixer", command, plugin.python_module))
            return True
        return False

    def _fixable(self) -> list[tuple[str, tuple[str, ...]]]:
        found = []
        for check in self.report.checks:
            files = {finding.path for finding in check.findings if finding.fixable and finding.baseline == "new"}
            if files - {None}:
                found.append((check.check_id, tuple(sorted(path for path in files if path))))
        return found

    def _mend_by_tool(self) -> None:
        limits = self.report.work.limits
        used = len(self.calls) - 1
        if used >= limits.max_attempts:
            self._trip("max_attempts", f"{limits.max_attempts} repairs by the tool were not enough")
            return
        before = self.head.tree
        try:
            self._try(self.report.work.tool, self._request("repair"))
        except Overspent as fault:
            self.breaker = Breaker(kind="budget", reason="its budget is used up", evidence=fault.evidence)
            return
        if self.scope.verdict != "violated" and blocking(self.report):
            self._count()
            call = self.calls[-1]
            if call.outcome != "ok":
                self._trip("no_progress", f"the repair by {call.tool} failed: {call.outcome}")
            elif self.head.tree == before:
                self._trip("no_progress", "the tool changed nothing")
            elif self.trees[self.head.tree] >= limits.oscillation_threshold:
                self._trip("oscillation", "the repair went back to a state that was there before")
            elif self.errors[signature(blocking(self.report))] >= limits.max_error_repeats:
                self._trip("max_error_repeats", f"the same findings came back {limits.max_error_repeats} times")

    def _count(self) -> None:
        self.trees[self.head.tree] += 1
        self.errors[signature(blocking(self.report))] += 1

    def _trip(self, kind: str, reason: str) -> None:
        self.breaker = Breaker.model_validate(
            {"kind": kind, "reason": reason, "evidence": tuple(_line(finding) for finding in blocking(self.report)[:5])}
        )

    def _request(self, purpose: str, command: tuple[str, ...] = (), module: str | None = None) -> AttemptRequest:
        fixes = sum(attempt.fixer.endswith(" fixer") for attempt in self.attempts)
        return AttemptRequest.model_validate(
            {
                "workstream_id": self.report.workstream_id,
                "n": fixes + 1 if purpose == "fixer" else len(self.calls) + 1,
                "purpose": purpose,
                "work": self.report.work,
                "base": self.report.base,
                "start": self.head,
                "findings": blocking(self.report) if purpose == "repair" else (),
                "command": command,
                "python_module": module,
            }
        )

    def _try(self, fixer: str, request: AttemptRequest) -> None:
        self.ctx.move(request.workstream_id, "fixing", fixer)
        before = len(blocking(self.report))
        result = self.ctx.attempt(request)
        if request.purpose == "repair":
            self.calls.append(result.call)
            fixer = result.call.tool
        changed = result.head.tree != self.head.tree
        self.head, self.scope = result.head, result.scope
        if changed and self.scope.verdict != "violated":
            self.report = self._checked(result)
        after = len(blocking(self.report))
        self.attempts.append(
            FixAttempt.model_validate(
                {
                    "n": len(self.attempts) + 1,
                    "fixer": fixer,
                    "findings_before": before,
                    "findings_after": after,
                    "change": result.call.change,
                    "outcome": self._outcome(result, changed, before, after),
                }
            )
        )
        self.ctx.emit("repaired", request.workstream_id, fixer=fixer, before=before, after=after)

    def _outcome(self, result: AttemptResult, changed: bool, before: int, after: int) -> str:
        if result.scope.verdict == "violated":
            return "out_of_scope"
        if result.call.outcome != "ok" and not changed:
            return "failed"
        if not changed:
            return "no_change"
        if after == 0:
            return "same" if inconclusive(self.report) else "clean"
        return "better" if after < before else "same" if after == before else "worse"

    def _checked(self, result: AttemptResult) -> ReportItem:
        """PH3 and PH4 on the new head."""
        changes = self.ctx.repo.diff(self.report.base.tree, result.head.tree)
        old = self.report.execution
        item = ExecutionItem.seal(
            **{**old.common(), "head": result.head},
            inputs=(self.report.item_id,),
            status="edited" if changes else "no_change",
            changes=changes if len(changes) <= MAX_LISTED_CHANGES else (),
            changes_total=len(changes),
            scope=result.scope,
            calls=tuple(self.calls),
            blockers=(),
            unverified=old.unverified,
        )
        return cast("ReportItem", self.ctx.call("ph4", self.ctx.call("ph3", item)))


def _line(finding: Finding) -> str:
    place = f"{finding.path}:{finding.line or 1}: " if finding.path else ""
    return f"{place}{finding.rule} {finding.message}"[:300]
