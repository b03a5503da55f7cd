"""Running programs: how their ends are told, what they are given, and how much they may print."""

from __future__ import annotations

import os
import signal
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from global_util.process import ProcessResult, run_process
from global_util.process.output import MARK, Output
from hypothesis import given
from hypothesis import strategies as st

ENV = {"PATH": "/usr/local/bin:/usr/bin:/bin"}
LONG = 120.0
"""A time limit that no test is meant to reach."""


def run(cwd: Path, *argv: str, **options: Any) -> ProcessResult:
    return run_process(argv, **{"cwd": cwd, "env": ENV, "timeout_s": LONG, **options})


def python(cwd: Path, code: str, *words: str, **options: Any) -> ProcessResult:
    return run(cwd, sys.executable, "-I", "-S", "-c", code, *words, **options)


@pytest.mark.parametrize("code", [0, 1, 66, 255])
def test_an_exit_code_is_told(tmp_path: Path, code: int) -> None:
    result = run(tmp_path, "sh", "-c", f"exit {code}")
    assert (result.outcome, result.exit_code, result.signal) == ("exited", code, None)


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM, signal.SIGSEGV, signal.SIGPIPE])
def test_a_signal_is_told(tmp_path: Path, number: signal.Signals) -> None:
    result = run(tmp_path, "sh", "-c", f"ulimit -c 0; kill -{number.value} $$")
    assert (result.outcome, result.exit_code, result.signal) == ("signalled", None, number.value)


def test_both_streams_are_kept_apart_and_written_to_files(tmp_path: Path) -> None:
    files = {"stdout_file": tmp_path / "out", "stderr_file": tmp_path / "err"}
    result = run(tmp_path, "sh", "-c", "echo one; echo two >&2", **files)
    assert (result.stdout, result.stderr, result.truncated) == (b"one\n", b"two\n", False)
    assert [path.read_bytes() for path in files.values()] == [b"one\n", b"two\n"]


def test_it_works_in_the_given_folder_with_exactly_the_given_environment(tmp_path: Path) -> None:
    env = {**ENV, "A": "b c\nd", "RAW": os.fsdecode(b"\xff\xfe")}
    result = run(tmp_path, "env", "-0", env=env)
    assert sorted(filter(None, result.stdout.split(b"\0"))) == sorted(os.fsencode(f"{k}={v}") for k, v in env.items())
    assert run(tmp_path, "pwd", "-P").stdout.rstrip(b"\n") == os.fsencode(tmp_path.resolve())


@pytest.mark.parametrize("locale", [{}, {"LC_CTYPE": "C"}, {"LC_ALL": "C"}], ids=str)
def test_the_locale_is_the_callers(tmp_path: Path, locale: dict[str, str]) -> None:
    result = run(tmp_path, "env", env={**ENV, **locale})
    assert sorted(result.stdout.decode().split()) == sorted(f"{k}={v}" for k, v in {**ENV, **locale}.items())


def test_standard_input_is_closed(tmp_path: Path) -> None:
    result = run(tmp_path, "cat")
    assert (result.outcome, result.exit_code, result.stdout) == ("exited", 0, b"")


def test_the_program_leads_a_session_of_its_own_without_our_files_and_signal_settings(tmp_path: Path) -> None:
    code = """if True:
        import os, signal
        print(os.getsid(0) == os.getpid() == os.getpgid(0))
        print(sorted(int(n) for n in os.listdir("/proc/self/fd"))[:3] if os.path.isdir("/proc/self/fd") else [0, 1, 2])
        print(len(os.listdir("/proc/self/fd")) if os.path.isdir("/proc/self/fd") else 4)
        print(signal.pthread_sigmask(signal.SIG_BLOCK, []))
        print(signal.getsignal(signal.SIGHUP) is signal.SIG_DFL)
    """
    old = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        result = python(tmp_path, code)
    finally:
        signal.signal(signal.SIGHUP, old)
    assert result.stdout.decode().splitlines() == ["True", "[0, 1, 2]", "4", "set()", "True"]


@pytest.mark.parametrize(
    "word",
    [
        "",
        " ",
        "a b",
        "line\nbreak",
        "-n",
        "--",
        "-",
        "$(touch x)",
        "`x`;",
        "*",
        "\\",
        "'\"",
        "ü",
        os.fsdecode(b"\xff\xfe-\x80"),
    ],
    ids=ascii,
)
def test_arguments_arrive_as_they_are(tmp_path: Path, word: str) -> None:
    result = python(
        tmp_path, "import os,sys;sys.stdout.buffer.write(b'\\0'.join(map(os.fsencode,sys.argv[1:])))", word, "end"
    )
    assert result.stdout == os.fsencode(word) + b"\0end"
    assert list(tmp_path.iterdir()) == []


def test_a_program_is_found_on_the_given_path_only(tmp_path: Path) -> None:
    for folder in (tmp_path, tmp_path / "bin"):
        folder.mkdir(exist_ok=True)
        (folder / "tool").write_text(f"#!/bin/sh\necho {folder.name}\n")
        (folder / "tool").chmod(0o755)
    for name, path in (("tool", ".:"), ("tool", ""), ("./tool", "."), ("bin/tool", ""), ("tool", "bin")):
        assert run(tmp_path, name, env={"PATH": path}).outcome == "not_found", (name, path)
    assert run(tmp_path, "tool", env={"PATH": f".:{tmp_path / 'bin'}"}).stdout == b"bin\n"
    assert run(tmp_path, str(tmp_path / "bin" / "tool"), env={}).stdout == b"bin\n"


