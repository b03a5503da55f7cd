"""Ground for the tests of faults in the surroundings: one plan, what it gives undisturbed, and what is asked after a fault."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from contextlib import closing, suppress
from typing import TYPE_CHECKING, NamedTuple, NoReturn, TypeVar

import pytest
from global_core_state.store import Store
from global_core_state.verify import verify
from global_util.git import Repository

from tests.conftest import UNCHECKED, Desk

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


T = TypeVar("T")
RUN = "EXEC-2026-01-01-001"
NAMES = ("ws-one", "ws-three", "ws-two")
FOUND = b"error E"

TOOL = """
name=$0; desk=$PWD
while [ ! -d "$desk/cache" ]; do desk=$(dirname "$desk"); done
case $name in ws-one) file=a.txt;; ws-two) file=b.txt;; *) file=c.txt;; esac
echo "began $name" >> "$desk/ledger"
echo "at work on $name"
echo half > "$file" || exit 1
[ ! -e "$desk/do-$name" ] || . "$desk/do-$name"
echo "$name" > "$file" || exit 1
echo "ended $name" >> "$desk/ledger"
"""
"""Writes down when it begins and ends; in between it does what a file of the test says. It works in any copy of the desk."""

AT = """
import os, subprocess
from global_core_state import schema, store
schema.WAIT_S = store.WAIT_S = float(os.environ.get("WAIT_S", schema.WAIT_S))
kind, _, part = os.environ.get("AT", "none").partition(" ")
project, done = store.project, []
def at(db, event):
    if not done and event.type == kind and part in f"{event.payload} {event.ws_id}":
        done.append(1)
        subprocess.run(["sh", "-c", os.environ["DO"]], check=True)
    project(db, event)
store.project = at
if kind == "concluding":
    from global_aim import attempt
    conclude = attempt._conclude
    def concluding(ctx, request, *more):
        if request.workstream_id == part:
            subprocess.run(["sh", "-c", os.environ["DO"]], check=True)
        return conclude(ctx, request, *more)
    attempt._conclude = concluding
if "SHIFT" in os.environ:
    import time
    real = time.time
    def shifted():
        with open(os.environ["SHIFT"]) as told:
            return real() + float(told.read() or 0)
    time.time = shifted
