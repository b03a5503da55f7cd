"""The modules of packages: parts with documents of their own."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from global_util.errors import InvalidInput

from global_capabilities.checks.documents import SUITE, front_matter
from global_capabilities.files import text_or_nothing
from global_capabilities.packages import Package, find_package, package_names


@dataclass(frozen=True)
class Module:
    """One entry of a manifest's ``modules``, and the front matter of its specification."""

    package: Package
    id: str
    name: str
    folder: str

    @property
    def path(self) -> Path:
        """Where its documents lie; an installed package ships none."""
        return self.package.folder / self.folder

    def facts(self) -> dict[str, Any]:
        """What people want to know. ``status`` and ``version`` are those of MOD_SPEC.md, "-" when it is not there."""
        front = front_matter(text_or_nothing(self.path / SUITE[0]))
        return {
            "package": self.package.id,
            "id": self.id,
            "name": self.name,
            "status": front.get("status", "-"),
            "version": front.get("version", "-"),
            "documents": [f"{self.folder}{name}" for name in SUITE if (self.path / name).is_file()],
        }


def modules_of(package: Package) -> list[Module]:
    """The modules that a manifest declares, in its order."""
    return [Module(package, module["id"], module["name"], module["docs"]) for module in package.manifest["modules"]]


def find(packages: Sequence[Package], name: str) -> Package | Module:
    """The package or module of this name. Raises InvalidInput (exit 3) for one that is unknown or of several packages."""
    if name in package_names(packages):
        return find_package(packages, name)
    every = [module for package in packages for module in modules_of(package)]
    owner, _, last = name.rpartition("/")
    found = [
        one for one in every if last in (one.id, one.id[:4]) and owner in ("", one.package.id, one.package.command)
    ]
    if len(found) == 1:
        return found[0]
    if found:
        names = ", ".join(f"{one.package.id}/{one.id}" for one in found)
        raise InvalidInput(f"{name!r} is the module of {len(found)} packages", f"name one: {names}", "E333")
    known = [*package_names(packages), *(one.id for one in every)]
    near = get_close_matches(name, sorted(known), n=1)
    hint = f"did you mean {near[0]}?" if near else "see capabilities list --modules"
    raise InvalidInput(f"{name!r} is no known package or module", hint, "E333")
