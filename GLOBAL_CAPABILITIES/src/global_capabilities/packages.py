"""The packages of a repository or of this installation, read from their manifests and contracts."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from difflib import get_close_matches
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any

from global_util.errors import InvalidInput
from global_util.package_data import data_path

from global_capabilities.files import read_text, why
from global_capabilities.shape import Fault, shape_faults

MANIFESTS = ("phase.manifest.json", "service.manifest.json")
CONTRACTS = "phase.contracts.json"
GROUP = "pipeline.manifests"
"""Entry points of installed packages: the manifest's file name, and the import package that ships it."""
_FOLDER = re.compile(r"PH[0-9]+_[A-Z0-9_]+|GLOBAL_[A-Z0-9_]+")
_NO_PACKAGE = (
    f"packages are folders with {' or '.join(MANIFESTS)}; name their repository with --repo DIR; "
    "for a package of your own see CONTRIBUTING.md, 'A phase of your own'"
)


@dataclass(frozen=True)
class Package:
    """A phase or service as it describes itself. ``folder`` is where its manifest lies."""

    folder: Path
    manifest_file: str
    manifest: dict[str, Any]
    contracts: dict[str, Any] = field(default_factory=dict)

    @property
    def id(self) -> str:
        """``PH2_EXECUTION_ENGINE``; the folder's name when the manifest does not say."""
        return str(self.manifest.get("id") or self.folder.name)

    @property
    def manifest_path(self) -> Path:
        """Where the manifest lies."""
        return self.folder / self.manifest_file

    @property
    def contracts_path(self) -> Path:
        """Where a phase's contracts lie."""
        return self.folder / CONTRACTS

    @property
    def is_phase(self) -> bool:
        """Phases stand on the line and have contracts, services do not."""
        return self.manifest_file == MANIFESTS[0]

    @property
    def command(self) -> str:
        """The command that it installs, or an empty string."""
        cli = self.manifest["cli"]
        return str(cli["command"]) if cli else ""

    def facts(self) -> list[tuple[str, str]]:
        """What people want to know, as labels and texts."""
        manifest = self.manifest
        return [
            ("id", self.id),
            ("role", manifest["role"]),
            ("owner", manifest["owner"]),
            ("distribution", manifest["distribution"]),
            ("command", self.command or "none"),
            ("reads", ", ".join(self.consumes()) or "no artifact"),
            ("writes", ", ".join(self.produces()) or "no artifact"),
            ("modules", ", ".join(module["id"] for module in manifest["modules"])),
            ("configuration", ", ".join(manifest["config_keys"]) or "none"),
        ]

    def consumes(self) -> list[str]:
        """Schema ids that it reads."""
        return schema_ids(self.contracts, "consumes")

    def produces(self) -> list[str]:
        """Schema ids that it writes."""
        return schema_ids(self.contracts, "produces")


def schema_ids(contracts: dict[str, Any], side: str) -> list[str]:
    """``phase_plan.v1`` and so on, of one side of a contracts file."""
    return [f"{entry['schema']}.{entry['version']}" for entry in contracts.get(side, [])]


def package_folders(root: Path) -> list[Path]:
    """The folders of a repository that are a package, by name or by manifest, sorted. Raises InvalidInput for none.

    A link to a folder is none: what is written below it would end up elsewhere.
    """
    found = [folder for folder in _candidates(root) if not folder.is_symlink()]
    if not found:
        raise InvalidInput(f"{root}: no package here", _NO_PACKAGE, "E331")
    return found


def linked_folders(root: Path) -> list[Path]:
    """Links that would be packages if they were folders, sorted."""
    return [folder for folder in _candidates(root) if folder.is_symlink()]


def _candidates(root: Path) -> list[Path]:
    entries = root.iterdir() if root.is_dir() else ()
    folders = [entry for entry in entries if entry.is_dir() and not entry.name.startswith(".")]
    return sorted(folder for folder in folders if _FOLDER.fullmatch(folder.name) or _manifest_file(folder))


def read_package(folder: Path) -> Package:
    """One package as it describes itself, its shape not yet judged. Raises InvalidInput (exit 3) for what is not JSON."""
    name = _manifest_file(folder)
    if not name:
        raise InvalidInput(
            f"{folder.name}: no {' or '.join(MANIFESTS)}", "write one; see GLOBAL_CAPABILITIES/schema", "E330"
        )
    contracts = read_json(folder / CONTRACTS) if name == MANIFESTS[0] else {}
    return Package(folder, name, read_json(folder / name), contracts)


def faults(package: Package) -> list[Fault]:
    """Where its manifest or contracts lack the published shape."""
    found = list(shape_faults(package.folder / package.manifest_file, package.manifest))
    return found + list(shape_faults(package.folder / CONTRACTS, package.contracts)) if package.is_phase else found


def read_repository(root: Path) -> list[Package]:
    """All packages of a repository, phases first. Raises InvalidInput (exit 3) when there are none, or one is malformed."""
    return _sound(map(read_package, package_folders(root)))


def read_installation() -> list[Package]:
    """All packages that are installed and have a manifest, phases first. Raises InvalidInput for a malformed one."""
    places = (data_path(entry.value, entry.name).resolve() for entry in entry_points(group=GROUP))
    return _sound(read_package(place.parent) for place in places)


def _sound(packages: Iterable[Package]) -> list[Package]:
    found = sorted(packages, key=lambda package: (not package.is_phase, package.id))
    for fault in (fault for package in found for fault in faults(package)):
        place = f"{fault.path.parent.name}/{fault.path.name}"
        raise InvalidInput(f"{place}: {fault.what}", f"see {fault.schema}, or run capabilities check", "E332")
    return found


def package_names(packages: Sequence[Package]) -> dict[str, Package]:
    """Every package by its id, its command and its distribution."""
    keys = ((key, one) for one in packages for key in (one.id, one.command, one.manifest["distribution"]))
    return {key: package for key, package in keys if key}


def find_package(packages: Sequence[Package], name: str) -> Package:
    """The package with this id, command or distribution. Raises InvalidInput (exit 3) for an unknown name."""
    names = package_names(packages)
    if name not in names:
        near = get_close_matches(name, sorted(names), n=1)
        hint = f"did you mean {near[0]}?" if near else "see capabilities list"
        raise InvalidInput(f"{name!r} is no known package", hint, "E333")
    return names[name]


def read_json(path: Path) -> dict[str, Any]:
    """A JSON object from a file. Raises InvalidInput (exit 3) with the file's place."""
    place = f"{path.parent.name}/{path.name}"
    try:
        raw = json.loads(read_text(path))
    except FileNotFoundError:
        raise InvalidInput(f"{place}: missing", "write it", "E330") from None
    except (OSError, ValueError, RecursionError) as fault:
        raise InvalidInput(f"{place}: not readable as JSON: {why(fault)}", "mend the file", "E330") from None
    if not isinstance(raw, dict):
        raise InvalidInput(f"{place}: not a JSON object", "mend the file", "E330")
    return raw


def _manifest_file(folder: Path) -> str:
    return next((name for name in MANIFESTS if (folder / name).is_file()), "")
