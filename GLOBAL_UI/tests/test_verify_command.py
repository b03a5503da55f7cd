"""``pipeline verify`` on runs of the real line: silent on what nobody touched, and it names what somebody did."""

from __future__ import annotations

import json
import os
import re
import shutil
import sqlite3
import subprocess
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from global_ui.cli import main
from global_ui.demo_command import play
from global_ui.driver import Choices, run_line
from global_util.errors import PipelineError
from global_util.git import Repository
from global_util.progress import silent
from global_util.testing import FILE, Sandbox, sealed_environment

RUN = "EXEC-2026-01-01-001"


@pytest.fixture(autouse=True, scope="module")
def sealed_home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        for name in [name for name in os.environ if name.startswith("GIT_")]:
            patch.delenv(name)
        for name, value in sealed_environment(tmp_path_factory.mktemp("home")).items():
            patch.setenv(name, value)
        patch.setenv("SOURCE_DATE_EPOCH", "1767225600")
        yield


@pytest.fixture(scope="module")
def played(tmp_path_factory: pytest.TempPathFactory, sealed_home: None) -> Path:
    """The demo with all its outcomes, played once."""
    folder = tmp_path_factory.mktemp("played") / "demo"
    play(folder, 2, quiet=True)
    return folder / "repository"


@pytest.fixture
def demo(played: Path, tmp_path: Path) -> Path:
    """A copy of it to spoil."""
    return Path(shutil.copytree(played, tmp_path / "repository", symlinks=True))


def verify(repository: Path, *words: str) -> Result:
    return CliRunner().invoke(main, ["verify", "--repo", str(repository), *words])


def first(repository: Path) -> dict[str, Any]:
    """The first fault."""
    answer = verify(repository, "--json")
    assert answer.exit_code == 1, answer.output
    (report,) = json.loads(answer.stdout)
    assert not report["fits"]
    found: dict[str, Any] = report["faults"][0]
    return found


def run_folder(repository: Path) -> Path:
    return repository / ".git/phaseline/runs" / RUN


