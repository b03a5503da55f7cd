"""One try of a tool: what is inside its scope is committed, what is not is kept elsewhere, and nothing survives it."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from global_aim import workspace
from global_aim.attempt import attempt
from global_util.attempt import AttemptRequest, AttemptResult
from global_util.config import Settings, flatten
from global_util.contracts.item import Scope, State
from global_util.contracts.phase_plan import ToolProfile
from global_util.errors import EnvironmentFault, InvalidInput
from global_util.testing import FILE, PROGRAM, Sandbox, Tree

BASE: Tree = {
    b"src/a": (FILE, b"one\n"),
    b"src/b": (FILE, b"two\n"),
    b"file": (FILE, b"f\n"),
    b"keep": (FILE, b"kept\n"),
    b".gitignore": (FILE, b"*.log\n"),
}
SCOPE = {
    "files_scope": ["src/", "file/new", {"path": "odd[1]"}],
    "files_create": ["made", "x.log"],
    "files_read_only": ["src/api/"],
    "forbidden_paths": ["src/secret"],
}


class Lab:
    """A context with one scripted tool, as a phase would have it."""

    def __init__(self, folder: Path, execution: str = "EXEC-2026-01-02-001") -> None:
        self.folder = folder
        self.box = Sandbox(folder / "repo")
        self.repo = self.box.repo
        commit = self.box.start(BASE)
        self.start = State(commit=commit, tree=self.repo.tree_of(commit))
        self.config = Settings().over("test", {"worktree.root": str(folder / "slots")})
        self.execution_id = execution
        self.run_dir = self.repo.state_dir / "runs" / execution
        self.events: list[str] = []
        self.profile: dict[str, Any] = {"timeout_s": 60, "idle_timeout_s": 60}
        self.command = [sys.executable, str(folder / "tool.py"), "{workstream_id}", "{attempt}", "{files}"]

    def ancestor(self, schema: str) -> Any:
        assert schema == "phase_plan.v1"
        replay = [sys.executable, "-P", "-m", "global_aim.replay", "{recording}", "{workstream_id}", "{attempt}"]
        commands = {"scripted": self.command, "replay": replay, "missing": ["no-such-tool"]}
        tools = [
            ToolProfile.model_validate_json(
                json.dumps({"id": name, "kind": "ai", "capabilities": [], "command": command, **self.profile})
            )
            for name, command in commands.items()
        ]
        return SimpleNamespace(tools=tools)

    def try_name(self, request: AttemptRequest) -> str:
        return request.name

    def emit(self, event: str, workstream_id: str | None = None, **payload: Any) -> None:
        self.events.append(event)

    def request(self, **more: Any) -> AttemptRequest:
        limits = {"max_attempts": 1, "max_error_repeats": 2, "oscillation_threshold": 3}
        work: dict[str, Any] = {"title": "t", "tasks": ["do"], "scope": SCOPE, "acceptance": [], "context": []}
        work |= {"tool": more.pop("tool", "scripted"), "limits": limits, "plan_source": "p"}
        work["scope"] = more.pop("scope", SCOPE)
        state = self.start.to_json()
        fields = {"workstream_id": "ws-a", "n": 1, "purpose": "edit", "work": work, "base": state, "start": state}
        return AttemptRequest.model_validate_json(json.dumps({**fields, **more}))

    def run(self, script: str = "", **more: Any) -> AttemptResult:
        (self.folder / "tool.py").write_text("import os, shutil, subprocess, sys, time\n" + script)
        return attempt(self, self.request(**more))  # type: ignore[arg-type]

    def content(self, result: AttemptResult) -> dict[bytes, tuple[str, bytes]]:
        assert self.repo.tree_of(result.head.commit) == result.head.tree
        return self.box.content(result.head.tree)


@pytest.fixture
def lab(tmp_path: Path) -> Iterator[Lab]:
    made = Lab(tmp_path)
    yield made
    workspace.remove_slots(made.repo, made.config)


def write(path: str, text: str = "new\\n") -> str:
    return f"os.makedirs(os.path.dirname({path!r}) or '.', exist_ok=True); open({path!r}, 'w').write('{text}')\n"


INSIDE = write("src/a", "ONE\\n") + write("src/deep/n") + write("made") + write("x.log", "log\\n")


def test_what_is_inside_is_committed(lab: Lab) -> None:
    result = lab.run(INSIDE + "os.remove('src/b'); os.chmod('made', 0o755)\n")
    assert (result.call.outcome, result.call.exit_code, result.scope.verdict) == ("ok", 0, "inside")
    wanted = {
        **{path: BASE[path] for path in (b"file", b"keep", b".gitignore")},
        b"src/a": (FILE, b"ONE\n"),
        b"src/deep/n": (FILE, b"new\n"),
        b"made": (PROGRAM, b"new\n"),
        b"x.log": (FILE, b"log\n"),
    }
    assert lab.content(result) == wanted
    assert lab.box.git("rev-parse", f"{result.head.commit}^") == lab.start.commit
    refs = lab.repo.refs("refs/pipeline")
    assert refs == {"refs/pipeline/runs/EXEC-2026-01-02-001/ws-a": result.head.commit}
    assert lab.box.git("status", "--porcelain") == ""
    assert lab.events == ["tool_started"]


def test_the_same_work_gives_the_same_ids_in_every_run(lab: Lab, tmp_path: Path) -> None:
    other = Lab(tmp_path / "other", "EXEC-2027-12-31-999")
    one, two = lab.run(INSIDE), other.run(INSIDE)
    same = {"usage": None}
    assert one.model_copy(update=same) == two.model_copy(update=same)
    text = lab.box.git("cat-file", "commit", one.head.commit)
    assert "EXEC" not in text
    workspace.remove_slots(other.repo, other.config)


def test_what_is_outside_is_kept_elsewhere_and_not_in_the_head(lab: Lab) -> None:
    out = write("keep", "touched\\n") + write("src/secret") + write("src/api/x") + write("stray")
    result = lab.run(INSIDE + out)
    assert result.scope.verdict == "violated"
    assert {one.path: one.kind for one in result.scope.violations} == {
        "keep": "outside",
        "src/api/x": "read_only",
        "src/secret": "forbidden",
        "stray": "outside",
    }
    content = lab.content(result)
    assert content[b"src/a"] == (FILE, b"ONE\n")
    assert content[b"keep"] == BASE[b"keep"]
    assert not {b"src/secret", b"src/api/x", b"stray"} & content.keys()
    kept = lab.repo.refs("refs/pipeline/keep")
    assert kept == {"refs/pipeline/keep/EXEC-2026-01-02-001/ws-a/1": result.scope.kept_under}
    whole = lab.box.content(result.scope.kept_under or "")
    assert whole[b"keep"] == (FILE, b"touched\n")
    assert {b"src/secret", b"src/api/x", b"stray", b"made"} <= whole.keys()


HIDING = {
    "staged": "subprocess.run(['git', 'add', '-A'])\n",
    "committed": "subprocess.run(['git', 'commit', '-qam', 'x'])\n",
    "skipped": "subprocess.run(['git', 'update-index', '--skip-worktree', 'keep'])\n",
    "index gone": "os.remove(open('.git').read().split()[1] + '/index')\n",
    "git gone": "os.remove('.git')\n",
    "ignored": write(".gitignore", "*\\n"),
    "excluded": "os.environ['GIT_DIR'] = '/nowhere'\n",
}


@pytest.mark.parametrize("hiding", HIDING)
def test_leaving_the_scope_cannot_be_hidden(lab: Lab, hiding: str) -> None:
    before = HIDING[hiding] if hiding == "skipped" else ""
    result = lab.run(before + write("keep", "touched\\n") + HIDING[hiding])
    assert "keep" in [one.path for one in result.scope.violations]
    assert result.head == lab.start


def test_half_of_a_change_is_not_committed_when_it_cannot_stand_alone(lab: Lab) -> None:
    result = lab.run("os.remove('file')\n" + write("file/new"))
    assert [(one.path, one.kind) for one in result.scope.violations] == [("file", "outside")]
    assert result.head == lab.start
    assert b"file/new" in lab.box.content(result.scope.kept_under or "")


def test_a_repository_that_the_tool_made_is_a_violation(lab: Lab) -> None:
    result = lab.run("subprocess.run(['git', 'init', '-q', 'src/inner'])\n" + write("src/.GIT/x") + write("src/a"))
    found = {one.path: one.kind for one in result.scope.violations}
    assert found == {"src/inner/": "submodule", "src/.GIT/x": "git_dir"}


def test_a_tool_that_changes_nothing(lab: Lab) -> None:
    result = lab.run("os.utime('src/a')\n")
    assert (result.head, result.scope.verdict, result.call.outcome) == (lab.start, "inside", "ok")
    assert lab.run(write("src/a", "one\\n")).call.change == result.call.change


def test_a_tool_that_fails_leaves_the_head_and_its_work_is_kept(lab: Lab) -> None:
    result = lab.run(INSIDE + "print('why it failed', file=sys.stderr); sys.exit(3)\n")
    assert (result.call.outcome, result.call.exit_code, result.head) == ("failed", 3, lab.start)
    assert result.detail == "scripted: exit 3: why it failed"
    assert lab.box.content(result.scope.kept_under or "")[b"src/a"] == (FILE, b"ONE\n")
    assert result.scope.verdict == "inside"


def test_a_tool_that_takes_too_long_leaves_no_process(lab: Lab) -> None:
    lab.profile = {"timeout_s": 1, "idle_timeout_s": 60}
    child = "subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(77.125)'], start_new_session=True)\n"
    result = lab.run(INSIDE + child + "time.sleep(77.125)\n")
    assert (result.call.outcome, result.call.exit_code, result.head) == ("timeout", None, lab.start)
    assert result.scope.kept_under
    for _ in range(20):
        told = subprocess.run(["ps", "-eo", "args"], capture_output=True, text=True, check=True).stdout
        if f"{lab.folder}/tool.py" not in told and "time.sleep(77.125)" not in told:
            return
        time.sleep(0.1)
    raise AssertionError(told)


@pytest.mark.parametrize(("tool", "outcome"), [("missing", "tool_missing"), ("replay", "no_recording")])
def test_a_tool_or_recording_that_is_not_there(lab: Lab, tool: str, outcome: str) -> None:
    result = lab.run(tool=tool)
    assert (result.call.outcome, result.head, result.scope.kept_under) == (outcome, lab.start, None)


def test_a_recording_can_be_replayed_to_the_same_tree(lab: Lab) -> None:
    odd = "os.symlink('a', 'src/link'); open('src/bin', 'wb').write(bytes(range(256))); shutil.move('src/b', 'src/c')\n"
    first = lab.run(INSIDE + odd + write("src/caf\\udce9 \\n-x") + write("stray"))
    (lab.run_dir / "recording").rename(lab.run_dir / "replay")
    second = lab.run(tool="replay")
    assert (second.head, second.scope.verdict) == (first.head, "violated")
    assert second.call.change == first.call.change
    assert lab.repo.tree_of(second.scope.kept_under or "") == lab.repo.tree_of(first.scope.kept_under or "")
    patch = (lab.run_dir / "ws/ws-a/1/change.patch").read_bytes()
    assert patch == (lab.run_dir / "recording/ws-a/1.patch").read_bytes()
    assert patch == (lab.run_dir / "replay/ws-a/1.patch").read_bytes()


def test_a_failed_call_is_replayed_as_a_failure(lab: Lab) -> None:
    lab.run(INSIDE + "sys.exit(9)\n")
    (lab.run_dir / "recording").rename(lab.run_dir / "replay")
    result = lab.run(tool="replay")
    assert (result.call.outcome, result.call.exit_code, result.head) == ("failed", 9, lab.start)
    assert lab.box.content(result.scope.kept_under or "")[b"src/a"] == (FILE, b"ONE\n")


def test_a_second_try_starts_where_the_first_ended(lab: Lab) -> None:
    first = lab.run(INSIDE)
    head = first.head.to_json()
    second = lab.run(write("src/a", "TWO\\n"), n=2, purpose="repair", start=head)
    assert lab.content(second) == {**lab.content(first), b"src/a": (FILE, b"TWO\n")}
    again = lab.run("os.remove('made')\n" + write("made", "again\\n"), n=3, purpose="repair", start=head)
    assert again.scope.verdict == "inside"


def test_a_fixer_is_no_ai_call(lab: Lab) -> None:
    script = lab.folder / "fixer.sh"
    script.write_text('#!/bin/sh\nshift\nfor file; do echo fixed > "$file"; done\n')
    script.chmod(0o755)
    result = lab.run(purpose="fixer", command=[str(script), "--", "src/a"])
    assert lab.content(result)[b"src/a"] == (FILE, b"fixed\n")
    assert not (lab.run_dir / "recording").exists()
    assert (lab.run_dir / "ws/ws-a/fix-1/change.patch").exists()


def test_a_fixer_that_leaves_something_unmended_has_done_its_work(lab: Lab) -> None:
    script = lab.folder / "fixer.sh"
    script.write_text('#!/bin/sh\necho half > "$2"\nexit 1\n')
    script.chmod(0o755)
    result = lab.run(purpose="fixer", command=[str(script), "--", "src/a"])
    assert result.call.outcome == "ok"
    assert lab.content(result)[b"src/a"] == (FILE, b"half\n")


def test_the_tool_sees_its_prompt_its_files_and_no_secrets(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SOME_SECRET", "x")
    monkeypatch.setenv("GIT_DIR", str(lab.folder / "elsewhere"))
    lab.command = [*lab.command, "{prompt_file}"]
    seen = "(sys.argv[1:-1], os.environ.get('SOME_SECRET'), 'GIT_DIR' in os.environ, sys.stdin.read())"
    result = lab.run(f"open('made', 'w').write(repr({seen}))\nassert 'ws-a' in open(sys.argv[-1]).read()\n")
    monkeypatch.delenv("GIT_DIR")
    told = lab.content(result)[b"made"][1].decode()
    assert told == repr((["ws-a", "1", "file/new", "odd[1]", "made", "x.log"], None, False, ""))


def test_a_scope_without_anything_to_create_needs_no_base(lab: Lab) -> None:
    scope = Scope(files_scope=("src/a",)).to_json()
    result = lab.run(write("src/a") + write("made"), scope=scope)
    assert [one.path for one in result.scope.violations] == ["made"]


def test_the_tool_finds_the_slot_set_up_and_its_resources_in_the_environment(lab: Lab) -> None:
    setup = {"worktree.setup": [[sys.executable, "-c", "open('ready.log', 'w').write('made')"]]}
    more = {"worktree.copy": ["missing.log"], "worktree.resources.port": {"count": 1, "from": 42000}}
    lab.config = lab.config.over("test", {**setup, **flatten(more)})
    result = lab.run(
        "text = open('ready.log').read() + os.environ['PHASELINE_PORT']\nopen('src/a', 'w').write(text)\n",
        scope={**SCOPE, "files_create": ["ready.log"]},
    )
    assert (result.call.outcome, result.scope.verdict) == ("ok", "inside")
    assert lab.content(result) == {**BASE, b"src/a": (FILE, b"made42000")}
    assert lab.events == ["worktree_note", "tool_started"]
    lab.run("open('src/a', 'w').write('second')\n", n=2)
    assert lab.events[2:] == ["tool_started"]


def test_a_setup_that_fails_ends_the_try_before_the_tool_starts(lab: Lab) -> None:
    lab.config = lab.config.over("test", {"worktree.setup": [[sys.executable, "-c", "exit(1)"]]})
    with pytest.raises(EnvironmentFault) as fault:
        lab.run(INSIDE)
    assert (fault.value.code, lab.events) == ("E443", [])
    assert lab.repo.refs("refs/pipeline") == {}


@pytest.mark.parametrize("end", ["", "sys.exit(3)\n"])
def test_ignored_files_are_kept_where_the_settings_name_them(lab: Lab, end: str) -> None:
    script = write("src/a") + write("note.log") + write("src/deep/more.log") + write("other.log") + end
    lab.run(script)
    assert not any("ignored" in ref for ref in lab.repo.refs("refs/pipeline/keep"))
    lab.config = lab.config.over("test", {"keep.ignored": ["note.log", "src/**/*.log"]})
    result = lab.run(script)
    (kept,) = [ref for ref in lab.repo.refs("refs/pipeline/keep") if "ws-a/1-ignored-" in ref]
    content = lab.box.content(kept)
    assert set(content) - set(BASE) == {b"note.log", b"src/deep/more.log"}
    assert content[b"src/a"] == (FILE, b"new\n")
    assert b"note.log" not in lab.content(result)
    assert "ignored_kept" in lab.events


def test_a_setting_that_names_no_places_is_refused(lab: Lab) -> None:
    for value in ("*.log", [1], ["../x"], [".git/config"]):
        lab.config = lab.config.over("test", {"keep.ignored": value})
        with pytest.raises(InvalidInput) as told:
            lab.run("")
        assert told.value.code == "E363"
    lab.config = lab.config.over("test", {"keep.ignored": []})
