"""A large working copy is read by two processes: reading and parsing take most of the time.

The first reads less than half, as it has to put all together.
"""

from __future__ import annotations

import marshal
import os
import sys
import threading
from collections.abc import Sequence
from typing import Any

from global_doc_id.carriers import Carrier
from global_doc_id.findings import Finding
from global_doc_id.inventory import Inventory, collect
from global_doc_id.policy import Policy
from global_doc_id.references import Reference
from global_doc_id.source import WorkingCopy, read_all

ENOUGH = 8_000
"""From so many files on a second process is worth its start."""


def collect_in_halves(inventory: Inventory, copy: WorkingCopy, policy: Policy) -> None:
    """Take what the files of a working copy say, the second half of the tracked ones in another process."""
    portions = copy.paths()
    tracked = next(portions, [])
    half = len(tracked) * 9 // 20 if len(tracked) >= ENOUGH and _may_fork() else len(tracked)
    other = _Reader(copy.root, tracked[half:], policy) if half < len(tracked) else None
    try:
        collect(inventory, read_all(copy.root, tracked[:half]), policy)
        for paths in portions:
            collect(inventory, read_all(copy.root, paths), policy)
        collect(inventory, copy.left_out(), policy)
    finally:
        answer = other.answer() if other else b""
    if answer:
        _merge(inventory, answer)
    elif other:
        collect(inventory, read_all(copy.root, tracked[half:]), policy)


class _Reader:
    """A child that reads some files. ``answer`` is empty when it failed: its files are then read here, and faults told."""

    def __init__(self, root: str, paths: Sequence[str], policy: Policy) -> None:
        receiver, sender = os.pipe()
        sys.stdout.flush()
        sys.stderr.flush()
        self.pid = os.fork()
        if not self.pid:
            _work(sender, root, paths, policy)
        os.close(sender)
        self.receiver = receiver

    def answer(self) -> bytes:
        with open(self.receiver, "rb") as stream:
            said = stream.read()
        _, status = os.waitpid(self.pid, 0)
        return said if status == 0 else b""


def _work(sender: int, root: str, paths: Sequence[str], policy: Policy) -> None:
    """Never returns: whatever happens, the child ends here and says so by its exit code."""
    code = 1
    try:
        found = Inventory()
        collect(found, read_all(root, paths), policy)
        with open(sender, "wb") as stream:
            stream.write(marshal.dumps(_plain(found)))
        code = 0
    finally:
        os._exit(code)


def _plain(found: Inventory) -> Any:
    return (
        list(found.paths),
        {path: [tuple(one) for one in carriers] for path, carriers in found.carriers.items()},
        {path: [tuple(one) for one in references] for path, references in found.references.items()},
        found.stated,
        [tuple(one) for one in found.faults],
    )


def _merge(inventory: Inventory, answer: bytes) -> None:
    paths, carriers, references, stated, faults = marshal.loads(answer)  # noqa: S302  (written by our own child)
    inventory.paths.update(paths)
    read = {path: list(map(Carrier._make, found)) for path, found in carriers.items()}
    for path in inventory.carriers.keys() & read.keys():
        read[path] = sorted(inventory.carriers[path] + read[path], key=_is_beside)
    inventory.carriers.update(read)
    inventory.references.update((path, list(map(Reference._make, found))) for path, found in references.items())
    inventory.stated.update(stated)
    inventory.faults += [Finding(*one) for one in faults]


def _is_beside(carrier: Carrier) -> bool:
    """What a file says itself comes before what its sidecar says."""
    return carrier.how == "sidecar"


def _may_fork() -> bool:
    """Is there a second processor, and no other thread whose locks a child would find taken for ever?"""
    if threading.active_count() > 1:
        return False
    return hasattr(os, "fork") and hasattr(os, "sched_getaffinity") and len(os.sched_getaffinity(0)) > 1
