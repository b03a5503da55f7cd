"""A repository with a base and a head, each checked out, and the items that stand for the change between them."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from global_util.checks import Check, TreeFacts
from global_util.contracts.error_check_targets import ChosenCheck, TargetFile, TargetsItem
from global_util.contracts.execution_result import ExecutionItem
from global_util.contracts.item import Base, Change, Limits, Scope, ScopeReport, State, Work
from global_util.contracts.workstream import AcceptanceRun
from global_util.paths import from_bytes

Files = Mapping[str, str | None]
_LANGUAGES = {"py": "python", "pyi": "python", "sh": "shell", "bash": "shell", "js": "javascript", "ts": "typescript"}


@dataclass(frozen=True)
class Story:
    """What was there, what a tool made of it, and where both are checked out."""

    repo: Path
    base: Path
    head: Path
    base_state: State
    head_state: State
    changes: tuple[Change, ...]

    @property
    def files(self) -> tuple[TargetFile, ...]:
        """The changed files as PH3 tells them."""
        return tuple(
            TargetFile(
                path=change.path,
                language=_LANGUAGES.get(change.path.rsplit(".", 1)[-1], "unknown"),
                change=change.status,
            )
            for change in self.changes
        )

    @property
    def facts(self) -> TreeFacts:
        """The tree at the head: every path, and the text of what lies at its root."""
        found = [place for place in self.head.rglob("*") if place.is_file() and place.name != ".git"]
        paths = {from_bytes(os.fsencode(place.relative_to(self.head))) for place in found}
        texts = {place.name: place.read_text("utf-8") for place in found if place.parent == self.head}
        return TreeFacts(frozenset(paths), texts)

    def chosen(self, plugin: Check, timeout_s: int = 60) -> ChosenCheck:
        """The check as PH3 chooses it."""
        wanted = plugin.wanted(self.files, self.facts)
        assert wanted.run, wanted.why
        return ChosenCheck(
            check_id=plugin.id,
            tool=plugin.tool,
            kind=plugin.kind,
            files=wanted.files,
            whole_tree=wanted.whole_tree,
            argv=wanted.argv,
            timeout_s=timeout_s,
            why=wanted.why,
        )

    def targets(self, *checks: ChosenCheck) -> TargetsItem:
        """The item that PH4 reads."""
        common: dict[str, Any] = {
            "workstream_id": "ws-a",
            "work": _work(),
            "base": Base(commit=self.base_state.commit, tree=self.base_state.tree),
            "head": self.head_state,
        }
        execution = ExecutionItem.seal(
            **common,
            inputs=(),
            status="edited",
            changes=self.changes,
            changes_total=len(self.changes),
            scope=ScopeReport(verdict="inside"),
            calls=(),
        )
        return TargetsItem.seal(
            **common,
            inputs=(execution.item_id,),
            execution=execution,
            files=self.files,
            checks=checks,
            not_chosen=(),
        )


def _work() -> Work:
    return Work(
        title="a",
        tasks=("do it",),
        scope=Scope(files_scope=("**",)),
        acceptance=(),
        context=(),
        tool="replay",
        limits=Limits(max_attempts=2, max_error_repeats=2, oscillation_threshold=2),
        plan_source="plan.md",
    )


@pytest.fixture
def tell(tmp_path: Path) -> Callable[[Files, Files], Story]:
    """``tell(base, changes)``: files by path with their text; None deletes. A trailing ``*`` on a path makes it executable."""

    def told(base: Files, changes: Files) -> Story:
        repo = tmp_path / "repo"
        repo.mkdir()
        git = _Git(repo, tmp_path)
        git("init", "-q", "-b", "main")
        first = _commit(git, repo, base, "base")
        second = _commit(git, repo, changes, "head")
        for name, state in (("base", first), ("head", second)):
            git("worktree", "add", "-q", "--detach", str(tmp_path / name), state.commit)
        raw = git("diff", "--raw", "-z", "-M", "--no-abbrev", first.commit, second.commit)
        return Story(repo, tmp_path / "base", tmp_path / "head", first, second, tuple(_changes(raw)))

    return told


@dataclass(frozen=True)
class _Git:
    repo: Path
    home: Path

    def __call__(self, *args: str) -> bytes:
        env = {"PATH": os.environ["PATH"], "HOME": str(self.home), "GIT_CONFIG_NOSYSTEM": "1"}
        for who in ("AUTHOR", "COMMITTER"):
            env |= {f"GIT_{who}_NAME": "A", f"GIT_{who}_EMAIL": "a@b.c", f"GIT_{who}_DATE": "2024-01-01T00:00:00Z"}
        return subprocess.run(["git", *args], cwd=self.repo, env=env, check=True, capture_output=True).stdout


def _commit(git: _Git, repo: Path, files: Files, message: str) -> State:
    for path, text in files.items():
        place = repo / path.removesuffix("*")
        if text is None:
            place.unlink()
            continue
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(text, "utf-8")
        place.chmod(0o755 if path.endswith("*") else 0o644)
    git("add", "-A")
    git("commit", "-q", "--allow-empty", "-m", message)
    commit, tree = git("rev-parse", "HEAD", "HEAD^{tree}").decode().split()
    return State(commit=commit, tree=tree)


def _changes(raw: bytes) -> list[Change]:
    parts = iter(raw.split(b"\0")[:-1])
    changes = []
    for head in parts:
        old_mode, new_mode, old_blob, new_blob, status = head.decode().removeprefix(":").split()
        first = from_bytes(next(parts))
        moved = status[0] == "R"
        values = {
            "path": from_bytes(next(parts)) if moved else first,
            "old_path": first if moved else None,
            "status": status[0],
            "old_mode": old_mode,
            "new_mode": new_mode,
            "old_blob": old_blob,
            "new_blob": new_blob,
        }
        changes.append(Change.model_validate(values))
    return changes


@pytest.fixture
def acceptance() -> Callable[..., ChosenCheck]:
    """An acceptance command as PH3 chooses it."""

    def chosen(*argv: str, timeout_s: int = 60) -> ChosenCheck:
        run = AcceptanceRun(run=argv, timeout_s=timeout_s)
        return ChosenCheck(
            check_id="acceptance-1",
            tool=run.run[0],
            kind="acceptance",
            files=(),
            whole_tree=True,
            argv=run.run,
            timeout_s=run.timeout_s,
            why="the plan asks for it",
        )

    return chosen
