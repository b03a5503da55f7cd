"""Which files have or mention an id, of all that git has staged: found without reading them.

A table lies in the clone's git folder: text, one line per carrier or reference, sorted by id, made for one tree. What the
index has besides that tree, git says in one comparison, and those few files are read. The table is only a help: one that
is missing, old or damaged is made anew.
"""

from __future__ import annotations

import mmap
import os
import re
from collections.abc import Iterable, Iterator
from contextlib import suppress
from functools import cached_property
from typing import NamedTuple

from global_util.errors import EnvironmentFault

from global_doc_id.comparison import Change, may_state, read_changes
from global_doc_id.doc_id import read_doc_id
from global_doc_id.git import Git, Process, end, read_blobs
from global_doc_id.inventory import Inventory
from global_doc_id.source import Tree

VERSION = "doc ids known 1"
ENOUGH = 200
"""So many differing files are read each time; from then on the table is made for the present commit."""


_CARRIED = re.compile(r"\n([^\t\n]+)\tc\t")
_TREE = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}")


class Row(NamedTuple):
    """``kind`` is "c" for a carrier, "r" for a reference. ``source`` is the file where it stands, ``path`` whose id it is."""

    doc_id: str
    kind: str
    path: str
    source: str
    line: int


class Known:
    """The ids and references of the index."""

    def __init__(self, git: Git) -> None:
        self.git = git
        self.tree, self._table = _open(git)
        self._comparison = self._compare() if self.tree else None

    @cached_property
    def changes(self) -> list[Change]:
        """What the index has besides the tree. Git begins to look for it when this object is made."""
        found = self._changes(self._comparison) if self._comparison else None
        if found is None or len(found) > ENOUGH:
            self._renew()
            found = list(read_changes(self._compare()))
        return found

    @cached_property
    def touched(self) -> dict[str, str]:
        """Paths where index and tree differ, with the index' blob; an empty text for what is gone or no regular file."""
        return {change.path: change.new for change in self.changes}

    @cached_property
    def removed(self) -> set[str]:
        """Paths of the tree that the index does not have."""
        return {change.path for change in self.changes if change.removed}

    @cached_property
    def _late(self) -> dict[str, list[Row]]:
        """By id, the rows of files that differ."""
        found: dict[str, list[Row]] = {}
        for row in sorted(_rows(_read(self.git, self.changes))):
            found.setdefault(row.doc_id, []).append(row)
        return found

    def rows(self, doc_id: str) -> Iterator[Row]:
        """Everything that the index says of an id."""
        touched = self.touched  # before the table is read: this may make it
        yield from (row for row in _find(self._table, doc_id) if row.source not in touched)
        yield from self._late.get(doc_id, ())

    @classmethod
    def of_head(cls, git: Git) -> Known | None:
        """What HEAD says, if a table of it is there already: for those who would not make one."""
        tree, table = _open(git)
        if tree and tree == _tree(git):
            known = cls.__new__(cls)
            known.git, known.tree, known._table, known._comparison = git, tree, table, None
            return known
        if isinstance(table, mmap.mmap):
            table.close()
        return None

    def carried(self) -> list[str]:
        """The ids that files of the tree carry."""
        return _CARRIED.findall(self._table[:].decode("utf-8", "replace"))

    def at_head(self, doc_id: str) -> Iterator[Row]:
        """Where files of the tree carry an id."""
        return (row for row in _find(self._table, doc_id) if row.kind == "c")

    def close(self) -> None:
        """Let go of the table, and of git."""
        end(self._comparison)
        if isinstance(self._table, mmap.mmap):
            self._table.close()

    def _compare(self) -> Process:
        words = ("diff-index", "--raw", "-z", "--no-renames", "--relative", "--cached", self.tree, "--")
        return self.git.start(*words)

    def _changes(self, comparison: Process) -> list[Change] | None:
        """None when git cannot compare: the tree is not here any more."""
        try:
            return list(read_changes(comparison))
        except EnvironmentFault:
            return None

    def _renew(self) -> None:
        """Make the table for the tree of HEAD, from the old one where that is less work."""
        tree = _tree(self.git)
        words = ("diff-tree", "-r", "--raw", "-z", "--no-renames", "--relative", self.tree, tree, "--")
        changed = self._changes(self.git.start(*words)) if self.tree else None
        if changed is not None and len(changed) < 20 * ENOUGH:
            touched = {change.path for change in changed}
            kept = [row for row in _find(self._table, "") if row.source not in touched]
            rows = sorted([*kept, *_rows(_read(self.git, changed))])
        else:
            rows = sorted(_rows(_read_tree(self.git, tree)))
        self.close()
        self.tree, self._table = tree, _save(self.git, tree, rows)


