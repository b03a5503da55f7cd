"""A call that is played from its recording gives what the call gave, and starts nothing."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from global_aim import playing, workspace
from global_aim.attempt import attempt
from global_util.attempt import AttemptRequest, AttemptResult, Usage
from global_util.config import PLAY, Settings
from global_util.contracts.item import State, Violation
from global_util.contracts.phase_plan import ToolProfile
from global_util.errors import InvalidInput
from global_util.testing import FILE, LINK, Sandbox, Tree
from hypothesis import given
from hypothesis import strategies as st

BASE: Tree = {
    b"a": (FILE, b"one\ntwo\n"),
    b"dir/f": (FILE, b"f\n"),
    b"dir/g": (FILE, b"no newline at the end"),
    b"link": (LINK, b"dir"),
    b"binary": (FILE, bytes(range(256))),
    b".gitattributes": (FILE, b"*.dos text eol=crlf\n"),
    b".gitignore": (FILE, b"*.log\n"),
}


class Lab:
    """A context with one tool, and a scope that covers all but ``out/``."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.box = Sandbox(folder / "repo")
        self.repo = self.box.repo
        commit = self.box.start(BASE)
        self.start = State(commit=commit, tree=self.repo.tree_of(commit))
        self.config = Settings().over("test", {"worktree.root": str(folder / "slots")})
        self.execution_id = "EXEC-2026-01-02-001"
        self.run_dir = self.repo.state_dir / "runs" / self.execution_id
        self.events: list[str] = []

    def ancestor(self, schema: str) -> Any:
        command = [sys.executable, str(self.folder / "tool.py")]
        about = {"id": "mine", "kind": "ai", "capabilities": [], "command": command}
        told = json.dumps({**about, "timeout_s": 2, "idle_timeout_s": 2, "usage": "json-lines"})
        return SimpleNamespace(tools=[ToolProfile.model_validate_json(told)])

    def try_name(self, request: AttemptRequest) -> str:
        return request.name

    def emit(self, event: str, workstream_id: str | None = None, **payload: Any) -> None:
        self.events.append(event)

    def request(self, budget: dict[str, Any] | None = None) -> AttemptRequest:
        limits = {"max_attempts": 1, "max_error_repeats": 2, "oscillation_threshold": 3}
        scope = {"files_scope": ["**"], "forbidden_paths": ["out/"]}
        work: dict[str, Any] = {"title": "t", "tasks": ["do"], "scope": scope, "acceptance": [], "context": []}
        work |= {"tool": "mine", "limits": limits, "plan_source": "p", "budget": budget}
        state = self.start.to_json()
        fields = {"workstream_id": "ws-a", "n": 1, "purpose": "edit", "work": work, "base": state, "start": state}
        return AttemptRequest.model_validate_json(json.dumps(fields))

    def make(self, script: str, **more: Any) -> AttemptResult:
        (self.folder / "tool.py").write_text("import os, shutil, signal, subprocess, sys, time\n" + script)
        return attempt(self, self.request(**more))  # type: ignore[arg-type]

    def play(self, recording: Path, **more: Any) -> AttemptResult:
        self.config = Settings().over("test", {PLAY: str(recording)})
        return attempt(self, self.request(**more))  # type: ignore[arg-type]


@pytest.fixture
def lab(tmp_path: Path) -> Iterator[Lab]:
    made = Lab(tmp_path / "one")
    yield made
    workspace.remove_slots(made.repo, made.config)


@pytest.fixture
def other(tmp_path: Path) -> Lab:
    """The same base in a repository of its own."""
    return Lab(tmp_path / "other")


def lines(text: str) -> str:
    return f"open('a', 'w').write({text!r})\n"


ENDS = {
    "nothing": "",
    "edit": lines("ONE\ntwo\n"),
    "empty file": "open('empty', 'w').close()\n",
    "modes": "os.chmod('a', 0o755)\n",
    "removed": "os.remove('a'); shutil.rmtree('dir')\n",
    "folder becomes file": "shutil.rmtree('dir'); open('dir', 'w').write('file\\n')\n",
    "file becomes folder": "os.remove('a'); os.mkdir('a'); open('a/b', 'w').write('b\\n')\n",
    "link becomes file": "os.remove('link'); open('link', 'w').write('dir')\n",
    "file becomes link": "os.remove('a'); os.symlink('/etc/passwd', 'a')\n",
    "binary": "open('binary', 'ab').write(bytes(5000))\n",
    "line endings": "open('x.dos', 'wb').write(b'a\\r\\nb\\r\\n'); open('mixed', 'wb').write(b'a\\r\\nb\\n\\r')\n",
    "odd names": "for name in (b'a b', b'\\xff\\n\\t', b'\"q\\\\', b'-n', b'dir/ ', b'caf\\xc3\\xa9'): open(name, 'w').write('x\\n')\n",
    "staged though ignored": "open('x.log', 'w').write('x'); subprocess.run(['git', 'add', '-f', 'x.log'], check=True)\n",
    "outside": lines("A\n") + "os.mkdir('out'); open('out/f', 'w').write('o\\n')\n",
    "nested": "subprocess.run(['git', 'init', '-q', 'inner'], check=True); open('inner/f', 'w').write('x')\n",
    "refused": "os.mkdir('.GIT'); open('.GIT/config', 'w').write('x')\n",
    "fails": lines("half\n") + "sys.exit(7)\n",
    "ends like a player": "sys.exit(66)\n",
    "dies": lines("half\n") + "os.kill(os.getpid(), signal.SIGKILL)\n",
    "hangs": lines("half\n") + "time.sleep(60)\n",
    "tells": lines("A\n") + 'print(\'{"usage": {"tokens_in": 12, "tokens_out": 3, "cost_usd": 0.25}}\')\n',
}


