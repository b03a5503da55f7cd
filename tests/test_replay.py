"""A finished run, whatever became of it, is repeated from its recordings to the same artifacts, trees and commits."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from tests.conftest import Desk

RUN = "EXEC-2026-01-01-001"
UNCHECKED = ("--set", "checks.enabled=[]", "--set", 'policy.unverified="save"')

TOOL = """
import os, signal, subprocess, sys, time
from pathlib import Path
name = sys.argv[1].removeprefix("ws-")
if name == "fails":
    Path("half.txt").write_text("half\\n")
    sys.exit(3)
if name == "dies":
    Path("half.txt").write_text("half\\n")
    os.kill(os.getpid(), signal.SIGKILL)
if name == "hangs":
    Path("half.txt").write_text("half\\n")
    time.sleep(60)
if name == "nests":
    subprocess.run(["git", "init", "-q", "inner"], check=True)
    Path("inner/file").write_text("x\\n")
    Path("a.txt").write_text("nests\\n")
elif name == "stages":
    Path("hidden.log").write_text("staged though ignored\\n")
    subprocess.run(["git", "add", "-f", "hidden.log"], check=True)
elif name == "strays":
    Path("a.txt").write_text("strays\\n")
    Path("other.bin").write_bytes(bytes(range(256)))
elif name == "rests":
    pass
else:
    while (Path(sys.argv[2]) / "hold").exists():
        time.sleep(0.02)
    Path(f"{name}.txt").write_text(name + "\\n")
    Path(f"{name}.sh").write_text("#!/bin/sh\\n")
    Path(f"{name}.sh").chmod(0o755)
