"""Nothing survives: children, children in sessions of their own, daemons, with all signals ignored."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
import uuid
from collections.abc import Callable
from pathlib import Path

import pytest
from global_util.process import run_process, supervisor

ENV = {"PATH": "/usr/local/bin:/usr/bin:/bin"}
LONG = 120.0

FAMILY = """if True:
    import os, signal, sys, time
    here, then = sys.argv[1], sys.argv[2]

    def live(name):
        for number in (signal.SIGTERM, signal.SIGHUP, signal.SIGINT):
            signal.signal(number, signal.SIG_IGN)
        open(os.path.join(here, name), "w").close()
        while True:
            time.sleep(1000)

    def child(name, *before):
        if os.fork() == 0:
            for step in before:
                step()
            live(name)

    def leave():
        if os.fork():
            os._exit(0)

    child("child")
    child("session", os.setsid)
    child("daemon", leave, os.setsid, leave)
    while len(os.listdir(here)) < 3:
        time.sleep(0.01)
    print("ready", flush=True)
    if then == "stay":
        live("main")
    elif then == "die":
        os.kill(os.getpid(), signal.SIGKILL)
"""


@pytest.fixture
def marker() -> str:
    return f"marker-{uuid.uuid4().hex}"


def family(here: Path, then: str, marker: str) -> list[str]:
    here.mkdir()
    return [sys.executable, "-I", "-S", "-c", FAMILY, str(here), then, marker]


def survivors(marker: str) -> list[str]:
    """Living processes (zombies excepted) that carry the marker."""
    listed = subprocess.run(["ps", "-axww", "-o", "stat=,pid=,command="], capture_output=True, check=True, text=True)
    return [line for line in listed.stdout.splitlines() if marker in line and not line.startswith("Z")]


def wait_for(condition: Callable[[], bool]) -> None:
    until = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < until, "waited in vain"
        time.sleep(0.02)


linux = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="orphans are adopted on Linux only")


@linux
@pytest.mark.parametrize(("then", "outcome"), [("end", "exited"), ("die", "signalled"), ("stay", "idle_timeout")])
def test_the_family_is_gone_when_the_call_returns(tmp_path: Path, marker: str, then: str, outcome: str) -> None:
    argv = family(tmp_path / "family", then, marker)
    result = run_process(argv, cwd=tmp_path, env=ENV, timeout_s=LONG, idle_timeout_s=3)
    assert survivors(marker) == []
    assert (result.outcome, result.stdout) == (outcome, b"ready\n")


@linux
def test_the_family_is_gone_after_cancelling(tmp_path: Path, marker: str) -> None:
    cancel = threading.Event()
    here = tmp_path / "family"
    argv = family(here, "stay", marker)

    def cancel_when_ready() -> None:
        wait_for(lambda: (here / "main").exists())
        cancel.set()

    threading.Thread(target=cancel_when_ready).start()
    result = run_process(argv, cwd=tmp_path, env=ENV, timeout_s=LONG, cancel=cancel)
    assert survivors(marker) == []
    assert result.outcome == "interrupted"


ORCHESTRATOR = """if True:
    import json, sys, threading
    from pathlib import Path
    from global_util.process import run_process
    argv, cwd, env, way = json.loads(sys.argv[1])
    def work():
        run_process(argv, cwd=Path(cwd), env=env, timeout_s=1000)
    if way == "thread":
        threading.Thread(target=work).start()
    else:
        work()
