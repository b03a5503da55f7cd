"""``aim``: which tools there are, and what this machine offers them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click
from global_util.cli import PipelineGroup, json_option, print_json, repo_option, set_option, version_option
from global_util.program import printable

if TYPE_CHECKING:
    from pathlib import Path


@click.group(cls=PipelineGroup)
@version_option("phaseline-global-aim")
def main() -> None:
    """AI tools: their profiles, and the machine that they run on.

    \b
    Example:
        aim tools
        aim doctor --json
    """


@main.command()
@json_option
@repo_option
@set_option
def tools(as_json: bool, repo: Path, overrides: dict[str, Any]) -> None:
    """Show every tool profile, where it comes from, and whether it is installed.

    \b
    Example:
        aim tools
        aim tools --json --set 'tools.mine.command=["mine", "{prompt_file}"]'
    """
    from global_util.config import load_settings

    from global_aim import profiles

    table = load_settings(_root(repo), overrides).table("tools")
    origins = profiles.sources(table)
    rows = [
        {**profile.to_json(), "source": origins[name], "program": profiles.installed(profile)}
        for name, profile in profiles.resolve_tools(table).items()
    ]
    if as_json:
        print_json({"tools": rows}, sort_keys=True)
        return
    _table([("tool", "kind", "can", "from", "program"), *(_row(row) for row in rows)])


def _row(row: dict[str, Any]) -> tuple[str, ...]:
    capabilities = ", ".join(row["capabilities"])
    return row["id"], row["kind"], capabilities, row["source"], row["program"] or f"{row['command'][0]}: not installed"


def _root(repo: Path) -> Path:
    """The top of the repository, or the folder itself: profiles can be looked at outside a repository."""
    from global_util.errors import EnvironmentFault
    from global_util.git import Repository

    try:
        return Repository.discover(repo).cwd
    except EnvironmentFault:
        return repo


@main.command()
@json_option
def doctor(as_json: bool) -> int:
    """Show what this machine offers: git, containment of processes, sandboxes. Exit 4 when git is missing or too old.

    \b
    Example:
        aim doctor
        aim doctor --json
    """
    from global_util.errors import Exit

    from global_aim import machine

    rows = machine.examine()
    if as_json:
        print_json({"checks": [row._asdict() for row in rows]}, sort_keys=True)
    else:
        _table([("check", "verdict", "detail"), *rows])
    return Exit.DONE if all(row.verdict != "missing" for row in rows) else Exit.ENVIRONMENT


def _table(rows: list[tuple[str, ...]]) -> None:
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    for row in rows:
        cells = (printable(cell).ljust(width) for cell, width in zip(row, widths, strict=True))
        click.echo("  ".join(cells).rstrip())
