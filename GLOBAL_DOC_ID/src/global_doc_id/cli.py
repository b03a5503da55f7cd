"""``doc-id``: where ids belong, and whether those of the documents are right."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click
from global_util.cli import PipelineGroup, json_option, repo_option, version_option

if TYPE_CHECKING:
    from collections.abc import Sequence

    from global_doc_id.validation import Finding


@click.group(cls=PipelineGroup, context_settings={"help_option_names": ["-h", "--help"]})
@version_option("phaseline-global-doc-id")
def main() -> None:
    """Document ids: what they say, where they belong.

    Example:  doc-id validate
    """


@main.command("validate")
@click.argument("files", nargs=-1, type=click.Path(path_type=Path))
@repo_option
@json_option
def validate_command(files: tuple[Path, ...], repo: Path, as_json: bool) -> int:
    """Check the ids of all Markdown documents, or of FILES. Exit 1 with findings.

    Example:  doc-id validate PH2_EXECUTION_ENGINE/docs/PHASE_DAG_OVERVIEW.md
    """
    from global_doc_id.policy import load_policy
    from global_doc_id.registry import load_registry
    from global_doc_id.validation import read_all, validate

    root = repo.resolve()
    policy = load_policy(root)
    documents = read_all(root, policy)
    findings = validate(documents, load_registry(root), policy)
    if files:
        asked = {_inside(root, file) for file in files}
        findings = [finding for finding in findings if finding.file in asked]
    _print(findings, len(documents), as_json)
    return 1 if findings else 0


@main.command("route")
@click.argument("doc_id")
@repo_option
@json_option
def route_command(doc_id: str, repo: Path, as_json: bool) -> None:
    """Print the folder that a document with this id lies in.

    Example:  doc-id route DOC-P2M001-DOC-001
    """
    from global_doc_id.registry import load_registry
    from global_doc_id.validation import route

    folder = route(doc_id, load_registry(repo.resolve()))
    click.echo(_dumps({"doc_id": doc_id, "folder": folder}) if as_json else folder)


def _inside(root: Path, file: Path) -> str:
    from global_util.errors import InvalidInput

    path = file.resolve()
    if not path.is_relative_to(root):
        raise InvalidInput(f"{file}: lies outside {root}", "name files of the repository, see --repo", "E382")
    if not path.is_file():
        raise InvalidInput(f"{file}: no such file", "check the name", "E382")
    return path.relative_to(root).as_posix()


def _print(findings: Sequence[Finding], documents: int, as_json: bool) -> None:
    if as_json:
        from dataclasses import asdict

        click.echo(_dumps({"documents": documents, "findings": [asdict(finding) for finding in findings]}))
        return
    for finding in findings:
        click.echo(str(finding))
    click.echo(f"{documents} documents read, {len(findings)} findings", err=True)


def _dumps(value: object) -> str:
    import json

    return json.dumps(value, indent=2, ensure_ascii=False)
