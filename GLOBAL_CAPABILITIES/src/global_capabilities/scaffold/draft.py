"""What a scaffold is going to write: collected first, refused as a whole, then written as a whole."""

from __future__ import annotations

import contextlib
import os
from dataclasses import dataclass, field
from pathlib import Path

from global_util.errors import EnvironmentFault, InvalidInput
from global_util.files import read_regular

from global_capabilities.files import create, has, link_in, replace, why


@dataclass
class Draft:
    """New files and changed ones, by their paths in the repository ``root``, with the text they will have."""

    root: Path
    new: dict[str, str] = field(default_factory=dict)
    changed: dict[str, str] = field(default_factory=dict)
    read: dict[str, bytes] = field(default_factory=dict)
    """What changed files held when they were read."""

    def add(self, path: str, text: str) -> None:
        """A file that must not be there yet. Raises InvalidInput (exit 3) when it is."""
        _refuse_links(self.root, path)
        if os.path.lexists(self.root / path) or path in self.new:
            raise InvalidInput(f"{path}: exists already", "choose another name; nothing is overwritten", "E335")
        self.new[path] = text

    def text(self, path: str) -> str:
        """The text that a file has, or will have. Raises InvalidInput (exit 3) when it cannot be read."""
        if path in self.new or path in self.changed:
            return self.new.get(path, self.changed.get(path, ""))
        _refuse_links(self.root, path)
        try:
            self.read[path] = read_regular(self.root / path)
            return self.read[path].decode()
        except (OSError, UnicodeDecodeError) as fault:
            hint = "is this a repository of packages?"
            raise InvalidInput(f"{path}: not readable: {why(fault)}", hint, "E337") from None

    def change(self, path: str, text: str) -> None:
        """Another text for a file that was read with ``text``, or that was added."""
        (self.new if path in self.new else self.changed)[path] = text

    def paths(self) -> list[str]:
        """All files that will be written, sorted."""
        return sorted({*self.new, *self.changed})

    def write(self) -> Undo:
        """Write all of it or nothing. Raises EnvironmentFault (exit 4) after taking back what was written."""
        undo = Undo(self.root)
        try:
            for path in self.paths():
                self._write(path, undo)
        except BaseException as fault:
            left = undo.take_back()
            if not isinstance(fault, OSError | EnvironmentFault):
                raise
            hint = f"left as it is: {', '.join(left)}" if left else "nothing was changed"
            told = fault.message if isinstance(fault, EnvironmentFault) else f"{fault.filename}: {why(fault)}"
            raise EnvironmentFault(told, hint, "E480") from None
        return undo

    def _write(self, path: str, undo: Undo) -> None:
        content = {**self.new, **self.changed}[path].encode()
        undo.remember(path, content)
        if path in self.new:
            create(self.root / path, content)
        elif not replace(self.root / path, self.read[path], content):
            raise EnvironmentFault(f"{path}: changed meanwhile", "run again", "E480")


@dataclass
class Undo:
    """What it takes to have a repository as it was."""

    root: Path
    before: dict[str, bytes | None] = field(default_factory=dict)
    ours: dict[str, list[bytes]] = field(default_factory=dict)
    """What we wrote, or were about to write, to each file: whatever else it holds is somebody else's."""
    made: list[Path] = field(default_factory=list)

    def remember(self, path: str, content: bytes) -> None:
        """Keep the content of a file that is about to get another one, and make the folders that it lies in."""
        _refuse_links(self.root, path)
        place = self.root / path
        self.ours.setdefault(path, []).append(content)
        if path in self.before:
            return
        try:
            self.before[path] = read_regular(place) if os.path.lexists(place) else None
        except OSError as fault:
            raise EnvironmentFault(f"{path}: not readable: {why(fault)}", "put a readable file here", "E480") from None
        missing = [folder for folder in place.parents if not folder.exists()]
        for folder in reversed(missing):
            folder.mkdir()
            self.made.append(folder)

    def accept(self, path: str) -> None:
        """What a remembered file holds now was written for us."""
        with contextlib.suppress(OSError):
            self.ours[path].append(read_regular(self.root / path))

    def take_back(self) -> list[str]:
        """Files that still hold what we wrote get their old content, or go, and so do folders that we made and are empty.

        Never fails; the files that hold something else, or cannot be taken back.
        """
        left = [path for path in sorted(self.before) if not self._take_back(path)]
        for folder in reversed(self.made):
            with contextlib.suppress(OSError):
                folder.rmdir()
        return left

    def _take_back(self, path: str) -> bool:
        place, before = self.root / path, self.before[path]
        with contextlib.suppress(OSError):
            if link_in(self.root, place):
                return False
            if not os.path.lexists(place) or (before is not None and has(place, before)):
                return before is None or os.path.lexists(place)
            ours = next((content for content in self.ours[path] if has(place, content)), None)
            if ours is None:
                return False
            if before is not None:
                return replace(place, ours, before)
            place.unlink()
            return True
        return False


def _refuse_links(root: Path, path: str) -> None:
    """What is written must not end up elsewhere."""
    link = link_in(root, root / path)
    if link:
        what = "is a symbolic link" if link == path else f"lies behind the symbolic link {link}"
        raise EnvironmentFault(f"{path}: {what}", "put the file itself here; nothing was changed", "E480")
