"""What commands share: paths arrive as paths, help is as wide as click makes it, nothing is imported to be listed."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

import click
import pytest
from click.formatting import HelpFormatter
from click.testing import CliRunner
from global_util.cli import PATH, LazyGroup, PipelineGroup, help_width, repo_option


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


@pytest.mark.parametrize(
    ("fault", "code", "says"),
    [
        (click.ClickException("what"), 2, ["Error: what"]),
        (click.UsageError("what"), 2, ["Error: what"]),
        (click.Abort(), 130, ["interrupted"]),
    ],
    ids=repr,
)
def test_what_click_has_to_say_is_told_as_click_tells_it(fault: Exception, code: int, says: list[str]) -> None:
    def broken() -> None:
        raise fault

    group = PipelineGroup(commands=[click.Command("broken", callback=broken)])
    answer = CliRunner().invoke(group, ["broken"])
    assert (answer.exit_code, answer.stdout, answer.stderr.splitlines()[-1:]) == (code, "", says)


STUBBORN = """
import sys, time
from global_util.program import guarded
def command():
    try:
        print("works", flush=True)
        time.sleep(60)
    except KeyboardInterrupt:
        print("ends", flush=True)
        time.sleep(60)
sys.exit(guarded(command))
"""
"""Takes a minute to end in an orderly way."""


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_the_second_signal_ends_a_command_at_once(number: signal.Signals) -> None:
    with subprocess.Popen([sys.executable, "-c", STUBBORN], stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout is not None
        for word in (b"works\n", b"ends\n"):
            assert process.stdout.readline() == word
            process.send_signal(number)
        assert process.wait(30) == 130
        assert process.stderr is not None
        assert process.stderr.read() == b"stopped at once\n"


def test_what_the_caller_lets_a_command_ignore_stays_ignored() -> None:
    script = "import signal, sys; signal.signal(signal.SIGINT, signal.SIG_IGN)\n" + STUBBORN
    with subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"works\n"
        process.send_signal(signal.SIGINT)
        process.send_signal(signal.SIGTERM)
        assert process.stdout.readline() == b"ends\n"
        process.kill()