"""
NAMES = ("one", "two", "fails", "dies", "hangs", "nests", "stages", "strays", "rests", "after")


def plan(desk: Desk) -> Desk:
    """A tool that ends in every way that there is, and what it leaves then."""
    tool = desk.folder / "tool"
    tool.write_text(f"#!{sys.executable} -S\n{TOOL}", "utf-8")
    tool.chmod(0o755)
    tables = [("mine", "{workstream_id}", 60, "edit"), ("slow", "ws-hangs", 2, "wait")]
    for name, asked, seconds, able in tables:
        command = json.dumps([str(tool), asked, str(desk.folder)])
        with (desk.repo / "pipeline.toml").open("a", encoding="utf-8") as config:
            config.write(f'[tools.{name}]\ncommand = {command}\ntimeout_s = {seconds}\ncapabilities = ["{able}"]\n')
    (desk.repo / ".gitignore").write_text("*.log\n", "utf-8")
    desk.commit("a tool")
    for name in NAMES:
        own = {"capability": "wait"} if name == "hangs" else {"tool": "mine"}
        scope = {"files_scope": ["a.txt", f"{name}.txt", f"{name}.sh"], "files_create": ["hidden.txt"]}
        needs = {"after": ["ws-one", "ws-two"]}.get(name, [])
        desk.bundle(f"ws-{name}", tasks=[f"Do {name}"], depends_on=needs, **scope, **own)
    return desk


@pytest.fixture(scope="module")
def ended(lay: Callable[[], Desk]) -> Desk:
    """A run of all of them that has ended, on a machine that has lost the tool since."""
    desk = plan(lay())
    begun = desk.run(*words(desk))
    assert begun.returncode == 1, begun.stderr
    (desk.folder / "tool").unlink()
    return desk


def words(desk: Desk, *more: str) -> tuple[str, ...]:
    allowed = ("--set", 'policy.scope_overlap="allow"')
    return ("pipeline", "run", str(desk.plan), "--jobs", "4", *UNCHECKED, *allowed, *more)


def replay(desk: Desk, *more: str) -> subprocess.CompletedProcess[bytes]:
    return desk.run("pipeline", "replay", RUN, *more)


def told(desk: Desk, *more: str) -> dict[str, Any]:
    done = replay(desk, "--json", *more)
    assert done.returncode in (0, 1), done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def every_file(place: Path) -> dict[str, str]:
    """All files below a folder by their content."""
    return {
        str(file.relative_to(place)): hashlib.sha256(file.read_bytes()).hexdigest()
        for file in place.rglob("*")
        if file.is_file() and not file.is_symlink()
    }


def test_every_way_in_which_a_call_can_end_is_repeated_without_the_tool(ended: Desk, tmp_path: Path) -> None:
    calls = {item["workstream_id"]: item for item in ended.artifacts()["execution_result.v1"]["items"]}
    assert [calls[f"ws-{name}"]["calls"][0]["outcome"] for name in ("one", "fails", "dies", "hangs")] == [
        "ok",
        "failed",
        "failed",
        "timeout",
    ]
    kinds = {
        name: calls[f"ws-{name}"]["scope"].get("violations", [{}])[0].get("kind")
        for name in ("nests", "strays", "stages")
    }
    assert kinds == {"nests": "submodule", "strays": "outside", "stages": "outside"}
    before, looks = every_file(ended.folder), ended.looks()
    ended.env["TMPDIR"] = str(tmp_path)
    done = replay(ended)
    assert done.returncode == 0, (done.stdout, done.stderr)
    assert done.stdout.decode().startswith(f"{RUN}: {len(NAMES)} recorded calls played: 7 artifacts, ")
    assert done.stdout.endswith(b": all equal\n")
    assert every_file(ended.folder) == before
    assert ended.looks() == looks
    assert list(tmp_path.iterdir()) == []


def test_the_clone_can_be_kept_and_fits_by_itself(ended: Desk, tmp_path: Path) -> None:
    kept = tmp_path / "kept"
    found = told(ended, "--keep", str(kept))
    assert (found["equal"], found["difference"], found["folder"]) == (True, None, str(kept))
    clone = kept / "repository.git"
    fits = ended.run("pipeline", "verify", RUN, "--repo", str(clone))
    assert fits.returncode == 0, fits.stdout
    tips = [ended.run("git", "-C", str(place), "rev-parse", "main").stdout for place in (clone, ended.repo)]
    assert tips[0] == tips[1]
    again = replay(ended, "--keep", str(kept))
    assert (again.returncode, b"E346" in again.stderr) == (3, True)


def test_a_difference_is_shown_at_the_first_artifact_and_field(ended: Desk) -> None:
    desk = ended.copy("differs")
    place = desk.repo / ".git/phaseline/runs" / RUN / "recording/ws-one/1.patch"
    place.write_bytes(place.read_bytes().replace(b"+one\n", b"+two\n"))
    done = replay(desk)
    assert done.returncode == 1, done.stderr
    first, recorded, now, *_ = done.stdout.decode().splitlines()
    assert first.startswith(f"{RUN}: ph2 differs: execution_result.v1 /items/")
    assert recorded.startswith("  recorded: ")
    assert now.startswith("  now:      ")
    found = told(desk)
    assert found["compared"]["artifacts"] == 1
    assert found["difference"]["artifact"] == "execution_result.v1"
    assert {"pointer", "recorded", "now"} == set(found["difference"]["fields"][0])
    place.write_bytes(b"no patch\n")
    assert told(desk)["difference"]["phase"] == "ph2"


def test_what_cannot_be_replayed_is_told(ended: Desk) -> None:
    desk = ended.copy("cannot")
    missing = desk.run("pipeline", "replay", "EXEC-2026-01-01-002")
    assert (missing.returncode, b"E465" in missing.stderr) == (3, True)
    folder = desk.repo / ".git/phaseline/runs" / RUN / "recording/ws-one"
    (folder / "1.json").write_text("{", "utf-8")
    broken = replay(desk)
    assert (broken.returncode, b"E466" in broken.stderr) == (3, True)
    shutil.rmtree(folder)
    lost = replay(desk)
    assert lost.returncode == 3
    assert b"E466: " + RUN.encode() + b": call 1 of ws-one has no recording" in lost.stderr
    assert desk.run("pipeline", "replay", RUN, cwd=desk.folder).returncode == 4


def test_recordings_of_an_older_version_are_played(ended: Desk) -> None:
    desk = ended.copy("older")
    for name in ("one", "two", "fails"):
        place = desk.repo / ".git/phaseline/runs" / RUN / f"recording/ws-{name}/1.json"
        code = json.loads(place.read_text("utf-8"))["exit_code"]
        place.write_text(json.dumps({"exit_code": code}), "utf-8")
    assert told(desk)["equal"]


def small(lay: Callable[[], Desk], *more: str, checked_out: str = "main") -> Desk:
    """A run with recordings of a hand, of two workstreams."""
    desk = lay()
    desk.workstream("ws-a", {b"a.txt": ("100644", b"A\n")})
    desk.workstream("ws-b", {b"b.txt": ("100644", b"B\n")}, depends_on=["ws-a"])
    if checked_out != "main":
        desk.git("checkout", "--quiet", "-b", checked_out)
    done = desk.pipeline(*more)
    assert done.returncode == 0, done.stderr
    return desk


@pytest.mark.parametrize(
    "more",
    [
        ("--strategy", "ff_only"),
        ("--target", "other"),
        ("--dry-run",),
        ("--workstream-id", "ws-a"),
        ("--set", "circuit_breaker.max_attempts=1", "--set", 'policy.changelog="NEWS.md"'),
    ],
    ids=lambda more: more[0].strip("-") + more[-1][-6:],
)
def test_a_run_is_repeated_with_what_it_was_told(lay: Callable[[], Desk], more: tuple[str, ...]) -> None:
    desk = small(lay, *more)
    done = replay(desk)
    assert (done.returncode, b"all equal" in done.stdout) == (0, True), (done.stdout, done.stderr)


def test_a_target_that_is_not_checked_out_is_not_checked_out_again(lay: Callable[[], Desk]) -> None:
    desk = small(lay, "--target", "main", "--set", 'git.base_branch="main"', checked_out="elsewhere")
    assert desk.artifacts()["git_operation_log.v1"]["operations"][-1]["op"] == "update_ref"
    assert told(desk)["equal"]


def test_what_was_configured_since_counts_for_nothing(lay: Callable[[], Desk]) -> None:
    desk = small(lay)
    text = '[policy]\nunverified = "quarantine"\n[git]\nstrategy = "ff_only"\n[limits.run]\nattempts = 1\n'
    (desk.repo / "pipeline.toml").write_text(text, "utf-8")
    desk.git("config", "user.name", "Somebody Else")
    desk.commit("later work")
    desk.env["GIT_AUTHOR_NAME"] = "Nobody"
    assert told(desk)["equal"]


def test_a_target_that_had_moved_moves_again(lay: Callable[[], Desk]) -> None:
    """The pipe lets somebody commit between two phases."""
    desk = lay()
    desk.workstream("ws-a", {b"a.txt": ("100644", b"A\n")})
    text = desk.run("ph0", "run", str(desk.plan)).stdout
    text = desk.run("ph1", "run", *desk.choices(), *UNCHECKED, stdin=text).stdout
    for phase in ("ph2", "ph3", "ph4", "ph5", "ph6"):
        text = desk.run(phase, "run", stdin=text).stdout
    unfinished = replay(desk)
    assert (unfinished.returncode, b"E466" in unfinished.stderr) == (3, True)
    (desk.repo / "c.txt").write_text("c\n", "utf-8")
    desk.commit("meanwhile")
    assert desk.run("ph7", "run", stdin=text).returncode == 0
    assert desk.artifacts()["git_operation_log.v1"]["operations"][0]["op"] == "replan"
    assert told(desk)["equal"]


def test_a_run_that_was_killed_and_went_on_is_repeated(lay: Callable[[], Desk]) -> None:
    desk = plan(lay())
    (desk.folder / "hold").touch()
    process = subprocess.Popen(
        words(desk),
        cwd=desk.repo,
        env=desk.env,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    try:
        end = time.monotonic() + 60
        log = desk.repo / ".git/phaseline/runs" / RUN / "ws/ws-one/1/stdout.log"
        while not log.exists() and process.poll() is None and time.monotonic() < end:
            time.sleep(0.02)
    finally:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
    assert b"E466" in replay(desk).stderr
    (desk.folder / "hold").unlink()
    resumed = desk.run("pipeline", "run", "--resume", RUN)
    assert resumed.returncode == 1, resumed.stderr
    assert told(desk)["equal"]
