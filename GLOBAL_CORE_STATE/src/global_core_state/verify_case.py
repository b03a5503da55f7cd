"""What a verification looks at: the chain of a run as it lies in the database, its anchors, its folder."""

from __future__ import annotations

import json
import sqlite3
from collections import Counter
from collections.abc import Sequence
from contextlib import closing, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import quote

from global_core_state import rebuild
from global_core_state.chain import GENESIS, Event, digest
from global_core_state.schema import WAIT_S, unusable

if TYPE_CHECKING:
    from global_util.git import Repository

    from global_core_state.audit import Anchor
    from global_core_state.folder import RunFolder
    from global_core_state.rebuild import Difference

RESTORE = "restore it from a copy, or do not trust this run"


class Fault(NamedTuple):
    """Something that does not fit: where, what, and what to do. A ``note`` is worth knowing and no fault."""

    where: str
    what: str
    mend: str
    note: bool = False


@dataclass
class Case:
    """One run under verification. ``counted``: how many of each kind were looked at."""

    repo: Repository
    execution: str
    folder: RunFolder
    events: list[Event]
    differences: list[Difference]
    counted: Counter[str] = field(default_factory=Counter)
    anchors: list[Anchor] = field(default_factory=list)
    refs: dict[str, str] = field(default_factory=dict)

    def told(self, *kinds: str) -> list[tuple[Event, dict[str, Any]]]:
        """Events of some types with what they say; one that cannot be read says nothing."""
        return [(event, _about(event)) for event in self.events if event.type in kinds]


def _about(event: Event) -> dict[str, Any]:
    with suppress(ValueError, RecursionError):
        read = json.loads(event.payload)
        if isinstance(read, dict):
            return read
    return {}


def read(path: Path, execution: str) -> tuple[list[Event], list[Difference]]:
    """The events of a run and how the tables differ from them, all of one moment. A broken chain is not compared.

    Raises EnvironmentFault (exit 4) when the database cannot be read.
    """
    try:
        with closing(_open(path)) as db:
            db.execute("begin")
            rows = db.execute("select * from events where execution_id = ? order by seq", (execution,))
            events = [Event(**dict(row)) for row in rows]
            return events, rebuild.compare_run(db, events) if events and is_whole(events) else []
    except sqlite3.DatabaseError as fault:
        raise unusable(path, fault) from None


def is_whole(events: Sequence[Event]) -> bool:
    """Do these events, from the first on, form a chain?"""
    previous = GENESIS
    for seq, event in enumerate(events, 1):
        if (event.seq, event.previous, event.hash) != (seq, previous, digest(event)):
            return False
        previous = event.hash
    return True


def _open(path: Path) -> sqlite3.Connection:
    """For reading only. Text that is no UTF-8 is kept as it is, so that the event that holds it can be named."""
    db = sqlite3.connect(f"file:{quote(str(path))}?mode=ro", uri=True, timeout=WAIT_S, isolation_level=None)
    db.row_factory = sqlite3.Row
    db.text_factory = lambda raw: raw.decode("utf-8", "surrogateescape")
    return db
