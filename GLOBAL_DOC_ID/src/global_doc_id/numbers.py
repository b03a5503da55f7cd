"""Which numbers of a family are taken: by a file here, by what git has, by the ledger, or by the clone's reservations."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from pathlib import Path

from global_doc_id.carriers import HEAD_BYTES, Carrier, read_carriers
from global_doc_id.doc_id import read_doc_id
from global_doc_id.file_types import SIDECAR, is_sidecar
from global_doc_id.sidecar import read_sidecar

LAST = 999


def number_in(family: str, text: str) -> int:
    """The number of an id of this family, or 0."""
    doc_id = read_doc_id(text) if text.startswith(f"{family}-") else None
    return doc_id.number if doc_id else 0


def ids_in_folder(root: Path, folder: str) -> Iterator[tuple[str, Carrier]]:
    """Path and carrier of every id in the files below a folder of the working copy; links are not followed."""
    for place, folders, names in os.walk(root / folder):
        folders[:] = sorted(name for name in folders if name != ".git")
        below = Path(place).relative_to(root).as_posix()
        for name in sorted(names):
            path = f"{below}/{name}".removeprefix("./")
            yield from ids_in_file(path, _head(root / path, name))


def ids_in_file(path: str, content: bytes | None) -> Iterator[tuple[str, Carrier]]:
    """The carriers of a file; those of a sidecar belong to the files that it names."""
    if content is None:
        return
    if is_sidecar(path):
        yield from read_sidecar(path, content)
    for carrier in read_carriers(path, content):
        yield path, carrier


def gaps(taken: Mapping[int, str]) -> list[int]:
    """The numbers below the highest one that nothing accounts for."""
    return [number for number in range(1, max(taken, default=0)) if number not in taken]


def _head(place: Path, name: str) -> bytes | None:
    """What carriers are looked for in; None for what is no regular file."""
    if place.is_symlink() or not place.is_file():
        return None
    try:
        with place.open("rb") as stream:
            return stream.read(-1 if name == SIDECAR else HEAD_BYTES)
    except OSError:
        return None
