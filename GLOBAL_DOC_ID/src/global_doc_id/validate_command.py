"""``doc-id validate`` as a command with options."""

from __future__ import annotations

import click
from global_util.cli import REPO_HELP

from global_doc_id.reports import FORMATS, SHOWN


@click.command("validate")
@click.argument("files", nargs=-1, type=click.Path())
@click.option("--repo", type=click.Path(), default=".", metavar="DIR", help=REPO_HELP)
@click.option("--fix", "mend", is_flag=True, help="Mend what takes no decision, then judge again.")
@click.option("--format", "form", type=click.Choice(FORMATS), default=SHOWN, show_default=True, help="How to tell.")
@click.option("--json", "as_json", is_flag=True, help="The same as --format json.")
@click.option("--staged", is_flag=True, help="Judge what git has staged, not the files as they are.")
@click.option("--since", metavar="REF", default="", help="The commit whose ids must not be gone. Default: HEAD.")
def validate_command(
    files: tuple[str, ...], repo: str, mend: bool, form: str, as_json: bool, staged: bool, since: str
) -> int:
    """Check the ids of all files, or of FILES and what they break elsewhere. Exit 1 with findings.

    Example:  doc-id validate --staged PH2_EXECUTION_ENGINE/docs/PHASE_DAG_OVERVIEW.md
    """
    from global_doc_id.validating import run

    return run(files, repo, mend=mend, form="json" if as_json else form, staged=staged, since=since)
