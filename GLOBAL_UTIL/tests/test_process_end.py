"""The end of a program outlives a kill of the process that waited for it, and nothing else is taken for one."""

from __future__ import annotations

import fcntl
import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from global_util.process import End, ProcessResult, run_process

ENV = {"PATH": "/usr/local/bin:/usr/bin:/bin"}
LONG = 120.0
linux = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="orphans are adopted on Linux only")

ORCHESTRATOR = """if True:
    import fcntl, json, os, sys
    from pathlib import Path
    from global_util.process import End, run_process
    folder, argv = json.loads(sys.argv[1])
    here = Path(folder)
    lock = os.open(here / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC)
    fcntl.flock(lock, fcntl.LOCK_EX)
    end = End(here / "ended.json", "mine", lock)
    more = {"stdout_file": here / "out", "stderr_file": here / "err", "end": end}
    run_process(argv, cwd=here, env={"PATH": "/usr/bin:/bin"}, timeout_s=1000, **more)
"""
TOOL = """if True:
    import os, sys, time
    open("began", "w").close()
    while not os.path.exists("go"):
        time.sleep(0.01)
    print("x" * 40000 + "last word", end="")
    sys.exit(3)
"""


def run(here: Path, *argv: str, token: str = "mine", **more: Any) -> tuple[ProcessResult, ProcessResult | None]:
    """How a program ended, and what its end says afterwards."""
    end = End(here / "ended.json", token)
    files = {"stdout_file": here / "out", "stderr_file": here / "err"}
    result = run_process(argv, **{"cwd": here, "env": ENV, "timeout_s": LONG, "end": end, **files, **more})
    return result, end.read(*files.values())


def wait_for(true: Callable[[], object]) -> None:
    until = time.monotonic() + 60
    while not true():
        assert time.monotonic() < until, "waited in vain"
        time.sleep(0.01)


ENDS: dict[str, tuple[str, dict[str, Any]]] = {
    "exited": ("echo said; echo more >&2; exit 3", {}),
    "signalled": ("ulimit -c 0; echo said; kill -SEGV $$", {}),
    "timeout": ("echo said; exec sleep 77", {"timeout_s": 0.5}),
    "idle_timeout": ("echo said; exec sleep 77", {"idle_timeout_s": 0.5}),
}


@pytest.mark.parametrize("outcome", ENDS)
def test_an_end_is_read_as_it_was_told(tmp_path: Path, outcome: str) -> None:
    script, more = ENDS[outcome]
    result, read = run(tmp_path, "sh", "-c", script, **more)
    assert read is not None
    assert result.outcome == outcome
    for name in ("outcome", "exit_code", "signal", "stdout", "stderr", "truncated"):
        assert getattr(read, name) == getattr(result, name), name
    assert 0 <= read.seconds <= result.seconds
    assert sorted(place.name for place in tmp_path.iterdir()) == ["ended.json", "err", "out"]


def test_one_that_was_interrupted_has_no_end(tmp_path: Path) -> None:
    cancel = threading.Event()
    threading.Timer(0.3, cancel.set).start()
    result, read = run(tmp_path, "sh", "-c", "trap 'exit 0' TERM; while :; do sleep 0.1; done", cancel=cancel)
    assert (result.outcome, read) == ("interrupted", None)
    assert not (tmp_path / "ended.json").exists()


def test_one_that_did_not_start_has_no_end(tmp_path: Path) -> None:
    assert run(tmp_path, "no-such-program")[1] is None
    (tmp_path / "empty").touch(0o755)
    (tmp_path / "empty").write_text("#!/no/such/interpreter\n")
    assert run(tmp_path, str(tmp_path / "empty"))[1] is None


