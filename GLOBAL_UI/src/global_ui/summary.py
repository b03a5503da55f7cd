"""What a run came to, read from its artifacts and nothing else."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, cast

from global_util.contracts import Artifact
from global_util.contracts.commit_plan import CommitPlan
from global_util.contracts.error_pipeline_result import ErrorPipelineResult, ResultItem
from global_util.contracts.error_report import Finding
from global_util.contracts.git_operation_log import GitOperationLog
from global_util.contracts.phase_plan import PhasePlan

from global_ui.conditions import missing

MAX_FINDINGS = 3
"""How many findings of a workstream that does not land are shown."""


@dataclass(frozen=True)
class Row:
    """One workstream: what became of it and why."""

    workstream: str
    title: str
    outcome: str
    why: str
    repairs: tuple[str, ...]
    commit: str
    details: tuple[str, ...] = ()
    """Conditions that are not met or not ready; where it did not land: the first findings, the tool's log, what was kept."""


@dataclass(frozen=True)
class Summary:
    """A run."""

    execution_id: str
    target_branch: str
    dry_run: bool
    rows: tuple[Row, ...]
    folder: str
    conditions: tuple[str, ...] = ()
    """What is not met of all that lands together."""

    @property
    def all_fine(self) -> bool:
        """Nothing was quarantined, blocked or failed."""
        return all(row.outcome not in ("quarantined", "blocked", "failed") for row in self.rows)

    def to_json(self) -> dict[str, Any]:
        """Plain JSON values."""
        return asdict(self)


def summarise(artifacts: Mapping[str, Artifact], folder: str) -> Summary:
    """The rows are in launch order."""
    result = cast("ErrorPipelineResult", artifacts[ErrorPipelineResult.SCHEMA])
    plan = cast("CommitPlan", artifacts[CommitPlan.SCHEMA])
    log = cast("GitOperationLog", artifacts[GitOperationLog.SCHEMA])
    groups = {name: group.group_id for group in plan.commit_groups for name in group.workstreams}
    commits = {landed.group_id: landed.commit for landed in log.commits}
    aside = {entry.workstream_id: entry.explanation for entry in plan.quarantine}
    waited: dict[str, list[str]] = {}
    phase_plan = cast("PhasePlan", artifacts[PhasePlan.SCHEMA])
    conditions = missing(phase_plan, plan, folder)
    for edge in phase_plan.edges:
        if edge.why == "scope_overlap":
            waited.setdefault(edge.after, []).append(f"waited for {edge.before}, which may change the same files")
    rows = [
        Row(
            workstream=item.workstream_id,
            title=item.work.title,
            outcome=_outcome(item, item.workstream_id in groups, item.workstream_id in aside, log.dry_run),
            why="; ".join([aside.get(item.workstream_id, item.explanation), *waited.get(item.workstream_id, [])]),
            repairs=tuple(f"{attempt.fixer}: {attempt.outcome}" for attempt in item.fix_attempts),
            commit=commits.get(groups.get(item.workstream_id, ""), ""),
            details=(
                *conditions.get(item.workstream_id, ()),
                *(() if item.workstream_id in groups else _details(item, folder)),
            ),
        )
        for item in result.items
    ]
    return Summary(result.execution_id, plan.target_branch, log.dry_run, tuple(rows), folder, conditions.get(None, ()))


def _details(item: ResultItem, folder: str) -> tuple[str, ...]:
    lines = [_line(finding) for finding in item.open_findings[:MAX_FINDINGS]]
    more = len(item.open_findings) - len(lines)
    if more > 0:
        lines.append(f"and {more} more findings")
    if item.calls:
        lines.append(f"log: {folder}/ws/{item.workstream_id}/{item.calls[-1].n}/")
    if item.scope.kept_under:
        lines.append(f"kept: git show {item.scope.kept_under[:12]}")
    return tuple(lines)


def _line(finding: Finding) -> str:
    place = f"{finding.path}:{finding.line or 1}  " if finding.path else ""
    return f"{place}{finding.rule}: {(finding.message.splitlines() or [''])[0][:160]}"


def _outcome(item: ResultItem, lands: bool, aside: bool, dry_run: bool) -> str:
    if lands:
        return "would land" if dry_run else "landed"
    if item.verdict == "nothing" and not aside:
        return "nothing to do"
    if item.execution_status in ("failed", "blocked"):
        return item.execution_status
    return "quarantined"
