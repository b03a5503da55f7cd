"""What a check looks at, and what it reports."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from global_util.errors import InvalidInput

from global_capabilities.files import text_or_nothing
from global_capabilities.json_lines import pointer_lines
from global_capabilities.packages import Package, faults, linked_folders, package_folders, read_package

_ESCAPES = {ord("%"): "%25", ord("\r"): "%0D", ord("\n"): "%0A"}


@dataclass(frozen=True, order=True)
class Finding:
    """What is wrong in which line of which file, and how to mend it. ``file`` is relative to the repository."""

    file: str
    line: int
    what: str
    mend: str

    def __str__(self) -> str:
        return f"{self.file}:{self.line}: {self.what}; {self.mend}"

    def annotation(self) -> str:
        """As a workflow command of GitHub, which shows it at the line."""
        place = self.file.translate(_ESCAPES | {ord(":"): "%3A", ord(","): "%2C"})
        return f"::error file={place},line={self.line}::{f'{self.what}; {self.mend}'.translate(_ESCAPES)}"


@dataclass(frozen=True)
class Repository:
    """A repository with the packages whose manifests could be read."""

    root: Path
    packages: tuple[Package, ...]

    def name(self, path: Path) -> str:
        """A path as it is told: relative to the repository, with slashes."""
        return path.relative_to(self.root).as_posix()

    def finding(self, path: Path, what: str, mend: str, line: int = 1) -> Finding:
        """A finding in a file of this repository."""
        return Finding(self.name(path), line, what, mend)

    def at(self, path: Path, pointer: str, what: str, mend: str) -> Finding:
        """A finding at a JSON pointer of a JSON file; the line is that of the pointer, or of what is nearest above it."""
        return self.finding(path, f"{pointer or '/'}: {what}", mend, line_at(path, pointer))

    def manifest(self, package: Package, pointer: str, what: str, mend: str) -> Finding:
        """A finding in a package's manifest."""
        return self.at(package.manifest_path, pointer, what, mend)


def line_at(path: Path, pointer: str) -> int:
    """The line of a pointer in a JSON file, or of the nearest place above it; 1 when that cannot be told."""
    try:
        lines = _lines(path, path.stat().st_mtime_ns)
    except OSError:
        return 1
    while pointer not in lines and pointer:
        pointer = pointer.rpartition("/")[0]
    return lines.get(pointer, 1)


@lru_cache(maxsize=64)
def _lines(path: Path, changed: int) -> dict[str, int]:
    del changed
    return pointer_lines(text_or_nothing(path))


def line_with(path: Path, text: str, after: str = "") -> int:
    """The first line that holds ``text``, at or below the first one that holds ``after``; 1 when there is none."""
    lines = text_or_nothing(path).splitlines()
    start = next((number for number, line in enumerate(lines) if after in line), 0)
    return next((number for number, line in enumerate(lines[start:], start + 1) if text in line), 1)


def open_repository(root: Path) -> tuple[Repository, list[Finding]]:
    """Read all packages; one that is unreadable or malformed becomes findings, and is not judged any further."""
    sound: list[Package] = []
    findings = [
        Finding(link.name, 1, "is a link, and no package", "put the folder here") for link in linked_folders(root)
    ]
    for folder in package_folders(root):
        try:
            package = read_package(folder)
        except InvalidInput as fault:
            file, _, what = fault.message.partition(": ")
            findings.append(Finding(file, _line_told(what), what, fault.hint))
            continue
        wrong = [
            Finding(
                fault.path.relative_to(root).as_posix(),
                line_at(fault.path, fault.pointer),
                fault.what,
                f"see {fault.schema}",
            )
            for fault in faults(package)
        ]
        findings += wrong
        sound += [] if wrong else [package]
    return Repository(root, tuple(sound)), findings


def _line_told(what: str) -> int:
    """The line that the JSON reader named in its message."""
    _, _, rest = what.partition(": line ")
    number = rest.partition(" ")[0]
    return int(number) if number.isdecimal() else 1
