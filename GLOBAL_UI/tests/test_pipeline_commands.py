"""The small commands: configuration, groups, and commands that rooms add."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path

import click
import pytest
from click.testing import CliRunner
from global_ui.cli import main
from global_ui.config_commands import config
from global_util.errors import Exit


@pytest.fixture
def repo(tmp_path: Path) -> Path:
    """A repository with settings of its own."""
    env = {**os.environ, "GIT_CONFIG_GLOBAL": os.devnull}
    subprocess.run(["git", "init", "-q", "--template=", str(tmp_path)], env=env, check=True)
    (tmp_path / "pipeline.toml").write_text('[worktree]\nroot = "/slots"\n', "utf-8")
    return tmp_path


def test_config_show_tells_where_a_value_comes_from(repo: Path) -> None:
    words = ["show", "--repo", str(repo), "--set", "tools.x.timeout_s=3", "--json"]
    told = json.loads(CliRunner().invoke(config, words, catch_exceptions=False).output)
    assert told["worktree.root"] == {"value": "/slots", "origin": "pipeline.toml"}
    assert told["tools.x.timeout_s"] == {"value": 3, "origin": "--set"}
    plain = CliRunner().invoke(config, ["show", "--repo", str(repo)], catch_exceptions=False).output
    assert 'worktree.root = "/slots"  (pipeline.toml)' in plain.splitlines()


def test_every_command_is_documented_with_an_example() -> None:
    context = click.Context(main)
    for name in main.list_commands(context):
        command = main.get_command(context, name)
        assert command is not None
        assert command.help, name
        leaves = list(command.commands.values()) if isinstance(command, click.Group) else [command]
        for leaf in leaves:
            assert (leaf.epilog or "").startswith("Example:  "), (name, leaf.name)


def test_a_command_that_nobody_has_is_a_usage_error() -> None:
    assert CliRunner().invoke(main, ["no-such-command"]).exit_code == Exit.USAGE
