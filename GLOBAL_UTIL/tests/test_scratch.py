"""Temporary folders go with their process, or with the next one."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

WORK = """
import os, signal, sys
from global_util.scratch import scratch
with scratch("one") as one, scratch("two") as two:
    (one / "file").write_text("x")
    (two / "locked").mkdir()
    print(one, two, flush=True)
    if sys.argv[1] == "wait":
        sys.stdin.read()
    if sys.argv[1] == "die":
        os.kill(os.getpid(), signal.SIGKILL)
"""


def start(place: Path, how: str) -> subprocess.Popen[bytes]:
    """A process with scratch folders."""
    return subprocess.Popen(
        [sys.executable, "-c", WORK, how],
        env={**os.environ, "TMPDIR": str(place)},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )


def folders(process: subprocess.Popen[bytes]) -> list[Path]:
    """What it says that it has."""
    assert process.stdout is not None
    return [Path(name) for name in process.stdout.readline().decode().split()]


def test_nothing_is_left_of_a_process_that_ends(tmp_path: Path) -> None:
    done = start(tmp_path, "end")
    told = folders(done)
    done.communicate()
    assert (done.returncode, len(told)) == (0, 2)
    assert list(tmp_path.iterdir()) == []


def test_what_a_killed_one_left_goes_with_the_next_and_a_living_one_keeps_its_own(tmp_path: Path) -> None:
    living = start(tmp_path, "wait")
    kept = folders(living)
    killed = start(tmp_path, "die")
    killed.communicate()
    assert killed.returncode == -signal.SIGKILL
    assert len(list(tmp_path.glob("*.lock"))) == 2
    start(tmp_path, "end").communicate()
    assert len(list(tmp_path.glob("*.lock"))) == 1
    assert all(place.is_dir() for place in kept)
    living.communicate()
    assert list(tmp_path.iterdir()) == []


def test_what_is_not_of_ours_is_left_alone(tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere"
    (elsewhere / "inside").mkdir(parents=True)
    (tmp_path / "phaseline-x").symlink_to(elsewhere)
    (tmp_path / "phaseline-x.lock").touch()
    (tmp_path / "phaseline-y").mkdir()
    start(tmp_path, "end").communicate()
    assert (elsewhere / "inside").is_dir()
    assert (tmp_path / "phaseline-y").is_dir()
