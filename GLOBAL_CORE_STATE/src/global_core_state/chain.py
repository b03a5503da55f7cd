"""The audit chain: every event of a run carries the hash of the one before, so that none can be changed or left out unseen."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any, NamedTuple

from global_util.errors import EnvironmentFault

from global_core_state.schema import DAMAGED

GENESIS = "0" * 64
"""What the first event of a run names as the hash before it."""


class Event(NamedTuple):
    """One thing that happened. ``seq`` counts from 1 within a run; ``payload`` is canonical JSON, see ``canonical``."""

    execution_id: str
    seq: int
    ws_id: str | None
    at: str
    type: str
    payload: str
    previous: str
    hash: str

    @property
    def about(self) -> dict[str, Any]:
        """The payload, read."""
        read: dict[str, Any] = json.loads(self.payload)
        return read


def canonical(value: object) -> str:
    """JSON with sorted keys, no blanks, and nothing but ASCII: equal values give equal text. Raises TypeError for no JSON."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"))


def link(
    execution_id: str, seq: int, ws_id: str | None, at: str, kind: str, about: Mapping[str, Any], previous: str
) -> Event:
    """The event that comes after the one with the hash ``previous``."""
    payload = canonical(about)
    bare = Event(execution_id, seq, ws_id, at, kind, payload, previous, "")
    return bare._replace(hash=digest(bare))


def digest(event: Event) -> str:
    """SHA-256 of everything but the hash itself, as hexadecimal text."""
    return hashlib.sha256(canonical(event[:-1]).encode()).hexdigest()


def proven(event: Event) -> Event:
    """The event, when it is what was written. Raises EnvironmentFault (E430, exit 4): what is damaged is not believed."""
    if digest(event) != event.hash:
        told = f"{event.execution_id}: event {event.seq} ({event.type}) is damaged: its content does not match its hash"
        raise EnvironmentFault(told, f"see pipeline verify {event.execution_id}; {DAMAGED}", "E430")
    return event
