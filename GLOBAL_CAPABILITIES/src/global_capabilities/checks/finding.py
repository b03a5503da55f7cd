"""What a check looks at, and what it reports."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from global_util.errors import InvalidInput

from global_capabilities.packages import Package, faults, package_folders, read_package


@dataclass(frozen=True, order=True)
class Finding:
    """What is wrong in which file, and how to mend it. ``file`` is relative to the repository."""

    file: str
    what: str
    mend: str

    def __str__(self) -> str:
        return f"{self.file}: {self.what}; {self.mend}"


@dataclass(frozen=True)
class Repository:
    """A repository with the packages whose manifests could be read."""

    root: Path
    packages: tuple[Package, ...]

    def finding(self, path: Path, what: str, mend: str) -> Finding:
        """A finding in a file of this repository."""
        return Finding(path.relative_to(self.root).as_posix(), what, mend)


def open_repository(root: Path) -> tuple[Repository, list[Finding]]:
    """Read all packages; one that is unreadable or malformed becomes findings, and is not judged any further."""
    sound: list[Package] = []
    findings: list[Finding] = []
    for folder in package_folders(root):
        try:
            package = read_package(folder)
        except InvalidInput as fault:
            file, _, what = fault.message.partition(": ")
            findings.append(Finding(file, what, fault.hint))
            continue
        wrong = [
            (fault.path.relative_to(root).as_posix(), fault.what, f"see {fault.schema}") for fault in faults(package)
        ]
        findings += [Finding(*parts) for parts in wrong]
        sound += [] if wrong else [package]
    return Repository(root, tuple(sound)), findings
