"""Which distributions are installed, by the folders on ``sys.path``: importlib.metadata would cost a third of a start.

Format: the PyPA specification "Recording installed projects". What folders cannot answer (imports from archives,
finders of one's own), importlib.metadata is asked.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from functools import lru_cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from importlib.metadata import EntryPoint


def version(distribution: str) -> str:
    """The version of an installed distribution. Raises importlib.metadata.PackageNotFoundError when there is none."""
    for name, folder in _described() or ():
        if name == _normal(distribution) and folder.name.endswith(".dist-info"):
            return folder.name.removesuffix(".dist-info").partition("-")[2]
    from importlib import metadata

    return metadata.version(distribution)


def entry_values(group: str) -> dict[str, str]:
    """Name and value (``package.module:name``) of the entry points of a group; the first on ``sys.path`` counts."""
    described = _described()
    if described is None:
        from importlib import metadata

        return {entry.name: entry.value for entry in reversed(tuple(metadata.entry_points(group=group)))}
    first: dict[str, str] = {}
    for name, folder in described:
        first.setdefault(name, folder.path)
    found: dict[str, str] = {}
    for place in first.values():
        for name, value in _section(place, group):
            found.setdefault(name, value)
    return found


def registered(group: str) -> tuple[EntryPoint, ...]:
    """The entry points of a group, looked up once per process and ``sys.path``."""
    return look_up(group, tuple(sys.path))


@lru_cache
def look_up(group: str, _path: tuple[str, ...]) -> tuple[EntryPoint, ...]:
    """See ``registered``. Who installs something while the process runs clears the cache."""
    from importlib import metadata

    return tuple(metadata.entry_points(group=group))


def _described() -> list[tuple[str, os.DirEntry[str]]] | None:
    """The normalised name of each distribution, and the folder that describes it. None: folders are not all there is."""
    if any(hasattr(finder, "find_distributions") and not _is_pythons(finder) for finder in sys.meta_path):
        return None
    found: list[os.DirEntry[str]] = []
    for place in sys.path:
        try:
            with os.scandir(place or ".") as entries:
                found += [entry for entry in entries if entry.name.endswith((".dist-info", ".egg-info"))]
        except NotADirectoryError:
            return None
        except OSError:
            continue
    return [(_normal(entry.name.rpartition(".")[0].partition("-")[0]), entry) for entry in found]


def _is_pythons(finder: object) -> bool:
    return getattr(finder, "__module__", "") == "_frozen_importlib_external"


def _normal(name: str) -> str:
    return "_".join(part for part in name.lower().replace("-", "_").replace(".", "_").split("_") if part)


def _section(folder: str, group: str) -> Iterator[tuple[str, str]]:
    try:
        with open(f"{folder}/entry_points.txt", encoding="utf-8", errors="replace") as file:
            lines = [line.strip() for line in file]
    except OSError:
        return
    section = ""
    for line in lines:
        if line.startswith("[") and line.endswith("]"):
            section = line[1:-1]
        elif section == group and line and not line.startswith("#"):
            name, _, value = line.partition("=")
            yield name.strip(), value.strip()
