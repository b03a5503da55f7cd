"""What a set-up made that git ignores: written down file by file, so that only this, and only untouched, is used again.

A file is known by mode, size, times and inode; the time of its last change of any kind, which no program can set, is left
out where a file has several names: package installers link files from their cache, and other slots add links to them.
"""

from __future__ import annotations

import json
import os
import stat
from contextlib import suppress
from typing import TYPE_CHECKING

from global_util import paths
from global_util.files import write_atomically

if TYPE_CHECKING:
    from global_aim.slot import Slot

FOLDER = "folder"
Inventory = dict[bytes, str]
"""Paths below the worktree with their stamps."""


def take_inventory(slot: Slot) -> Inventory:
    """Everything in the worktree that git ignores. Raises OSError for what cannot be looked at."""
    words = ("ls-files", "--others", "--ignored", "--exclude-standard", "--directory", "-z")
    waiting = [name.rstrip(b"/") for name in slot.git(*words, index=slot.pristine).split(b"\0") if name]
    found: Inventory = {}
    while waiting:
        name = waiting.pop()
        found[name] = _stamp(_place(slot, name))
        if found[name] == FOLDER:
            waiting += [name + b"/" + one for one in os.listdir(_place(slot, name))]  # noqa: PTH208
    return found


def write_inventory(slot: Slot, key: str, notes: tuple[str, ...], found: Inventory) -> None:
    """Say that the set-up with this key has succeeded, and what it made."""
    files = {paths.from_bytes(name): text for name, text in sorted(found.items())}
    told = json.dumps({"key": key, "notes": notes, "files": files})
    write_atomically(slot.folder / "setup.json", told.encode())


def read_inventory(slot: Slot) -> tuple[str, Inventory]:
    """Key and files of the set-up that succeeded last; no key when there is none, or when it cannot be read."""
    with suppress(OSError, ValueError, KeyError, TypeError, AttributeError):
        told = json.loads((slot.folder / "setup.json").read_bytes())
        return str(told["key"]), {paths.to_bytes(name): str(text) for name, text in told["files"].items()}
    return "", {}


def is_whole(known: Inventory, found: Inventory) -> bool:
    """Is every file still there as the set-up left it? An empty folder that is gone is no loss."""
    return all(found.get(name, FOLDER) == text for name, text in known.items())


def strangers(known: Inventory, found: Inventory) -> list[bytes]:
    """What somebody else has put there since, without what lies in a folder that is itself named."""
    new = {name for name in found if name not in known}
    return sorted(name for name in new if name.rpartition(b"/")[0] not in new)


def is_untouched(slot: Slot, known: Inventory, name: bytes) -> bool:
    """Did the set-up make this file, and is it still the same?"""
    with suppress(OSError):
        return name in known and known[name] == _stamp(_place(slot, name))
    return False


def _stamp(place: bytes) -> str:
    about = os.lstat(place)
    if stat.S_ISDIR(about.st_mode):
        return FOLDER
    if stat.S_ISLNK(about.st_mode):
        return "link " + paths.from_bytes(os.readlink(place))  # noqa: PTH115
    numbers = [about.st_mode, about.st_size, about.st_mtime_ns, about.st_ino]
    if about.st_nlink == 1:
        numbers.append(about.st_ctime_ns)
    return " ".join(map(str, numbers))


def _place(slot: Slot, name: bytes) -> bytes:
    return os.path.join(os.fsencode(slot.path), name)  # noqa: PTH118
