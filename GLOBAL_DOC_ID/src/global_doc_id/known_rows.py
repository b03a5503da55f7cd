"""The rows of the table: what files of a tree say, of all or of those that changed."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from global_doc_id.blobs import Blobs
from global_doc_id.carriers import may_state
from global_doc_id.comparison import Change
from global_doc_id.doc_id import read_doc_id
from global_doc_id.git import Git
from global_doc_id.inventory import Inventory
from global_doc_id.known_table import Row
from global_doc_id.source import Tree


def rows_of_changed(blobs: Blobs, changed: Iterable[Change]) -> Iterator[Row]:
    """What changed files say now."""
    wanted = [change for change in changed if change.new and may_state(change.path)]
    inventory = Inventory()
    for change, content in zip(wanted, blobs.read([change.new for change in wanted]), strict=True):
        inventory.note(change.path, content or b"")
    return _rows(inventory)


def rows_of_tree(git: Git, tree: str) -> Iterator[Row]:
    """What all files of a tree say."""
    inventory = Inventory()
    for path, form, content in Tree(git.root, tree).files():
        if form or may_state(path):
            inventory.note(path, content)
    return _rows(inventory)


def _rows(inventory: Inventory) -> Iterator[Row]:
    for path, carriers in inventory.carriers.items():
        for carrier in carriers:
            if read_doc_id(carrier.text):
                yield Row(carrier.text, "c", path, inventory.place(path, carrier), carrier.line)
    for path, references in inventory.references.items():
        for reference in references:
            yield Row(reference.text, "r", path, path, reference.line)
