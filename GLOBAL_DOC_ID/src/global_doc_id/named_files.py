"""Some files, judged fully, with what they break elsewhere: a duplicate, a reference that leads nowhere, a lost id."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from functools import cached_property
from typing import TYPE_CHECKING

from global_util.errors import EnvironmentFault, InvalidInput

from global_doc_id.carriers import Carrier, may_state
from global_doc_id.comparison import has_commit, read_listing
from global_doc_id.file_types import sidecar_of
from global_doc_id.findings import Finding
from global_doc_id.git import fields
from global_doc_id.inventory import Inventory
from global_doc_id.policy import FILE_NAME, LEDGER, REGISTRY
from global_doc_id.registry import KINDS_FILE, ROUTING_FILE
from global_doc_id.settings import settings_of, settings_of_folder
from global_doc_id.sidecar import read_sidecar
from global_doc_id.source import WorkingCopy
from global_doc_id.staged import Staged
from global_doc_id.validation import Judge, Was, judge_dead

if TYPE_CHECKING:
    from global_doc_id.inquiry import Inquiry
    from global_doc_id.judgement import Asked
    from global_doc_id.settings import Settings


class NamedFiles:
    """The named files of one call, and what git knows of the others."""

    def __init__(self, asked: Asked, inquiry: Inquiry) -> None:
        self.asked = asked
        self.git = inquiry.git
        self.known = inquiry.known
        self.copy = WorkingCopy(asked.root)
        self._names = frozenset(asked.files)
        self._paths = inquiry.paths
        self._listing = inquiry.listing
        self._homes: dict[str, tuple[str, ...]] = {}

    @cached_property
    def settings(self) -> Settings:
        """Policy, registry and ledger, of the index or of the working copy."""
        return settings_of(self._staged.read) if self.asked.staged else settings_of_folder(self.asked.root)

    @cached_property
    def _staged(self) -> Staged:
        usual = (FILE_NAME, LEDGER, f"{REGISTRY}/{ROUTING_FILE}", f"{REGISTRY}/{KINDS_FILE}")
        return Staged(self.known, [*self._paths, *usual])

    def judge(self) -> list[Finding]:
        """All findings in the named files, and those elsewhere that come from them."""
        settings = self.settings
        judge = Judge(settings.registry, settings.policy, settings.ledger, self.homes)
        now = self._now
        findings = list(judge_dead(now.dead))
        for path in now.paths:
            findings += judge.carriers(path, now.carriers.get(path, []), now)
            for reference in now.references.get(path, []):
                findings += judge.reference(path, reference.line, reference.text)
        findings += judge.missing(filter(settings.policy.required, now.paths), now)
        lost = self._lost()
        findings += judge.gone(lost)
        for text in lost:
            for path, line in self._mentions(text):
                findings += judge.reference(path, line, text)
        return sorted(set(findings))

    def homes(self, text: str) -> Sequence[str]:
        """The files that carry an id: named ones, what git has, and, if there is none, what git does not have yet."""
        if text not in self._homes:
            named = {path for path, found in self._now.carriers.items() if any(one.text == text for one in found)}
            others = named | {path for path in self._others(text) if self._has(path, text)}
            if not others and not self.asked.staged:
                others = {path for path, found in self._unstaged.carriers.items() for one in found if one.text == text}
            self._homes[text] = tuple(sorted(others))
        return self._homes[text]

    @cached_property
    def _now(self) -> Inventory:
        """What the named files say. Raises InvalidInput (E382) for one that neither is there nor was."""
        inventory = Inventory()
        excludes = self.settings.policy.excludes
        for path in self.asked.files:
            content = None if excludes(path) else self._read(path)
            if content is not None:
                inventory.paths.add(path)
                inventory.note(path, content)
            elif not excludes(path) and not self._was(path):
                raise InvalidInput(f"{path}: no such file", "check the name", "E382")
        self._read_sidecars(inventory)
        return inventory

    def _read_sidecars(self, inventory: Inventory) -> None:
        for sidecar in sorted({sidecar_of(path) for path in self._names}):
            content = self._read(sidecar)
            for path, carrier in read_sidecar(sidecar, content) if content is not None else ():
                if path in inventory.paths:
                    inventory.carriers.setdefault(path, []).append(carrier)
                    inventory.stated[path] = sidecar
                elif path in self._names and not self.settings.policy.excludes(path) and not self._is_there(path):
                    inventory.dead.append((sidecar, carrier, path))

    def _others(self, text: str) -> Iterator[str]:
        """Files besides the named ones that have an id as far as git knows."""
        for row in self.known.rows(text):
            if row.kind == "c" and row.path not in self._names and not self.settings.policy.excludes(row.path):
                yield row.path

    def _has(self, path: str, text: str) -> bool:
        """Does a file really have an id? What git knows may be older than the working copy."""
        left_out = self.copy.is_sparse and not os.path.lexists(f"{self.asked.root}/{path}")
        return self.asked.staged or left_out or any(carrier.text == text for carrier in self._carriers(path))

    def _carriers(self, path: str) -> list[Carrier]:
        inventory = Inventory()
        content = self.copy.read(path)
        if content is None:
            return []
        inventory.note(path, content)
        sidecar = sidecar_of(path)
        beside = self.copy.read(sidecar)
        found = [one for file, one in read_sidecar(sidecar, beside) if file == path] if beside is not None else []
        return [*inventory.carriers.get(path, []), *found]

    def _mentions(self, text: str) -> Iterator[tuple[str, int]]:
        """Path and line of the references to an id in other files."""
        for path in sorted({row.path for row in self.known.rows(text) if row.kind == "r"} - self._names):
            if self.settings.policy.excludes(path):
                continue
            content = self._read(path)
            inventory = Inventory()
            inventory.note(path, content or b"")
            yield from ((path, one.line) for one in inventory.references.get(path, []) if one.text == text)

    def _lost(self) -> dict[str, Was]:
        """Ids that the named files had in the baseline and do not have now."""
        here = {(path, one.text) for path, found in self._now.carriers.items() for one in found}
        lost: dict[str, Was] = {}
        for path, found in self._before.carriers.items():
            if path in self._names and not self.settings.policy.excludes(path):
                lost |= {one.text: Was(path, one.line) for one in found if (path, one.text) not in here}
        return lost

    @cached_property
    def _before(self) -> Inventory:
        """What the named files and their sidecars said in the baseline; nothing before the first commit."""
        inventory = Inventory()
        wanted = [(path, oid) for path, oid in self._had.items() if oid]
        for (path, _), content in zip(wanted, self.known.blobs.read([oid for _, oid in wanted]), strict=True):
            inventory.note(path, content or b"")
        return inventory

    @cached_property
    def _had(self) -> dict[str, str]:
        """Path and blob of those named files and sidecars that the baseline had. Git begins to look at once."""
        try:
            wanted = set(self._paths)
            return {path: oid for path, oid in read_listing(self._listing) if path in wanted}
        except EnvironmentFault:
            if self.asked.since or has_commit(self.git):
                raise
            return {}

    @cached_property
    def _unstaged(self) -> Inventory:
        """What files say that git has not staged as they are. Looked at only before something is told as missing."""
        inventory = Inventory()
        listing = self.git.start("ls-files", "-z", "--modified", "--others", "--exclude-standard", compares=True)
        for path in sorted({path for portion in fields(listing) for path in portion}):
            if may_state(path) and path not in self._names and not self.settings.policy.excludes(path):
                content = self.copy.read(path) if path[-1:] != "/" else None
                if content is not None:
                    inventory.paths.add(path)
                    inventory.note(path, content)
        return inventory

    def _read(self, path: str) -> bytes | None:
        """What is judged: the file, or what git has staged of it."""
        return self._staged.read(path) if self.asked.staged else self.copy.read(path)

    def _is_there(self, path: str) -> bool:
        return self._staged.has(path) if self.asked.staged else os.path.lexists(f"{self.asked.root}/{path}")

    def _was(self, path: str) -> bool:
        """Can this be named although it has no content: as a link, as gone, as not staged?"""
        return os.path.lexists(f"{self.asked.root}/{path}") or path in self.known.touched or path in self._had
