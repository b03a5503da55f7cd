"""What a package's pyproject.toml says, and in which line."""

from __future__ import annotations

import re
import tomllib
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from global_capabilities.files import read_text, text_or_nothing, why
from global_capabilities.packages import Package

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")


@dataclass(frozen=True)
class Project:
    """The tables that are compared. ``fault`` says why they could not be read; then they are empty."""

    path: Path
    table: dict[str, Any]
    hatch_version: str = ""
    fault: str = ""

    @property
    def scripts(self) -> dict[str, str]:
        """Commands with their targets."""
        return dict(self.table.get("scripts", {}))

    @property
    def entry_points(self) -> dict[str, dict[str, str]]:
        """Entry points by group."""
        return dict(self.table.get("entry-points", {}))

    @property
    def dependencies(self) -> list[str]:
        """Normalised names of all dependencies, those of extras too."""
        extras = self.table.get("optional-dependencies", {}).values()
        lines = [*self.table.get("dependencies", []), *(line for extra in extras for line in extra)]
        return [normalised(found[0]) for line in lines if (found := _NAME.match(line))]

    @property
    def version(self) -> str:
        """The package's version, read where hatch reads it; an empty string when that cannot be told."""
        if "version" in self.table:
            return str(self.table["version"])
        if not self.hatch_version:
            return ""
        text = text_or_nothing(self.path.parent / self.hatch_version)
        found = re.search(r"""^(?:__version__|VERSION)\s*=\s*["']v?([^"']+)["']""", text, re.MULTILINE)
        return found[1] if found else ""


def normalised(name: str) -> str:
    """A distribution's name in the one spelling that all its spellings have in common."""
    return re.sub(r"[-_.]+", "-", name).lower()


def read_project(package: Package) -> Project:
    """The project of a package."""
    path = package.folder / "pyproject.toml"
    try:
        return _read(path, path.stat().st_mtime_ns)
    except OSError as fault:
        return Project(path, {}, fault=why(fault))


@lru_cache(maxsize=64)
def _read(path: Path, changed: int) -> Project:
    del changed
    try:
        raw = tomllib.loads(read_text(path))
        version = raw.get("tool", {}).get("hatch", {}).get("version", {}).get("path", "")
        return Project(path, dict(raw["project"]), str(version))
    except KeyError:
        return Project(path, {}, fault="there is none")
    except (ValueError, TypeError, AttributeError, RecursionError) as fault:
        return Project(path, {}, fault=why(fault))
