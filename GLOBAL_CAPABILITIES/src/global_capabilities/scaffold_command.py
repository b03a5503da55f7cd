"""``capabilities scaffold``: write a complete new room."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click
from global_util.cli import PipelineGroup, repo_option
from global_util.program import printable

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from global_capabilities.scaffold.draft import Draft

dry_run_option = click.option("--dry-run", is_flag=True, help="Name the files; write nothing.")
role_option = click.option("--role", default="", metavar="TEXT", help="What it is for, in one sentence.")
owner_option = click.option("--owner", default="", metavar="TEAM", help="Whom to ask. Default: as its neighbour.")


@click.group("scaffold", cls=PipelineGroup)
def scaffold_command() -> None:
    """Write a complete new room, which keeps every rule from the start.

    Nothing is overwritten, and either everything is written or nothing.

    Example:  capabilities scaffold module PH4_ERROR_DETECTION M002_CACHE --dry-run
    """


def _common(command: Callable[..., Any]) -> Callable[..., Any]:
    return repo_option(dry_run_option(command))


@scaffold_command.command("phase")
@click.argument("name")
@click.option("--consumes", required=True, metavar="SCHEMA", help="The artifact that it reads: commit_plan.v1.")
@click.option("--produces", required=True, metavar="SCHEMA", help="The artifact of its own: announcement.v1.")
@click.option("--command", default="", metavar="phN", help="Its command. Default, and the only one: phN for PHN_NAME.")
@click.option(
    "--section",
    type=click.Choice(["PLANNING", "EXECUTION", "ERROR", "SAVING"]),
    default=None,
    help="The part of the line. Default: that of the last phase.",
)
@owner_option
@role_option
@_common
def phase_command(repo: Path, dry_run: bool, section: str | None, **options: str) -> None:
    """A phase with command, artifact, schema, example, module, documents and tests.

    Example:  capabilities scaffold phase PH8_ANNOUNCE --consumes git_operation_log.v1 --produces announcement.v1
    """
    from global_capabilities.scaffold.phase import scaffold_phase

    _finish(scaffold_phase(repo.resolve(), section=section or "", **options), dry_run)


@scaffold_command.command("service")
@click.argument("name")
@click.option("--command", default="", metavar="NAME", help="Its command. Default: notes for GLOBAL_NOTES.")
@click.option(
    "--doc-scope", default="", metavar="CODE", help="Scope of its document ids. Default: G and a free letter."
)
@click.option("--beside", default="", metavar="PACKAGE", help="A service on the same floor. Default: the first one.")
@owner_option
@role_option
@_common
def service_command(repo: Path, dry_run: bool, **options: str) -> None:
    """A service with command, module, documents and tests.

    Example:  capabilities scaffold service GLOBAL_NOTES --role "Keep notes beside workstreams"
    """
    from global_capabilities.scaffold.service import scaffold_service

    _finish(scaffold_service(repo.resolve(), **options), dry_run)


@scaffold_command.command("module")
@click.argument("package")
@click.argument("name")
@role_option
@_common
def module_command(repo: Path, dry_run: bool, package: str, name: str, role: str) -> None:
    """A module of a package: seven documents, in the manifest and in the routing of document ids.

    Example:  capabilities scaffold module PH4_ERROR_DETECTION M002_CACHE --role "Keep what tools have said before"
    """
    from global_capabilities.scaffold.module import scaffold_module

    _finish(scaffold_module(repo.resolve(), package, name, role), dry_run)


@scaffold_command.command("check-plugin")
@click.argument("name")
@click.option("--tool", default="", metavar="PROGRAM", help="The program that it runs. Default: its name.")
@click.option("--into", default="PH4_ERROR_DETECTION", metavar="PACKAGE", help="Default: PH4_ERROR_DETECTION.")
@_common
def check_plugin_command(repo: Path, dry_run: bool, name: str, tool: str, into: str) -> None:
    """A check plugin with its test and its entry point.

    Example:  capabilities scaffold check-plugin codespell --tool codespell
    """
    from global_capabilities.scaffold.check_plugin import scaffold_check_plugin

    _finish(scaffold_check_plugin(repo.resolve(), name, tool, into), dry_run)


@scaffold_command.command("tool-profile")
@click.argument("name")
@click.option(
    "--command", required=True, metavar="WORDS", help="Program and arguments: 'my-tool --file {prompt_file}'."
)
@click.option("--kind", type=click.Choice(["ai", "fixer"]), default="ai", help="An AI client, or a program that mends.")
@click.option("--timeout-s", type=click.IntRange(1, 86400), default=1800, help="Seconds until it is stopped.")
@_common
def tool_profile_command(repo: Path, dry_run: bool, name: str, command: str, kind: str, timeout_s: int) -> None:
    """A tool profile: shipped where GLOBAL_AIM is, else in pipeline.toml.

    Example:  capabilities scaffold tool-profile my-tool --command 'my-tool --file {prompt_file}'
    """
    from global_capabilities.scaffold.tool_profile import scaffold_tool_profile

    _finish(scaffold_tool_profile(repo.resolve(), name, command, kind, timeout_s), dry_run)


def _finish(draft: Draft, dry_run: bool) -> None:
    derived, told = ([], []) if dry_run else _write(draft)
    for path in draft.paths():
        click.echo(f"{'new    ' if path in draft.new else 'changed'}  {path}")
    for path in derived:
        click.echo(f"derived  {path}")
    for line in told:
        click.echo(printable(line), err=True)
    if dry_run:
        click.echo("nothing was written", err=True)


def _write(draft: Draft) -> tuple[list[str], list[str]]:
    """Write the draft, then what documents derive from it; all of it or nothing. Documents written, and what hinders."""
    from global_capabilities.derived.build import read_pages, write_pages
    from global_capabilities.scaffold.doc_ids import give_ids

    undo = draft.write()
    try:
        numbered, wanting = give_ids(draft, undo)
        pages = read_pages(draft.root) if any(draft.root.glob("*/*.manifest.json")) else []
        for page in pages:
            if page.wanted != page.text:
                undo.remember(page.path.relative_to(draft.root).as_posix(), page.wanted.encode())
        paths, left = write_pages(draft.root, pages)
    except BaseException:
        for path in undo.take_back():
            click.echo(
                printable(f"{path}: not taken back: somebody else changed it, or it cannot be written"), err=True
            )
        raise
    written = [path.relative_to(draft.root).as_posix() for path in paths]
    told = [str(finding) for finding in (*left, *(finding for page in pages for finding in page.findings))]
    if wanting:
        told.append(f"pipeline.toml asks for ids of some: doc-id mint {' '.join(wanting)}")
    return [path for path in [*numbered, *written] if path not in draft.new], told
