"""Giving files the next free number of their family, safely when several people do so at once."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from itertools import islice
from pathlib import Path, PurePosixPath

from global_util.errors import InvalidInput

from global_doc_id.carriers import Carrier, read_carriers
from global_doc_id.clone import clone_folder, ids_in_git
from global_doc_id.doc_id import read_doc_id
from global_doc_id.file_types import is_sidecar, sidecar_of
from global_doc_id.known import Known
from global_doc_id.ledger import load_ledger, one_line
from global_doc_id.numbers import LAST, ids_in_folder, number_in
from global_doc_id.policy import Policy
from global_doc_id.registry import Registry
from global_doc_id.reservations import Reservation, locked, read_reservations, record
from global_doc_id.sidecar import read_sidecar
from global_doc_id.source import required_git
from global_doc_id.stamping import refuse_unfit, restamp_all, stamp
from global_doc_id.validation import is_own
from global_doc_id.working_file import create_file, read_file


@dataclass(frozen=True)
class Minted:
    """An id of a file: ``kept`` if it had one. ``written`` is the path that carries a new one, empty if none was written.

    ``fault`` is why a file could not be given one; ``doc_id`` is empty then, or the number that waits for it.
    """

    path: str
    doc_id: str
    written: str = ""
    kept: bool = False
    fault: InvalidInput | None = None


class Desk:
    """Where numbers are given for one worktree of a clone. All but ``mint``, ``mint_each``, ``create`` need its lock held."""

    def __init__(self, root: Path, policy: Policy, registry: Registry) -> None:
        self.root = root
        self.policy = policy
        self.registry = registry
        self.clone = clone_folder(root)

    def mint(
        self, paths: Sequence[str], *, type_: str | None = None, module: str | None = None, dry_run: bool = False
    ) -> list[Minted]:
        """As ``mint_each``, but raises the first file's fault, E390 or E391, once all others have their ids."""
        minted = self.mint_each(paths, type_=type_, module=module, dry_run=dry_run)
        for one in minted:
            if one.fault:
                raise one.fault
        return minted

    def mint_each(
        self, paths: Sequence[str], *, type_: str | None = None, module: str | None = None, dry_run: bool = False
    ) -> list[Minted]:
        """Give each file an id that has none, or a retired one. All numbers are reserved before the first file is written.

        ``type_`` and ``module`` replace what the file's place says. A file that cannot be written costs no number and
        stops no other. Raises InvalidInput before anything is written: E393 for a place without ids, a family that is
        full, a file with a broken id; E382 for one that is not there.
        """
        with locked(self.clone):
            retired = load_ledger(self.root, self.policy)
            had = {path: self._own(path) for path in dict.fromkeys(paths)}
            kept = {path: own.text for path, own in had.items() if own and own.text not in retired}
            wanted = {path: self.family(path, type_, module) for path in had if path not in kept}
            faults = self._faults(wanted, had)
            given = self.reserve({path: wanted[path] for path in wanted if path not in faults}, dry_run=dry_run)
            written = {} if dry_run else self._write(given, had, faults)
        return [
            Minted(path, kept[path], kept=True)
            if path in kept
            else Minted(path, given.get(path, ""), written.get(path, ""), fault=faults.get(path))
            for path in had
        ]

    def create(
        self, path: str, *, type_: str | None = None, module: str | None = None, dry_run: bool = False
    ) -> Minted:
        """Make an empty document that carries its id in its name: ``<folder>/<id>__<slug>.<ext>``."""
        place = PurePosixPath(path)
        with locked(self.clone):
            doc_id = self.reserve({path: self.family(path, type_, module)}, dry_run=dry_run)[path]
            named = place.with_name(f"{doc_id}__{slug(place.stem)}{place.suffix}").as_posix()
            if not dry_run:
                title = re.sub(r"[-_\s]+", " ", place.stem).strip()
                create_file(self.root, named, f"# {title}\n".encode() if place.suffix == ".md" else b"")
                self.confirm({path: doc_id})
        return Minted(named, doc_id, "" if dry_run else named)

    def family(self, path: str, type_: str | None = None, module: str | None = None) -> str:
        """The family of a file by its place. Raises InvalidInput (E393) for a place that the registry does not know."""
        if is_own(path, self.policy):
            raise InvalidInput(f"{path}: ids are kept in it, and it needs none", "leave it out", "E393")
        return self.registry.family_of(path, type_, module)

    def reserve(self, wanted: Mapping[str, str], *, dry_run: bool = False) -> dict[str, str]:
        """Path to the next free id of its family; on the disk when this returns, unless it is a dry run."""
        families: dict[str, list[str]] = {}
        for path, family in wanted.items():
            families.setdefault(family, []).append(path)
        given: dict[str, str] = {}
        for family, paths in families.items():
            given |= self._number(family, paths)
        if not dry_run:
            record(self.clone, [Reservation(doc_id, path, str(self.root), False) for path, doc_id in given.items()])
        return given

    def confirm(self, given: Mapping[str, str]) -> None:
        """The files have their ids: those numbers are theirs for good."""
        record(self.clone, [Reservation(doc_id, path, str(self.root), True) for path, doc_id in given.items()])

    def _own(self, path: str) -> Carrier | None:
        carriers = carriers_of(self.root, path)
        for carrier in carriers:
            if read_doc_id(carrier.text):
                return carrier
        if carriers:
            where = f"{path}:{carriers[0].line}"
            raise InvalidInput(f"{where}: {carriers[0].text!r} is no doc id", "mend or remove that line first", "E393")
        return None

    def _number(self, family: str, paths: Sequence[str]) -> dict[str, str]:
        reserved = read_reservations(self.clone, f"{family}-")
        seen: dict[int, set[str]] = {}
        for place, number in self._seen(family):
            seen.setdefault(number, set()).add(one_line(place))
        again = {
            one.path: one.doc_id
            for one in reserved.values()
            if self._is_open(one) and seen.get(number_in(family, one.doc_id), set()) <= {one.path}
        }
        highest = max([0, *seen, *(number_in(family, doc_id) for doc_id in reserved)])
        given = {path: again[one_line(path)] for path in paths if one_line(path) in again}
        fresh = [path for path in paths if path not in given]
        numbers = list(islice(self._free(family, highest), len(fresh)))
        if len(numbers) < len(fresh):
            what = (
                f"{family}: is full: {highest:03d} is given, numbers are not given again, and {LAST} is the last: "
                f"{len(numbers)} left, {len(fresh)} asked for"
            )
            raise InvalidInput(what, "register another module for what is new (doc_id_module_routing.json)", "E393")
        return given | {path: f"{family}-{number:03d}" for path, number in zip(fresh, numbers, strict=True)}

    def _free(self, family: str, highest: int) -> Iterator[int]:
        """The numbers from here on, but for those that git has in another place, where they do not belong."""
        with closing(Known(required_git(str(self.root)))) as known:
            for number in range(highest + 1, LAST + 1):
                if not any(row.kind == "c" for row in known.rows(f"{family}-{number:03d}")):
                    yield number

    def _is_open(self, reservation: Reservation) -> bool:
        return not reservation.written and reservation.worktree == one_line(str(self.root))

    def _seen(self, family: str) -> Iterator[tuple[str, int]]:
        """The family's numbers that a file has or had, as far as this worktree, its index and HEAD know.

        Each with the file that has it here: stopped between two carriers, that one gets the same number again.
        """
        doc_id = read_doc_id(f"{family}-{LAST}")
        assert doc_id is not None
        folder = self.registry.folder(doc_id)
        for path, carrier in ids_in_folder(self.root, folder):
            yield path, number_in(family, carrier.text)
        for text in [*load_ledger(self.root, self.policy), *ids_in_git(self.root, folder)]:
            yield "", number_in(family, text)

    def _faults(self, paths: Iterable[str], had: Mapping[str, Carrier | None]) -> dict[str, InvalidInput]:
        """By file, why it could not be written: found out before a number is spent on it."""
        faults: dict[str, InvalidInput] = {}
        for path in paths:
            try:
                refuse_unfit(self.root, path, self._saying(path, had[path]), self.policy)
            except InvalidInput as fault:
                faults[path] = fault
        return faults

    def _saying(self, path: str, old: Carrier | None) -> list[Carrier]:
        return [carrier for carrier in carriers_of(self.root, path) if carrier.text == old.text] if old else []

    def _write(
        self, given: Mapping[str, str], had: Mapping[str, Carrier | None], faults: dict[str, InvalidInput]
    ) -> dict[str, str]:
        written: dict[str, str] = {}
        try:
            for path, doc_id in given.items():
                try:
                    written[path] = self._give(path, had[path], doc_id)
                except InvalidInput as fault:
                    faults[path] = fault
        finally:
            self.confirm({path: given[path] for path in written})
        return written

    def _give(self, path: str, old: Carrier | None, doc_id: str) -> str:
        if old is None:
            return stamp(self.root, path, doc_id, self.policy)
        return restamp_all(self.root, path, self._saying(path, old), old.text, doc_id)[-1]


def carriers_of(root: Path, path: str) -> list[Carrier]:
    """All carriers of a file of the working copy, the entry in its folder's sidecar included."""
    beside = sidecar_of(path)
    found = read_carriers(path, read_file(root, path).content)
    if not is_sidecar(path) and (root / beside).exists():
        found += [carrier for file, carrier in read_sidecar(beside, read_file(root, beside).content) if file == path]
    return found


def slug(text: str) -> str:
    """Text as part of a file name: lower-case words of letters and digits with ``-`` between them."""
    return re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-") or "untitled"
