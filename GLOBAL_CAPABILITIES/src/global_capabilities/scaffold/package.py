"""What a new phase and a new service have in common: a place in the root's settings and in the routing of document ids."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

from global_util.errors import InvalidInput

from global_capabilities.checks.pyproject import read_project
from global_capabilities.packages import Package, find_package
from global_capabilities.scaffold.draft import Draft
from global_capabilities.scaffold.edits import edit_json, edit_toml
from global_capabilities.scaffold.module import routing_file

PYPROJECT = "pyproject.toml"


@dataclass(frozen=True)
class Neighbours:
    """The packages that are there. ``sibling`` is the one of the same kind that the new one is put after."""

    every: Sequence[Package]
    sibling: Package

    @property
    def version(self) -> str:
        """The one version of all packages."""
        return read_project(self.sibling).version

    def distribution(self, name: str) -> str:
        """A new package's distribution, with the prefix that the sibling's has."""
        own = self.sibling.id.lower().replace("_", "-")
        prefix = self.sibling.manifest["distribution"].removesuffix(own)
        return f"{prefix if prefix != own else ''}{name.lower().replace('_', '-')}"

    def distribution_of(self, package: str) -> str:
        """The distribution of a package that is imported. Raises InvalidInput when the repository lacks it."""
        found = [one.manifest["distribution"] for one in self.every if one.manifest["import_package"] == package]
        if not found:
            hint = "outside Phaseline's repository write a distribution of your own, see CONTRIBUTING.md"
            raise InvalidInput(f"no package of this repository is {package}", hint, "E337")
        return str(found[0])


def find_neighbours(root: Path, every: Sequence[Package], is_phase: bool, beside: str = "") -> Neighbours:
    """The new package is put after ``beside``, by default after the last phase or the first service.

    Raises InvalidInput (exit 3) in a repository without the layout that a new package needs.
    """
    alike = [package for package in every if package.is_phase == is_phase]
    if not alike or not (root / "VERSION.py").is_file():
        hint = "see CONTRIBUTING.md for a distribution of your own"
        raise InvalidInput(f"{root}: no package of that kind beside a VERSION.py", hint, "E337")
    sibling = find_package(alike, beside) if beside else alike[-1 if is_phase else 0]
    return Neighbours(every, sibling)


def require_free(every: Sequence[Package], names: dict[str, str]) -> None:
    """Raises InvalidInput (exit 3) when a package has one of these names already: ``{"doc_scope": "P8", ...}``."""
    for package in every:
        told = {**package.manifest, "command": package.command}
        for key, name in names.items():
            if name and told[key] == name:
                raise InvalidInput(f"{key} {name} is that of {package.id}", "choose another", "E335")


def place_package(draft: Draft, name: str, distribution: str, neighbours: Neighbours) -> None:
    """Let the root install, test and place the package; each setting only where the root has it."""
    sibling, package = neighbours.sibling, name.lower()
    text = draft.text(PYPROJECT)
    old = sibling.manifest
    _require_member(text, name)
    _after(
        draft,
        rf'^(  "{re.escape(old["distribution"])}(?:\[[\w,-]+\])? @ \{{root:uri\}}/{sibling.id}",\n)',
        rf'\g<1>  "{distribution} @ {{root:uri}}/{name}",\n',
        lambda raw: _into(raw["project"]["dependencies"], f"/{sibling.id}", f"{distribution} @ {{root:uri}}/{name}"),
        f'"{distribution} @ {{root:uri}}/{name}" under [project] dependencies',
    )
    _after(
        draft,
        rf'^(testpaths = \[.*"{sibling.id}/tests")',
        rf'\g<1>, "{name}/tests"',
        lambda raw: _into(raw["tool"]["pytest"]["ini_options"]["testpaths"], f"{sibling.id}/tests", f"{name}/tests"),
        f'"{name}/tests" under [tool.pytest.ini_options] testpaths',
    )
    if "[tool.importlinter]" in text:
        _place_floor(draft, old["import_package"], package)


def _place_floor(draft: Draft, old: str, new: str) -> None:
    def layered(raw: Any) -> None:
        layers = raw["tool"]["importlinter"]["contracts"][0]["layers"]
        place = next(number for number, layer in enumerate(layers) if old in layer.split(" | "))
        names = layers[place].split(" | ")
        names.insert(names.index(old) + 1, new)
        layers[place] = " | ".join(names)

    _after(
        draft,
        rf'^(root_packages = \[.*"{old}")',
        rf'\g<1>, "{new}"',
        lambda raw: _into(raw["tool"]["importlinter"]["root_packages"], old, new),
        f'"{new}" under [tool.importlinter] root_packages',
    )
    _after(
        draft,
        rf'^(  "(?:\w+ \| )*{old})((?: \| \w+)*",)$',
        rf"\g<1> | {new}\g<2>",
        layered,
        f"{new} beside {old} in the layers of [[tool.importlinter.contracts]]",
    )


def _after(draft: Draft, pattern: str, replacement: str, change: Callable[[Any], None], mend: str) -> None:
    def expect(raw: Any) -> Any:
        change(raw)
        return raw

    edit_toml(draft, PYPROJECT, pattern, replacement, expect, mend)


def _into(entries: list[str], old: str, new: str) -> None:
    place = next(number for number, entry in enumerate(entries) if entry.endswith(old))
    entries.insert(place + 1, new)


def _require_member(text: str, name: str) -> None:
    try:
        environments = tomllib.loads(text).get("tool", {}).get("hatch", {}).get("envs", {})
    except (ValueError, RecursionError) as fault:
        raise InvalidInput(f"{PYPROJECT}: not TOML: {fault!s:.200}", "mend the file", "E305") from None
    globs = [glob for one in environments.values() for glob in one.get("workspace", {}).get("members", [])]
    if globs and not any(fnmatchcase(name, glob) for glob in globs):
        raise InvalidInput(f"{name} is no member of the workspace: {', '.join(sorted(set(globs)))}", "", "E334")


def route_scope(draft: Draft, scope: str, folder: str, module: str, after: str) -> None:
    """Let document ids of the new scope be routed; it stands below the scope ``after``."""
    entry = {"folder": f"{folder}/", "modules": {module[:4]: f"modules/{module}/"}}

    def change(routing: Any) -> None:
        scopes = {}
        for code, table in routing["scopes"].items():
            scopes[code] = table
            if code == after:
                scopes[scope] = entry
        routing["scopes"] = {**scopes, scope: entry}

    path = routing_file(draft.root)
    if (draft.root / path).is_file():
        edit_json(draft, path, change, f'"{scope}": {entry} under /scopes')
