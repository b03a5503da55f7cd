"""Working on a run: its file lock proves that nobody else lives, its claim fences what is written all the same.

The system frees a lock the moment its holder dies, and keeps it while the holder sleeps. Where locks do not hold, on some
network file systems, two processes can both have it: then the claim ``run`` is the later one's, and the earlier one cannot
write into the state any more. It is told so when it renews its lease, and stops.
"""

from __future__ import annotations

import os
import platform
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

from global_util.errors import Held, Interrupted, InvalidInput, PipelineError
from global_util.process import STOP

from global_core_state import audit
from global_core_state.claims import Claims
from global_core_state.claims_fence import Fence

if TYPE_CHECKING:
    from global_util.config import Settings

    from global_core_state.folder import RunFolder
    from global_core_state.store import Store

ITEM = "run"
"""The item that whoever works on a run claims."""
LEASE = "claims.lease_s"
_LEASES_S = (1, 86400)


def lease_seconds(settings: Settings) -> float:
    """How long a claim lasts that nobody renews. Raises InvalidInput (E363) for no such number."""
    found = settings.get(LEASE)
    if isinstance(found, bool) or not isinstance(found, int | float) or not _LEASES_S[0] <= found <= _LEASES_S[1]:
        raise InvalidInput(
            f"{LEASE}: {found!r} is no number of seconds from {_LEASES_S[0]} to {_LEASES_S[1]}",
            f"{settings.origin(LEASE)}: mend it, or leave it out",
            "E363",
        )
    return float(found)


@contextmanager
def working(store: Store, folder: RunFolder, seconds: float) -> Iterator[Fence]:
    """Be the one who works on a run: its lock, and what ``claimed`` does. Raises Held (E502) when another has the lock."""
    with folder.locked(), claimed(store, folder, seconds) as fence:
        yield fence


@contextmanager
def claimed(store: Store, folder: RunFolder, seconds: float) -> Iterator[Fence]:
    """Hold the claim ``run`` with a lease of some seconds, which is renewed meanwhile. The run's lock must be held.

    Write through ``store.behind`` what is given here. A claim that a dead holder left is taken over at once. In the end it
    is released, and the chain of the run anchored. When the claim is lost, ``STOP`` is set, so that tools end and nothing
    starts; nothing is written any more, and Held (E507) is raised.
    """
    STOP.clear()
    claims, execution = Claims(store), folder.execution_id
    token = claims.seize(execution, ITEM, f"{platform.node()} {os.getpid()}", seconds)
    fence = Fence(execution, ITEM, token, seconds)
    try:
        with _renewed(claims, fence):
            yield fence
    except BaseException as fault:
        lost = _lost(claims, fence) if isinstance(fault, Held | Interrupted | KeyboardInterrupt) else None
        with suppress(PipelineError, OSError):
            _leave(store, folder, fence)
        if lost:
            raise lost from None
        raise
    _leave(store, folder, fence)


def forsake(store: Store, execution: str) -> None:
    """Give up the claim that a dead process left. The run's lock must be held."""
    claims = Claims(store)
    left = claims.holder_of(execution, ITEM)
    if left:
        claims.release(execution, ITEM, left.token)


def _leave(store: Store, folder: RunFolder, fence: Fence) -> None:
    tail = store.tail(fence.execution)
    if Claims(store).release(fence.execution, fence.item, fence.token):
        # That a refused run has no anchors has to stay the last word of its chain.
        refused = tail is not None and tail.type == audit.RELEASED
        (audit.release if refused else audit.anchor)(folder.repo, store, fence.execution)


def _lost(claims: Claims, fence: Fence) -> Held | None:
    """What to tell when the claim is another's by now."""
    with suppress(PipelineError):
        holder = claims.holder_of(fence.execution, fence.item)
        if holder is None or holder.token != fence.token:
            told = claims.stale(fence.execution, fence.item, fence.token)
            told.hint = f"nothing was written after that; see pipeline show-run {fence.execution}"
            return told
    return None


@contextmanager
def _renewed(claims: Claims, fence: Fence) -> Iterator[None]:
    """A thread that renews the lease every third of it. A database that cannot be written just now is asked again."""
    done = threading.Event()

    def renew() -> None:
        while not done.wait(fence.prolongs / 3):
            with suppress(PipelineError):
                if not claims.renew(fence.execution, fence.item, fence.token, fence.prolongs):
                    STOP.set()
                    return

    thread = threading.Thread(target=renew, name="lease", daemon=True)
    thread.start()
    try:
        yield
    finally:
        done.set()
        thread.join()
