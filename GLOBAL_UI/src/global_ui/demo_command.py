"""``pipeline demo``: a small repository, a plan with seven workstreams, and recordings that show every outcome."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import click
from global_util.cli import json_option

if TYPE_CHECKING:
    from global_util.git import Repository

    from global_ui.summary import Summary

PLAN = "openspec/changes/add-discounts"
EPOCH = "1767225600"
"""The demo's clock: 2026-01-01, so that the same demo gives the same commits."""

_CACHES = {"__pycache__", ".mypy_cache", ".ruff_cache", ".pytest_cache"}
"""What a linter leaves on the stage where it lies in a checkout; no part of the play."""

SCRIPT = {
    "1": "landed",
    "2": "landed",
    "3": "landed",
    "4": "landed",
    "5": "quarantined",
    "6": "quarantined",
    "7": "blocked",
}
"""What is meant to become of each group of the plan."""


@click.command(epilog="Example:  pipeline demo --keep /tmp/demo")
@click.option(
    "--keep", type=click.Path(path_type=Path), metavar="DIR", help="A new folder to work in. Default: a temporary one."
)
@click.option(
    "--jobs",
    metavar="N",
    type=click.IntRange(min=1),
    default=2,
    show_default=True,
    help="How many workstreams at once.",
)
@json_option
def demo(keep: Path | None, jobs: int, as_json: bool) -> int:
    """Show every outcome on a small repository in a folder that stays for you to look at.

    Exit code 0: the outcomes are as scripted.
    """
    from global_util.errors import InvalidInput

    if keep is not None and keep.exists():
        raise InvalidInput(f"{keep}: is there already", "give a folder that does not exist yet", "E346")
    folder = (keep or Path(tempfile.mkdtemp(prefix="phaseline-demo-"))).absolute()
    summary, seconds = play(folder, jobs, quiet=as_json)
    if as_json:
        click.echo(
            json.dumps({**summary.to_json(), "seconds": seconds, "repository": str(folder / "repository")}, indent=2)
        )
    else:
        _tell(folder, summary, seconds)
    return 0 if _as_scripted(summary) else 1


def play(folder: Path, jobs: int, *, quiet: bool) -> tuple[Summary, dict[str, float]]:
    """Build the stage in ``folder``, run the plan, and read the outcome from the artifacts."""
    from global_util.git import Repository
    from global_util.progress import silent

    from global_ui import screen
    from global_ui.driver import Choices, run_line
    from global_ui.summary import summarise

    os.environ.setdefault("SOURCE_DATE_EPOCH", EPOCH)
    repository = build(folder)
    repo = Repository.discover(repository)
    options = {"tool": "replay", "recording": str(folder / "recordings"), "jobs": jobs}
    choices = Choices(repository / PLAN, options=options, overrides={"worktree.root": str(folder / "worktrees")})
    if quiet:
        line = run_line(repo, choices, silent)
    else:
        with screen.live(screen.console(stderr=True)) as listener:
            line = run_line(repo, choices, listener)
    execution = next(iter(line.artifacts.values())).execution_id
    return summarise(line.artifacts, str(repo.state_dir / "runs" / execution)), dict(line.seconds)


def build(folder: Path) -> Path:
    """The repository and the recordings of what an AI client answered; the path of the repository."""
    from global_util.git import Repository
    from global_util.package_data import data_path

    stage = data_path("global_ui", "demo")
    repository = folder / "repository"
    shutil.copytree(stage / "base", repository, ignore=shutil.ignore_patterns(*_CACHES))
    (repository / "gitignore").rename(repository / ".gitignore")
    for words in (("init", "--quiet", "-b", "main"), ("add", "."), ("commit", "--quiet", "-m", "Add up invoices")):
        _git(repository, *words)
    _git(repository, "config", "user.name", "Demo")
    _git(repository, "config", "user.email", "demo@example.org")
    repo = Repository.discover(repository)
    for group in sorted((stage / "edits").iterdir()):
        _record(repo, group, folder / "recordings" / f"ws-add-discounts-{int(group.name):02d}")
    return repository


def _record(repo: Repository, group: Path, target: Path) -> None:
    """Turn the files of each try into the patch that leads to them from where the try starts."""
    head = repo.commit_of("HEAD")
    assert head is not None
    tree = (
        _with_files(repo, head.tree, group.parent / _STARTS_AFTER[group.name])
        if group.name in _STARTS_AFTER
        else head.tree
    )
    target.mkdir(parents=True)
    for number in sorted(int(entry.name) for entry in group.iterdir()):
        after = _put(repo, tree, group / str(number))
        (target / f"{number}.patch").write_bytes(repo.patch(tree, after))
        tree = after


_STARTS_AFTER = {"2": "1", "4": "3", "7": "6"}
"""Groups that begin where another one ended."""


def _with_files(repo: Repository, tree: str, group: Path) -> str:
    for number in sorted(int(entry.name) for entry in group.iterdir()):
        tree = _put(repo, tree, group / str(number))
    return tree


def _put(repo: Repository, tree: str, files: Path) -> str:
    from global_util.contracts.item import Change

    changes = []
    for place in sorted(entry for entry in files.rglob("*") if entry.is_file() and not _CACHES & set(entry.parts)):
        blob = repo.sealed("hash-object", "-w", "--stdin", stdin=place.read_bytes()).stdout.decode().strip()
        values = {
            "path": place.relative_to(files).as_posix(),
            "status": "M",
            "old_mode": "100644",
            "new_mode": "100644",
        }
        changes.append(Change.model_validate({**values, "old_blob": blob, "new_blob": blob}))
    return repo.overlay(tree, changes)


def _git(repository: Path, *words: str) -> None:
    identity = {
        f"GIT_{role}_{part}": value
        for role in ("AUTHOR", "COMMITTER")
        for part, value in (("NAME", "Demo"), ("EMAIL", "demo@example.org"), ("DATE", f"@{EPOCH} +0000"))
    }
    env = {
        **{key: value for key, value in os.environ.items() if not key.startswith("GIT_")},
        **identity,
        "GIT_CONFIG_GLOBAL": os.devnull,
        "GIT_CONFIG_NOSYSTEM": "1",
    }
    subprocess.run(["git", *words], cwd=repository, env=env, check=True, capture_output=True)


def _as_scripted(summary: Summary) -> bool:
    return {row.workstream: row.outcome for row in summary.rows} == {
        f"ws-add-discounts-{int(group):02d}": outcome for group, outcome in SCRIPT.items()
    }


def _tell(folder: Path, summary: Summary, seconds: dict[str, float]) -> None:
    from global_ui import screen

    console = screen.console()
    screen.show(console, summary)
    console.print(
        f"Time: {sum(seconds.values()):.1f} s  ("
        + ", ".join(f"{name} {value:.1f}" for name, value in seconds.items())
        + ")"
    )
    console.print(f"Look around: git -C {folder / 'repository'} log --graph --stat", soft_wrap=True)
    if not _as_scripted(summary):
        console.print("The outcomes are not as scripted.", style="red")
