"""``doc-id validate``: judge, tell, and mend when asked to."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import click
from global_util.cli import REPO_HELP

from global_doc_id.reports import FORMATS, changes, report

if TYPE_CHECKING:
    from collections.abc import Sequence

    from global_doc_id.judgement import Asked, Verdict

_SHOWN = "text"


@click.command("validate")
@click.argument("files", nargs=-1, type=click.Path())
@click.option("--repo", type=click.Path(), default=".", metavar="DIR", help=REPO_HELP)
@click.option("--fix", "mend", is_flag=True, help="Mend what takes no decision, then judge again.")
@click.option("--format", "form", type=click.Choice(FORMATS), default=_SHOWN, show_default=True, help="How to tell.")
@click.option("--json", "as_json", is_flag=True, help="The same as --format json.")
@click.option("--staged", is_flag=True, help="Judge what git has staged, not the files as they are.")
@click.option("--since", metavar="REF", default="", help="The commit whose ids must not be gone. Default: HEAD.")
def validate_command(
    files: tuple[str, ...], repo: str, mend: bool, form: str, as_json: bool, staged: bool, since: str
) -> int:
    """Check the ids of all files, or of FILES and what they break elsewhere. Exit 1 with findings.

    Example:  doc-id validate --staged PH2_EXECUTION_ENGINE/docs/PHASE_DAG_OVERVIEW.md
    """
    from global_doc_id.judgement import Asked, judge
    from global_doc_id.policy import find_root

    root = find_root(repo)
    asked = Asked(root, tuple(_inside(root, file) for file in files), staged, since)
    verdict = judge(asked)
    changed: Sequence[str] = ()
    if mend and any(finding.fixable for finding in verdict.findings):
        changed = _fix(root, verdict)
        verdict = judge(asked._replace(staged=False, files=_still_there(asked, changed)))
    _tell(verdict, "json" if as_json else form)
    if changed:
        click.echo(changes(changed), err=True)
    if changed and staged:
        click.echo("add the changes and commit again", err=True)
    return 1 if verdict.findings or (changed and staged) else 0


def _fix(root: str, verdict: Verdict) -> Sequence[str]:
    from pathlib import Path

    from global_doc_id.fixing import fix

    return fix(Path(root), verdict.findings, verdict.policy, verdict.registry)


def _still_there(asked: Asked, changed: Sequence[str]) -> tuple[str, ...]:
    """The named files, and what was written for them: a sidecar makes it a whole validation."""
    return tuple(dict.fromkeys([*asked.files, *changed])) if asked.files else ()


def _tell(verdict: Verdict, form: str) -> None:
    text = report(form, verdict.findings, verdict.files)
    if text:
        click.echo(text)
    for glob in verdict.idle:
        click.echo(f"pipeline.toml: /doc_id/require: {glob!r} names no file", err=True)
    if form == _SHOWN:
        click.echo(f"{verdict.files} files judged, {len(verdict.findings)} findings", err=True)


def _inside(root: str, file: str) -> str:
    """The path below ``root`` of a named file, which may be gone. The file itself may be a link, its folder is real."""
    from global_util.errors import InvalidInput

    folder, name = os.path.split(file.rstrip("/"))
    place = os.path.join(os.path.realpath(folder), name)  # noqa: PTH118
    base = f"{root}{os.sep}"
    if name in ("", ".", "..") or not place.startswith(base):
        raise InvalidInput(f"{file}: lies outside {root}", "name files of the repository, see --repo", "E382")
    if os.path.isdir(place):  # noqa: PTH112
        raise InvalidInput(f"{file}: is a folder", "name files, or none for all", "E382")
    return place[len(base) :]