def test_the_end_of_another_is_none(tmp_path: Path) -> None:
    run(tmp_path, "true", token="theirs")
    files = (tmp_path / "out", tmp_path / "err")
    assert End(tmp_path / "ended.json", "theirs").read(*files) is not None
    assert End(tmp_path / "ended.json", "mine").read(*files) is None
    told = json.loads((tmp_path / "ended.json").read_text())
    for broken in ("", "[]", '{"token": "theirs"}', json.dumps({**told, "outcome": "interrupted"})):
        (tmp_path / "ended.json").write_text(broken)
        assert End(tmp_path / "ended.json", "theirs").read(*files) is None


def test_an_end_that_cannot_be_written_is_no_fault(tmp_path: Path) -> None:
    end = End(tmp_path / "gone" / "ended.json", "mine")
    result = run_process(["true"], cwd=tmp_path, env=ENV, timeout_s=LONG, end=end)
    assert (result.outcome, list(tmp_path.iterdir())) == ("exited", [])


def test_the_program_is_given_none_of_the_descriptors(tmp_path: Path) -> None:
    lock = os.open(tmp_path / "lock", os.O_RDWR | os.O_CREAT)
    try:
        code = "import os; print(len(os.listdir('/proc/self/fd')) if os.path.isdir('/proc/self/fd') else 4)"
        end = End(tmp_path / "ended.json", "mine", lock)
        files: dict[str, Any] = {"stdout_file": tmp_path / "out", "stderr_file": tmp_path / "err"}
        argv = [sys.executable, "-I", "-S", "-c", code]
        result = run_process(argv, cwd=tmp_path, env=ENV, timeout_s=LONG, end=end, **files)
    finally:
        os.close(lock)
    assert result.stdout == b"4\n"


def orchestrate(here: Path, *argv: str) -> subprocess.Popen[bytes]:
    """A process that runs a program under a lock and waits for it."""
    return subprocess.Popen([sys.executable, "-c", ORCHESTRATOR, json.dumps([str(here), argv])])


def take(lock: Path) -> bool:
    """Is the lock free?"""
    handle = os.open(lock, os.O_RDWR)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    finally:
        os.close(handle)
    return True


def read(here: Path) -> ProcessResult | None:
    return End(here / "ended.json", "mine").read(here / "out", here / "err")


@linux
def test_what_ended_under_one_who_could_not_look_is_there_for_the_next(tmp_path: Path) -> None:
    orchestrator = orchestrate(tmp_path, sys.executable, "-I", "-S", "-c", TOOL)
    try:
        wait_for((tmp_path / "began").exists)
        orchestrator.send_signal(signal.SIGSTOP)
        (tmp_path / "go").touch()
        wait_for((tmp_path / "ended.json").exists)
        assert not take(tmp_path / "lock")
    finally:
        orchestrator.kill()
        orchestrator.wait()
    wait_for(lambda: take(tmp_path / "lock"))
    found = read(tmp_path)
    assert found is not None
    assert (found.outcome, found.exit_code, found.stdout) == ("exited", 3, b"x" * 40000 + b"last word")


@linux
@pytest.mark.parametrize("way", ["quiet", "loud", "deaf"])
def test_who_dies_with_the_orchestrator_has_no_end(tmp_path: Path, way: str) -> None:
    """A loud one is not ended by its own output, which nobody reads any more; a deaf one holds the lock until it is gone."""
    code = {
        "quiet": "import time; open('began', 'w').close(); time.sleep(1000)",
        "loud": "open('began', 'w').close()\nwhile True: print('x' * 1000)",
        "deaf": "import signal, time; signal.signal(15, signal.SIG_IGN); open('began', 'w').close(); time.sleep(1000)",
    }[way]
    for n in range(5):
        here = tmp_path / str(n)
        here.mkdir()
        orchestrator = orchestrate(here, sys.executable, "-I", "-S", "-c", code)
        try:
            wait_for((here / "began").exists)
            time.sleep(0.02 * n)
        finally:
            orchestrator.kill()
            orchestrator.wait()
        wait_for(lambda here=here: take(here / "lock"))  # type: ignore[misc]
        assert read(here) is None
        assert not (here / "ended.json").exists()
