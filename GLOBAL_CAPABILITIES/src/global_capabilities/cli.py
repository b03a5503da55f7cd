"""``capabilities``: which packages exist, what they hand to each other, and whether they keep their contracts."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click
from global_util.cli import LazyGroup, PathType, json_option, print_json, repo_option, version_option
from global_util.program import printable

if TYPE_CHECKING:
    from pathlib import Path

    from global_capabilities.checks import Finding
    from global_capabilities.packages import Package

tree_option = click.option(
    "--repo",
    type=PathType(),
    metavar="DIR",
    help="Read the packages of this repository. Default: those that are installed.",
)


_APART = {
    "docs": ("global_capabilities.docs_command:docs_group", "Write what documents derive from code, or tell drift."),
    "scaffold": ("global_capabilities.scaffold_command:scaffold_command", "Write a complete new room."),
}


@click.group(cls=LazyGroup, lazy=_APART, context_settings={"help_option_names": ["-h", "--help"]})
@version_option("phaseline-global-capabilities")
def main() -> None:
    """Phases, services and their modules: what exists, and whether it is as declared.

    Example:  capabilities check --repo .
    """


@main.command("list")
@click.option("--modules", is_flag=True, help="The modules of each package, with the status of their documents.")
@tree_option
@json_option
def list_command(modules: bool, repo: Path | None, as_json: bool) -> None:
    """List phases and services: id, command, owner, what each is for.

    Example:  capabilities list --modules
    """
    packages = _packages(repo)
    if modules:
        from global_capabilities.modules import modules_of

        found = [module for package in packages for module in modules_of(package)]
        facts = [module.facts() for module in found]
        _print(as_json, facts, [[one["package"], one["id"], one["status"], one["name"]] for one in facts])
        return
    rows = [[one.id, one.command or "-", one.manifest["owner"], one.manifest["role"]] for one in packages]
    _print(as_json, [package.manifest for package in packages], rows)


@main.command("show")
@click.argument("name")
@tree_option
@json_option
def show_command(name: str, repo: Path | None, as_json: bool) -> None:
    """Show a package, by id, command or distribution, or a module: M001_LANDING, PH7_MERGE_AND_RELEASE/M001.

    Example:  capabilities show ph2
    """
    from global_capabilities.modules import find
    from global_capabilities.packages import Package

    found = find(_packages(repo), name)
    if isinstance(found, Package):
        _print(as_json, {**found.manifest, "contracts": found.contracts}, [[*fact] for fact in found.facts()])
    else:
        rows = [[key, value if isinstance(value, str) else ", ".join(value)] for key, value in found.facts().items()]
        _print(as_json, found.facts(), rows)


@main.command("graph")
@tree_option
@click.option("--format", "form", type=click.Choice(["text", "mermaid", "dot"]), default="text", help="How to draw it.")
def graph_command(repo: Path | None, form: str) -> None:
    """Draw who hands which artifact, in which version, to whom.

    Example:  capabilities graph --format dot | dot -Tsvg > line.svg
    """
    from global_capabilities.flow import DRAWINGS, handovers

    for line in DRAWINGS[form](handovers(_packages(repo))).splitlines():
        click.echo(printable(line))


@main.command("check")
@repo_option
@click.option("--format", "form", type=click.Choice(["text", "json", "github"]), default="text", help="How to tell it.")
@click.option("--json", "as_json", is_flag=True, help="The same as --format json.")
def check_command(repo: Path, form: str, as_json: bool) -> int:
    """Check the packages of a repository against their manifests and contracts. Exit 1 with findings.

    Example:  capabilities check --repo .
    """
    from global_capabilities.checks import check

    findings = check(repo.resolve())
    _tell(findings, "json" if as_json else form)
    return 1 if findings else 0


def _tell(findings: list[Finding], form: str) -> None:
    from dataclasses import asdict

    if form == "json":
        print_json({"findings": [asdict(finding) for finding in findings]})
        return
    for finding in findings:
        click.echo(printable(finding.annotation() if form == "github" else str(finding)))
    click.echo(f"{len(findings)} findings", err=True)


def _packages(repo: Path | None) -> list[Package]:
    from global_capabilities.packages import read_installation, read_repository

    return read_installation() if repo is None else read_repository(repo.resolve())


def _print(as_json: bool, value: object, rows: list[list[str]]) -> None:
    """The value as JSON, or the rows as columns; the last column is not padded."""
    if as_json:
        print_json(value)
        return
    rows = [[printable(cell) for cell in row] for row in rows]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)][:-1]
    for row in rows:
        click.echo("  ".join([*(cell.ljust(width) for cell, width in zip(row, widths, strict=False)), row[-1]]))
