"""Taking an id out of use: out of its file, into the ledger."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from global_util.errors import InvalidInput

from global_doc_id.doc_id import read_doc_id
from global_doc_id.inventory import Inventory
from global_doc_id.ledger import Retired, add, load_ledger
from global_doc_id.mentions import places_of
from global_doc_id.policy import Policy
from global_doc_id.stamping import unstamp_all

NOWHERE = "-"
"""The last path of an id that no file has any more."""


@dataclass(frozen=True)
class Retirement:
    """What was done: the files written, and where people refer to what is gone now."""

    doc_id: str
    changed: tuple[str, ...]
    references: tuple[str, ...]


def retire(root: Path, inventory: Inventory, policy: Policy, what: str, why: str) -> Retirement:
    """Retire an id, or the id of a file. The ledger is written first: an id that is in both is told by ``validate``.

    Stopped in between, it goes on when it is run again; the ledger keeps the reason that it has. Raises InvalidInput
    (E394) for what is neither, is retired already and in no file, or stands in several files.
    """
    doc_id = what if read_doc_id(what) else _id_of(inventory, what)
    homes = homes_of(inventory, doc_id)
    if not homes and doc_id in load_ledger(root, policy):
        raise InvalidInput(f"{doc_id}: is retired already", f"see {policy.ledger}", "E394")
    if len(homes) > 1:
        raise InvalidInput(f"{doc_id}: is the id of {' and '.join(homes)}", "run doc-id fix-duplicates first", "E394")
    changed = [add(root, policy, [Retired(doc_id, (homes or [NOWHERE])[0], why)])]
    for path in homes:
        changed += unstamp_all(root, path, inventory.carriers[path], doc_id)
    return Retirement(doc_id, tuple(dict.fromkeys(changed)), tuple(places_of(inventory.references, doc_id)))


def homes_of(inventory: Inventory, doc_id: str) -> list[str]:
    """The files that carry an id, sorted."""
    return sorted(path for path, found in inventory.carriers.items() if any(one.text == doc_id for one in found))


def _id_of(inventory: Inventory, path: str) -> str:
    found = {carrier.text for carrier in inventory.carriers.get(path, []) if read_doc_id(carrier.text)}
    if len(found) != 1:
        raise InvalidInput(f"{path}: neither an id nor a file with one", "give one of both", "E394")
    return found.pop()
