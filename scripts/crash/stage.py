"""The desk of a run: a repository, a plan that ends with every outcome, a tool that keeps a ledger, and its surroundings."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from scripts.crash.witness import VARIABLE

ROOT = Path(__file__).resolve().parents[2]
CLOCK = "1767225600"
OUTCOMES = {
    "ws-clean": "landed",
    "ws-fixed": "landed",
    "ws-repaired": "landed",
    "ws-nothing": "nothing",
    "ws-conflict": "quarantined",
    "ws-outside": "quarantined",
    "ws-failing": "quarantined",
    "ws-blocked": "blocked",
    "ws-broken": "failed",
}
"""What is meant to become of each workstream."""

_TOOL = r"""
echo "$1 $2" >> "${PWD%%/cache/*}/ledger"
edit() { echo half > "$1"; printf "$2" > "$1"; }
case "$1 $2" in
"ws-clean 1") edit clean.txt 'one\n' ;;
"ws-fixed 1") edit fixed.py 'import os\n\nTWO = 2\n' ;;
"ws-repaired 1") edit repaired.txt 'nothing\n' ;;
"ws-repaired 2") edit repaired.txt 'three\n' ;;
"ws-conflict 1") edit clean.txt 'two\n' ;;
"ws-outside 1") edit elsewhere.txt 'four\n' ;;
"ws-failing 1") edit failing.txt 'nothing\n' ;;
"ws-broken 1") exit 3 ;;
esac
"""
"""Writes a line into the ledger outside of the worktree whenever it is called: that call is paid."""
_SETTINGS = """\
[tools.mine]
command = {command}
timeout_s = 60

[checks]
enabled = ["ruff", "acceptance"]

[policy]
scope_overlap = "allow"
"""
_FILES = {
    "clean.txt": "zero\n",
    "fixed.py": "TWO = 0\n",
    "ruff.toml": 'lint.select = ["F"]\n',
    ".gitignore": ".ruff_cache/\n",
}
_PASSES = {"acceptance_tests": [{"run": ["true"]}]}
_PLAN: dict[str, dict[str, Any]] = {
    "ws-clean": {"files_scope": ["clean.txt"], **_PASSES},
    "ws-fixed": {"files_scope": ["fixed.py"]},
    "ws-repaired": {
        "files_scope": ["repaired.txt"],
        "depends_on": ["ws-clean", "ws-fixed"],
        "acceptance_tests": [{"run": ["grep", "three", "repaired.txt"]}],
    },
    "ws-nothing": {"files_scope": ["nothing.txt"], **_PASSES},
    "ws-conflict": {"files_scope": ["clean.txt"], **_PASSES},
    "ws-outside": {"files_scope": ["inside.txt"], **_PASSES},
    "ws-failing": {
        "files_scope": ["failing.txt"],
        "acceptance_tests": [{"run": ["grep", "five", "failing.txt"]}],
        "circuit_breaker": {"max_attempts": 0},
    },
    "ws-blocked": {"files_scope": ["blocked.txt"], "depends_on": ["ws-failing"]},
    "ws-broken": {"files_scope": ["broken.txt"]},
}


class Desk:
    """All of a run lies below ``folder``: repository, plan, home, slots, temporary files, the tool's ledger."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.repo, self.plan, self.ledger = folder / "repo", folder / "plan", folder / "ledger"
        self.state = self.repo / ".git/phaseline/state.db"
        kept = {name: text for name, text in os.environ.items() if not name.startswith(("GIT_", "XDG_", "PYTEST_"))}
        self.env = {
            **kept,
            "HOME": str(folder / "home"),
            "XDG_CACHE_HOME": str(folder / "cache"),
            "TMPDIR": str(folder / "tmp"),
            "PATH": os.pathsep.join((str(Path(sys.executable).parent), os.environ["PATH"])),
            "GIT_CONFIG_GLOBAL": os.devnull,
            "GIT_CONFIG_NOSYSTEM": "1",
            "PYTHONDONTWRITEBYTECODE": "1",
            "SOURCE_DATE_EPOCH": CLOCK,
            "COLUMNS": "200",
        }

    @classmethod
    def lay(cls, folder: Path) -> Desk:
        """A new desk with a repository of one commit."""
        desk = cls(folder)
        for place in (desk.repo, desk.plan, folder / "home", folder / "tmp"):
            place.mkdir(parents=True)
        (folder / "tool.sh").write_text(_TOOL, "utf-8")
        command = json.dumps(["sh", str(folder / "tool.sh"), "{workstream_id}", "{attempt}"])
        files = {**_FILES, "pipeline.toml": _SETTINGS.format(command=command)}
        for name, text in files.items():
            (desk.repo / name).write_text(text, "utf-8")
        for name, bundle in _PLAN.items():
            told = {"id": name, "tasks": [f"Do {name}"], **bundle}
            (desk.plan / f"{name}.json").write_text(json.dumps(told), "utf-8")
        desk.git("init", "--quiet", "--template=", "--initial-branch=main")
        desk.git("config", "user.name", "Ada")
        desk.git("config", "user.email", "ada@example.org")
        desk.git("add", "--all")
        desk.git("commit", "--quiet", "-m", "first")
        return desk

    def copy(self, folder: Path) -> Desk:
        """The same desk in another place."""
        shutil.copytree(self.folder, folder, symlinks=True)
        return Desk(folder)

    def git(self, *words: str) -> str:
        """Git's answer in the repository."""
        dates = {f"GIT_{role}_DATE": f"@{CLOCK} +0000" for role in ("AUTHOR", "COMMITTER")}
        env = {**self.env, **dates, "GIT_OPTIONAL_LOCKS": "0"}
        done = subprocess.run(["git", *words], cwd=self.repo, env=env, capture_output=True, check=True)
        return os.fsdecode(done.stdout).rstrip("\n")

    def begin(self, jobs: int = 1, order: Mapping[str, str] | None = None) -> subprocess.Popen[bytes]:
        """``pipeline run`` in a process group of its own, watched if there is an order for it."""
        return self.start("run", str(self.plan), "--tool", "mine", "--jobs", str(jobs), order=order)

    def resume(self, *run: str) -> subprocess.Popen[bytes]:
        """``pipeline run --resume``."""
        return self.start("run", "--resume", *run)

    def start(self, *words: str, order: Mapping[str, str] | None = None) -> subprocess.Popen[bytes]:
        """A command of the pipeline in a process group of its own."""
        env = dict(self.env)
        if order is not None:
            env[VARIABLE] = json.dumps({"home": str(self.folder), **order})
            env["PYTHONPATH"] = os.pathsep.join((str(Path(__file__).with_name("site")), str(ROOT)))
        return subprocess.Popen(
            ["pipeline", *words],
            cwd=self.repo,
            env=env,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            start_new_session=True,
        )


def end(process: subprocess.Popen[bytes], patience_s: float = 120) -> tuple[int, str]:
    """Wait for a run; its exit code and what it said. One that does not end is killed with its group."""
    try:
        _, said = process.communicate(timeout=patience_s)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        _, said = process.communicate()
        said += f"\nnot done after {patience_s:g} s".encode()
    return process.returncode, said.decode("utf-8", "replace")
