"""How far each family is, and why numbers are missing in between."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from global_doc_id.doc_id import DocId, read_doc_id
from global_doc_id.inventory import Inventory
from global_doc_id.ledger import Retired
from global_doc_id.numbers import LAST
from global_doc_id.reservations import Reservation


@dataclass(frozen=True)
class Gap:
    """A number below the highest that no file here has: ``retired``, ``reserved`` or ``unknown``, and the detail."""

    doc_id: str
    reason: str
    detail: str


@dataclass(frozen=True)
class Family:
    """``count`` files have an id of it here; ``next`` is the next number, 0 when it is full."""

    name: str
    count: int
    next: int
    gaps: tuple[Gap, ...]


def count(inventory: Inventory, ledger: Mapping[str, Retired], reserved: Mapping[str, Reservation]) -> list[Family]:
    """Every family that has, had or was promised a number, by name."""
    here = _numbers({carrier.text for carriers in inventory.carriers.values() for carrier in carriers})
    known = _numbers([*ledger, *reserved])
    return [
        _family(name, here.get(name, {}), known.get(name, {}), ledger, reserved) for name in sorted({*here, *known})
    ]


def _family(
    name: str,
    here: Mapping[int, str],
    known: Mapping[int, str],
    ledger: Mapping[str, Retired],
    reserved: Mapping[str, Reservation],
) -> Family:
    highest = max({*here, *known})
    missing = [f"{name}-{number:03d}" for number in range(1, highest + 1) if number not in here]
    gaps = tuple(_gap(doc_id, ledger.get(doc_id), reserved.get(doc_id)) for doc_id in missing)
    return Family(name, len(here), highest + 1 if highest < LAST else 0, gaps)


def _gap(doc_id: str, retired: Retired | None, reserved: Reservation | None) -> Gap:
    if retired:
        return Gap(doc_id, "retired", f"{retired.path}: {retired.why}")
    if reserved:
        state = "given to" if reserved.written else "kept for"
        return Gap(doc_id, "reserved", f"{state} {reserved.path} in {reserved.worktree}")
    return Gap(doc_id, "unknown", "")


def _numbers(ids: Iterable[str]) -> dict[str, dict[int, str]]:
    found: dict[str, dict[int, str]] = {}
    for doc_id in _read(ids):
        found.setdefault(str(doc_id).rpartition("-")[0], {})[doc_id.number] = str(doc_id)
    return found


def _read(ids: Iterable[str]) -> Iterator[DocId]:
    for text in ids:
        doc_id = read_doc_id(text)
        if doc_id:
            yield doc_id


def reservations_of(root: Path) -> dict[str, Reservation]:
    """What the clone has given so far; nothing outside of git."""
    from global_util.errors import EnvironmentFault

    from global_doc_id.clone import clone_folder
    from global_doc_id.reservations import read_reservations

    try:
        return read_reservations(clone_folder(root))
    except EnvironmentFault:
        return {}
