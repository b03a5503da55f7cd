"""A try whose tool had ended before a kill is looked at and saved as if nothing had been; any other is to be made again."""

from __future__ import annotations

import json
import shutil
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from global_aim import attempt as attempts
from global_aim import pool, tries, workspace
from global_aim.attempt import attempt, recall
from global_util.attempt import AttemptRequest, AttemptResult
from global_util.config import Settings
from global_util.contracts.item import State
from global_util.contracts.phase_plan import ToolProfile
from global_util.errors import Interrupted
from global_util.process import STOP, run_process
from global_util.testing import FILE, Sandbox, Tree

BASE: Tree = {
    b"a": (FILE, b"one\n"),
    b"odd": (FILE, b"one\r\ntwo\r\n"),
    b"keep": (FILE, b"kept\n"),
    b".gitattributes": (FILE, b"odd text eol=lf\n"),
}


class Lab:
    """A context with one tool, which writes down every call in a ledger."""

    def __init__(self, folder: Path, script: str = "", **profile: Any) -> None:
        self.folder = folder
        self.box = Sandbox(folder / "repo")
        self.repo = self.box.repo
        commit = self.box.start(BASE)
        self.start = State(commit=commit, tree=self.repo.tree_of(commit))
        self.config = Settings().over("test", {"worktree.root": str(folder / "slots")})
        self.execution_id = "EXEC-2026-01-02-001"
        self.run_dir = self.repo.state_dir / "runs" / self.execution_id
        self.events: list[tuple[str, Any]] = []
        self.profile: dict[str, Any] = {"timeout_s": 60, "idle_timeout_s": 60, **profile}
        before = f"import os, sys, time\nopen({str(folder / 'ledger')!r}, 'a').write('paid\\n')\n"
        (folder / "tool.py").write_text(before + script)

    def ancestor(self, schema: str) -> Any:
        command = [sys.executable, "-S", str(self.folder / "tool.py")]
        about = {"id": "mine", "kind": "ai", "capabilities": [], "command": command, **self.profile}
        return SimpleNamespace(tools=[ToolProfile.model_validate_json(json.dumps(about))])

    def try_name(self, request: AttemptRequest) -> str:
        return request.name

    def emit(self, event: str, workstream_id: str | None = None, **payload: Any) -> None:
        self.events.append((event, payload.get("why")))

    def request(self, **more: Any) -> AttemptRequest:
        limits = {"max_attempts": 1, "max_error_repeats": 2, "oscillation_threshold": 3}
        work = {"title": "t", "tasks": ["do"], "scope": {"files_scope": ["a", "odd"]}, "acceptance": [], "context": []}
        state = self.start.to_json()
        fields = {"workstream_id": "ws-a", "n": 1, "purpose": "edit", "base": state, "start": state}
        fields["work"] = {**work, "tool": "mine", "limits": limits, "plan_source": "p"}
        if more.get("purpose") == "fixer":
            more["command"] = [sys.executable, str(self.folder / "tool.py")]
        return AttemptRequest.model_validate_json(json.dumps({**fields, **more}))

    def attempt(self, **more: Any) -> AttemptResult:
        return attempt(self, self.request(**more))  # type: ignore[arg-type]

    def recall(self, **more: Any) -> AttemptResult | None:
        return recall(self, self.request(**more))  # type: ignore[arg-type]

    @property
    def paid(self) -> int:
        """How often the tool was started."""
        place = self.folder / "ledger"
        return len(place.read_text().splitlines()) if place.exists() else 0

    def outputs(self, name: str = "1") -> list[bytes]:
        folder = self.run_dir / "ws/ws-a" / name
        return [(folder / log).read_bytes() for log in ("stdout.log", "stderr.log")]

    def orphans(self) -> dict[str, str]:
        return self.repo.refs("refs/pipeline/keep/orphans")


@pytest.fixture
def lab(tmp_path: Path) -> Iterator[Callable[..., Lab]]:
    """Makes labs that leave nothing."""
    made: list[Lab] = []

    def make(script: str = "open('a', 'w').write('new\\n'); print('said')", **profile: Any) -> Lab:
        folder = tmp_path / str(len(made))
        folder.mkdir()
        made.append(Lab(folder, script, **profile))
        return made[-1]

    yield make
    for one in made:
        workspace.remove_slots(one.repo, one.config)


