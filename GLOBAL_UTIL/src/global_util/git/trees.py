"""Trees as git stores them: what differs between two, and what one is with some paths changed.

Only the folders above a changed path are read and written, so the cost grows with the change and not with the repository.
Format: ``MODE SP NAME NUL ID`` per entry, sorted as if the name of a folder ended with a slash (gitformat-pack has the
types, git's own ``tree.c`` the order).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

from global_util.git.memory import remembered

_FOLDER = "040000"
_LINK = "120000"
_GITLINK = "160000"
_EXECUTABLE = 0o100
_REMEMBERED = 4096


@dataclass(frozen=True, slots=True)
class Entry:
    """What a name in a tree stands for: a mode of six octal digits, and an object."""

    mode: str
    oid: str

    @property
    def is_folder(self) -> bool:
        """Is it a tree?"""
        return self.mode == _FOLDER


Difference = tuple[bytes, Entry | None, Entry | None]
"""A path, what was there, and what is there now. Never a folder."""
_Row = tuple[list[bytes], Entry | None]


class Trees:
    """Trees of one repository. ``read`` gives the content of a tree, ``write`` stores one and gives its id."""

    def __init__(self, read: Callable[[str], bytes], write: Callable[[bytes], str]) -> None:
        self._content = read
        self._write = write

    @remembered(_REMEMBERED)
    def _read(self, tree: str) -> Mapping[bytes, Entry]:
        return parse(self._content(tree), len(tree) // 2)

    def differences(self, base: str, head: str) -> Iterator[Difference]:
        """Paths that are not the same in two trees, in the order of their bytes."""
        return iter(sorted(self._differ(Entry(_FOLDER, base), Entry(_FOLDER, head), b"")))

    def _differ(self, old: Entry | None, new: Entry | None, path: bytes) -> Iterator[Difference]:
        if old == new:
            return
        before, after = (entry if entry and not entry.is_folder else None for entry in (old, new))
        if before or after:
            yield path, before, after
        ours, theirs = (self._read(entry.oid) if entry and entry.is_folder else {} for entry in (old, new))
        for name in ours.keys() | theirs.keys():
            yield from self._differ(ours.get(name), theirs.get(name), _join(path, name))

    @remembered(_REMEMBERED)
    def agree(self, one: str, other: str, path: bytes) -> bool:
        """Is the same at a path and below it in two trees, and is no folder above it a file in just one of them?"""
        left: Entry | None = Entry(_FOLDER, one)
        right: Entry | None = Entry(_FOLDER, other)
        for name in path.split(b"/"):
            if left == right:
                return True
            if any(entry and not entry.is_folder for entry in (left, right)):
                return False
            left, right = (self._read(entry.oid).get(name) if entry else None for entry in (left, right))
        return left == right

    def files(self, tree: str) -> Sequence[tuple[bytes, Entry]]:
        """All paths of a tree that are no folders, in the order of their bytes."""
        found: list[tuple[bytes, Entry]] = []
        for name, entry in self._read(tree).items():
            if entry.is_folder:
                found += [(_join(name, path), one) for path, one in self.files(entry.oid)]
            else:
                found.append((name, entry))
        return tuple(sorted(found))

    def put(self, tree: str, changes: Iterable[tuple[bytes, Entry | None]]) -> str:
        """The tree after paths were removed (None) or set. Removals go first, so that a file may become a folder.

        What is set takes the place of whatever is in its way; a folder that becomes empty goes.
        """
        rows = sorted(changes, key=lambda row: row[1] is not None)
        return self._put(tree, [(path.split(b"/"), entry) for path, entry in rows]) or self._write(b"")

    def _put(self, before: str | None, rows: Sequence[_Row]) -> str | None:
        """A folder with some paths below it changed; None when nothing is left in it."""
        old = self._read(before) if before else {}
        folder, deeper = dict(old), dict[bytes, list[_Row]]()
        for (name, *rest), entry in rows:
            if rest:
                deeper.setdefault(name, []).append((rest, entry))
            elif entry:
                deeper.pop(name, None)
                folder[name] = entry
            elif name in folder and not folder[name].is_folder:
                del folder[name]
        for name, below in deeper.items():
            standing = folder.pop(name, None)
            above = standing.oid if standing and standing.is_folder else None
            if made := self._put(above, below):
                folder[name] = Entry(_FOLDER, made)
            elif standing and not above:
                folder[name] = standing
        if folder == old:
            return before
        return self._write(form(folder)) if folder else None


def _join(folder: bytes, name: bytes) -> bytes:
    return folder + b"/" + name if folder else name


def parse(content: bytes, width: int) -> dict[bytes, Entry]:
    """The entries of a tree whose object ids have ``width`` bytes. Raises ValueError for what is no tree."""
    found, position = {}, 0
    while position < len(content):
        space = content.index(b" ", position)
        end = content.index(b"\0", space)
        oid = content[end + 1 : end + 1 + width].hex()
        found[content[space + 1 : end]] = Entry(_mode(content[position:space]), oid)
        position = end + 1 + width
    return found


@lru_cache(64)
def _mode(text: bytes) -> str:
    """As git reads it: old trees hold permissions that mean nothing today."""
    number = int(text, 8)
    kind = number & 0o170000
    if kind == 0o100000:
        return "100755" if number & _EXECUTABLE else "100644"
    return {0o120000: _LINK, 0o040000: _FOLDER}.get(kind, _GITLINK)


def form(folder: Mapping[bytes, Entry]) -> bytes:
    """The content of a tree with these entries."""
    rows = sorted((name + b"/" if entry.is_folder else name, name, entry) for name, entry in folder.items())
    return b"".join(
        entry.mode.lstrip("0").encode() + b" " + name + b"\0" + bytes.fromhex(entry.oid) for _, name, entry in rows
    )
