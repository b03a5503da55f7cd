"""The command line that every phase has: ``phN run``, an artifact in, an artifact out."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, cast

import click
from global_util.cli import PATH, PipelineGroup, log_json_option, repo_option, set_option, version_option

if TYPE_CHECKING:
    from pathlib import Path

    from global_util.progress import Listener


def phase_group(name: str, distribution: str, about: str, options: Sequence[click.Parameter] = ()) -> click.Group:
    """The group ``name`` with its ``run`` command. ``options`` are what this phase decides with."""
    group = PipelineGroup(name=name, help=about, context_settings={"help_option_names": ["-h", "--help"]})
    group.add_command(_run_command(name, about, options))
    return cast("click.Group", version_option(distribution)(group))


def _run_command(name: str, about: str, options: Sequence[click.Parameter]) -> click.Command:
    def run(out: Path | None, repo: Path, overrides: dict[str, Any], log_json: bool, **given: Any) -> None:
        into = given.pop("into", None)
        _write(out, _order(name, into, repo, overrides, given, _listener(log_json)))

    decorated = set_option(repo_option(log_json_option(_out_option(run))))
    if name != "ph0":
        decorated = _in_option(decorated)
    example = _EXAMPLES.get(name, f"Example:  ph{int(name[2:]) - 1} run --in in.json | {name} run --out out.json")
    command = click.command("run", help=_help(name, about), epilog=example)(decorated)
    command.params = [*options, *command.params]
    return command


_EXAMPLES = {
    "ph0": "Example:  ph0 run openspec/changes/add-login > workstream_set.json",
    "ph1": "Example:  ph0 run openspec/changes/add-login | ph1 run --tool aider --jobs 2",
}

_in_option = click.option(
    "--in",
    "into",
    type=PATH,
    metavar="FILE",
    help="The artifact to read. Default: standard input.",
)
_out_option = click.option(
    "--out",
    type=PATH,
    metavar="FILE",
    help="Where to write the artifact. Default: standard output.",
)


def _help(name: str, about: str) -> str:
    return f"{about}\n\nReads one artifact and writes one; {name} says on standard error what it does."


def _listener(log_json: bool) -> Listener:
    from global_util import progress

    return progress.json_lines if log_json else progress.plain_lines


def _order(
    name: str, into: Path | None, repo: Path, overrides: dict[str, Any], given: dict[str, Any], listener: Listener
) -> Any:
    from global_util.git import Repository

    from global_core_state.harness import Order

    text, where = (b"", "") if name == "ph0" else _read(into)
    options = {key: value for key, value in given.items() if value not in (None, False)}
    return Order(
        phase=name,
        repo=Repository.discover(repo.absolute()),
        text=text,
        where=where,
        overrides=overrides,
        options=options,
        listener=listener,
    )


def _read(into: Path | None) -> tuple[bytes, str]:
    from global_util.errors import InvalidInput

    if into is None:
        if sys.stdin.isatty():
            raise click.UsageError("no artifact: give one with --in FILE, or through a pipe")
        return sys.stdin.buffer.read(), "standard input"
    try:
        return into.read_bytes(), str(into)
    except OSError as fault:
        raise InvalidInput(f"{into}: {fault.strerror}", "give an artifact with --in FILE", "E309") from None


def _write(out: Path | None, order: Any) -> None:
    from global_util.files import write_atomically

    from global_core_state.harness import run_phase

    text = run_phase(order).dumps()
    if out is None:
        sys.stdout.write(text)
        sys.stdout.flush()
    else:
        write_atomically(out, text.encode())
