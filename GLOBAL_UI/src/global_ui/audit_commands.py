"""``pipeline audit push``."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click
from global_util.cli import repo_option
from global_util.program import printable

if TYPE_CHECKING:
    from pathlib import Path

    from global_core_state.store import Store
    from global_util.git import Repository


@click.group()
def audit() -> None:
    """Bring the anchors of runs to a place where nobody here can change them."""


@audit.command(epilog="Example:  pipeline audit push origin EXEC-2026-01-31-001")
@click.argument("remote")
@click.argument("run", required=False)
@click.option("--all", "every", is_flag=True, help="All runs of the repository.")
@repo_option
def push(remote: str, run: str | None, every: bool, repo: Path) -> None:
    """Push the anchors of RUN (default: the newest run) to REMOTE, below refs/pipeline/audit/.

    What happened since the last anchor is anchored first. REMOTE is asked what it has: its ref only ever moves on along
    our own anchors, never to another history. Commits of the work itself are named by anchors, and are not pushed.
    """
    from contextlib import closing

    from global_core_state.store import Store
    from global_util.git import Repository

    from global_ui.verify_command import chosen, state_of

    if run and every:
        raise click.UsageError("give a RUN or --all, not both")
    found = Repository.discover(repo.absolute())
    with closing(Store(state_of(found))) as store:
        for name in chosen(found, store, run, every):
            click.echo(printable(_pushed(found, store, name, remote)))


def _pushed(repo: Repository, store: Store, execution: str, remote: str) -> str:
    from global_core_state import audit as anchors
    from global_core_state.audit_push import push as push_anchors

    anchors.anchor(repo, store, execution)
    made = push_anchors(repo, execution, remote)
    if made is None:
        return f"{execution}: has no anchors"
    return f"{execution}: {remote} has its anchors up to event {anchors.head(repo, made).point[0]}"
