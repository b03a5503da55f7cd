"""The verdicts of all checks on one workstream, with what is new against its base."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from global_aim.project_tools import Interpreter
from global_util.checks import Check, Outcome
from global_util.contracts.error_check_targets import ChosenCheck, TargetsItem
from global_util.contracts.error_report import CheckResult, Finding, ReportItem
from global_util.paths import to_bytes

from ph4_error_detection.acceptance import run_acceptance
from ph4_error_detection.findings import against_base, bounded, relative_path, renamed, to_finding
from ph4_error_detection.run import first_file, run_check
from ph4_error_detection.text import summarise

BaseTree = Callable[[], AbstractContextManager[Path]]
Told = Callable[[ChosenCheck], object]
Recall = Callable[[ChosenCheck, Callable[[], dict[str, Any]]], dict[str, Any]]
"""Asked for status and findings of a check on the base; the second argument finds them out."""
_RUNS_CODE = ("test", "acceptance")


@dataclass(frozen=True)
class _Judge:
    plugins: Mapping[str, Check]
    interpreter: Interpreter

    def outcome(self, chosen: ChosenCheck, tree: Path) -> Outcome:
        """A check's outcome on a tree. A plugin that is not installed is a missing tool."""
        if chosen.kind == "acceptance":
            return run_acceptance(chosen, tree, self.interpreter)
        plugin = self.plugins.get(chosen.check_id)
        if plugin is None:
            return Outcome("tool_missing", detail=f"no installed distribution provides the check {chosen.check_id}")
        return run_check(chosen, plugin, tree, self.interpreter)

    def findings(self, chosen: ChosenCheck, outcome: Outcome, tree: Path) -> list[Finding]:
        """The findings of an outcome as the artifact holds them."""
        trees = (tree, *filter(None, [self.interpreter.main_worktree]))
        return [to_finding(raw, chosen.tool, *trees) for raw in outcome.findings]


@dataclass
class _AtHead:
    chosen: ChosenCheck
    outcome: Outcome
    findings: list[Finding]
    detail: str

    @property
    def compares(self) -> bool:
        """An acceptance command is not compared: it is the change that must make it pass."""
        return bool(self.findings) and self.chosen.kind != "acceptance"


def judge(
    item: TargetsItem,
    checks: Mapping[str, Check],
    head_tree: Path,
    base_tree: BaseTree,
    interpreter: Interpreter,
    told: Told = lambda _: None,
    recall: Recall = lambda _, answer: answer(),
) -> ReportItem:
    """Run every chosen check on the head, and on the base those that found something.

    Checks that only read go first, because tests may write into the tree. ``base_tree`` is entered at most once, and
    only if it is needed. ``told`` is called before each check runs on the head, in the order in which they run; the
    results stand in the order in which the checks were chosen. ``recall`` may know the answer of a check on the base.
    """
    own = _Judge(checks, interpreter)
    ran = sorted(item.checks, key=lambda chosen: _RUNS_CODE.index(chosen.kind) + 1 if chosen.kind in _RUNS_CODE else 0)
    heads = [_at_head(own, chosen, head_tree, told) for chosen in ran]
    if any(head.compares for head in heads):
        old_names = {change.path: change.old_path for change in item.execution.changes if change.old_path}
        with base_tree() as tree:
            for head in heads:
                if head.compares:
                    _compare(own, head, tree, old_names, recall)
    results = {head.chosen.check_id: _result(head, head_tree) for head in heads}
    return ReportItem.seal(
        **item.common(),
        inputs=(item.item_id,),
        execution=item.execution,
        checks=tuple(results[chosen.check_id] for chosen in item.checks),
        not_chosen=item.not_chosen,
    )


def _at_head(own: _Judge, chosen: ChosenCheck, tree: Path, told: Told) -> _AtHead:
    told(chosen)
    outcome = own.outcome(chosen, tree)
    trees = (tree, *filter(None, [own.interpreter.main_worktree]))
    detail = summarise(outcome.detail, *trees)
    return _AtHead(chosen, outcome, against_base(own.findings(chosen, outcome, tree), ()), detail)


def _compare(own: _Judge, head: _AtHead, tree: Path, old_names: Mapping[str, str], recall: Recall) -> None:
    """Mark what the base has too. A base that cannot be judged excuses nothing."""
    chosen = on_base(head.chosen, tree, old_names)
    if chosen is None:
        return

    def answer() -> dict[str, Any]:
        outcome = own.outcome(chosen, tree)
        return {
            "status": outcome.status,
            "findings": [found.to_json() for found in own.findings(chosen, outcome, tree)],
        }

    known = recall(chosen, answer)
    if known["status"] not in ("pass", "findings", "no_tests"):
        head.detail = f"the base could not be judged ({known['status']}), so every finding counts as new"
    new_names = {old: new for new, old in old_names.items()}
    base = [renamed(Finding.model_validate(found), new_names) for found in known["findings"]]
    head.findings = against_base(head.findings, base)


def on_base(chosen: ChosenCheck, tree: Path, old_names: Mapping[str, str]) -> ChosenCheck | None:
    """The same check for the files as the base has them, under their old names; None when it has none of them."""
    names = {path: old_names.get(path, path) for path in chosen.files}
    there = {path: old for path, old in names.items() if _exists(tree, old)}
    if not there and not chosen.whole_tree:
        return None
    first = first_file(chosen.argv)
    tail = (there.get(text, text) for text in chosen.argv[first:] if text in there or text not in names)
    argv = (*chosen.argv[:first], *tail)
    return chosen.model_copy(update={"argv": argv, "files": tuple(there.values())})


def _exists(tree: Path, path: str) -> bool:
    place = tree / os.fsdecode(to_bytes(path))
    return place.is_file() and not place.is_symlink()


def _result(head: _AtHead, tree: Path) -> CheckResult:
    findings, note = bounded(head.findings)
    return CheckResult(
        check_id=head.chosen.check_id,
        tool=head.chosen.tool,
        kind=head.chosen.kind,
        status=head.outcome.status,
        judged=_judged(head, tree),
        whole_tree=head.chosen.whole_tree,
        findings=findings,
        detail="; ".join(filter(None, (head.detail, note))),
    )


def _judged(head: _AtHead, tree: Path) -> tuple[str, ...]:
    """The changed files that were read: none when the tool came to no answer."""
    if head.outcome.status not in ("pass", "findings"):
        return ()
    told: Iterable[str | None] = head.chosen.files
    if head.outcome.judged is not None:
        told = [path if path in head.chosen.files else relative_path(path, tree) for path in head.outcome.judged]
    return tuple(sorted({path for path in told if path in head.chosen.files}))
