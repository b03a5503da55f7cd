"""``pipeline worktree``: which worktree slots there are, what lies in one, and giving up those that nobody holds."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click
from global_util.cli import json_option, print_json, repo_option, set_option
from global_util.program import printable

if TYPE_CHECKING:
    from pathlib import Path

    from global_util.config import Settings
    from global_util.git import Repository


@click.group()
def worktree() -> None:
    """List, inspect and clean up the worktrees in which tools and checks work."""


@worktree.command("list", epilog="Example:  pipeline worktree list --json")
@repo_option
@set_option
@json_option
def list_(repo: Path, overrides: dict[str, Any], as_json: bool) -> None:
    """Show every slot of this repository: who holds it, its commit, since when."""
    from global_aim.pool import describe_slots

    root, repository, _ = _opened(repo, overrides)
    rows = describe_slots(repository, root)
    if as_json:
        print_json({"root": str(root), "slots": [row.to_json() for row in rows]})
        return
    if not rows:
        click.echo(f"no slots below {printable(str(root))}")
    for row in rows:
        who = f"process {row.pid}" if row.pid else "-"
        state = "died" if row.left else row.state
        cells = (row.slot, state, row.commit[:12] or "-", f"{row.age_s} s", who, row.execution or "-", row.path)
        click.echo("  ".join(printable(cell) for cell in cells))


@worktree.command(epilog="Example:  pipeline worktree status slot-1")
@click.argument("slot")
@repo_option
@set_option
@json_option
def status(slot: str, repo: Path, overrides: dict[str, Any], as_json: bool) -> None:
    """Show what lies in a SLOT: paths changed since its start, its resources, whether its set-up is current."""
    from global_aim.pool import describe, find_slot, setup_state
    from global_aim.setup import read_setup
    from global_aim.snapshot import peek

    root, repository, config = _opened(repo, overrides)
    found = find_slot(repository, root, slot)
    row = describe(found).to_json()
    row["setup"] = setup_state(found, read_setup(repository, config))
    row["changed"] = peek(found) if row["commit"] else []
    if as_json:
        print_json(row)
        return
    for key, value in row.items():
        if key != "changed":
            click.echo(f"{key}: {printable(_text(value))}")
    click.echo(f"changed: {len(row['changed'])}")
    for path in row["changed"]:
        click.echo(f"  {printable(path)}")


def _text(value: Any) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{name}={one}" for name, one in value.items()) or "-"
    return "-" if value in ("", None) else str(value)


@worktree.command(epilog="Example:  pipeline worktree cleanup --dry-run")
@click.option("--dry-run", is_flag=True, help="Only show what would be removed.")
@click.option("--force", is_flag=True, help="Also where a run that can go on would have to pay for a call again.")
@repo_option
@set_option
@json_option
def cleanup(dry_run: bool, force: bool, repo: Path, overrides: dict[str, Any], as_json: bool) -> None:
    """Remove slots that nobody holds. What a run that died left in one is kept first, under refs/pipeline/keep/orphans/.

    Slots that are held, worktrees that are not Phaseline's, and without --force slots with an ended call that a run goes
    on with, are left alone.
    """
    from global_aim.pool import clean_up
    from global_aim.setup import read_ignored

    root, repository, config = _opened(repo, overrides)
    rows = clean_up(repository, root, dry_run, force, read_ignored(config))
    if as_json:
        print_json({"root": str(root), "slots": [row.to_json() for row in rows]})
        return
    if not rows:
        click.echo("nothing to remove")
    for row in rows:
        told = (row.name, row.action, f"kept as {row.kept}" if row.kept else "", row.why)
        click.echo("  ".join(printable(part) for part in told if part))


def _opened(repo: Path, overrides: dict[str, Any]) -> tuple[Path, Repository, Settings]:
    from global_util.config import load_settings
    from global_util.git import Repository

    from global_aim.workspace import slots_root

    repository = Repository.discover(repo.absolute())
    config = load_settings(repository.cwd, overrides)
    return slots_root(repository, config), repository, config
