"""A workstream whose one file says what a check finds in it, and a tool that writes what the story says.

The file holds words: ``bad:x`` is a new finding (``bad:fx`` one that the check can mend itself), ``old:x`` one that the base
has too, ``note:x`` a note, ``crash`` breaks the check, ``blind`` keeps every check from judging, ``proof`` lets an acceptance
command pass.
"""

from __future__ import annotations

import hashlib
import os
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from global_util.attempt import AttemptRequest, AttemptResult
from global_util.config import load_settings
from global_util.contracts.error_pipeline_result import ResultItem
from global_util.contracts.error_report import CheckResult, Finding, ReportItem
from global_util.contracts.execution_result import ExecutionItem
from global_util.contracts.item import Base, Call, Limits, Scope, ScopeReport, State, Work
from global_util.errors import PipelineError
from global_util.git import Person, Repository
from ph5_error_autofix import repair
from ph5_error_autofix.phase import PHASE

INSIDE = ScopeReport(verdict="inside")
OUTSIDE = ScopeReport.model_validate({"verdict": "violated", "violations": ({"path": "x", "kind": "outside"},)})


@dataclass(frozen=True)
class Fixer:
    """A check plugin, as far as PH5 looks at it."""

    id: str = "lint"
    python_module: str | None = None
    works: bool = True

    def fixer(self, files: Sequence[str]) -> tuple[str, ...] | None:
        """Arguments that mend what it found."""
        return ("lint", "--fix", "--", *files) if self.works else None


@dataclass(frozen=True)
class Reply:
    """What a try of the tool leaves: the words of the file, whether it ended well, whether it stayed inside."""

    words: str | None = None
    outcome: str = "ok"
    scope: ScopeReport = INSIDE


class Story:
    """One workstream on its way through PH5."""

    def __init__(self, folder: Path) -> None:
        env = {**os.environ, "GIT_CONFIG_GLOBAL": os.devnull, "HOME": str(folder)}
        subprocess.run(["git", "init", "-q", "--template=", str(folder)], env=env, check=True)
        self.repo = Repository.discover(folder)
        self.base = self.state("", None)
        self.replies: list[Reply | PipelineError] = []
        self.fixer_reply: Reply | None = None
        self.requests: list[AttemptRequest] = []
        self.moves: list[tuple[str, str]] = []
        self.config = load_settings(None, {})

    def state(self, words: str, parent: State | None) -> State:
        """The commit whose file holds these words."""
        oid = self.repo.sealed("hash-object", "-w", "--stdin", stdin=words.encode()).stdout.decode().strip()
        row = f"100644 blob {oid}\ta.py\0".encode()
        tree = self.repo.sealed("mktree", "-z", stdin=row).stdout.decode().strip()
        parents = (parent.commit,) if parent else ()
        return State(commit=self.repo.commit(tree, parents, "s\n", Person("A", "a@localhost"), 1767225600), tree=tree)

    def execution(self, words: str | None, status: str = "edited", **more: Any) -> ExecutionItem:
        """What PH2 handed on."""
        head = self.state(words, self.base) if words is not None else self.base
        call = Call.model_validate({"n": 1, "tool": "fake", "outcome": "ok", "change": "sha256:" + "0" * 64})
        fields = {"scope": INSIDE, "calls": (call,), **more}
        limits = fields.pop("limits", Limits(max_attempts=2, max_error_repeats=3, oscillation_threshold=2))
        changes = self.repo.diff(self.base.tree, head.tree)
        return ExecutionItem.seal(
            workstream_id="ws-a",
            inputs=(),
            work=_work(limits),
            base=Base(commit=self.base.commit, tree=self.base.tree),
            head=head,
            status=status,
            changes=changes,
            changes_total=len(changes),
            **fields,
        )

    def report(self, item: ExecutionItem) -> ReportItem:
        """What PH3 and PH4 say about a head."""
        judged = item.status in ("edited", "no_change") and item.scope.verdict != "violated"
        words = (self.repo.read_file(item.head.tree, "a.py") or "").split() if judged else ["blind"]
        return ReportItem.seal(
            **item.common(), inputs=(item.item_id,), execution=item, checks=_checks(words), not_chosen=()
        )

    def judge(self, words: str | None, status: str = "edited", **more: Any) -> ResultItem:
        """PH5 on what the edit left."""
        item: ResultItem = PHASE.one(self.report(self.execution(words, status, **more)), self)  # type: ignore[arg-type]
        assert item.computed_id() == item.item_id
        return item

    # -- what PH5 asks of the harness ---------------------------------------------------------------------------

    def attempt(self, request: AttemptRequest) -> AttemptResult:
        """The fixer, or the next reply of the tool."""
        self.requests.append(request)
        reply = self.fixer_reply if request.purpose == "fixer" else self.replies.pop(0)
        if isinstance(reply, PipelineError):
            raise reply
        assert reply is not None
        head = self.state(reply.words, request.start) if reply.words is not None else request.start
        patch = self.repo.patch(request.start.tree, head.tree)
        call = Call.model_validate(
            {
                "n": request.n,
                "tool": "lint" if request.purpose == "fixer" else "fake",
                "outcome": reply.outcome,
                "change": "sha256:" + hashlib.sha256(patch).hexdigest(),
            }
        )
        return AttemptResult(head=head, scope=reply.scope, call=call)

    def call(self, phase: str, item: Any) -> Any:
        """PH3 hands on, PH4 reports."""
        return item if phase == "ph3" else self.report(item)

    def move(self, name: str, state: str, why: str = "") -> None:
        """Remember a state."""
        self.moves.append((state, why))

    def emit(self, event: str, name: str | None = None, **payload: Any) -> None:
        """Nobody listens."""


def _checks(words: Sequence[str]) -> tuple[CheckResult, ...]:
    if "blind" in words:
        return ()
    found = tuple(_finding(word) for word in words if ":" in word)
    status = "crashed" if "crash" in words else "findings" if found else "pass"
    common: dict[str, Any] = {"tool": "lint", "judged": ("a.py",), "whole_tree": False}
    checks = [CheckResult(check_id="lint", kind="lint", status=status, findings=found, **common)]  # type: ignore[arg-type]
    if "proof" in words:
        checks.append(CheckResult(check_id="acceptance-1", kind="acceptance", status="pass", findings=(), **common))
    return tuple(checks)


def _finding(word: str) -> Finding:
    kind, _, name = word.partition(":")
    return Finding(
        fingerprint="sha256:" + hashlib.sha256(name.encode()).hexdigest(),
        tool="lint",
        rule=name,
        severity="note" if kind == "note" else "error",
        path="a.py",
        line=1,
        message=f"{name} is bad",
        baseline="unchanged" if kind == "old" else "new",
        fixable=name.startswith("f"),
    )


def _work(limits: Limits) -> Work:
    scope = Scope(files_scope=("a.py",))
    return Work(
        title="t", tasks=("t",), scope=scope, acceptance=(), context=(), tool="fake", limits=limits, plan_source="p"
    )


@pytest.fixture
def story(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Story:
    """A story to tell. The one check that is installed is ours."""
    monkeypatch.setattr(repair, "checks", lambda: {"lint": Fixer()})
    return Story(tmp_path)


@pytest.fixture(scope="session")
def reply() -> Any:
    """Makes a reply of the tool."""
    return Reply


@pytest.fixture(scope="session")
def outside() -> ScopeReport:
    """A try that left its scope."""
    return OUTSIDE
