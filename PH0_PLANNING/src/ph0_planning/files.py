"""Reading a plan's files: bounded, UTF-8 only, never through a link that leads out, each with its hash."""

from __future__ import annotations

import hashlib
import os
import stat
from dataclasses import dataclass
from pathlib import Path

from global_util.contracts.workstream_set import PlanFile
from global_util.paths import from_bytes

from ph0_planning.errors import FileRefused, FileTooLarge, NotUtf8, PlanEmpty, PlanIncomplete
from ph0_planning.markdown import fence_mask, normalise

MAX_BYTES = 5_000_000
MAX_LISTED = 2_000
"""More entries than this below one folder of a plan are not looked at."""


@dataclass(frozen=True)
class Document:
    """A text file. ``path`` is for people: from the repository's root, or from the plan's folder name outside of it."""

    name: str
    path: str
    sha256: str
    lines: tuple[str, ...]
    fenced: tuple[bool, ...]

    @property
    def text(self) -> str:
        """The whole text, with plain line ends and no byte order mark."""
        return "\n".join(self.lines)


class PlanFiles:
    """The files of one plan; remembers which were read. ``base`` is the plan's folder, ``root`` the repository."""

    def __init__(self, plan: Path, root: Path) -> None:
        self.plan = plan.resolve()
        self.base = self.plan if self.plan.is_dir() else self.plan.parent
        self._repository = root.resolve()
        self._documents: dict[str, Document] = {}
        self._known: dict[str, bool] = {}

    @property
    def root(self) -> str:
        """The plan's folder as the artifact names it."""
        if self.base.is_relative_to(self._repository):
            return _text(self.base.relative_to(self._repository))
        return _text(Path(self.base.name))

    def where(self, name: str) -> str:
        """A file of the plan as people should read it in a message."""
        return name if self.root == "." else os.path.normpath(f"{self.root}/{name}")

    def has(self, name: str) -> bool:
        """Is there such a regular file, inside the plan or the repository?"""
        if name not in self._known:
            self._known[name] = self._exists(name)
        return self._known[name]

    def _exists(self, name: str) -> bool:
        try:
            found = (self.base / name).resolve()
            return self._allowed(found) and stat.S_ISREG(found.stat().st_mode)
        except (OSError, ValueError):
            return False

    def read(self, name: str) -> Document:
        """The text of a file. Raises InvalidInput (exit 3) for what is missing, empty, too large or not UTF-8."""
        if name not in self._documents:
            raw = self._bytes(name)
            lines = tuple(normalise(self._decoded(name, raw)))
            digest = hashlib.sha256(raw).hexdigest()
            shown = _text(Path(name))
            self._documents[name] = Document(shown, self.where(shown), digest, lines, tuple(fence_mask(lines)))
        return self._documents[name]

    def find(self, name: str) -> Document | None:
        """Like ``read``; None when there is no such file."""
        return self.read(name) if self.has(name) else None

    def below(self, folder: str, suffix: str) -> list[str]:
        """Names of the files below a folder that end in ``suffix``, sorted; hidden ones are left out."""
        found: list[str] = []
        for here, folders, names in os.walk(self.base / folder):
            folders[:] = sorted(name for name in folders if not name.startswith("."))
            wanted = sorted(name for name in names if name.endswith(suffix) and not name.startswith("."))
            found += [str((Path(here) / name).relative_to(self.base)) for name in wanted]
            if len(found) > MAX_LISTED:
                raise FileTooLarge(
                    f"{self.where(folder)}: more than {MAX_LISTED} {suffix} files",
                    "is this one plan? give its own folder",
                )
        return sorted(found)

    def read_files(self) -> tuple[PlanFile, ...]:
        """Every file read so far, by path."""
        documents = sorted(self._documents.values(), key=lambda document: document.name)
        return tuple(PlanFile(path=document.name, sha256=document.sha256) for document in documents)

    def _bytes(self, name: str) -> bytes:
        shown = self.where(_text(Path(name)))
        found = (self.base / name).resolve()
        if not self._allowed(found):
            raise FileRefused(
                f"{shown}: a link that leads out of the plan", "put the file itself into the plan's folder"
            )
        try:
            if not stat.S_ISREG(found.stat().st_mode):
                raise FileRefused(f"{shown}: not a regular file", "a plan is made of text files")
            with found.open("rb") as stream:
                raw = stream.read(MAX_BYTES + 1)
        except FileNotFoundError:
            raise PlanIncomplete(f"{shown}: no such file", "the plan needs it") from None
        except OSError as fault:
            raise FileRefused(f"{shown}: cannot be read: {fault.strerror}", "mend its permissions") from None
        if len(raw) > MAX_BYTES:
            raise FileTooLarge(
                f"{shown}: larger than {MAX_BYTES // 1_000_000} MB", "split it, or leave out what is no plan"
            )
        if not raw.removeprefix(b"\xef\xbb\xbf").strip():
            raise PlanEmpty(f"{shown}: the file is empty", "write the plan, or give another path")
        return raw

    def _decoded(self, name: str, raw: bytes) -> str:
        try:
            return raw.decode("utf-8")
        except UnicodeDecodeError as fault:
            line = raw.count(b"\n", 0, fault.start) + 1
            raise NotUtf8(
                f"{self.where(_text(Path(name)))}:{line}: not UTF-8 (byte 0x{raw[fault.start]:02x})",
                "save the file as UTF-8",
            ) from None

    def _allowed(self, found: Path) -> bool:
        return found.is_relative_to(self.base) or found.is_relative_to(self._repository)


def _text(path: Path) -> str:
    return from_bytes(os.fsencode(path.as_posix()))
