"""``pipeline config show``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click
from global_util.cli import json_option, print_json, repo_option, set_option

if TYPE_CHECKING:
    from pathlib import Path


@click.group()
def config() -> None:
    """Show the configuration and where each value comes from."""


@config.command(epilog="Example:  pipeline config show --set 'checks.enabled=[\"ruff\"]'")
@repo_option
@set_option
@json_option
def show(repo: Path, overrides: dict[str, Any], as_json: bool) -> None:
    """Print every key with its value and its origin."""
    import json

    from global_util.config import load_settings
    from global_util.git import Repository

    settings = load_settings(Repository.discover(repo.absolute()).cwd, overrides)
    rows = {key: {"value": settings.get(key), "origin": settings.origin(key)} for key in settings.keys()}  # noqa: SIM118
    if as_json:
        print_json(rows)
        return
    for key, row in rows.items():
        click.echo(f"{key} = {json.dumps(row['value'])}  ({row['origin']})")