def flip(place: Path) -> None:
    content = bytearray(place.read_bytes())
    content[len(content) // 2] ^= 4
    place.chmod(0o644)
    place.write_bytes(content)


def git(repository: Path, *words: str) -> list[str]:
    done = subprocess.run(["git", *words], cwd=repository, capture_output=True, text=True, check=True)
    return done.stdout.split()


def test_the_demo_fits(played: Path) -> None:
    for words in ([], [RUN], ["--all"]):
        answer = verify(played, *words)
        assert answer.exit_code == 0, answer.output
        assert re.fullmatch(rf"{RUN}: \d+ events, \d+ artifacts, \d+ files, \d+ objects: all fit\n", answer.stdout)
    (report,) = json.loads(verify(played, "--json").stdout)
    assert report["fits"]
    assert (report["faults"], report["notes"]) == ([], [])
    # One after each phase, and one after the claim of the line was released.
    assert report["counted"]["anchors"] == 9
    assert report["counted"]["artifacts"] == 9


def test_the_demo_is_repeated_from_its_recordings(played: Path) -> None:
    def looks() -> dict[str, bytes]:
        return {str(one): one.read_bytes() for one in played.rglob("*") if one.is_file() and not one.is_symlink()}

    before = looks()
    answer = CliRunner().invoke(main, ["replay", RUN, "--repo", str(played)])
    assert answer.exit_code == 0, answer.output
    assert re.fullmatch(
        rf"{RUN}: 9 recorded calls played: 7 artifacts, \d+ commits, \d+ trees: all equal\n", answer.stdout
    )
    assert looks() == before


def test_a_run_that_is_not_known_is_told_with_those_that_are(played: Path) -> None:
    answer = verify(played, "EXEC-2026-01-01-002")
    assert answer.exit_code == 3
    assert "E465" in answer.stderr
    assert RUN in answer.stderr
    assert verify(played, RUN, "--all").exit_code == 2


def test_no_state_and_no_run_are_told(sandbox: Sandbox) -> None:
    sandbox.start({b"f": (FILE, b"1\n")})
    answer = verify(sandbox.folder)
    assert (answer.exit_code, "E432" in answer.stderr) == (4, True)
    sandbox.repo.state_dir.mkdir()
    (sandbox.repo.state_dir / "state.db").touch()
    answer = verify(sandbox.folder)
    assert (answer.exit_code, "E465" in answer.stderr) == (3, True)


@pytest.fixture
def sandbox(tmp_path: Path) -> Sandbox:
    return Sandbox(tmp_path / "sandbox")


def test_a_flipped_byte_in_any_file_of_the_run_is_named(demo: Path) -> None:
    for pattern in ("ws/*/1/prompt.txt", "ws/*/2/change.patch", "recording/*/1.patch", "recording/*/1.json"):
        place = min(run_folder(demo).glob(pattern))
        content = place.read_bytes()
        flip(place)
        assert place.relative_to(run_folder(demo)).as_posix() in first(demo)["where"]
        place.write_bytes(content)
    log = next(place for place in sorted(run_folder(demo).glob("ws/*/*/*.log")) if place.stat().st_size == 0)
    log.write_bytes(b"x")
    assert log.name in first(demo)["where"]
    log.write_bytes(b"")
    report = run_folder(demo) / "error_report.sarif"
    content = report.read_bytes()
    flip(report)
    assert first(demo)["where"] == report.name
    report.write_bytes(content)
    played = min(run_folder(demo).glob("replay/*/1.patch"))
    flip(played)
    assert first(demo)["where"] == "replay/"


def test_a_flipped_byte_in_any_artifact_is_named(demo: Path) -> None:
    for place in sorted(run_folder(demo).glob("artifacts/*.json")):
        if not place.is_symlink():
            content = place.read_bytes()
            flip(place)
            assert place.name in first(demo)["where"]
            place.write_bytes(content)
    assert verify(demo).exit_code == 0


def test_a_flipped_byte_in_an_object_that_the_run_holds_is_named(demo: Path) -> None:
    for name in (f"runs/{RUN}/landing", f"keep/{RUN}/ws-add-discounts-05/1", f"audit/{RUN}"):
        for what in ("", "^{tree}"):
            (oid,) = git(demo, "rev-parse", f"refs/pipeline/{name}{what}")
            place = demo / ".git/objects" / oid[:2] / oid[2:]
            content = place.read_bytes()
            flip(place)
            found = first(demo)
            assert oid in found["where"] + found["what"] or name in found["where"], found
            place.write_bytes(content)
    assert verify(demo).exit_code == 0


def test_a_flipped_byte_in_the_database_is_named_or_told(demo: Path) -> None:
    place = demo / ".git/phaseline/state.db"
    with closing(sqlite3.connect(place)) as db:
        db.execute("pragma wal_checkpoint(truncate)")
    content = place.read_bytes()
    at = content.index(b'"purpose":"edit"')
    place.write_bytes(content[:at] + b"'" + content[at + 1 :])
    assert re.match(r"event \d+ \(tool_started\)", first(demo)["where"])
    place.write_bytes(content[: len(content) // 2] + b"\0" * 8192 + content[len(content) // 2 + 8192 :])
    answer = verify(demo)
    assert answer.exit_code in (1, 4), answer.output
    assert "Traceback" not in answer.output


def test_what_landed_and_is_gone_is_named(demo: Path) -> None:
    (landed,) = git(demo, "rev-parse", "refs/heads/main")
    git(demo, "update-ref", "refs/heads/main", git(demo, "rev-parse", f"refs/pipeline/runs/{RUN}/run")[0])
    assert verify(demo).exit_code == 0
    (demo / ".git/logs/refs/heads/main").unlink()
    assert first(demo)["where"] == f"landed commit {landed}"


def test_faults_are_told_one_by_line_and_not_without_end(demo: Path) -> None:
    shutil.rmtree(run_folder(demo) / "ws")
    shutil.rmtree(run_folder(demo) / "recording")
    answer = verify(demo)
    lines = answer.stdout.splitlines()
    assert answer.exit_code == 1
    assert len(lines) == 51
    assert lines[-1] == f"{RUN}: stopped after 50 faults"
    assert all(line.startswith(f"{RUN}: ") for line in lines)


def desk(folder: Path, after: bytes) -> tuple[Repository, Choices]:
    """A repository, a plan of one workstream, and what an AI client does to its file."""
    box = Sandbox(folder / "repo")
    box.start({b"a.txt": (FILE, b"a\n")})
    (folder / "plan").mkdir()
    bundle = {"id": "ws-a", "files_scope": [{"path": "a.txt"}], "tasks": ["Do it"]}
    (folder / "plan/ws-a.json").write_text(json.dumps(bundle), "utf-8")
    (folder / "recordings/ws-a").mkdir(parents=True)
    patch = box.repo.patch(box.tree({b"a.txt": (FILE, b"a\n")}), box.tree({b"a.txt": (FILE, after)}))
    (folder / "recordings/ws-a/1.patch").write_bytes(patch)
    overrides = {"worktree.root": str(folder / "slots"), "checks.enabled": [], "policy.unverified": "save"}
    options = {"tool": "replay", "recording": str(folder / "recordings")}
    return box.repo, Choices(folder / "plan", options=options, overrides=overrides)


def test_runs_that_land_nothing_or_only_try_fit(tmp_path: Path) -> None:
    for name, after, tries in (("nothing", b"a\n", (False,)), ("lands", b"b\n", (True, False))):
        (tmp_path / name).mkdir()
        repo, choices = desk(tmp_path / name, after)
        for dry_run in tries:
            run_line(repo, replace(choices, dry_run=dry_run), silent)
        answer = verify(repo.cwd, "--all")
        assert answer.exit_code == 0, answer.output
        assert answer.stdout.count("all fit") == len(tries)
        assert verify(repo.cwd).stdout.startswith(f"EXEC-2026-01-01-00{len(tries)}: ")


def test_a_run_whose_plan_was_refused_fits_and_leaves_no_anchor(tmp_path: Path) -> None:
    repo, choices = desk(tmp_path, b"b\n")
    with pytest.raises(PipelineError):
        run_line(repo, replace(choices, options={"tool": "replay", "recording": str(tmp_path / "none")}), silent)
    answer = verify(repo.cwd)
    assert answer.exit_code == 0, answer.output
    assert repo.refs("refs/pipeline") == {}
