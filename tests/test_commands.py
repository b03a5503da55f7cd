"""Every command answers --version and --help, documents itself, and loads nothing but what that takes."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from importlib import import_module
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path

import click
import pytest

ROOT = Path(__file__).resolve().parent.parent
MANIFESTS = [json.loads(path.read_text("utf-8")) for path in sorted(ROOT.glob("*/*.manifest.json"))]
COMMANDS = tuple(sorted(manifest["cli"]["command"] for manifest in MANIFESTS if manifest["cli"]))

LIGHT = {"__future__", "gc", "signal", "global_util", "global_util.cli", "global_util.errors", "global_util.program"}
"""What every command shares; its own package and the module of its command come to that."""

FOR_VERSION = {"global_util.installed"}
"""Looks up what is installed: a version, or a command that another room adds."""

ALSO = {"doc-id validate": {"global_doc_id.findings", "global_doc_id.reports"}}
"""Light modules of a package that name what an option may be."""

BEHIND = {"doc-id": {"global_doc_id.cli"}}
"""Programs that begin before click is imported, and where their commands are."""

OF_PHASES = {"global_core_state", "global_core_state.phase_command"}

FLOOR = """
import click
def bare():
    click.command(lambda: None).main(["--help"], terminal_width=78)
"""

REPORT = """
import os, sys
from importlib import import_module
module, name, *sys.argv = sys.argv[1:]
os._exit = sys.exit
try:
    getattr(import_module(module), name)()
finally:
    print(*("import time: | | " + module for module in sys.modules), sep="\\n", file=sys.stderr)
"""
"""Runs an entry point. What ``import_module`` loads is not in the report of ``-X importtime``, but in ``sys.modules``;
what a module removed there is in the report. A command that ends at once ends later here."""


def run(command: str, *words: str) -> subprocess.CompletedProcess[str]:
    """Run an installed command."""
    script = Path(sys.executable).parent / command
    return subprocess.run([str(script), *words], env=surroundings(), capture_output=True, text=True, check=False)


def surroundings() -> dict[str, str]:
    """The environment without what changes help or asks for completion."""
    return {key: value for key, value in os.environ.items() if not key.startswith("_")} | {"NO_COLOR": "1"}


def reported(*words: str) -> set[str]:
    """The modules that a Python process loads."""
    argv = [sys.executable, "-X", "importtime", *words]
    done = subprocess.run(argv, env=surroundings(), capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    lines = [line for line in done.stderr.splitlines() if line.startswith("import time:")]
    return {line.rpartition("|")[2].strip() for line in lines}


@cache
def floor() -> frozenset[str]:
    """What Python and click load for the help of a command that has nothing."""
    return frozenset(reported("-c", FLOOR + REPORT, "__main__", "bare", "bare"))


def entry(command: str) -> EntryPoint:
    """Where the command begins."""
    (found,) = entry_points(group="console_scripts", name=command)
    return found


def load(command: str) -> set[str]:
    """The modules beyond Python and click that ``pipeline run --help`` loads."""
    name, *words = command.split()
    found = entry(name)
    return reported("-c", REPORT, found.module, found.attr, name, *words) - floor()


def needless(modules: set[str], needed: set[str]) -> list[str]:
    """The modules that are neither needed nor click's own."""
    return sorted(name for name in modules - needed if name.partition(".")[0] != "click")


def paths(command: str) -> Iterator[tuple[str, str]]:
    """Every command and subcommand as it is typed, and the module that defines it."""
    found = entry(command)
    yield command, found.module
    yield from below(tree(found), command)


def tree(found: EntryPoint) -> click.Command:
    """All commands. A program that begins before click is imported names them by a function beside its entry."""
    begun = found.load()
    return begun if isinstance(begun, click.Command) else import_module(found.module).commands()


def below(group: click.Command, typed: str) -> Iterator[tuple[str, str]]:
    """The subcommands of a group, and theirs."""
    if not isinstance(group, click.Group):
        return
    context = click.Context(group)
    for name in group.list_commands(context):
        child = group.get_command(context, name)
        assert child is not None
        assert child.callback is not None
        yield f"{typed} {name}", child.callback.__module__
        yield from below(child, f"{typed} {name}")


def needed_by(typed: str, module: str) -> set[str]:
    """What a command may load for its help: what is shared, its package, where it begins, and where it is defined."""
    command = typed.split()[0]
    begin, room = entry(command).module, module.partition(".")[0]
    phase = OF_PHASES if command.startswith("ph") else set()
    looked_up = FOR_VERSION if room != begin.partition(".")[0] else set()
    own = {begin.partition(".")[0], begin, *BEHIND.get(command, ())}
    return {*LIGHT, *phase, *looked_up, *ALSO.get(typed, ()), *own, room, module}


def test_the_commands_are_those_that_are_promised() -> None:
    ours = {
        entry.name
        for entry in entry_points(group="console_scripts")
        if entry.dist and entry.dist.name.startswith("phaseline")
    }
    assert ours == set(COMMANDS)


@pytest.mark.parametrize("command", COMMANDS)
def test_a_command_answers_its_version(command: str) -> None:
    answer = run(command, "--version")
    assert (answer.returncode, answer.stdout) == (0, f"{command} 0.1.0\n")


@pytest.mark.parametrize("command", COMMANDS)
def test_a_command_answers_help(command: str) -> None:
    answer = run(command, "--help")
    assert answer.returncode == 0
    assert "Usage:" in answer.stdout


@pytest.mark.parametrize("command", COMMANDS)
def test_a_version_loads_no_more_than_it_takes(command: str) -> None:
    needed = needed_by(command, entry(command).module) | FOR_VERSION
    found = needless(load(f"{command} --version"), needed)
    assert not found, f"{command} --version loads {', '.join(found)}"


@pytest.mark.parametrize("command", COMMANDS)
def test_help_of_a_command_and_its_subcommands_loads_no_more_than_it_takes(command: str) -> None:
    found = {
        typed: needless(load(f"{typed} --help"), needed_by(typed, module) | added(typed))
        for typed, module in paths(command)
    }
    told = [f"{typed} --help loads {', '.join(modules)}" for typed, modules in found.items() if modules]
    assert not told, "\n".join(told)


def added(typed: str) -> set[str]:
    """The list of ``pipeline`` has the commands that rooms add."""
    return FOR_VERSION if typed == "pipeline" else set()


def test_what_is_needless_is_named() -> None:
    loaded = reported("-c", "import click, sqlite3; from global_util import cli, config") - floor()
    assert {"sqlite3", "global_util.config", "tomllib"} <= set(needless(loaded, LIGHT))
