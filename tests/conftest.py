"""What a user has on the desk before a run: a repository, a plan beside it, and recordings of an AI client."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
from global_util.paths import from_bytes

CLOCK = "1767225600"
UNCHECKED = ("--set", "checks.enabled=[]", "--set", 'policy.unverified="save"')
"""For runs in which the checks are not the point."""

FILE, PROGRAM, LINK = "100644", "100755", "120000"
Content = tuple[str, bytes] | None
"""Mode and content of a path; None: it is removed."""

DEATH = """
import os, signal
from global_core_state import store
kind, _, part = os.environ.get("DIE_BEFORE", "none").partition(" ")
project = store.project
def die(db, event):
    if event.type == kind and part in f"{event.payload} {event.ws_id}":
        os.killpg(0, signal.SIGKILL)
    project(db, event)
store.project = die
"""
"""A process that ends, with all of its group, in the transaction that would have told the event that DIE_BEFORE names."""


class Desk:
    """Everything lies below ``folder``; the repository has one commit on ``main``."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.repo, self.plan, self.recordings = folder / "repo", folder / "plan", folder / "recordings"
        self.env = {
            **{key: value for key, value in os.environ.items() if not key.startswith(("GIT_", "XDG_", "PYTEST_"))},
            "HOME": str(folder / "home"),
            "XDG_CACHE_HOME": str(folder / "cache"),
            "PATH": os.pathsep.join((str(Path(sys.executable).parent), os.environ["PATH"])),
            "GIT_CONFIG_GLOBAL": os.devnull,
            "GIT_CONFIG_NOSYSTEM": "1",
            "SOURCE_DATE_EPOCH": CLOCK,
            "COLUMNS": "200",
        }

    @classmethod
    def lay(cls, folder: Path) -> Desk:
        """A new desk."""
        desk = cls(folder)
        for place in (desk.repo, desk.plan, desk.recordings, folder / "home"):
            place.mkdir(parents=True)
        desk.git("init", "--quiet", "--template=", "--initial-branch=main")
        desk.git("config", "user.name", "Ada")
        desk.git("config", "user.email", "ada@example.org")
        (desk.repo / "a.txt").write_text("a\n", "utf-8")
        (desk.repo / "b.txt").write_text("b\n", "utf-8")
        desk.commit("first")
        return desk

    def copy(self, name: str) -> Desk:
        """The same desk in another place."""
        other = Desk(self.folder.parent / name)
        shutil.copytree(self.folder, other.folder, symlinks=True)
        return other

    def tool(self, script: str, *words: str) -> None:
        """A tool ``mine``, committed: a script beside the repository, called with some words."""
        place = self.folder / "tool.py"
        place.write_text(script, "utf-8")
        command = json.dumps([sys.executable, "-S", str(place), *words])
        (self.repo / "pipeline.toml").write_text(f"[tools.mine]\ncommand = {command}\ntimeout_s = 60\n", "utf-8")
        self.commit("a tool")

    def mortal(self, death: str = DEATH) -> None:
        """What processes run first that are given ``site`` as PYTHONPATH: it ends them at a certain moment."""
        (self.folder / "site").mkdir()
        (self.folder / "site" / "sitecustomize.py").write_text(death, "utf-8")

    def git(self, *words: str | bytes, stdin: bytes = b"", index: Path | None = None) -> str:
        """Git's answer in the repository."""
        identity = {f"GIT_{role}_DATE": f"@{CLOCK} +0000" for role in ("AUTHOR", "COMMITTER")}
        env = {**self.env, **identity, "GIT_OPTIONAL_LOCKS": "0"}
        if index:
            env["GIT_INDEX_FILE"] = str(index)
        done = subprocess.run(["git", *words], cwd=self.repo, env=env, input=stdin, capture_output=True, check=True)
        return os.fsdecode(done.stdout).rstrip("\n")

    def commit(self, message: str) -> str:
        """Commit what lies in the working tree."""
        self.git("add", "--all")
        self.git("commit", "--quiet", "--allow-empty", "-m", message)
        return self.git("rev-parse", "HEAD")

    def tree_with(self, start: str, changes: Mapping[bytes, Content]) -> str:
        """The tree of ``start`` with some paths changed."""
        index = self.folder / "scratch.index"
        self.git("read-tree", start, index=index)
        lines = [b"0 " + b"0" * 40 + b"\t" + path + b"\0" for path in changes]
        for path, content in changes.items():
            if content:
                blob = self.git("hash-object", "-w", "--stdin", stdin=content[1])
                lines.append(f"{content[0]} {blob}\t".encode() + path + b"\0")
        self.git("update-index", "-z", "--index-info", stdin=b"".join(lines), index=index)
        return self.git("write-tree", index=index)

    def workstream(
        self, name: str, changes: Mapping[bytes, Content], start: str = "HEAD", n: int = 1, **more: Any
    ) -> str:
        """A bundle whose scope is the changed paths, and the recording of its call ``n``; the tree after it."""
        bundle = {"id": name, "files_scope": [{"path": from_bytes(path)} for path in changes], "tasks": [f"Do {name}"]}
        (self.plan / f"{name}.json").write_text(json.dumps({**bundle, **more}), "utf-8")
        return self.record(name, changes, start, n)

    def record(self, name: str, changes: Mapping[bytes, Content], start: str = "HEAD", n: int = 1) -> str:
        """What the AI client shall do at its call ``n``."""
        after = self.tree_with(start, changes)
        target = self.recordings / name / f"{n}.patch"
        target.parent.mkdir(exist_ok=True)
        words = ("diff-tree", "-r", "-p", "--binary", "--full-index", "--no-renames", f"{start}^{{tree}}", after)
        done = subprocess.run(["git", *words], cwd=self.repo, env=self.env, capture_output=True, check=True)
        target.write_bytes(done.stdout)
        return after

    def bundle(self, name: str, **fields: Any) -> None:
        """A bundle as given."""
        (self.plan / f"{name}.json").write_text(json.dumps({"id": name, "files_scope": ["a.txt"], **fields}), "utf-8")

    def run(self, *words: str, stdin: bytes = b"", cwd: Path | None = None) -> subprocess.CompletedProcess[bytes]:
        """A command as a child process, in the repository."""
        return subprocess.run(
            words, cwd=cwd or self.repo, env=self.env, input=stdin, capture_output=True, check=False, timeout=300
        )

    def pipeline(self, *words: str) -> subprocess.CompletedProcess[bytes]:
        """``pipeline run`` of the plan with the recordings, unchecked."""
        return self.run("pipeline", "run", str(self.plan), *self.choices(), *UNCHECKED, *words)

    def choices(self) -> tuple[str, ...]:
        """What PH1 is told: the tool and its recordings."""
        return ("--tool", "replay", "--recording", str(self.recordings))

    def artifacts(self, execution: str = "EXEC-2026-01-01-001") -> dict[str, dict[str, Any]]:
        """The line's own artifacts by schema id."""
        folder = self.repo / ".git/phaseline/runs" / execution / "artifacts"
        return {place.stem: json.loads(place.read_text("utf-8")) for place in folder.glob("*.v1.json")}

    def looks(self) -> dict[str, Any]:
        """All that a command that refuses must leave as it is."""
        inside = self.repo / ".git"
        index = inside / "index"
        return {
            "refs": self.git("for-each-ref") + self.git("reflog", "--all"),
            "head": (inside / "HEAD").read_bytes() if inside.exists() else b"",
            "status": self.git("status", "--porcelain", "--ignored", "-z", "--untracked-files=all"),
            "worktrees": self.git("worktree", "list", "--porcelain"),
            "index": hashlib.sha256(index.read_bytes()).hexdigest() if index.exists() else "",
            "left": sorted(
                str(place)
                for folder in (inside / "worktrees", inside / "phaseline/locks", self.folder / "cache")
                for place in folder.rglob("*")
                if folder.name != "cache" or place.name.startswith("slot-")
            ),
        }


@pytest.fixture(scope="module")
def lay(tmp_path_factory: pytest.TempPathFactory) -> Callable[[], Desk]:
    """Lays desks that several tests share."""
    return lambda: Desk.lay(tmp_path_factory.mktemp("shared") / "desk")


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    """A desk of one's own."""
    return Desk.lay(tmp_path / "desk")