"""


@linux
@pytest.mark.parametrize(
    ("number", "way"),
    [
        (signal.SIGKILL, "main"),
        (signal.SIGKILL, "thread"),
        (signal.SIGTERM, "main"),
        (signal.SIGTERM, "thread"),
        (signal.SIGINT, "main"),
    ],
)
def test_the_family_dies_with_the_orchestrator(tmp_path: Path, marker: str, number: signal.Signals, way: str) -> None:
    here = tmp_path / "family"
    words = json.dumps([family(here, "stay", marker), str(tmp_path), ENV, way])
    orchestrator = subprocess.Popen([sys.executable, "-c", ORCHESTRATOR, words], stderr=subprocess.DEVNULL)
    try:
        wait_for(lambda: (here / "main").exists())
        assert len(survivors(marker)) >= 5
    finally:
        orchestrator.send_signal(number)
        orchestrator.wait()
    wait_for(lambda: survivors(marker) == [])


@linux
def test_the_end_of_the_thread_that_started_others_does_not_matter(tmp_path: Path) -> None:
    results = []
    thread = threading.Thread(
        target=lambda: results.append(run_process(["sleep", "0.5"], cwd=tmp_path, env=ENV, timeout_s=LONG))
    )
    thread.start()
    other = threading.Thread(target=lambda: run_process(["true"], cwd=tmp_path, env=ENV, timeout_s=LONG))
    other.start()
    other.join()
    thread.join()
    assert [result.exit_code for result in results] == [0]


@linux
def test_a_program_that_stops_its_supervisor_is_stopped_all_the_same(tmp_path: Path, marker: str) -> None:
    code = (
        "import os,signal,time; os.kill(os.getppid(), signal.SIGSTOP); print('stopped', flush=True); time.sleep(1000)"
    )
    argv = [sys.executable, "-I", "-S", "-c", code, marker]
    result = run_process(argv, cwd=tmp_path, env=ENV, timeout_s=LONG, idle_timeout_s=1)
    assert survivors(marker) == []
    assert (result.outcome, result.stdout) == ("idle_timeout", b"stopped\n")


@linux
def test_a_program_that_kills_its_supervisor_does_not_pass(tmp_path: Path, marker: str) -> None:
    code = "import os,signal,time; os.kill(os.getppid(), signal.SIGKILL); time.sleep(1000)"
    argv = [sys.executable, "-I", "-S", "-c", code, marker]
    result = run_process(argv, cwd=tmp_path, env=ENV, timeout_s=LONG)
    assert (result.outcome, result.exit_code) == ("signalled", None)
    wait_for(lambda: survivors(marker) == [])


@linux
def test_a_deep_family_that_keeps_growing_is_swept(tmp_path: Path, marker: str) -> None:
    code = """if True:
        import os, time
        for _ in range(6):
            if os.fork():
                break
        while True:
            if os.fork() == 0:
                os.setsid()
                time.sleep(0.05)
                if os.fork():
                    os._exit(0)
            else:
                time.sleep(1000)
    """
    argv = [sys.executable, "-I", "-S", "-c", code, marker]
    result = run_process(argv, cwd=tmp_path, env=ENV, timeout_s=0.7)
    assert survivors(marker) == []
    assert result.outcome == "timeout"


def test_the_table_of_processes_is_the_same_from_proc_and_from_ps() -> None:
    for table in (supervisor.process_table(), supervisor.table_of_ps()):
        assert table[os.getpid()] == os.getppid()
        assert os.getpid() in supervisor.descendants(table, os.getppid())


def test_without_adopting_the_group_and_the_known_descendants_are_killed(tmp_path: Path, marker: str) -> None:
    code = "import os,sys,time; sys.path.insert(0, sys.argv[1]); import supervisor; supervisor.adopt_orphans = lambda: False; life, report, parent = map(int, sys.argv[3:6]); order = dict(program='/bin/sh', argv=['sh', '-c', *sys.argv[6:]], env=os.environ, grace_s=0.1, end='', token=''); supervisor.supervise(order, life, report, [], parent)"
    life_reader, life_writer = os.pipe()
    report_reader, report_writer = os.pipe()
    here = tmp_path / "family"
    here.mkdir()
    script = f"touch {here}/a; sh -c 'trap \"\" TERM; touch {here}/b; sleep 1000; : {marker}' & sleep 1000"
    words = [str(life_reader), str(report_writer), str(os.getpid()), script, marker]
    folder = str(Path(supervisor.__file__).parent)
    started = subprocess.Popen(
        [sys.executable, "-I", "-S", "-c", code, folder, marker, *words], pass_fds=(life_reader, report_writer)
    )
    os.close(life_reader)
    os.close(report_writer)
    wait_for(lambda: len(list(here.iterdir())) == 2)
    os.write(life_writer, b".")
    started.wait()
    wait_for(lambda: survivors(marker) == [])
    with os.fdopen(report_reader, "rb") as report:
        assert b"started" in report.read()
    os.close(life_writer)


FORK_SERVER = """if True:
    import json, os, signal, sys
    from pathlib import Path
    from global_util.process import run_process

    def children():
        told = Path(f"/proc/{os.getpid()}/task/{os.getpid()}/children").read_text()
        return [int(word) for word in told.split()]

    def say(word):
        result = run_process(["echo", word], cwd=Path("/"), env=dict(os.environ), timeout_s=60)
        return [result.outcome, result.stdout.decode().strip()]

    first = say("first")
    server, = children()
    if sys.argv[1] == "fork":
        pid = os.fork()
        if pid == 0:
            os._exit(0 if say("second") == ["exited", "second"] and children() != [server] else 1)
        second = ["exited", "second"] if os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0 else ["wrong", ""]
        same = children() == [server]
    else:
        os.kill(server, getattr(signal, sys.argv[1]))
        second = say("second")
        same = (children() == [server]) == (sys.argv[1] == "SIGSTOP")
    print(json.dumps([first, second, say("third"), same]))
"""


@linux
@pytest.mark.parametrize("trouble", ["SIGKILL", "SIGSTOP", "SIGTERM", "fork"])
def test_whatever_becomes_of_the_fork_server_programs_are_started(trouble: str) -> None:
    done = subprocess.run([sys.executable, "-c", FORK_SERVER, trouble], capture_output=True, check=True)
    expected = [["exited", word] for word in ("first", "second", "third")]
    assert json.loads(done.stdout) == [*expected, True]
    assert done.stderr == b""


@linux
def test_a_program_whose_fork_server_is_killed_does_not_pass(tmp_path: Path, marker: str) -> None:
    code = """if True:
        import os, signal, sys, time
        above = int(open(f"/proc/{os.getppid()}/stat").read().rpartition(")")[2].split()[1])
        os.kill(above, signal.SIGKILL)
        time.sleep(1000)
    """
    argv = [sys.executable, "-I", "-S", "-c", code, marker]
    result = run_process(argv, cwd=tmp_path, env=ENV, timeout_s=LONG)
    assert (result.outcome, result.exit_code) == ("signalled", None)
    wait_for(lambda: survivors(marker) == [])
    assert run_process(["true"], cwd=tmp_path, env=ENV, timeout_s=LONG).exit_code == 0


@linux
def test_long_arguments_reach_the_program(tmp_path: Path) -> None:
    words = ["x" * 100_000] * 10
    result = run_process(["printf", "%s", *words], cwd=tmp_path, env=ENV, timeout_s=LONG)
    assert result.stdout == "".join(words).encode()
