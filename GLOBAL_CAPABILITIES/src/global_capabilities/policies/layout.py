"""The module layout: package folders with a manifest, whose modules have documents of their own."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from global_capabilities.packages import MANIFESTS
from global_capabilities.policies.tree import Tree

READY_DOCUMENTS = ("MOD_SPEC.md", "MOD_CONTRACTS.md", "MOD_TEST_PLAN.md", "MOD_DELIVERABLES.md")
"""What must be there before a module is worked on, and must follow when its behaviour or outputs change."""
CONTRACTS = "MOD_CONTRACTS.md"
CHANGELOG = "MOD_CHANGELOG.md"


@dataclass(frozen=True, order=True)
class Module:
    """A module of a package. Folders end with a slash."""

    id: str
    folder: str

    def document(self, name: str) -> str:
        """The path of one of its documents."""
        return f"{self.folder}docs/{name}"


@dataclass(frozen=True, order=True)
class Package:
    """A phase or service: a folder at the root with a manifest."""

    folder: str
    modules: tuple[Module, ...]

    @property
    def tests(self) -> str:
        """The folder of its tests."""
        return f"{self.folder}tests/"

    def is_source(self, path: str) -> bool:
        """Is it code of this package?"""
        return path.startswith(f"{self.folder}src/")

    def is_schema(self, path: str) -> bool:
        """Is it a schema that this package owns? Examples of artifacts are none."""
        folder = f"{self.folder}schema/"
        return path.startswith(folder) and not path.startswith(f"{folder}examples/")

    def modules_of(self, path: str) -> tuple[Module, ...]:
        """The modules that a path belongs to: the one in whose folder it lies, else all of the package."""
        own = tuple(module for module in self.modules if path.startswith(module.folder))
        return own or (self.modules if path.startswith(self.folder) else ())


def read_layout(tree: Tree) -> tuple[Package, ...]:
    """The packages of a tree that have modules, by folder; none where the repository has another layout."""
    found = []
    for path in tree.paths:
        folder, _, name = path.partition("/")
        if name in MANIFESTS:
            modules = tuple(sorted(_modules(tree, path, f"{folder}/")))
            found += [Package(f"{folder}/", modules)] if modules else []
    return tuple(sorted({package.folder: package for package in found}.values()))


def _modules(tree: Tree, manifest: str, folder: str) -> Iterable[Module]:
    """As the manifest declares them; the folders there are, where it cannot be read."""
    try:
        names = [entry["id"] for entry in json.loads(tree.text(manifest))["modules"]]
    except (ValueError, TypeError, LookupError, RecursionError):
        names = [path.removeprefix(f"{folder}modules/").partition("/")[0] for path in tree.below(f"{folder}modules/")]
    return {Module(name, f"{folder}modules/{name}/") for name in names if isinstance(name, str) and name}


def package_of(packages: Sequence[Package], path: str) -> Package | None:
    """The package that a path lies in."""
    return next((package for package in packages if path.startswith(package.folder)), None)


def decide(setting: str, packages: Sequence[Package]) -> str:
    """``auto`` as ``module`` or ``plain``; the other words as they are."""
    return ("module" if packages else "plain") if setting == "auto" else setting
