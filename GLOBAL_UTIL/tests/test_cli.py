"""What commands share: paths arrive as paths, help is as wide as click makes it, nothing is imported to be listed."""

from __future__ import annotations

from pathlib import Path

import click
import pytest
from click.formatting import HelpFormatter
from click.testing import CliRunner
from global_util.cli import PATH, LazyGroup, help_width, repo_option


@click.command()
@click.argument("file", type=PATH)
@repo_option
def look(file: Path, repo: Path) -> None:
    """Tell what arrived."""
    click.echo(f"{file!r} {repo!r}")


def test_paths_arrive_as_paths() -> None:
    answer = CliRunner().invoke(look, ["a b/ü.md"])
    assert answer.output == f"{Path('a b/ü.md')!r} {Path()!r}\n"


@pytest.mark.parametrize("columns", ["", "0", "20", "60", "80", "200", "-5", "²", "wide"])
def test_help_is_as_wide_as_click_makes_it(monkeypatch: pytest.MonkeyPatch, columns: str) -> None:
    monkeypatch.setenv("COLUMNS", columns)
    assert help_width() == HelpFormatter().width


def test_a_lazy_command_is_listed_without_its_module_and_found_by_name() -> None:
    lazy = {"look": (f"{__name__}_of_another_world:look", "Tell what arrived.")}
    group = LazyGroup("tool", lazy=lazy)
    context = click.Context(group)
    assert group.list_commands(context) == ["look"]
    assert "Tell what arrived." in group.get_help(context)
    with pytest.raises(ModuleNotFoundError):
        group.get_command(context, "look")
    assert group.get_command(context, "other") is None
