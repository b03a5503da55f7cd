"""Another id for a file: in its carrier, in its name if that begins with the id, and in every reference."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from global_util.errors import InvalidInput

from global_doc_id.inventory import Inventory
from global_doc_id.ledger import Retired, add, load_ledger, one_line
from global_doc_id.mentions import change_references
from global_doc_id.policy import Policy
from global_doc_id.registry import Registry
from global_doc_id.reservations import Reservation, read_reservations, record
from global_doc_id.retiring import homes_of
from global_doc_id.stamping import restamp_all
from global_doc_id.validation import route


@dataclass(frozen=True)
class Rename:
    """From which id to which."""

    old: str
    new: str

    @property
    def why(self) -> str:
        """What the ledger says of the old one."""
        return f"renamed to {self.new}"


def rename(
    root: Path, clone: Path, inventory: Inventory, policy: Policy, registry: Registry, asked: Rename
) -> list[str]:
    """Give the file with the old id the new one; the paths that changed, a renamed file with its new name.

    Stopped in the middle, it goes on when it is run again: the ledger is written first, the file last. Raises
    InvalidInput (E395) when the old id is nobody's, or the new one is taken, retired or of another place.
    """
    path = _home(root, inventory, policy, asked)
    _judge_free(root, clone, inventory, policy, asked, path)
    folder = route(asked.new, registry)
    if not PurePosixPath(path).is_relative_to(folder):
        raise InvalidInput(f"{asked.new}: belongs into {folder}, and {path} lies elsewhere", "move the file", "E395")
    record(clone, [Reservation(asked.new, path, str(root), True)])
    changed = [add(root, policy, [Retired(asked.old, path, asked.why)])]
    changed += change_references(root, inventory.references, asked.old, asked.new)
    changed += restamp_all(root, path, inventory.carriers[path], asked.old, asked.new)
    return list(dict.fromkeys(changed))


def _home(root: Path, inventory: Inventory, policy: Policy, asked: Rename) -> str:
    """The one file with the old id; with the new one, when a rename was stopped behind its last carrier."""
    done = load_ledger(root, policy).get(asked.old)
    if done is not None and done.why != asked.why:
        raise InvalidInput(f"{asked.old}: is retired: {done.why}", f"see {policy.ledger}:{done.line}", "E395")
    return home_of(inventory, asked.new if done and not homes_of(inventory, asked.old) else asked.old)


def home_of(inventory: Inventory, doc_id: str) -> str:
    """The one file that has an id. Raises InvalidInput (E395) for none, and for several."""
    homes = homes_of(inventory, doc_id)
    if not homes:
        raise InvalidInput(f"{doc_id}: no file has this id", "see doc-id index", "E395")
    if len(homes) > 1:
        raise InvalidInput(f"{doc_id}: is the id of {' and '.join(homes)}", "run doc-id fix-duplicates first", "E395")
    return homes[0]


def _judge_free(root: Path, clone: Path, inventory: Inventory, policy: Policy, asked: Rename, path: str) -> None:
    taken = [home for home in homes_of(inventory, asked.new) if home != path]
    retired = load_ledger(root, policy).get(asked.new)
    minted = read_reservations(clone, asked.new).get(asked.new)
    if asked.new == asked.old or taken:
        what = f"is the id of {(taken or [path])[0]}"
    elif retired:
        what = f"is retired: {retired.why}"
    elif minted and (minted.path, minted.worktree) != (one_line(path), one_line(str(root))):
        what = f"was given to {minted.path} in {minted.worktree}"
    else:
        return
    raise InvalidInput(f"{asked.new}: {what}", "choose a number that is free, see doc-id stats", "E395")
