"""What the files of a repository say: which ids they carry, and which they mention."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from global_doc_id.carriers import HEAD_BYTES, Carrier, inside, read_name
from global_doc_id.file_types import BY_EXTENSION, FRONT_MATTER, JSON, form_of, is_sidecar
from global_doc_id.findings import Finding
from global_doc_id.policy import Policy
from global_doc_id.references import Reference, read_references
from global_doc_id.sidecar import parse_sidecar
from global_doc_id.source import Source, WorkingCopy


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

    def take(self, path: str, content: bytes) -> None:
        """Note what a file says that may say something."""
        form = BY_EXTENSION.get(path[path.rfind(".") :]) or form_of(path)
        if form is JSON and is_sidecar(path):
            self._take_sidecar(path, content)
        elif form is not None:
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

    def note(self, path: str, content: bytes) -> None:
        """Take what a file says, its name included."""
        named = read_name(path) if "__" in path else None
        if named:
            self.carriers.setdefault(path, []).insert(0, named)
        if content:
            self.take(path, content)

    def settle(self, excludes: Callable[[str], bool]) -> None:
        """Find the dead entries, once all paths are known, and forget those of files that are not looked at."""
        for file, sidecar in self.stated.items():
            if file not in self.paths:
                self.dead += [(sidecar, one, file) for one in self.carriers.pop(file) if one.how == "sidecar"]
            elif excludes(file):
                del self.carriers[file]

    def place(self, path: str, carrier: Carrier) -> str:
        """The file in which a carrier stands: the file itself, or its folder's sidecar."""
        return self.stated.get(path, path) if carrier.how == "sidecar" else path


def read_inventory(source: Source, policy: Policy) -> Inventory:
    """Everything that the files of a source say. Files that the policy excludes are paths and nothing else."""
    inventory = Inventory()
    if isinstance(source, WorkingCopy):
        from global_doc_id.halves import collect_in_halves

        collect_in_halves(inventory, source, policy)
    else:
        collect(inventory, source.files(), policy)
    inventory.settle(policy.excludes)
    return inventory


def collect(inventory: Inventory, files: Iterable[tuple[str, bytes]], policy: Policy) -> None:
    """Take what files say that may matter, names included."""
    add, note, take = inventory.paths.add, inventory.note, inventory.take
    excludes = policy.excluded if policy.exclude else None
    for path, content in files:
        add(path)
        if "__" in path:
            if excludes is None or not excludes(path):
                note(path, content)
        elif content and (excludes is None or not excludes(path)):
            take(path, content)
