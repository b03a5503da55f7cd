"""What the files of a repository say: which ids they carry, and which they mention."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from global_doc_id.carriers import HEAD_BYTES, Carrier, inside, read_name
from global_doc_id.file_types import FRONT_MATTER, JSON, Form, form_of, is_sidecar
from global_doc_id.findings import Finding
from global_doc_id.policy import Policy
from global_doc_id.references import Reference, read_references
from global_doc_id.sidecar import parse_sidecar
from global_doc_id.source import Source, Told, WorkingCopy


class Inventory:
    """``paths``: all files. ``carriers`` and ``references``: by file, only of those that have any and are not excluded.

    Entries of sidecars belong to the file they name, ``stated`` says in which sidecar. ``dead``: entries whose file is
    not there, as (sidecar, entry, name). ``faults``: what is wrong with sidecars themselves.
    """

    def __init__(self) -> None:
        self.paths: set[str] = set()
        self.carriers: dict[str, list[Carrier]] = {}
        self.references: dict[str, list[Reference]] = {}
        self.stated: dict[str, str] = {}
        self.dead: list[tuple[str, Carrier, str]] = []
        self.faults: list[Finding] = []

    def take(self, path: str, form: Form, content: bytes) -> None:
        """Note what a file of this form says."""
        if form is JSON and is_sidecar(path):
            self._take_sidecar(path, content)
            return
        found = inside(form, content[:HEAD_BYTES])
        if found:
            known = self.carriers.get(path)
            self.carriers[path] = known + found if known else found
        if form is FRONT_MATTER:
            references = read_references(content)
            if references:
                self.references[path] = references

    def _take_sidecar(self, path: str, content: bytes) -> None:
        entries, faults = parse_sidecar(path, content)
        self.faults += faults
        for file, carrier in entries:
            self.carriers.setdefault(file, []).append(carrier)
            self.stated[file] = path

    def take_name(self, path: str) -> None:
        """Note what a file's name says."""
        named = read_name(path) if "__" in path else None
        if named:
            self.carriers.setdefault(path, []).insert(0, named)

    def note(self, path: str, content: bytes) -> None:
        """Take what a file says, its name included."""
        self.take_name(path)
        form = form_of(path) if content else None
        if form:
            self.take(path, form, content)

    def settle(self, excludes: Callable[[str], bool]) -> None:
        """Once all is read: find the dead entries, forget those of files that are not looked at, and put the carriers of
        the others in order: what a file says itself comes before what its sidecar says.
        """
        for file, sidecar in self.stated.items():
            if file not in self.paths:
                self.dead += [(sidecar, one, file) for one in self.carriers.pop(file) if one.how == "sidecar"]
            elif excludes(file):
                del self.carriers[file]
            elif len(self.carriers[file]) > 1:
                self.carriers[file].sort(key=_is_beside)

    def place(self, path: str, carrier: Carrier) -> str:
        """The file in which a carrier stands: the file itself, or its folder's sidecar."""
        return self.stated.get(path, path) if carrier.how == "sidecar" else path


def _is_beside(carrier: Carrier) -> bool:
    return carrier.how == "sidecar"


def read_inventory(source: Source, policy: Policy) -> Inventory:
    """Everything that the files of a source say. Files that the policy excludes are paths and nothing else."""
    inventory = Inventory()
    if isinstance(source, WorkingCopy):
        from global_doc_id.sharing import collect_together

        collect_together(inventory, source, policy)
    else:
        collect(inventory, source.files(), policy)
    inventory.settle(policy.excludes)
    return inventory


def collect(inventory: Inventory, files: Iterable[Told], policy: Policy) -> None:
    """Take what files say that may matter, names included."""
    add, take_name, take = inventory.paths.add, inventory.take_name, inventory.take
    excludes = policy.excluded if policy.exclude else None
    for path, form, content in files:
        add(path)
        if (form or "__" in path) and (excludes is None or not excludes(path)):
            take_name(path)
            if form:
                take(path, form, content)
