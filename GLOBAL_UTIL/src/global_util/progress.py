"""Progress events: what phases report while they work, and who listens."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Event:
    """``kind`` in snake case; ``payload`` holds plain JSON values."""

    kind: str
    execution_id: str
    workstream_id: str | None = None
    payload: Mapping[str, Any] = field(default_factory=dict)


Listener = Callable[[Event], None]


def silent(event: Event) -> None:
    """A listener that does not listen."""
    del event


def plain_lines(event: Event) -> None:
    """A listener that writes one line per change of state to standard error."""
    import sys

    from global_util.program import printable

    if event.kind == "workstream_moved":
        why = f"  {event.payload['why']}" if event.payload.get("why") else ""
        print(printable(f"{event.workstream_id}: {event.payload['after']}{why}"), file=sys.stderr, flush=True)


def json_lines(event: Event) -> None:
    """A listener that writes every event to standard error as a JSON line."""
    import sys

    from global_util.log import logger

    logger(sys.stderr).info(
        event.kind, run_id=event.execution_id, ws_id=event.workstream_id, context=dict(event.payload)
    )
