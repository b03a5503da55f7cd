"""A large working copy is read by two processes: reading and parsing take most of the time.

Both take one portion of the files after the other until none is left, so that neither waits for the other.
"""

from __future__ import annotations

import marshal
import os
import sys
import threading
from collections.abc import Iterable, Iterator, Sequence
from itertools import chain, repeat
from typing import Any

from global_doc_id.carriers import Carrier
from global_doc_id.findings import Finding
from global_doc_id.inventory import Inventory, collect
from global_doc_id.policy import Policy
from global_doc_id.references import Reference
from global_doc_id.source import WorkingCopy, read_all

ENOUGH = 8_000
"""From so many files on a second process is worth its start."""
PORTIONS = 250
"""As many as a byte can number."""
LATE = 8
"""So many portions are left to the first process: meanwhile the second tells what it found."""

Portions = Sequence[Sequence[str]]


def collect_together(inventory: Inventory, copy: WorkingCopy, policy: Policy) -> None:
    """Take what the files of a working copy say, with another process if git tracks many."""
    listed = copy.paths()
    tracked = next(listed, [])
    if len(tracked) >= ENOUGH and _may_fork():
        size = -(-len(tracked) // PORTIONS)
        _share(inventory, copy.root, [tracked[at : at + size] for at in range(0, len(tracked), size)], policy)
    else:
        collect(inventory, read_all(copy.root, tracked), policy)
    for paths in listed:
        collect(inventory, read_all(copy.root, paths), policy)
    collect(inventory, copy.left_out(), policy)


def _share(inventory: Inventory, root: str, portions: Portions, policy: Policy) -> None:
    late = len(portions) - LATE
    queue = _queue(late)
    other = _Reader(root, portions, policy, queue)
    rest = dict(enumerate(portions))
    try:
        for number in chain(_taken(queue), range(late, len(portions))):
            collect(inventory, read_all(root, rest.pop(number)), policy)
    finally:
        os.close(queue)
        answer = other.answer()
    paths = [path for portion in rest.values() for path in portion]
    if answer:
        _merge(inventory, paths, answer)
    else:
        collect(inventory, read_all(root, paths), policy)


def _queue(count: int) -> int:
    """A pipe that holds the numbers of portions, each for the first who reads it."""
    queue, sender = os.pipe()
    os.write(sender, bytes(range(count)))
    os.close(sender)
    return queue


def _taken(queue: int) -> Iterator[int]:
    """Numbers that nobody has taken yet, taken now."""
    while taken := os.read(queue, 1):
        yield taken[0]


class _Reader:
    """A child that reads portions. ``answer`` is empty when it failed: they are then read here, and faults told."""

    def __init__(self, root: str, portions: Portions, policy: Policy, queue: int) -> None:
        receiver, sender = os.pipe()
        sys.stdout.flush()
        sys.stderr.flush()
        self.pid = os.fork()
        if not self.pid:
            _work(sender, root, portions, policy, queue)
        os.close(sender)
        self.receiver = receiver

    def answer(self) -> bytes:
        with open(self.receiver, "rb") as stream:
            said = stream.read()
        _, status = os.waitpid(self.pid, 0)
        return said if status == 0 else b""


def _work(sender: int, root: str, portions: Portions, policy: Policy, queue: int) -> None:
    """Never returns: whatever happens, the child ends here and says so by its exit code."""
    code = 1
    try:
        found = Inventory()
        paths: list[str] = []
        for number in _taken(queue):
            collect(found, read_all(root, portions[number]), policy)
            paths += portions[number]
        with open(sender, "wb") as stream:
            stream.write(marshal.dumps(_plain(found, paths)))
        code = 0
    finally:
        os._exit(code)


def _plain(found: Inventory, paths: Sequence[str]) -> Any:
    """What was found, in few large values: those cross a pipe fastest. Most files that carry an id carry one."""
    one = {path: carriers[0] for path, carriers in found.carriers.items() if len(carriers) == 1}
    lines, texts, hows = zip(*one.values(), strict=True) if one else ((), (), ())
    return (
        [path for path in paths if path not in found.paths],
        (list(one), lines, texts, "\n".join(hows)),
        {path: _tuples(carriers) for path, carriers in found.carriers.items() if len(carriers) > 1},
        {path: _tuples(references) for path, references in found.references.items()},
        found.stated,
        _tuples(found.faults),
    )


def _tuples(values: Iterable[tuple[Any, ...]]) -> list[tuple[Any, ...]]:
    return [tuple(value) for value in values]


def _merge(inventory: Inventory, paths: Sequence[str], answer: bytes) -> None:
    gone, (files, lines, texts, hows), several, references, stated, faults = marshal.loads(answer)  # noqa: S302  (written by our own child)
    inventory.paths.update(set(paths).difference(gone) if gone else paths)
    told = zip(lines, texts, hows.split("\n") if hows else (), strict=True)
    # Without a step of Python per file: half of a large repository passes through here, after everything else is done.
    carriers = map(tuple.__new__, repeat(Carrier), told)
    read = dict(zip(files, map(list, zip(carriers, strict=True)), strict=True))
    read |= {path: list(map(Carrier._make, found)) for path, found in several.items()}
    for path in inventory.carriers.keys() & read.keys():
        read[path] += inventory.carriers[path]
    inventory.carriers.update(read)
    inventory.references.update((path, list(map(Reference._make, found))) for path, found in references.items())
    inventory.stated.update(stated)
    inventory.faults += [Finding(*one) for one in faults]


def _may_fork() -> bool:
    """Is there a second processor, and no other thread whose locks a child would find taken for ever?"""
    if threading.active_count() > 1:
        return False
    return hasattr(os, "fork") and hasattr(os, "sched_getaffinity") and len(os.sched_getaffinity(0)) > 1