def _open(git: Git) -> tuple[str, bytes | mmap.mmap]:
    """The tree and the table that were saved; empty when there is none that fits."""
    with suppress(OSError, ValueError), open(_place(git), "rb", opener=_at_once) as stream:
        table = mmap.mmap(stream.fileno(), 0, access=mmap.ACCESS_READ)
        head = table.readline().decode("ascii").rstrip("\n").split("\t")
        if len(head) == 3 and head[0] == VERSION and int(head[2]) == len(table) and _TREE.fullmatch(head[1]):
            return head[1], table
        table.close()
    return "", b""


def _at_once(path: str, flags: int) -> int:
    """Open without waiting, whatever lies there."""
    return os.open(path, flags | os.O_NONBLOCK)


def _save(git: Git, tree: str, rows: Iterable[Row]) -> bytes:
    body = "".join(_line(row) for row in rows).encode("utf-8", "surrogateescape")
    size = len(f"{VERSION}\t{tree}\t\n") + len(body)
    size += len(str(size + len(str(size))))
    table = f"{VERSION}\t{tree}\t{size}\n".encode() + body
    place = _place(git)
    with suppress(OSError):
        os.makedirs(os.path.dirname(place), exist_ok=True)  # noqa: PTH103, PTH120
        partial = f"{place}.{os.getpid()}.partial"
        with open(partial, "wb") as stream:
            stream.write(table)
        os.replace(partial, place)  # noqa: PTH105
    return table


def _place(git: Git) -> str:
    """The file of the table; a folder of a repository that is looked at by itself has its own."""
    prefix = os.path.relpath(git.root, git.top)
    name = "known.tsv" if prefix == "." else f"known.{prefix.encode('utf-8', 'surrogateescape').hex()[:200]}.tsv"
    return os.path.join(git.common, "phaseline", "doc_ids", name)  # noqa: PTH118


def _tree(git: Git) -> str:
    said = git.run("rev-parse", "--verify", "--quiet", "HEAD^{tree}") or git.run(
        "hash-object", "-t", "tree", "/dev/null"
    )
    return (said or b"").decode().strip()


def _find(table: bytes | mmap.mmap, doc_id: str) -> Iterator[Row]:
    """The rows of an id, by halving; all rows for an empty text."""
    key = f"{doc_id}\t".encode() if doc_id else b""
    low, high = table.find(b"\n", 0) + 1, len(table)
    while key and low < high:
        middle = (low + high) // 2
        start = table.rfind(b"\n", 0, middle) + 1
        if table[start : start + len(key)] < key:
            low = table.find(b"\n", middle) + 1 or len(table)
        else:
            high = start
    while table[low : low + len(key)] == key and low < len(table):
        end = table.find(b"\n", low) + 1 or len(table)
        row = _row(table[low:end])
        if row:
            yield row
        low = end


def _line(row: Row) -> str:
    return "\t".join([row.doc_id, row.kind, _escape(row.path), _escape(row.source), str(row.line)]) + "\n"


def _row(line: bytes) -> Row | None:
    parts = os.fsdecode(line.rstrip(b"\n")).split("\t")
    if len(parts) != 5 or not parts[4].isdigit():
        return None
    return Row(parts[0], parts[1], _unescape(parts[2]), _unescape(parts[3]), int(parts[4]))


def _escape(path: str) -> str:
    return path.replace("\\", "\\\\").replace("\t", "\\t").replace("\n", "\\n")


def _unescape(path: str) -> str:
    if "\\" not in path:
        return path
    return "\\".join(part.replace("\\t", "\t").replace("\\n", "\n") for part in path.split("\\\\"))


def _read(git: Git, changed: Iterable[Change]) -> Inventory:
    """What changed files say now."""
    wanted = [change for change in changed if change.new and may_state(change.path)]
    inventory = Inventory()
    for change, content in zip(wanted, read_blobs(git, [change.new for change in wanted]), strict=True):
        inventory.note(change.path, content or b"")
    return inventory


def _read_tree(git: Git, tree: str) -> Inventory:
    inventory = Inventory()
    for path, content in Tree(git.root, tree).files():
        if content or may_state(path):
            inventory.note(path, content)
    return inventory


def _rows(inventory: Inventory) -> Iterator[Row]:
    for path, carriers in inventory.carriers.items():
        for carrier in carriers:
            if read_doc_id(carrier.text):
                yield Row(carrier.text, "c", path, inventory.place(path, carrier), carrier.line)
    for path, references in inventory.references.items():
        for reference in references:
            yield Row(reference.text, "r", path, path, reference.line)
