"""``pipeline audit push``: anchors in a place of somebody else's, and never over another history."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from global_core_state import audit_push
from global_core_state.store import Store
from global_ui.cli import main
from global_util.errors import Held
from global_util.testing import FILE, Sandbox, sealed_environment

RUN = "EXEC-2026-01-02-002"
OTHER = "EXEC-2026-01-02-001"
REF = f"refs/pipeline/audit/{RUN}"


@pytest.fixture(autouse=True, scope="module")
def sealed_home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        for name in [name for name in os.environ if name.startswith("GIT_")]:
            patch.delenv(name)
        for name, value in sealed_environment(tmp_path_factory.mktemp("home")).items():
            patch.setenv(name, value)
        yield


@pytest.fixture
def box(tmp_path: Path) -> Sandbox:
    """A repository with two runs."""
    box = Sandbox(tmp_path / "repo")
    box.start({b"f": (FILE, b"1\n")})
    tell(box, OTHER, "began")
    tell(box, RUN, "began")
    return box


@pytest.fixture
def remote(tmp_path: Path) -> Path:
    """A bare repository that refuses nothing by itself."""
    place = tmp_path / "remote.git"
    subprocess.run(["git", "init", "--quiet", "--bare", str(place)], check=True)
    return place


@pytest.fixture
def push(box: Sandbox, remote: Path) -> Callable[..., Result]:
    words = ("audit", "push", "--repo", str(box.folder))
    return lambda *more, to=str(remote): CliRunner().invoke(main, [*words, to, *more])


def tell(box: Sandbox, run: str, what: str) -> None:
    with closing(Store(box.repo.state_dir / "state.db")) as store:
        store.create_run(run, "2026-01-02T00:00:00Z", "plan")
        store.record_event(run, None, what, {})


def held(remote: Path) -> dict[str, str]:
    words = ["git", "for-each-ref", "--format=%(refname) %(objectname)"]
    rows = subprocess.run(words, cwd=remote, capture_output=True, text=True, check=True).stdout.splitlines()
    return dict(row.split() for row in rows)


def test_anchors_are_pushed_and_move_on(box: Sandbox, remote: Path, push: Callable[..., Result]) -> None:
    assert push().stdout == f"{RUN}: {remote} has its anchors up to event 3\n"
    first = box.git("rev-parse", REF)
    assert held(remote) == {REF: first}
    assert push().exit_code == 0
    tell(box, RUN, "went on")
    done = push("--all")
    assert done.stdout.count("has its anchors up to event") == 2
    assert held(remote) == {REF: box.git("rev-parse", REF), REF[:-1] + "1": box.git("rev-parse", REF[:-1] + "1")}
    assert box.git("rev-parse", f"{REF}^") == first


def test_a_name_of_a_remote_does_and_its_own_settings_add_nothing(
    box: Sandbox, remote: Path, push: Callable[..., Result]
) -> None:
    box.git("remote", "add", "origin", str(remote))
    box.git("config", "remote.origin.push", "+refs/heads/*:refs/heads/*")
    box.git("config", "push.followTags", "true")
    box.git("tag", "-a", "v1", "-m", "tag")
    hook = box.folder / ".git/hooks/pre-push"
    hook.parent.mkdir(exist_ok=True)
    hook.write_text("#!/bin/sh\nexit 1\n")
    hook.chmod(0o755)
    assert push(to="origin").exit_code == 0
    assert list(held(remote)) == [REF]


def test_another_history_is_never_written_over(box: Sandbox, remote: Path, push: Callable[..., Result]) -> None:
    assert push().exit_code == 0
    theirs = held(remote)
    tree = box.git("mktree")
    box.git("update-ref", REF, box.git("commit-tree", tree, "-m", "made anew"))
    refused = push()
    assert (refused.exit_code, "E530" in refused.stderr) == (5, True)
    assert theirs[REF] in refused.stderr
    assert held(remote) == theirs
    box.git("update-ref", "-d", REF)
    tell(box, RUN, "went on")
    assert push().exit_code == 5
    assert held(remote) == theirs


def test_a_ref_that_moves_meanwhile_is_left(
    box: Sandbox, remote: Path, push: Callable[..., Result], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert push().exit_code == 0
    tell(box, RUN, "went on")
    ours = box.git("rev-parse", REF)
    seen = audit_push._held

    def moved(*words: object) -> str | None:
        before = seen(*words)  # type: ignore[arg-type]
        away = box.git("commit-tree", box.git("mktree"), "-m", "away")
        box.git("push", "--quiet", "--force", str(remote), f"{away}:{REF}")
        return before

    box.git("update-ref", REF, box.git("commit-tree", f"{ours}^{{tree}}", "-p", ours, "-m", "next"))
    monkeypatch.setattr(audit_push, "_held", moved)
    with pytest.raises(Held) as told:
        audit_push.push(box.repo, RUN, str(remote))
    assert told.value.code == "E530"
    assert held(remote)[REF] not in (ours, box.git("rev-parse", REF))


def test_what_cannot_be_reached_or_is_not_there_is_told(box: Sandbox, push: Callable[..., Result]) -> None:
    for place in (str(box.folder / "nowhere"), "-u", "ext::sh -c true"):
        lost = push(to=place) if place != "-u" else push("--", to="--repo")
        assert lost.exit_code in (2, 4), lost.output
        assert "Traceback" not in lost.output
    assert push("EXEC-2026-01-02-009").exit_code == 3
    assert push(RUN, "--all").exit_code == 2
