"""Execution ids: ``EXEC-YYYY-MM-DD-NNN``, minted by creating a ref that must not exist yet."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from global_util.errors import Held
from global_util.git import Repository

if TYPE_CHECKING:
    from global_core_state.store import Store

_PREFIX = "refs/pipeline/runs/"


def mint(repo: Repository, store: Store, day: str) -> str:
    """The next free id of a day. Two who mint at once get two ids: creating the ref is compare-and-swap."""
    head = repo.commit_of("HEAD")
    assert head is not None
    known = [row["execution_id"] for row in store.runs()] + [ref.removeprefix(_PREFIX) for ref in repo.refs(_PREFIX)]
    numbers = [int(found[1]) for name in known if (found := re.match(rf"EXEC-{day}-(\d+)(?:/|$)", name))]
    number = max(numbers, default=0) + 1
    while True:
        execution = f"EXEC-{day}-{number:03d}"
        try:
            repo.update_ref(_ref(execution), head.commit, None, "phaseline: run begins")
        except Held:
            if repo.resolve(_ref(execution)) is None:
                raise
            number += 1
            continue
        return execution


def release(repo: Repository, execution: str) -> None:
    """Remove the ref of a run that never started."""
    oid = repo.resolve(_ref(execution))
    if oid:
        repo.delete_ref(_ref(execution), oid)


def _ref(execution: str) -> str:
    return f"{_PREFIX}{execution}/run"
