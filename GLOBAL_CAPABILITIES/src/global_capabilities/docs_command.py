"""``capabilities docs``: derived blocks of documents, written or compared."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click
from global_util.cli import json_option, repo_option

if TYPE_CHECKING:
    from pathlib import Path

    from global_capabilities.checks.finding import Finding
    from global_capabilities.derived.build import Page


@click.group("docs")
def docs_group() -> None:
    """Write what documents derive from code, schemas and contracts, or tell drift.

    Example:  capabilities docs build --check
    """


@docs_group.command("build")
@click.argument("names", metavar="[PACKAGE|MODULE]...", nargs=-1)
@repo_option
@click.option("--check", is_flag=True, help="Change nothing; exit 1 if a block differs from what it is derived from.")
@json_option
def build_command(names: tuple[str, ...], repo: Path, check: bool, as_json: bool) -> int:
    """Write the derived blocks of all documents, or of those of the packages and modules named. Exit 1 with findings.

    The commands of these packages are imported, with --check too: code of the repository is run. Build only what you trust.

    Example:  capabilities docs build PH2_EXECUTION_ENGINE --check
    """
    from dataclasses import asdict

    from global_util.cli import print_json
    from global_util.program import printable

    from global_capabilities.derived.build import read_pages, write_pages

    root = repo.resolve()
    pages = read_pages(root, _folders(root, names))
    paths, left = ([], []) if check else write_pages(root, pages)
    written = [path.relative_to(root).as_posix() for path in paths]
    findings = sorted([*left, *(finding for page in pages for finding in _told(page, check))])
    if as_json:
        print_json({"findings": [asdict(finding) for finding in findings], "written": written})
    for line in [] if as_json else [*(f"{name}: written" for name in written), *map(str, findings)]:
        click.echo(printable(line))
    return 1 if findings else 0


def _told(page: Page, check: bool) -> tuple[Finding, ...]:
    return (*page.findings, *(page.drift if check else ()))


def _folders(root: Path, names: tuple[str, ...]) -> list[Path]:
    """The folders of the packages and modules named. Every manifest is proved first: a malformed one is exit 3."""
    from global_capabilities.modules import Module, find
    from global_capabilities.packages import read_repository

    packages = read_repository(root)
    found = [find(packages, name) for name in names]
    return [one.path if isinstance(one, Module) else one.folder for one in found]