def kill(lab: Lab, monkeypatch: pytest.MonkeyPatch, where: str = "_conclude", **more: Any) -> None:
    """Let a try die before a function of its is called."""

    def die(*_: Any) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(attempts, where, die)
        with pytest.raises(KeyboardInterrupt):
            lab.attempt(**more)
    lab.events.clear()


def bare(result: AttemptResult | None) -> AttemptResult:
    """What two runs have in common."""
    assert result is not None
    return result.model_copy(update={"usage": None})


SCRIPTS: dict[str, tuple[str, dict[str, Any]]] = {
    "ok": ("open('a', 'w').write('new\\n'); print('said')", {}),
    "nothing changed": ("pass", {}),
    "failed": ("open('a', 'w').write('half'); print('why', file=sys.stderr); sys.exit(3)", {}),
    "killed": ("open('a', 'w').write('half', ); os.kill(os.getpid(), 9)", {}),
    "timeout": ("open('a', 'w').write('half'); print('said', flush=True); time.sleep(77)", {"timeout_s": 1}),
    "idle": ("open('a', 'w').write('half'); time.sleep(77)", {"idle_timeout_s": 1}),
    "out of scope": ("open('a', 'w').write('new\\n'); open('keep', 'w').write('x'); open('stray', 'w')", {}),
    "staged": ("open('a', 'w').write('new\\n'); os.system('git add a; git rm -q --cached keep')", {}),
    "line endings touched": ("os.utime('odd'); open('a', 'w').write('new\\n')", {}),
    "line endings": ("open('odd', 'a', newline='').write('three\\r\\n')", {}),
}


@pytest.mark.parametrize("case", SCRIPTS)
def test_what_is_found_is_what_an_undisturbed_try_gives(
    lab: Callable[..., Lab], monkeypatch: pytest.MonkeyPatch, case: str
) -> None:
    script, profile = SCRIPTS[case]
    calm, killed = lab(script, **profile), lab(script, **profile)
    wanted = calm.attempt()
    kill(killed, monkeypatch)
    assert bare(killed.recall()) == bare(wanted)
    assert killed.paid == 1
    assert [name for name, _ in killed.events] == ["attempt_found"]
    assert killed.repo.refs("refs/pipeline") == calm.repo.refs("refs/pipeline")
    assert killed.outputs() == calm.outputs()
    for name in ("ws/ws-a/1/change.patch", "recording/ws-a/1.patch"):
        assert (killed.run_dir / name).read_bytes() == (calm.run_dir / name).read_bytes()
    workspace.remove_slots(killed.repo, killed.config)
    assert killed.orphans() == {}


