"""``pipeline claim``, ``release`` and ``status``, as a person uses them."""

from __future__ import annotations

import fcntl
import json
import re
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from global_core_state import audit
from global_core_state.claims import Claims
from global_core_state.store import Store
from global_ui.cli import main
from global_util.git import Repository
from global_util.testing import Sandbox

RUN = "EXEC-2026-01-02-001"
OTHER = "EXEC-2026-01-02-002"


@pytest.fixture
def state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of the state of a repository with two runs; the repository is the current folder."""
    sandbox = Sandbox(tmp_path / "repo", "--template=")
    folder = sandbox.repo.state_dir
    with closing(Store(folder / "state.db")) as store:
        for run in (RUN, OTHER):
            store.create_run(run, "2026-01-02T00:00:00Z", "plan")
        for ws in ("ws-a", "ws-b"):
            store.create_workstream(RUN, ws, ())
        store.move_workstream(RUN, "ws-b", "ready")
    monkeypatch.chdir(sandbox.folder)
    return folder


@pytest.fixture
def pipeline(state: Path) -> Callable[..., Result]:
    del state
    return lambda *words: CliRunner().invoke(main, words)


def test_an_item_is_claimed_once_and_can_be_claimed_after_its_release(pipeline: Callable[..., Result]) -> None:
    won = pipeline("claim", RUN, "ws-a", "--holder", "alice", "--seconds", "60")
    assert (won.exit_code, won.stdout) == (0, "1\n")
    lost = pipeline("claim", RUN, "ws-a", "--holder", "bob")
    assert (lost.exit_code, lost.stdout) == (5, "")
    assert re.match(rf"error E509: {RUN} ws-a: held by alice for (60|59) more seconds\n", lost.stderr)
    assert pipeline("claim", RUN, "ws-b", "--holder", "bob").stdout == "1\n"
    assert pipeline("claim", OTHER, "ws-a", "--holder", "bob").stdout == "1\n"
    assert pipeline("release", RUN, "ws-a", "--token", "1").exit_code == 0
    told = json.loads(pipeline("claim", RUN, "ws-a", "--holder", "bob", "--seconds", "9", "--json").stdout)
    assert told == {"run": RUN, "item": "ws-a", "holder": "bob", "token": 2, "seconds": 9}


def test_the_run_itself_is_claimed_by_those_who_work_on_it(pipeline: Callable[..., Result]) -> None:
    refused = pipeline("claim", RUN, "run", "--holder", "alice")
    assert (refused.exit_code, refused.stdout) == (2, "")
    assert "claimed by whoever works on the run" in refused.stderr


def test_a_stale_token_releases_nothing(pipeline: Callable[..., Result], state: Path) -> None:
    with closing(Store(state / "state.db")) as store:
        Claims(store).claim(RUN, "ws-a", "alice", 1e-9)
    assert pipeline("claim", RUN, "ws-a", "--holder", "bob").stdout == "2\n"
    stale = pipeline("release", RUN, "ws-a", "--token", "1")
    assert stale.exit_code == 5
    assert re.match(rf"error E507: {RUN} ws-a: was taken over by bob at \d{{4}}-\S+Z\n", stale.stderr)
    assert pipeline("release", RUN, "ws-a", "--token", "2").exit_code == 0
    again = pipeline("release", RUN, "ws-a", "--token", "2")
    assert again.exit_code == 5
    assert "error E507" in again.stderr
    assert "was released at" in again.stderr
    assert "never given" in pipeline("release", RUN, "ws-b", "--token", "1").stderr


def test_status_tells_how_runs_stand_and_who_holds_what(pipeline: Callable[..., Result], state: Path) -> None:
    with closing(Store(state / "state.db")) as store:
        Claims(store).claim(RUN, "ws-b", "bob\x1b[2J", 1e-9)
    pipeline("claim", RUN, "ws-a", "--holder", "alice", "--seconds", "60")
    lines = pipeline("status").stdout.splitlines()
    assert lines[0] == f"{RUN}  created      at rest  1 pending, 1 ready"
    assert re.fullmatch(r"  ws-a  held by alice, token 1, (60|59) s left", lines[1])
    assert lines[2] == "  ws-b  held by bob\\x1b[2J, token 1, the lease ran out"
    assert lines[3] == f"{OTHER}  created      at rest"
    [one] = json.loads(pipeline("status", RUN, "--json").stdout)
    assert (one["execution_id"], one["state"], one["working"]) == (RUN, "created", False)
    assert one["workstreams"] == {"pending": 1, "ready": 1}
    alice, bob = one["claims"]
    assert (alice["item"], alice["holder"], alice["token"], bob["left"]) == ("ws-a", "alice", 1, 0.0)
    assert 50 < alice["left"] <= 60


def test_status_tells_whether_a_process_works_on_a_run(pipeline: Callable[..., Result], state: Path) -> None:
    place = state / "locks" / f"{RUN}.lock"
    place.parent.mkdir()
    with place.open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        first, second = pipeline("status").stdout.splitlines()
        assert "a process works on it" in first
        assert "at rest" in second
    assert "at rest" in pipeline("status", RUN).stdout
    assert [path.name for path in place.parent.iterdir()] == [place.name]


@pytest.mark.parametrize(
    "words",
    [
        ("claim", RUN, "ws-a"),
        ("claim", RUN, "", "--holder", "alice"),
        ("claim", RUN, "ws-\udcff", "--holder", "alice"),
        ("claim", RUN, "ws-a", "--holder", "al\nice"),
        ("claim", RUN, "ws-a", "--holder", "alice", "--seconds", "0"),
        ("claim", RUN, "ws-a", "--holder", "alice", "--seconds", "9" * 30),
        ("release", RUN, "ws-a"),
        ("release", RUN, "ws-a", "--token", "9" * 30),
        ("status", "\udcff"),
    ],
)
def test_wrong_words_are_told_and_change_nothing(
    pipeline: Callable[..., Result], state: Path, words: tuple[str, ...]
) -> None:
    answer = pipeline(*words)
    assert (answer.exit_code, answer.stdout) == (2, "")
    assert "Error:" in answer.stderr
    with closing(Store(state / "state.db")) as store:
        assert Claims(store).all(RUN) == []


@pytest.mark.parametrize(
    "words", [("claim", "{}", "ws-a", "--holder", "alice"), ("release", "{}", "ws-a", "--token", "1"), ("status", "{}")]
)
def test_a_run_that_is_not_there(pipeline: Callable[..., Result], words: tuple[str, ...]) -> None:
    answer = pipeline(*(word.format("EXEC-2026-01-02-099") for word in words))
    assert (answer.exit_code, answer.stdout) == (3, "")
    assert "error E465: there is no run 'EXEC-2026-01-02-099'" in answer.stderr


def test_a_repository_without_a_state(tmp_path: Path) -> None:
    sandbox = Sandbox(tmp_path / "bare", "--template=")
    answer = CliRunner().invoke(main, ["status", "--repo", str(sandbox.folder)])
    assert answer.exit_code == 4
    assert "error E432" in answer.stderr
    assert not sandbox.repo.state_dir.exists()


def test_what_is_claimed_and_released_is_anchored(pipeline: Callable[..., Result], state: Path) -> None:
    repo = Repository.discover(state.parent.parent)
    for words in (("claim", RUN, "ws-a", "--holder", "alice"), ("release", RUN, "ws-a", "--token", "1")):
        assert pipeline(*words).exit_code == 0
        with closing(Store(state / "state.db")) as store:
            last = store.tail(RUN)
        assert last is not None
        commit = repo.resolve(audit.ref(RUN))
        assert commit is not None
        assert audit.head(repo, commit).point == (last.seq, last.hash)


def test_a_claim_that_cannot_be_anchored_is_given_all_the_same(pipeline: Callable[..., Result], state: Path) -> None:
    lock = state.parent / f"{audit.ref(RUN)}.lock"
    lock.parent.mkdir(parents=True)
    lock.touch()
    won = pipeline("claim", RUN, "ws-a", "--holder", "alice")
    assert (won.exit_code, won.stdout) == (0, "1\n")
    assert "not anchored yet" in won.stderr
