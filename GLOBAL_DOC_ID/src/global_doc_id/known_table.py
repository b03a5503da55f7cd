"""The table of the ids that a tree's files have or mention: text in the clone's git folder, one row a line, sorted by id."""

from __future__ import annotations

import mmap
import os
import re
from collections.abc import Iterable, Iterator
from contextlib import suppress
from typing import NamedTuple

from global_doc_id.git import Git

VERSION = "doc ids known 1"
Table = bytes | mmap.mmap
"""Its bytes, or its file."""
_CARRIED = re.compile(r"\n([^\t\n]+)\tc\t")
_TREE = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}")


class Row(NamedTuple):
    """``kind`` is "c" for a carrier, "r" for a reference. ``source`` is the file where it stands, ``path`` whose id it is."""

    doc_id: str
    kind: str
    path: str
    source: str
    line: int


def open_table(git: Git) -> tuple[str, Table]:
    """The tree and the table that were saved; empty when there is none that fits."""
    with suppress(OSError, ValueError), open(_place(git), "rb", opener=_at_once) as stream:
        table = mmap.mmap(stream.fileno(), 0, access=mmap.ACCESS_READ)
        head = table.readline().decode("ascii").rstrip("\n").split("\t")
        if len(head) == 3 and head[0] == VERSION and int(head[2]) == len(table) and _TREE.fullmatch(head[1]):
            return head[1], table
        table.close()
    return "", b""


def save_table(git: Git, tree: str, rows: Iterable[Row]) -> bytes:
    """The table of sorted rows, kept for the next time where the git folder can be written to."""
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


def find_rows(table: Table, doc_id: str) -> Iterator[Row]:
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


def carried_in(table: Table) -> list[str]:
    """The ids that files carry, sorted."""
    return _CARRIED.findall(table[:].decode("utf-8", "replace"))


def close_table(table: Table) -> None:
    """Let go of a table's file."""
    if isinstance(table, mmap.mmap):
        table.close()


def _at_once(path: str, flags: int) -> int:
    """Open without waiting, whatever lies there."""
    return os.open(path, flags | os.O_NONBLOCK)


def _place(git: Git) -> str:
    """The file of the table; a folder of a repository that is looked at by itself has its own."""
    prefix = os.path.relpath(git.root, git.top)
    name = "known.tsv" if prefix == "." else f"known.{prefix.encode('utf-8', 'surrogateescape').hex()[:200]}.tsv"
    return os.path.join(git.common, "phaseline", "doc_ids", name)  # noqa: PTH118


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
