"""``capabilities``: which packages exist, what they hand to each other, and whether they keep their contracts."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click
from global_util.cli import PipelineGroup, json_option, repo_option, version_option

if TYPE_CHECKING:
    from global_capabilities.packages import Package

tree_option = click.option(
    "--repo",
    type=click.Path(path_type=Path),
    metavar="DIR",
    help="Read the packages of this repository. Default: those that are installed.",
)


@click.group(cls=PipelineGroup, context_settings={"help_option_names": ["-h", "--help"]})
@version_option("phaseline-global-capabilities")
def main() -> None:
    """Phases, services and their modules: what exists, and whether it is as declared.

    Example:  capabilities check --repo .
    """


@main.command("list")
@tree_option
@json_option
def list_command(repo: Path | None, as_json: bool) -> None:
    """List phases and services: id, command, owner, what each is for.

    Example:  capabilities list --json
    """
    packages = _packages(repo)
    if as_json:
        click.echo(_dumps([package.manifest for package in packages]))
        return
    rows = [[package.id, package.command or "-", package.manifest["owner"]] for package in packages]
    widths = [max((len(row[column]) for row in rows), default=0) for column in range(3)]
    for row, package in zip(rows, packages, strict=True):
        cells = (cell.ljust(width) for cell, width in zip(row, widths, strict=True))
        click.echo("  ".join([*cells, package.manifest["role"]]))


@main.command("show")
@click.argument("name")
@tree_option
@json_option
def show_command(name: str, repo: Path | None, as_json: bool) -> None:
    """Show one package, by id, command or distribution.

    Example:  capabilities show ph2
    """
    from global_capabilities.packages import find_package

    package = find_package(_packages(repo), name)
    if as_json:
        click.echo(_dumps({**package.manifest, "contracts": package.contracts}))
        return
    for label, text in package.facts():
        click.echo(f"{label:<13} {text}")


@main.command("graph")
@tree_option
@click.option("--format", "form", type=click.Choice(["text", "mermaid"]), default="text", help="How to draw it.")
def graph_command(repo: Path | None, form: str) -> None:
    """Draw who hands which artifact to whom.

    Example:  capabilities graph --format mermaid
    """
    from global_capabilities.flow import draw_mermaid, draw_text, handovers

    draw = draw_mermaid if form == "mermaid" else draw_text
    click.echo(draw(handovers(_packages(repo))), nl=False)


@main.command("check")
@repo_option
@json_option
def check_command(repo: Path, as_json: bool) -> int:
    """Check the packages of a repository against their manifests and contracts. Exit 1 with findings.

    Example:  capabilities check --repo .
    """
    from dataclasses import asdict

    from global_capabilities.checks import check

    findings = check(repo.resolve())
    if as_json:
        click.echo(_dumps({"findings": [asdict(finding) for finding in findings]}))
        return 1 if findings else 0
    for finding in findings:
        click.echo(str(finding))
    click.echo(f"{len(findings)} findings", err=True)
    return 1 if findings else 0


def _packages(repo: Path | None) -> list[Package]:
    from global_capabilities.packages import read_installation, read_repository

    return read_installation() if repo is None else read_repository(repo.resolve())


def _dumps(value: object) -> str:
    import json

    return json.dumps(value, indent=2, ensure_ascii=False)