@pytest.mark.parametrize("script", ENDS.values(), ids=ENDS.keys())
def test_a_played_call_gives_what_the_call_gave(lab: Lab, other: Lab, script: str) -> None:
    made = lab.make(script)
    played = other.play(lab.run_dir / "recording")
    same = {"usage": None, "detail": ""}
    assert played.model_copy(update=same) == made.model_copy(update=same)
    assert other.events == ["tool_played"]
    assert not (other.folder / "slots").exists()
    assert other.repo.refs("refs/pipeline") == lab.repo.refs("refs/pipeline")
    for form in ("patch", "json"):
        places = [one.run_dir / f"recording/ws-a/1.{form}" for one in (lab, other)]
        assert places[0].read_bytes() == places[1].read_bytes()


def test_what_a_call_cost_is_told_again_and_its_time_where_it_counts(lab: Lab, other: Lab) -> None:
    made = lab.make(ENDS["tells"], budget={"seconds": 50})
    played = other.play(lab.run_dir / "recording", budget={"seconds": 50})
    assert played.usage == made.usage
    assert played.usage
    assert (played.usage.tokens_in, played.usage.micro_usd) == (12, 250_000)


def test_a_call_that_was_not_recorded_or_does_not_fit_is_one_that_failed(lab: Lab, other: Lab, tmp_path: Path) -> None:
    none = other.play(tmp_path / "nothing")
    assert (none.call.outcome, none.head) == ("no_recording", other.start)
    lab.make(lines("ONE\ntwo\n"))
    commit = other.box.commit({b"a": (FILE, b"other\n")})
    other.start = State(commit=commit, tree=other.repo.tree_of(commit))
    unfit = other.play(lab.run_dir / "recording")
    assert (unfit.call.outcome, unfit.head) == ("failed", other.start)
    assert "its recording does not fit" in unfit.detail


def test_recordings_made_by_hand_know_an_exit_code_or_nothing(lab: Lab, other: Lab) -> None:
    lab.make(lines("ONE\n"))
    about = lab.run_dir / "recording/ws-a/1.json"
    for text, outcome in (('{"exit_code": 3}', "failed"), ('{"exit_code": 66}', "no_recording"), ("{}", "ok")):
        about.write_text(text)
        assert other.play(lab.run_dir / "recording").call.outcome == outcome
    about.unlink()
    assert other.play(lab.run_dir / "recording").call.outcome == "ok"


@pytest.mark.parametrize(
    "text",
    [
        "{",
        "[]",
        '{"exit_code": "x"}',
        '{"call": 1}',
        '{"call": {"outcome": "great"}}',
        '{"call": {"outcome": "ok", "exit_code": 0, "unseen": [{"path": "a"}]}}',
        '{"call": {"outcome": "ok", "exit_code": 0, "unseen": 1}}',
        '{"call": {"outcome": "ok", "exit_code": "0"}}',
        '{"exit_code": true}',
    ],
)
def test_a_recording_that_cannot_be_read_is_told(lab: Lab, other: Lab, text: str) -> None:
    lab.make("")
    (lab.run_dir / "recording/ws-a/1.json").write_text(text)
    with pytest.raises(InvalidInput) as told:
        other.play(lab.run_dir / "recording")
    assert told.value.code == "E466"


@given(
    st.sampled_from(["ok", "failed", "timeout", "idle_timeout", "tool_missing"]),
    st.none() | st.integers(-64, 300),
    st.integers(0, 10**9),
)
def test_a_script_holds_what_the_replay_tool_can_play(outcome: Any, code: int | None, tokens: int) -> None:
    unseen = Violation(path="inner", kind="submodule"), Violation(path="x", kind="outside")
    ended = playing.Ended(outcome, code, Usage(tokens_in=tokens))
    told = json.loads(playing.script(ended, unseen, with_time=False))
    assert 0 <= told["exit_code"] <= 255
    assert told["usage"] == {"tokens_in": tokens}
    assert told["call"] == {"outcome": outcome, "exit_code": code, "unseen": [unseen[0].to_json()]}
