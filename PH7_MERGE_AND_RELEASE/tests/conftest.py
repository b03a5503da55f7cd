"""A repository with a commit plan to land in it, and a stand-in for the PH6 that plans anew."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
from global_util.contracts.commit_plan import CommitGroup, CommitPlan
from global_util.contracts.git_operation_log import GitOperationLog
from global_util.contracts.item import State
from global_util.git import Repository
from global_util.merge import join
from ph7_merge_and_release import phase as ph7

EXECUTION = "EXEC-2026-01-01-001"
ENVELOPE: dict[str, Any] = {
    "execution_id": EXECUTION,
    "run_clock": "2026-01-01T00:00:00Z",
    "producer": {"phase": "T", "distribution": "t", "version": "1"},
    "config": {},
    "inputs": (),
}
EPOCH = 1767225600
Files = Mapping[str, str | None]


class Stage:
    """The user's repository, checked out on ``main``."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.root = folder / "repo"
        self.root.mkdir()
        self.run_dir = folder / "run"
        self.git("init", "--quiet", "--template=", "--initial-branch=main")
        self.git("config", "user.name", "Ada")
        self.git("config", "user.email", "ada@localhost")
        self.repo = Repository.discover(self.root)
        self.base = self.commit({"a.txt": "a\n", "b.txt": "b\n"})
        self.execution_id, self.run_clock = EXECUTION, ENVELOPE["run_clock"]
        self.options: dict[str, Any] = {}
        self.config: dict[str, Any] = {}
        self.moves: list[tuple[str, str]] = []
        self.events: list[tuple[str, dict[str, Any]]] = []
        self.changes: list[tuple[str, str, str]] = []
        self.on_move: Callable[[str, str], None] = lambda name, state: None

    def emit(self, event: str, workstream_id: str | None = None, **payload: Any) -> None:
        """What the harness records."""
        self.events.append((event, payload))

    def git(self, *words: str, at: Path | None = None, date: int = EPOCH) -> str:
        """Git's answer."""
        dates = {f"GIT_{role}_DATE": f"@{date} +0000" for role in ("AUTHOR", "COMMITTER")}
        env = {**os.environ, **dates, "GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_NOSYSTEM": "1"}
        done = subprocess.run(["git", *words], cwd=at or self.root, env=env, capture_output=True, check=True)
        return done.stdout.decode().rstrip()

    def commit(self, files: Files, date: int = EPOCH) -> State:
        """Change files where the user works, and commit."""
        for name, text in files.items():
            if text is None:
                (self.root / name).unlink()
            else:
                (self.root / name).write_text(text, "utf-8")
        self.git("add", "--all")
        self.git("commit", "--quiet", "-m", "by hand", date=date)
        return State(commit=self.git("rev-parse", "HEAD"), tree=self.git("rev-parse", "HEAD^{tree}"))

    def tree(self, start: str, files: Files) -> str:
        """A tree with some files changed."""
        with self.repo.scratch_index(start) as env:
            for name, text in files.items():
                oid = self.repo.sealed("hash-object", "-w", "--stdin", stdin=(text or "").encode()).stdout.decode()
                self.repo.sealed("update-index", "--add", "--cacheinfo", f"100644,{oid.strip()},{name}", env=env)
            return self.repo.sealed("write-tree", env=env).stdout.decode().strip()

    def plan(self, *steps: Files, strategy: str = "ff_only", target: str = "main") -> CommitPlan:
        """A plan with one group per step, each on top of the one before."""
        self.changes, tree = [], self.base.tree
        for number, files in enumerate(steps, 1):
            after = self.tree(tree, files)
            self.changes.append((f"ws-{number}", tree, after))
            tree = after
        return self.seal(self.base, strategy, target)

    def seal(self, base: State, strategy: str, target: str, **more: Any) -> CommitPlan:
        """The commit plan of the known changes on a base; what conflicts is left out."""
        groups: list[CommitGroup] = []
        tree = base.tree
        for name, before, after in self.changes:
            joined = join(self.repo, tree, before, after)
            if joined.tree:
                tree = joined.tree
                groups.append(_group(len(groups) + 1, name, before, after, tree))
        fields = self.fields(base, strategy, target, groups, tree)
        return CommitPlan.seal(**ENVELOPE, **fields, **more)

    def fields(
        self, base: State, strategy: str, target: str, groups: Sequence[CommitGroup], tree: str
    ) -> dict[str, Any]:
        """What PH6 answers."""
        return {
            "commit_plan_id": "CP-2026-01-01-001",
            "target_branch": target,
            "base_branch": "main",
            "strategy": strategy,
            "base_commit": base.commit,
            "final_tree": tree,
            "commit_groups": groups,
            "quarantine": (),
            "nothing_to_land": (),
            "definition_of_done": (),
        }

    def land(self, plan: CommitPlan, dry_run: bool = False) -> GitOperationLog:
        """PH7 on a plan."""
        self.given = plan
        self.options = {"dry_run": True} if dry_run else {}
        log = GitOperationLog.seal(**ENVELOPE, **ph7.PHASE.run(plan, self))  # type: ignore[arg-type]
        assert [step.seq for step in log.operations] == list(range(1, len(log.operations) + 1))
        return log

    # -- what PH7 asks of the harness, and of PH6 -----------------------------------------------------------------

    def plan_on(self, result: Any, ctx: Any, base: State, trial: bool = False) -> dict[str, Any]:
        """PH6 on a new base."""
        again = self.seal(base, self.given.strategy, self.given.target_branch)
        return self.fields(base, again.strategy, again.target_branch, again.commit_groups, again.final_tree)

    def ancestor(self, schema: str) -> Any:
        """The stand-in for PH6 knows the changes itself."""
        return None

    def publish(self, model: Any, **fields: Any) -> Any:
        """Write a superseding plan into the run's folder."""
        made = model.seal(**ENVELOPE, **fields)
        place = self.run_dir / "artifacts" / f"{made.artifact_id.removeprefix('sha256:')}.json"
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(made.dumps(), "utf-8")
        return made

    def move(self, name: str, state: str, why: str = "") -> None:
        """Remember a state."""
        self.on_move(name, state)
        self.moves.append((name, state))


def _group(number: int, name: str, before: str, after: str, tree: str) -> CommitGroup:
    return CommitGroup.model_validate(
        {
            "group_id": f"GRP-{number:03d}",
            "description": f"Do {name}",
            "files": (),
            "modules": (),
            "commit_message": f"Do {name}\n\n- task\n",
            "workstreams": (name,),
            "change": {"base_tree": before, "head_tree": after},
            "proven_tree": tree,
            "rung": "path",
            "depends_on": (),
            "trailers": {"Execution-Id": EXECUTION, "Workstream-Id": name},
        }
    )


@pytest.fixture
def stage(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Stage:
    """A stage on which PH6 is played by the stage itself."""
    for key in [key for key in os.environ if key.startswith("GIT_")]:
        monkeypatch.delenv(key)
    made = Stage(tmp_path)
    monkeypatch.setattr(ph7, "find", lambda name, decided="": (made, None))
    return made
