"""``pipeline demo``: a small repository, a plan with seven workstreams, and recordings that show every outcome."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import click
from global_util.cli import PATH, json_option, print_json

if TYPE_CHECKING:
    from pathlib import Path

    from global_ui.summary import Summary

PLAN = "openspec/changes/add-discounts"
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
@click.option("--keep", type=PATH, metavar="DIR", help="A new folder to work in. Default: a temporary one.")
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
    from pathlib import Path
    from tempfile import mkdtemp

    from global_util.errors import InvalidInput

    if keep is not None and keep.exists():
        raise InvalidInput(f"{keep}: is there already", "give a folder that does not exist yet", "E346")
    folder = (keep or Path(mkdtemp(prefix="phaseline-demo-"))).absolute()
    summary, seconds = play(folder, jobs, quiet=as_json)
    if as_json:
        print_json({**summary.to_json(), "seconds": seconds, "repository": str(folder / "repository")})
    else:
        _tell(folder, summary, seconds)
    return 0 if _as_scripted(summary) else 1


def play(folder: Path, jobs: int, *, quiet: bool) -> tuple[Summary, dict[str, float]]:
    """Build the stage in ``folder``, run the plan, and read the outcome from the artifacts."""
    from global_util.git import Repository
    from global_util.progress import silent

    from global_ui import screen
    from global_ui.demo_stage import EPOCH, build
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