@pytest.mark.parametrize("name", ["no-such-program-here", "", "/no/such/program", "/", "a\0b", "\ud800"], ids=ascii)
def test_a_missing_program_is_an_outcome(tmp_path: Path, name: str) -> None:
    result = run(tmp_path, name, stderr_file=tmp_path / "err")
    assert (result.outcome, result.exit_code) == ("not_found", None)
    assert result.stderr.startswith(b"cannot start ")
    assert (tmp_path / "err").read_bytes() == result.stderr


@pytest.mark.parametrize("content", ["#!/no/such/interpreter\n", "neither script nor program\n"])
def test_what_cannot_be_started_is_an_outcome(tmp_path: Path, content: str) -> None:
    (tmp_path / "tool").write_text(content)
    (tmp_path / "tool").chmod(0o755)
    result = run(tmp_path, "tool", env={"PATH": str(tmp_path)})
    assert result.outcome == "not_found"
    assert b"cannot start 'tool'" in result.stderr


@pytest.mark.parametrize("words", [["a\0b"], ["\ud800"], ["x" * 3_000_000]], ids=["nul", "surrogate", "too-long"])
def test_arguments_that_no_program_can_take_are_an_outcome(tmp_path: Path, words: list[str]) -> None:
    assert run(tmp_path, "true", *words).outcome == "not_found"


def test_a_missing_folder_is_the_callers_fault(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        run(tmp_path / "gone", "true")


def test_output_without_end_is_bounded_in_memory_and_on_disk(tmp_path: Path) -> None:
    script = "printf begin; head -c 3000000 /dev/zero; printf end; yes error | head -c 500000 >&2"
    result = run(tmp_path, "sh", "-c", script, max_bytes=10_000, stdout_file=tmp_path / "out")
    assert result.truncated
    assert (result.outcome, result.exit_code) == ("exited", 0)
    assert len(result.stdout) == len(result.stderr) == 10_000
    assert result.stdout.startswith(b"begin\0")
    assert result.stdout.endswith(b"\0end")
    assert result.stdout.count(MARK) == 1
    assert (tmp_path / "out").read_bytes() == result.stdout


def test_a_program_that_prints_for_ever_is_stopped(tmp_path: Path) -> None:
    result = run(tmp_path, "yes", timeout_s=0.5, idle_timeout_s=LONG, max_bytes=1000, stdout_file=tmp_path / "out")
    assert (result.outcome, result.exit_code, result.signal, result.truncated) == ("timeout", None, None, True)
    assert (tmp_path / "out").stat().st_size == len(result.stdout) == 1000


@given(st.lists(st.binary(max_size=40)), st.integers(0, 200))
def test_kept_output_is_whole_or_has_head_mark_and_tail(chunks: list[bytes], limit: int) -> None:
    with Output(None, limit) as output:
        for chunk in chunks:
            output.add(chunk)
    whole = b"".join(chunks)
    assert output.truncated == (len(whole) > limit)
    if not output.truncated:
        assert output.kept() == whole
        return
    assert len(output.kept()) == limit
    if limit > len(MARK):
        head, _, tail = output.kept().partition(MARK)
        assert whole.startswith(head)
        assert whole.endswith(tail)


def test_silence_is_not_endured_longer_than_asked(tmp_path: Path) -> None:
    result = run(tmp_path, "sh", "-c", "echo hello; exec sleep 1000", idle_timeout_s=0.3)
    assert (result.outcome, result.stdout) == ("idle_timeout", b"hello\n")


def test_a_program_that_prints_now_and_then_is_not_idle(tmp_path: Path) -> None:
    script = "for i in 1 2 3 4 5 6; do echo $i >&2; sleep 0.5; done"
    result = run(tmp_path, "sh", "-c", script, idle_timeout_s=2.5)
    assert (result.outcome, result.exit_code) == ("exited", 0)


def test_on_timeout_a_program_may_tidy_up(tmp_path: Path) -> None:
    script = "trap 'echo tidy; exit 0' TERM; echo ready; while :; do sleep 0.05; done"
    result = run(tmp_path, "sh", "-c", script, timeout_s=1)
    assert (result.outcome, result.exit_code) == ("timeout", None)
    assert result.stdout == b"ready\ntidy\n"


def test_cancelling_stops_it(tmp_path: Path) -> None:
    cancel = threading.Event()
    with ThreadPoolExecutor(1) as pool:
        future = pool.submit(run, tmp_path, "sh", "-c", "touch started; exec sleep 1000", cancel=cancel)
        while not (tmp_path / "started").exists():
            assert not future.done()
        cancel.set()
        assert future.result().outcome == "interrupted"


def test_cancelled_before_it_began_it_does_not_start(tmp_path: Path) -> None:
    cancel = threading.Event()
    cancel.set()
    assert run(tmp_path, "touch", "started", cancel=cancel).outcome == "interrupted"
    assert not (tmp_path / "started").exists()


def open_files() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


@pytest.mark.skipif(not Path("/proc/self/fd").is_dir(), reason="counts open files in /proc")
def test_many_threads_at_once_get_their_own_answers_and_leak_nothing(tmp_path: Path) -> None:
    run(tmp_path, "true")
    before = open_files()

    def several(worker: int) -> list[tuple[bytes, int | None]]:
        answers = []
        for turn in range(20):
            result = run(tmp_path, "sh", "-c", f"echo {worker}.{turn}; exit {turn}")
            answers.append((result.stdout, result.exit_code))
        return answers

    with ThreadPoolExecutor(8) as pool:
        results = list(pool.map(several, range(8)))
    assert results == [[(f"{worker}.{turn}\n".encode(), turn) for turn in range(20)] for worker in range(8)]
    assert open_files() == before