def test_a_worktree_that_is_gone_is_no_change_that_removed_all_files(
    lab: Callable[..., Lab], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nobody can tell afterwards whether the tool took it away or a person did."""
    killed = lab("import shutil; shutil.rmtree(os.getcwd())")
    kill(killed, monkeypatch)
    assert killed.recall() is None
    assert [name for name, _ in killed.events] == ["attempt_paid_again"]


@pytest.mark.parametrize("where", ["_look", "_save", "_write_traces", "_change_id"])
def test_it_does_not_matter_how_far_the_looking_had_come(
    lab: Callable[..., Lab], monkeypatch: pytest.MonkeyPatch, where: str
) -> None:
    calm, killed = lab(), lab()
    kill(killed, monkeypatch, where)
    assert bare(killed.recall()) == bare(calm.attempt())
    assert bare(killed.recall()) == bare(killed.recall())
    assert killed.paid == 1


@pytest.mark.parametrize(("purpose", "n"), [("fixer", 1), ("repair", 2)])
def test_fixers_and_repairs_are_found_too(
    lab: Callable[..., Lab], monkeypatch: pytest.MonkeyPatch, purpose: str, n: int
) -> None:
    killed, calm = lab(), lab()
    more: dict[str, Any] = {"purpose": purpose, "n": n}
    kill(killed, monkeypatch, **more)
    assert killed.recall() is None
    found = bare(killed.recall(**more))
    assert found.head == calm.attempt(**more).head
    assert (found.call.n, found.call.outcome, killed.paid) == (n, "ok", 1)


def test_what_was_saved_needs_no_worktree_any_more(lab: Callable[..., Lab]) -> None:
    killed = lab()
    made = killed.attempt()
    workspace.remove_slots(killed.repo, killed.config)
    assert killed.recall() == made
    assert killed.paid == 1


def lost(lab: Lab) -> tuple[AttemptResult | None, list[Any]]:
    """What is told of a try that is not found."""
    found = lab.recall()
    return found, [(name, why) for name, why in lab.events if name.startswith("attempt_")]


def test_who_was_stopped_is_run_again(lab: Callable[..., Lab], monkeypatch: pytest.MonkeyPatch) -> None:
    killed = lab("open('a', 'w').write('half')\nwhile not os.path.exists(sys.argv[0] + '.go'): time.sleep(0.01)\n")

    def stopping(*words: Any, **more: Any) -> Any:
        STOP.set()
        try:
            return run_process(*words, **{**more, "cancel": None})
        finally:
            STOP.clear()

    with monkeypatch.context() as patch:
        patch.setattr("global_aim.attempt.run_process", stopping)
        with pytest.raises(Interrupted):
            killed.attempt()
    assert lost(killed) == (None, [("attempt_paid_again", "its tool had not ended by itself")])
    (killed.folder / "tool.py.go").touch()
    assert killed.attempt().call.outcome == "ok"


def test_a_worktree_that_others_took_is_told_and_nothing_is_lost(
    lab: Callable[..., Lab], monkeypatch: pytest.MonkeyPatch
) -> None:
    killed = lab()
    kill(killed, monkeypatch)
    pool.clean_up(killed.repo, workspace.slots_root(killed.repo, killed.config), force=True)
    with workspace.lease(killed.repo, killed.config, killed.start.commit) as slot:
        assert slot.folder.name == "slot-1"
        reason = "its worktree was used again, is held, or was removed"
        assert lost(killed) == (None, [("attempt_paid_again", reason)])
    assert [killed.box.content(commit)[b"a"][1] for commit in killed.orphans().values()] == [b"new\n"]
    assert (killed.attempt().call.outcome, killed.paid) == ("ok", 2)


def test_what_a_machine_left_that_was_started_anew_is_not_believed(
    lab: Callable[..., Lab], monkeypatch: pytest.MonkeyPatch
) -> None:
    killed = lab()
    kill(killed, monkeypatch)
    note = killed.run_dir / "ws/ws-a/1/try.json"
    note.write_text(json.dumps({**json.loads(note.read_text()), "boot": "another"}))
    found, told = lost(killed)
    assert (found, [name for name, _ in told]) == (None, ["attempt_paid_again"])
    assert "started anew" in told[0][1]
    assert killed.attempt().call.outcome == "ok"
    assert len(killed.orphans()) == 1


def test_others_take_another_worktree(lab: Callable[..., Lab], monkeypatch: pytest.MonkeyPatch) -> None:
    killed = lab()
    kill(killed, monkeypatch)
    with workspace.lease(killed.repo, killed.config, killed.start.commit) as slot:
        assert slot.folder.name == "slot-2"
    assert bare(killed.recall()).call.outcome == "ok"
    with workspace.lease(killed.repo, killed.config, killed.start.commit) as slot:
        assert slot.folder.name == "slot-1"


@pytest.mark.parametrize("damage", ["", "[]", "{", '{"request": 1}', '{"token": "x", "slot": "../slot-1"}'])
def test_a_note_that_cannot_be_read_is_none(
    lab: Callable[..., Lab], monkeypatch: pytest.MonkeyPatch, damage: str
) -> None:
    killed = lab()
    kill(killed, monkeypatch)
    (killed.run_dir / "ws/ws-a/1/try.json").write_text(damage)
    assert lost(killed) == (None, [])
    assert killed.attempt().call.outcome == "ok"


def test_a_try_for_another_request_is_not_taken_for_this_one(
    lab: Callable[..., Lab], monkeypatch: pytest.MonkeyPatch
) -> None:
    killed = lab()
    kill(killed, monkeypatch)
    assert killed.recall(timeout_s=7) is None
    assert killed.events == []


def test_a_service_that_wanted_no_calls_has_given_no_answer(lab: Callable[..., Lab]) -> None:
    limited = lab("print('come back later'); sys.exit(1)", rate_limit=["come back later"], rate_limit_wait_s=5)
    assert limited.attempt().call.outcome == "rate_limited"
    assert limited.recall() is None
    shutil.rmtree(limited.run_dir)


def test_nothing_is_awaited_in_a_worktree_that_is_settled(
    lab: Callable[..., Lab], monkeypatch: pytest.MonkeyPatch
) -> None:
    killed = lab()
    root = workspace.slots_root(killed.repo, killed.config)
    kill(killed, monkeypatch)
    assert tries.awaited(root / "slot-1") == killed.execution_id
    killed.recall()
    assert tries.awaited(root / "slot-1") == ""
