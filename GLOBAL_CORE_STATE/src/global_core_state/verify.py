"""Verification: everything that a run left is computed again, and what does not fit is named, the first first."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import TYPE_CHECKING

from global_core_state import verify_artifacts, verify_case, verify_chain, verify_objects
from global_core_state.folder import RunFolder
from global_core_state.verify_artifacts import Shelf
from global_core_state.verify_case import Case, Fault

if TYPE_CHECKING:
    from global_util.git import Repository

    from global_core_state.store import Store

__all__ = ["Fault", "known", "verify", "verify_chain_only"]


def known(repo: Repository, store: Store) -> list[str]:
    """Every run that the state or an anchor tells of, the newest last."""
    made = [row["execution_id"] for row in store.runs()]
    prefix = "refs/pipeline/audit/"
    others = {*store.executions(), *(ref.removeprefix(prefix) for ref in repo.refs(prefix))}
    return [*sorted(others - set(made)), *made]


def verify(repo: Repository, store: Store, execution: str, counted: Counter[str] | None = None) -> Iterator[Fault]:
    """What of a run does not fit: chain, anchors, tables, artifacts, files, refs, objects, landed commits, in this order.

    ``counted`` is given how many events, anchors, artifacts, files and objects were looked at. Raises EnvironmentFault
    (exit 4) when the state cannot be read at all.
    """
    case, unread = _case(repo, store, execution)
    case.counted = case.counted if counted is None else counted
    yield from verify_chain.chain(case)
    yield from unread or verify_chain.anchors(case)
    yield from verify_chain.tables(case)
    shelf = Shelf(case)
    yield from verify_artifacts.artifacts(case, shelf)
    yield from verify_artifacts.files(case, shelf)
    yield from verify_objects.refs(case)
    yield from verify_objects.objects(case, shelf)
    yield from verify_objects.landed(case, shelf)


def verify_chain_only(repo: Repository, store: Store, execution: str) -> Iterator[Fault]:
    """What of a run's chain and anchors does not fit: tables can be made from those that do."""
    case, unread = _case(repo, store, execution)
    yield from verify_chain.chain(case)
    yield from unread or verify_chain.anchors(case)


def _case(repo: Repository, store: Store, execution: str) -> tuple[Case, list[Fault]]:
    """Anchors are read before events: a run that goes on meanwhile has more events than anchors, never less."""
    refs, anchors, unread = verify_objects.read_anchors(repo, execution)
    events, differences = verify_case.read(store.path, execution)
    return Case(repo, execution, RunFolder(repo, execution), events, differences, Counter(), anchors, refs), unread
