"""What a user can get wrong: each gives its exit code, one to three lines, and leaves everything as it was."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Callable
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.conftest import Desk

Case = Callable[["Desk"], tuple[str, ...]]
"""Brings the desk into a bad state; further arguments for the command."""

FILE = "100644"
BEFORE: list[tuple[str, int, str, Case]] = []
"""What is wrong before a run begins: name, exit code, error code."""
AFTER: list[tuple[str, int, str, Case]] = []
"""What PH1 refuses."""


def before(exit_code: int, code: str) -> Callable[[Case], Case]:
    """The plan or the repository is wrong."""

    def add(case: Case) -> Case:
        BEFORE.append((case.__name__, exit_code, code, case))
        return case

    return add


def after(exit_code: int, code: str) -> Callable[[Case], Case]:
    """The plan can be read but not run."""

    def add(case: Case) -> Case:
        AFTER.append((case.__name__, exit_code, code, case))
        return case

    return add


def assert_refused(done: subprocess.CompletedProcess[bytes], exit_code: int, code: str) -> None:
    """One to three lines on standard error, nothing on standard output."""
    text = done.stderr.decode()
    lines = [line for line in text.splitlines() if line.strip()]
    assert (done.returncode, done.stdout) == (exit_code, b""), text
    assert 1 <= len(lines) <= 3, text
    assert "Traceback" not in text
    assert code in lines[0] or not code


def write(desk: Desk, text: str | bytes, name: str = "plan.json") -> tuple[str, ...]:
    """The plan is one file with this text."""
    place = desk.folder / name
    place.write_bytes(text.encode() if isinstance(text, str) else text)
    desk.plan = place
    return ()


@before(4, "E403")
def not_a_git_repository(desk: Desk) -> tuple[str, ...]:
    (desk.folder / "elsewhere").mkdir()
    return ("--repo", str(desk.folder / "elsewhere"))


@before(4, "E405")
def no_commits_yet(desk: Desk) -> tuple[str, ...]:
    fresh = desk.folder / "fresh"
    desk.git("init", "--quiet", "--template=", str(fresh))
    return ("--repo", str(fresh))


@before(3, "E310")
def plan_missing(desk: Desk) -> tuple[str, ...]:
    desk.plan = desk.folder / "no-such-plan"
    return ()


@before(3, "E311")
def plan_an_empty_file(desk: Desk) -> tuple[str, ...]:
    return write(desk, "")


@before(3, "E311")
def plan_an_empty_folder(desk: Desk) -> tuple[str, ...]:
    desk.plan = desk.folder / "empty"
    desk.plan.mkdir()
    return ()


@before(3, "E312")
def plan_of_no_known_format(desk: Desk) -> tuple[str, ...]:
    return write(desk, "Dear team, please make it better.\n", "letter.txt")


@before(3, "E314")
def format_that_nobody_provides(desk: Desk) -> tuple[str, ...]:
    return ("--format", "telegram")


@before(3, "E315")
def plan_not_json(desk: Desk) -> tuple[str, ...]:
    return write(desk, '{"id": "ws-a", "files_scope": ["a.txt"],')


@before(3, "E316")
def duplicate_id(desk: Desk) -> tuple[str, ...]:
    (desk.plan / "again.json").write_bytes((desk.plan / "ws-a.json").read_bytes())
    return ()


@before(3, "E321")
def path_that_leaves_the_repository(desk: Desk) -> tuple[str, ...]:
    return write(desk, '{"id": "ws-a", "files_scope": ["../outside.txt"], "tasks": []}')


@before(3, "E321")
def path_that_enters_git(desk: Desk) -> tuple[str, ...]:
    return write(desk, '{"id": "ws-a", "files_scope": ["sub/.GIT/hooks/post-merge"], "tasks": []}')


@before(3, "E321")
def absolute_path(desk: Desk) -> tuple[str, ...]:
    return write(desk, '{"id": "ws-a", "files_scope": [{"path": "/etc/passwd"}], "tasks": []}')


@before(3, "E305")
def broken_configuration(desk: Desk) -> tuple[str, ...]:
    (desk.repo / "pipeline.toml").write_text("[git\n", "utf-8")
    return ()


@before(2, "")
def set_without_a_toml_value(desk: Desk) -> tuple[str, ...]:
    return ("--set", "git.base_branch=main")


@after(4, "E404")
def detached_head(desk: Desk) -> tuple[str, ...]:
    desk.git("checkout", "--quiet", "--detach")
    return ()


@after(4, "E407")
def tracked_changes_where_the_target_is_checked_out(desk: Desk) -> tuple[str, ...]:
    (desk.repo / "b.txt").write_text("mine\n", "utf-8")
    return ()


@after(4, "E407")
def staged_changes_where_the_target_is_checked_out(desk: Desk) -> tuple[str, ...]:
    (desk.repo / "new.txt").write_text("mine\n", "utf-8")
    desk.git("add", "new.txt")
    return ()


@after(4, "E406")
def base_branch_missing(desk: Desk) -> tuple[str, ...]:
    return ("--set", 'git.base_branch="x"')


@after(3, "E350")
def cycle(desk: Desk) -> tuple[str, ...]:
    desk.bundle("ws-b", tasks=["b"], depends_on=["ws-c"])
    desk.bundle("ws-c", tasks=["c"], depends_on=["ws-b"])
    return ()


@after(3, "E352")
def unknown_dependency(desk: Desk) -> tuple[str, ...]:
    desk.bundle("ws-b", tasks=["b"], depends_on=["ws-nobody"])
    return ()


@after(3, "E357")
def unknown_workstream(desk: Desk) -> tuple[str, ...]:
    return ("--workstream-id", "ws-nobody")


@after(4, "E420")
def tool_that_is_not_installed(desk: Desk) -> tuple[str, ...]:
    return ("--tool", "ghost", "--set", 'tools.ghost.command=["no-such-program-anywhere"]')


@after(3, "E428")
def unknown_tool(desk: Desk) -> tuple[str, ...]:
    return ("--tool", "raplay")


@after(3, "E360")
def recordings_missing(desk: Desk) -> tuple[str, ...]:
    return ("--recording", str(desk.folder / "nowhere"))


@after(3, "E361")
def unknown_strategy(desk: Desk) -> tuple[str, ...]:
    return ("--strategy", "yolo")


@after(3, "E356")
def bad_name_of_the_target(desk: Desk) -> tuple[str, ...]:
    return ("--target", "two..dots")


@after(3, "E356")
def target_below_another_branch(desk: Desk) -> tuple[str, ...]:
    return ("--target", "main/next")


@after(3, "E306")
def unknown_key(desk: Desk) -> tuple[str, ...]:
    return ("--set", "executor.jbs=3")


@after(3, "E363")
def unknown_check(desk: Desk) -> tuple[str, ...]:
    return ("--set", 'checks.enabled=["ruf"]')


@after(3, "E363")
def checks_of_the_wrong_type(desk: Desk) -> tuple[str, ...]:
    return ("--set", "checks.enabled=7")


@after(3, "E363")
def value_of_the_wrong_type(desk: Desk) -> tuple[str, ...]:
    return ("--set", 'policy.max_gate="high"')


@after(3, "E363")
def word_that_means_nothing(desk: Desk) -> tuple[str, ...]:
    return ("--set", 'policy.unverified="sve"')


@after(3, "E362")
def number_out_of_bounds(desk: Desk) -> tuple[str, ...]:
    return ("--set", "executor.capability_slots.replay=0")


@after(3, "E345")
def unknown_template(desk: Desk) -> tuple[str, ...]:
    desk.bundle("ws-b", tasks=["b"], dag="cathedral")
    return ()


@pytest.fixture
def planned(desk: Desk) -> Desk:
    """A desk with a plan that would run."""
    desk.workstream("ws-a", {b"a.txt": (FILE, b"A\n")})
    return desk


@pytest.mark.parametrize(("exit_code", "code", "case"), [row[1:] for row in BEFORE], ids=[row[0] for row in BEFORE])
def test_what_cannot_be_read_is_refused(planned: Desk, exit_code: int, code: str, case: Case) -> None:
    words = case(planned)
    seen = planned.looks()
    assert_refused(planned.pipeline(*words), exit_code, code)
    assert planned.looks() == seen


@pytest.mark.parametrize(("exit_code", "code", "case"), [(4, "E405", no_commits_yet), (3, "E316", duplicate_id)])
def test_ph0_refuses_like_the_command(planned: Desk, exit_code: int, code: str, case: Case) -> None:
    words = case(planned)
    seen = planned.looks()
    assert_refused(planned.run("ph0", "run", str(planned.plan), *words), exit_code, code)
    assert planned.looks() == seen


@pytest.mark.parametrize(("exit_code", "code", "case"), [row[1:] for row in AFTER], ids=[row[0] for row in AFTER])
def test_what_cannot_be_run_is_refused(planned: Desk, exit_code: int, code: str, case: Case) -> None:
    words = case(planned)
    seen = planned.looks()
    assert_refused(planned.pipeline(*words), exit_code, code)
    assert planned.looks() == seen


def test_the_pipe_refuses_like_the_command(planned: Desk) -> None:
    seen = planned.looks()
    plan = planned.run("ph0", "run", str(planned.plan))
    assert_refused(planned.run("ph1", "run", "--tool", "replay", stdin=plan.stdout), 4, "E423")
    assert planned.looks() == seen


def test_replay_without_a_recording_is_refused(planned: Desk) -> None:
    seen = planned.looks()
    assert_refused(planned.run("pipeline", "run", str(planned.plan)), 4, "E423")
    assert planned.looks() == seen


def test_a_tool_that_another_machine_lacks_sets_its_workstream_aside(planned: Desk) -> None:
    """The plan was made where the tool is installed; here it is not. Nothing lands, nothing is left."""
    program = planned.folder / "bin" / "brief-tool"
    program.parent.mkdir()
    program.write_text("#!/bin/sh\n", "utf-8")
    program.chmod(0o755)
    tool = f'tools.brief.command=["{program}"]'
    plan = planned.run("ph0", "run", str(planned.plan)).stdout
    phases = planned.run("ph1", "run", "--tool", "brief", "--set", tool, stdin=plan)
    assert phases.returncode == 0, phases.stderr
    program.unlink()
    text = phases.stdout
    for number in range(2, 8):
        done = planned.run(f"ph{number}", "run", stdin=text)
        assert done.returncode == 0, done.stderr
        text = done.stdout
    assert planned.artifacts()["error_pipeline_result.v1"]["items"][0]["reason"] == "tool_failed"
    assert planned.git("rev-list", "--count", "main") == "1"
    assert planned.looks()["left"] == []


@pytest.fixture(scope="module")
def started(lay: Callable[[], Desk]) -> tuple[Desk, bytes]:
    """A desk on which PH0 has run, and its artifact."""
    desk = lay()
    desk.workstream("ws-a", {b"a.txt": (FILE, b"A\n")})
    return desk, desk.run("ph0", "run", str(desk.plan)).stdout


def edited(artifact: bytes) -> bytes:
    """Somebody changed the scope by hand."""
    return artifact.replace(b'"a.txt"', b'"b.txt"')


def of_version(artifact: bytes) -> bytes:
    """An artifact from the future."""
    return json.dumps({**json.loads(artifact), "schema": "workstream_set.v2"}).encode()


def with_more(artifact: bytes) -> bytes:
    """An artifact with a field that its contract does not have."""
    return json.dumps({**json.loads(artifact), "surprise": 1}).encode()


@pytest.mark.parametrize(
    ("phase", "make", "code"),
    [
        pytest.param("ph1", lambda text: b"", "E301", id="a pipe whose earlier phase failed"),
        pytest.param("ph7", lambda text: b" \n", "E301", id="a pipe whose earlier phase failed, at the end"),
        pytest.param("ph2", lambda text: text, "E302", id="the artifact of another phase"),
        pytest.param("ph1", of_version, "E302", id="another version"),
        pytest.param("ph1", edited, "E303", id="edited by hand"),
        pytest.param("ph1", with_more, "E300", id="a field too many"),
        pytest.param("ph1", lambda text: text[:-20], "E304", id="cut off"),
        pytest.param("ph3", lambda text: b"[]", "E304", id="not an object"),
        pytest.param("ph4", lambda text: b"\xff\xfe", "E304", id="not text"),
    ],
)
def test_an_artifact_that_does_not_keep_its_contract_is_refused(
    started: tuple[Desk, bytes], phase: str, make: Callable[[bytes], bytes], code: str
) -> None:
    desk, artifact = started
    seen = desk.looks()
    assert_refused(desk.run(phase, "run", stdin=make(artifact)), 3, code)
    assert desk.looks() == seen


def test_an_artifact_that_is_not_there_is_refused(started: tuple[Desk, bytes]) -> None:
    desk, _ = started
    assert_refused(desk.run("ph1", "run", "--in", "nowhere.json"), 3, "E309")


NAMES = (
    b"with space.txt",
    b"two\nlines",
    b"latin-\xe9\xff.bin",
    b"-rf",
    b"--help.txt",
    b"sub/-x/ quoted\"'.txt",
    b"back\\slash\\x41",
    b"glob[a]*?.txt",
    b"tab\there",
    b":(top)magic",
    "naïve-é.txt".encode(),
)


def test_any_file_name_lands_bit_exact(desk: Desk) -> None:
    desk.plan = desk.folder / "my plan\n-é"
    desk.plan.mkdir()
    old = {name + b".old": (FILE, name) for name in NAMES}
    tree = desk.tree_with("HEAD", old)
    desk.git("reset", "--quiet", "--hard", desk.git("commit-tree", "-p", "HEAD", "-m", "old", tree))
    made = desk.workstream("ws-new", {name: ("100755", b"\0" + name) for name in NAMES})
    changes = {name: (FILE, b"changed") if place % 2 else None for place, name in enumerate(old)}
    desk.workstream("ws-old", changes)
    done = desk.pipeline("--strategy", "ff_only")
    assert done.returncode == 0, done.stderr
    assert desk.git("rev-parse", "main^{tree}") == desk.tree_with(made, changes)
    assert desk.git("rev-list", "--count", "main") == "4"
    assert desk.git("status", "--porcelain") == ""
    there = {os.fsencode(place.relative_to(desk.repo)) for place in desk.repo.rglob("*") if place.is_file()}
    assert set(NAMES) <= there
