"""After a merge: an id stays with the file that had it first by history, the others get fresh numbers."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from global_util.errors import InvalidInput

from global_doc_id.carriers import Carrier
from global_doc_id.doc_id import read_doc_id
from global_doc_id.history import first_seen
from global_doc_id.inventory import Inventory
from global_doc_id.mentions import places_of
from global_doc_id.minting import Desk
from global_doc_id.registry import Registry
from global_doc_id.reservations import locked
from global_doc_id.stamping import restamp_all


@dataclass(frozen=True)
class Settled:
    """One file that gives an id up: ``kept_by`` has it, ``new`` is what ``path`` has now. ``references`` may mean either.

    ``new`` is empty, and ``left`` says why, for a file that lies where no id belongs.
    """

    doc_id: str
    kept_by: str
    path: str
    new: str
    references: tuple[str, ...]
    left: str = ""


def settle(desk: Desk, inventory: Inventory, *, dry_run: bool = False) -> list[Settled]:
    """Give every id to one file, the younger ones a number of their own place, and say who refers to what."""
    losers: dict[str, tuple[str, str]] = {}
    for doc_id, homes in duplicates(inventory):
        (keeper, _), *younger = rank(desk.root, desk.registry, doc_id, homes)
        for path, _ in younger:
            losers.setdefault(path, (keeper, doc_id))
    with locked(desk.clone):
        families, left = _families(desk, losers)
        given = desk.reserve(families, dry_run=dry_run)
        if not dry_run:
            for path, new in given.items():
                restamp_all(desk.root, path, inventory.carriers[path], losers[path][1], new)
                desk.confirm({path: new})
    return [
        Settled(doc_id, keeper, path, given.get(path, ""), _references(inventory, doc_id), left.get(path, ""))
        for path, (keeper, doc_id) in sorted(losers.items())
    ]


def _families(desk: Desk, losers: Mapping[str, tuple[str, str]]) -> tuple[dict[str, str], dict[str, str]]:
    """By file the family of its new number, or why it can have none."""
    families: dict[str, str] = {}
    left: dict[str, str] = {}
    for path, (_, doc_id) in losers.items():
        try:
            families[path] = desk.family(path, type_=doc_id.split("-")[0])
        except InvalidInput as fault:
            left[path] = f"{fault.message}; {fault.hint}"
    return families, left


def _references(inventory: Inventory, doc_id: str) -> tuple[str, ...]:
    return tuple(places_of(inventory.references, doc_id))


def duplicates(inventory: Inventory) -> Iterator[tuple[str, list[tuple[str, Carrier]]]]:
    """Ids that several files carry, sorted, each with path and carrier of each file."""
    homes: dict[str, dict[str, Carrier]] = {}
    for path, carriers in sorted(inventory.carriers.items()):
        for carrier in carriers:
            homes.setdefault(carrier.text, {}).setdefault(path, carrier)
    for doc_id, found in sorted(homes.items()):
        if len(found) > 1 and read_doc_id(doc_id):
            yield doc_id, sorted(found.items())


def rank(root: Path, registry: Registry, doc_id: str, homes: list[tuple[str, Carrier]]) -> list[tuple[str, Carrier]]:
    """The files of an id, the one that had it first at the beginning; of two that git knows equally long, by path."""
    read = read_doc_id(doc_id)
    folder = registry.folder(read) if read and not registry.unknown(read) else ""
    return sorted(homes, key=lambda home: (first_seen(root, doc_id, home[0], home[1], folder), home[0]))