"""
"""A process that does something once: in the transaction that would have told the event ``AT``, or when a tool has ended
(``concluding WORKSTREAM``). Its wall clock can be moved."""

KILL = "kill -9 $PPID"
Done = subprocess.CompletedProcess[bytes]


class Ground(NamedTuple):
    """A desk with a plan that nobody has run, and what an undisturbed run of it gives."""

    desk: Desk
    want: tuple[str, list[str]]

    def copy(self, name: str) -> Desk:
        """The desk as it was, in another place."""
        return self.desk.copy(name)


_laid: list[Ground] = []


def ground(factory: pytest.TempPathFactory) -> Ground:
    """Two workstreams side by side, and one that needs both. Laid and run once per process."""
    if not _laid:
        desk = Desk.lay(factory.mktemp("faults") / "desk")
        (desk.folder / "cache").mkdir()
        command = f"""["/bin/sh", "-c", '''{TOOL}''', "{{workstream_id}}"]"""
        (desk.repo / "pipeline.toml").write_text(f"[tools.mine]\ncommand = {command}\ntimeout_s = 60\n", "utf-8")
        desk.commit("a tool")
        desk.bundle("ws-one", files_scope=["a.txt"], tasks=["Do one"])
        desk.bundle("ws-two", files_scope=["b.txt"], tasks=["Do two"])
        desk.bundle("ws-three", files_create=["c.txt"], tasks=["Do three"], depends_on=["ws-one", "ws-two"])
        desk.mortal(AT)
        calm = desk.copy("calm")
        done = call(calm, *words(calm))
        assert done.returncode == 0, done.stderr
        _laid.append(Ground(desk, outcome(calm)))
    return _laid[0]


def words(desk: Desk, *more: str) -> tuple[str, ...]:
    """How a run of the plan begins."""
    return ("pipeline", "run", str(desk.plan), "--tool", "mine", "--jobs", "2", *UNCHECKED, *more)


def call(desk: Desk, *command: str, **env: str) -> Done:
    """A command in the repository; with ``AT`` and ``DO``, one that does something in the middle."""
    places = (str(desk.folder / "site"), *filter(None, [desk.env.get("PYTHONPATH")]))
    more = {**env, "PYTHONPATH": os.pathsep.join(places)} if env else {}
    return subprocess.run(
        command, cwd=desk.repo, env={**desk.env, **more}, capture_output=True, check=False, timeout=120
    )


def killed(desk: Desk, moment: str) -> Desk:
    """The desk after a run that was killed before it told an event, and after all that it had started has ended."""
    died = call(desk, *words(desk), AT=moment, DO=KILL)
    assert died.returncode == -signal.SIGKILL, died.stderr
    return desk


def resume(desk: Desk, **env: str) -> Done:
    """Go on with the run."""
    return call(desk, "pipeline", "run", "--resume", RUN, **env)


def outcome(desk: Desk) -> tuple[str, list[str]]:
    """The branch, and the refs of the run; no heads of chains and no orphans, which are of one run only."""
    refs = desk.git(
        "for-each-ref", "--format=%(objectname) %(refname)", "refs/heads/main", "refs/pipeline"
    ).splitlines()
    return desk.git("rev-parse", "main"), [ref for ref in refs if "/audit/" not in ref and "/orphans/" not in ref]


def began(desk: Desk) -> list[str]:
    """The workstreams whose tool was called, sorted; twice, where it was paid twice."""
    told = (desk.folder / "ledger").read_text("utf-8").splitlines()
    return sorted(line.removeprefix("began ") for line in told if line.startswith("began "))


def says(done: Done, code: str, *parts: str) -> None:
    """It ended with this error and no other: one to three lines, no traceback, with the parts in it."""
    told = os.fsdecode(done.stderr)
    assert "Traceback" not in told, told
    found = told[told.find("error E") :].splitlines()
    assert found, told
    assert found[0].startswith(f"error {code}: "), told
    assert 1 <= len(found) <= 3, told
    for part in parts:
        assert part in "\n".join(found), told


def fits(desk: Desk) -> None:
    """All that the run left fits together."""
    repo = Repository.discover(desk.repo)
    with closing(Store(repo.state_dir / "state.db")) as store:
        assert list(verify(repo, store, RUN)) == []


def goes_on(desk: Desk, want: tuple[str, list[str]], paid: tuple[str, ...] = NAMES) -> None:
    """It goes on to what an undisturbed run gives, and leaves nothing. ``paid``: the calls that were made in all."""
    done = resume(desk)
    assert done.returncode == 0, done.stderr
    assert outcome(desk) == want
    assert began(desk) == sorted(paid)
    assert desk.git("status", "--porcelain") == ""
    assert desk.looks()["left"] == []
    fits(desk)


class Den:
    """A mount namespace that a process keeps: what is mounted in it is seen nowhere else, and is gone with that process."""

    def __init__(self, process: subprocess.Popen[bytes], enter: tuple[str, ...]) -> None:
        self.process, self.enter = process, (*enter, "-t", str(process.pid))

    def run(self, desk: Desk, *command: str, **env: str) -> Done:
        """A command in there."""
        return call(desk, *self.enter, "env", f"--chdir={desk.repo}", *command, **env)

    def sh(self, desk: Desk, script: str, *args: str) -> str:
        """What a script in there says."""
        done = self.run(desk, "sh", "-ec", script, "sh", *args)
        assert done.returncode == 0, done.stderr
        return os.fsdecode(done.stdout).strip()


def some(*cases: T) -> list[T]:
    """All cases where PHASELINE_FAULTS says ``all`` (``hatch run faults``), else the first and the last."""
    return list(cases) if os.environ.get("PHASELINE_FAULTS") == "all" or len(cases) < 3 else [cases[0], cases[-1]]


def _skip(what: str) -> NoReturn:
    pytest.skip(f"neither root nor a user namespace may mount here: {what} is NOT tested")


def dens(what: str) -> Iterator[Den]:
    """A den as long as it is needed, as root or as the root of a user namespace. Skips where the system allows none."""
    mine = os.geteuid() == 0
    unshare = ("unshare", "--mount", *(() if mine else ("--user", "--map-root-user")))
    enter = ("nsenter", "--mount", *(() if mine else ("--user", "--preserve-credentials")))
    process = None
    with suppress(OSError):
        process = subprocess.Popen(
            (*unshare, sys.executable, "-S", "-c", "print(flush=True); input()"),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
        )
    if process is None:
        _skip(what)
    with process:
        try:
            assert process.stdout
            ready = process.stdout.readline()
            den = Den(process, enter)
            tried = ready and subprocess.run((*den.enter, "sh", "-c", "mount -t tmpfs none /mnt"), capture_output=True)
            if not tried or tried.returncode:
                _skip(what)
            yield den
        finally:
            process.kill()


def at(desk: Desk, name: str) -> Path:
    """The folder of an artifact, log or other file of the run."""
    return desk.repo / ".git/phaseline/runs" / RUN / name
