"""Where a program lies."""

from __future__ import annotations

import os
from pathlib import Path


def find_program(name: str, path: str) -> str | None:
    """The absolute path of an executable file, or None.

    A plain name is looked up in the absolute folders of ``path`` (as in ``PATH``); a name with a slash must be absolute.
    The current folder is never searched: it is a worktree, and what lies there was written by others.
    """
    if "\0" in name or not name:
        return None
    if "/" in name:
        return name if name.startswith("/") and _runs(name) else None
    places = (f"{folder}/{name}" for folder in path.split(os.pathsep) if folder.startswith("/"))
    return next((place for place in places if _runs(place)), None)


def _runs(place: str) -> bool:
    try:
        return Path(place).is_file() and os.access(place, os.X_OK)
    except UnicodeEncodeError:
        return False
