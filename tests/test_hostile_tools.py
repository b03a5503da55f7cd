"""What tools do to the place they work in, by malice or by accident, and what must not come of it."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.conftest import Desk

UNCHECKED = ("--set", "checks.enabled=[]", "--set", 'policy.unverified="save"')
HIDE = """
import subprocess, sys
if sys.argv[1] == "ws-a":
    open("a.txt", "w").write("A\\n")
    subprocess.run(["git", "update-index", "--skip-worktree", "b.txt"], check=True)
else:
    open("a.txt", "w").write("AA\\n")
    open("b.txt", "w").write("hidden\\n")
"""
SAME_SIZE = """
import time
open("a.txt", "r+").write("z")
time.sleep(1.1)
"""
BESIDE = """
open("a.txt", "w").write("A\\n")
open("../name", "w").write("linked")
"""
DEEP = """
import os
open("a.txt", "w").write("A\\n")
for _ in range(300):
    os.mkdir("d" * 30)
    os.chdir("d" * 30)
"""
GONE = """
import os, shutil
place = os.getcwd()
os.chdir("/")
shutil.rmtree(os.path.dirname(os.path.dirname(place)))
"""
SLOW = """
import sys, time
open("a.txt", "w").write("A\\n")
print("started", flush=True)
time.sleep(120)
"""


def give(desk: Desk, tool: str) -> None:
    """Register a tool that runs this program."""
    place = desk.folder / "tool.py"
    place.write_text(tool, "utf-8")
    command = json.dumps([sys.executable, str(place), "{workstream_id}"])
    (desk.repo / "pipeline.toml").write_text(f"[tools.mine]\ncommand = {command}\ntimeout_s = 60\n", "utf-8")
    desk.commit("a tool")


def work(desk: Desk) -> tuple[int, dict[str, str], str]:
    """Exit code, outcomes by workstream, and the text on standard error of a run with that tool."""
    done = desk.run("pipeline", "run", str(desk.plan), "--tool", "mine", "--jobs", "1", "--json", *UNCHECKED)
    said = done.stderr.decode()
    rows = json.loads(done.stdout)["rows"] if done.stdout else []
    return done.returncode, {row["workstream"]: row["outcome"] for row in rows}, said


def test_marks_in_an_index_hide_nothing_from_the_next_workstream(desk: Desk) -> None:
    give(desk, HIDE)
    desk.bundle("ws-a", tasks=["Work"])
    desk.bundle("ws-b", tasks=["Work"], depends_on=["ws-a"])
    _, outcomes, _ = work(desk)
    assert outcomes == {"ws-a": "landed", "ws-b": "quarantined"}
    assert desk.git("show", "main:b.txt") == "b"


def test_an_edit_that_keeps_the_size_and_comes_at_once_is_seen(desk: Desk) -> None:
    give(desk, SAME_SIZE)
    desk.bundle("ws-a", tasks=["Work"])
    assert work(desk)[1] == {"ws-a": "landed"}
    assert desk.git("show", "main:a.txt") == "z"


def test_a_file_beside_the_worktree_leads_nowhere(desk: Desk) -> None:
    linked = desk.folder / "linked"
    desk.git("worktree", "add", "--quiet", str(linked))
    give(desk, BESIDE)
    desk.bundle("ws-a", tasks=["Work"])
    assert work(desk)[1] == {"ws-a": "landed"}
    assert subprocess.run(["git", "status"], cwd=linked, env=desk.env, capture_output=True).returncode == 0


@pytest.mark.parametrize("tool", [DEEP, GONE], ids=["folders too deep to name", "the slots removed"])
def test_the_next_run_works_whatever_a_tool_left(desk: Desk, tool: str) -> None:
    give(desk, tool)
    desk.bundle("ws-a", tasks=["Work"])
    code, _, said = work(desk)
    assert code in (0, 1)
    assert "Traceback" not in said
    give(desk, 'open("a.txt", "w").write("fine\\n")')
    assert work(desk)[1] == {"ws-a": "landed"}
    assert desk.git("show", "main:a.txt") == "fine"
    assert desk.looks()["left"] == []


@pytest.mark.parametrize("by", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_tools_at_once_and_keeps_their_work(desk: Desk, by: signal.Signals) -> None:
    give(desk, SLOW)
    desk.bundle("ws-a", tasks=["Work"])
    words = ["pipeline", "run", str(desk.plan), "--tool", "mine", *UNCHECKED]
    run = subprocess.Popen(words, cwd=desk.repo, env=desk.env, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    log = desk.repo / ".git/phaseline/runs/EXEC-2026-01-01-001/ws/ws-a/1/stdout.log"
    until(lambda: log.exists() and b"started" in log.read_bytes())
    os.kill(run.pid, by)
    assert run.wait(timeout=60) == 130
    assert tools_of(desk) == []
    kept = desk.git("for-each-ref", "--format=%(objectname)", "refs/pipeline/keep/orphans").split()
    assert [desk.git("show", f"{commit}:a.txt") for commit in kept] == ["A"]


def tools_of(desk: Desk) -> list[str]:
    """Processes that run the tool of this desk."""
    marker = str(desk.folder / "tool.py")
    found = []
    for place in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            words = place.read_bytes().decode("utf-8", "replace").split("\0")
        except OSError:
            continue
        if marker in words and "supervisor.py" not in " ".join(words):
            found.append(place.parent.name)
    return found


def until(holds: Callable[[], bool]) -> None:
    """Wait for something to be true, but not for ever."""
    end = time.monotonic() + 60
    while not holds():
        assert time.monotonic() < end
        time.sleep(0.05)
