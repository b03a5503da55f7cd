"""What all commands share: the program around them, options that recur, versions."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from importlib import import_module
from typing import Any, cast

import click

from global_util.errors import Exit
from global_util.program import guarded


class PipelineGroup(click.Group):
    """A command group whose failures follow the house: see ``errors.Exit``. A command returns its exit code or None."""

    def main(self, *args: Any, **kwargs: Any) -> Any:
        """Run, and leave with the documented exit code."""
        kwargs["standalone_mode"] = False
        kwargs.setdefault("terminal_width", help_width())
        sys.exit(guarded(lambda: _parsed(lambda: super(PipelineGroup, self).main(*args, **kwargs))))


class LazyGroup(PipelineGroup):
    """Subcommands are named by where they live (``package.module:command``) and imported when they are asked for."""

    def __init__(self, *args: Any, lazy: dict[str, tuple[str, str]] | None = None, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.lazy = lazy or {}

    def added(self) -> dict[str, tuple[str, str]]:
        """More lazy commands, looked up only when the known ones are not enough."""
        return {}

    def list_commands(self, ctx: click.Context) -> list[str]:
        """All names, sorted."""
        return sorted({*super().list_commands(ctx), *self.lazy, *self.added()})

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The command, imported now."""
        found = self.lazy.get(cmd_name) or self.added().get(cmd_name)
        if found is None:
            return super().get_command(ctx, cmd_name)
        module, _, name = found[0].partition(":")
        return cast("click.Command", getattr(import_module(module), name))

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """The list of commands, without importing one of them."""
        del ctx
        own = {name: command.get_short_help_str(80) for name, command in self.commands.items()}
        rows = sorted({**own, **{name: text for name, (_, text) in {**self.added(), **self.lazy}.items()}}.items())
        with formatter.section("Commands"):
            formatter.write_dl(rows)


def _parsed(command: Callable[[], Any]) -> Any:
    """Run a command; what click has to say about its words is told as click tells it."""
    try:
        return command()
    except click.Abort:
        raise KeyboardInterrupt from None
    except click.ClickException as fault:
        fault.show()
        return Exit.USAGE


def help_width() -> int:
    """How wide help is: as click decides it, without the compressors that ``shutil`` brings along."""
    given = os.environ.get("COLUMNS", "")
    try:
        columns = int(given) if given.isdecimal() else 0
        columns = columns or os.get_terminal_size(sys.__stdout__.fileno() if sys.__stdout__ else 1).columns
    except (OSError, ValueError):
        columns = 0
    return max(min(columns or 80, 80) - 2, 50)


def print_json(value: object, *, sort_keys: bool = False) -> None:
    """Print what ``--json`` promises."""
    import json

    click.echo(json.dumps(value, indent=2, sort_keys=sort_keys))


def version_option(distribution: str) -> Callable[[Any], Any]:
    """``--version``, looked up only when asked for."""

    def show(ctx: click.Context, _param: click.Parameter, value: bool) -> None:
        if value:
            from global_util.installed import version

            click.echo(f"{ctx.find_root().info_name} {version(distribution)}")
            ctx.exit(0)

    return click.option(
        "--version", is_flag=True, expose_value=False, is_eager=True, callback=show, help="Show the version."
    )


class PathType(click.Path):
    """A path as ``pathlib.Path``, which is imported when a path was given and not for ``--help``."""

    def coerce_path_result(self, value: Any) -> Any:
        """The path that the user gave."""
        from pathlib import Path

        return Path(value)


PATH = PathType()


def _overrides(_ctx: click.Context, _param: click.Parameter, value: tuple[str, ...]) -> dict[str, Any]:
    from global_util.config import parse_overrides

    try:
        return parse_overrides(value)
    except ValueError as fault:
        raise click.BadParameter(str(fault)) from None


set_option = click.option(
    "--set",
    "overrides",
    multiple=True,
    metavar="KEY=VALUE",
    callback=_overrides,
    help="Override a key of pipeline.toml with a TOML value. Repeatable.",
)

REPO_HELP = "The git repository. Default: the current folder."
repo_option = click.option(
    "--repo",
    type=PATH,
    default=".",
    metavar="DIR",
    help=REPO_HELP,
)

json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON.")

log_json_option = click.option("--log-json", is_flag=True, help="Progress on standard error as JSON lines.")
