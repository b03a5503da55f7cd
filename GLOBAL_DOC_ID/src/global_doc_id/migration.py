"""From the older form ``DOC-<WORDS>-NNN(N)`` or four digits to the present one."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from global_util.errors import InvalidInput

from global_doc_id.carriers import HEAD_BYTES, Carrier, allowed, read_carriers
from global_doc_id.doc_id import read_doc_id
from global_doc_id.inventory import Inventory
from global_doc_id.ledger import Retired, add, is_older_form, load_ledger
from global_doc_id.mentions import change_older, places_of_older
from global_doc_id.minting import Desk
from global_doc_id.policy import Policy
from global_doc_id.reservations import locked
from global_doc_id.stamping import restamp_all
from global_doc_id.working_file import read_file, replace_file

_CAPITALS = re.compile(rb"\bDOC_ID(?=[ \t]*:)")
_WHY = "migrated to "


@dataclass(frozen=True)
class Migrated:
    """A file's older id and its new one; ``new`` is empty for a file that lies in no folder of the registry."""

    path: str
    old: str
    new: str


def migrate(desk: Desk, inventory: Inventory, paths: Sequence[str] = (), *, dry_run: bool = False) -> list[Migrated]:
    """Give files with an older id (all, or those named) one of their place, and write the mapping into the ledger.

    The ledger is written before the files. Mentions are changed last, in every Markdown document: ``[[old]]`` outside
    code, and the bare id in front matter. What they become the ledger says, so that a run that was stopped goes on in the
    next. Two files with one older id get one each; mentions mean the first by path. A document that cannot be written
    (InvalidInput) is told once all others are.
    """
    capitals = _in_capitals(desk, inventory, paths)
    older = _older(inventory, paths) | capitals
    families = {path: _family(desk, path) for path in sorted(older)}
    with locked(desk.clone):
        given = desk.reserve({path: family for path, family in families.items() if family}, dry_run=dry_run)
        found = [Migrated(path, one[0].text, given.get(path, "")) for path, one in sorted(older.items())]
        if not dry_run:
            moved = [one for one in found if one.new]
            add(desk.root, desk.policy, [Retired(one.old, one.path, f"{_WHY}{one.new}") for one in moved])
            for one in moved:
                if one.path in capitals:
                    _lower(desk.root, one.path, older[one.path])
                restamp_all(desk.root, one.path, older[one.path], one.old, one.new)
                desk.confirm({one.path: one.new})
            documents = sorted(path for path in inventory.paths if path.endswith(".md"))
            change_older(desk.root, documents, mapping(load_ledger(desk.root, desk.policy)))
    return found


def _older(inventory: Inventory, paths: Sequence[str]) -> dict[str, list[Carrier]]:
    found = {}
    for path in sorted(paths or inventory.carriers):
        carriers = [one for one in inventory.carriers.get(path, []) if is_older_form(one.text)]
        if carriers:
            found[path] = carriers
    return found


def _in_capitals(desk: Desk, inventory: Inventory, paths: Sequence[str]) -> dict[str, list[Carrier]]:
    """The carriers of files without an id that would say an older one, were their ``DOC_ID:`` written in small letters."""
    found = {}
    for path in sorted(paths or inventory.paths):
        if path in inventory.carriers or desk.policy.excludes(path) or not allowed(path):
            continue
        with contextlib.suppress(InvalidInput):
            head = read_file(desk.root, path).content[:HEAD_BYTES]
            carriers = read_carriers(path, _CAPITALS.sub(b"doc_id", head)) if _CAPITALS.search(head) else []
            older = [one for one in carriers if is_older_form(one.text)]
            if older:
                found[path] = older
    return found


def _lower(root: Path, path: str, carriers: Sequence[Carrier]) -> None:
    file = read_file(root, path)
    lines = file.content.split(b"\n")
    for carrier in carriers:
        lines[carrier.line - 1] = _CAPITALS.sub(b"doc_id", lines[carrier.line - 1])
    replace_file(file, b"\n".join(lines))


def _family(desk: Desk, path: str) -> str:
    try:
        return desk.family(path)
    except InvalidInput:
        return ""


def mapping(ledger: Mapping[str, Retired]) -> dict[str, str]:
    """Older id to new one, as the ledger says."""
    told = {old: entry.why.removeprefix(_WHY) for old, entry in ledger.items() if entry.why.startswith(_WHY)}
    return {old: new for old, new in told.items() if is_older_form(old) and read_doc_id(new)}


def remaining(root: Path, inventory: Inventory, policy: Policy) -> list[str]:
    """``path:line`` of what still says an older id that was migrated, sorted. Ids of four digits alone may be years."""
    new = mapping(load_ledger(root, policy))
    paths = sorted(path for path in inventory.paths if path != policy.ledger and not policy.excludes(path))
    return places_of_older(root, paths, new) if new else []
