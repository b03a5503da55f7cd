"""Each module has its seven documents with front matter, each package the documents its manifest names; none is empty."""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

from global_util.files import read_regular

from global_capabilities.checks.finding import Finding, Repository, line_with
from global_capabilities.checks.pyproject import read_project
from global_capabilities.files import text_or_nothing, why
from global_capabilities.packages import Package

SUITE = (
    "MOD_SPEC.md",
    "MOD_CONTRACTS.md",
    "MOD_DESIGN.md",
    "MOD_TEST_PLAN.md",
    "MOD_OPERATIONS.md",
    "MOD_CHANGELOG.md",
    "MOD_DELIVERABLES.md",
)
"""What every module documents, in the order of their numbers."""

STATUSES = ("draft", "active", "deprecated")
_KEYS = ("doc_id", "module", "status", "version")
_VERSION = re.compile(r"\d+(\.\d+)*")


def validate(repository: Repository) -> Iterator[Finding]:
    """Declared modules and documents are there, and no module folder or document is undeclared."""
    for package in repository.packages:
        version = read_project(package).version
        for number, module in enumerate(package.manifest["modules"]):
            if module["docs"] != f"modules/{module['id']}/docs/":
                mend = f"write modules/{module['id']}/docs/"
                yield repository.manifest(package, f"/modules/{number}/docs", "is not the module's folder", mend)
            folder = package.folder / "modules" / module["id"] / "docs"
            for name in SUITE:
                yield from _judge(repository, folder / name)
                yield from _front(repository, folder / name, module["id"], version)
        for name in package.manifest["key_artifacts"]["docs"]:
            yield from _judge(repository, package.folder / "docs" / name)
        yield from _undeclared(repository, package)


def body_lines(text: str) -> list[str]:
    """What a document says: its lines without front matter, headings, comments and blank lines."""
    lines = text.splitlines()
    if lines[:1] == ["---"] and "---" in lines[1:]:
        lines = lines[lines.index("---", 1) + 1 :]
    return [line for line in map(str.strip, lines) if line and not line.startswith(("#", "<!--"))]


def front_matter(text: str) -> dict[str, str]:
    """``key: value`` lines between the first line ``---`` and the next one; empty without them."""
    lines = text.splitlines()
    if lines[:1] != ["---"] or "---" not in lines[1:]:
        return {}
    pairs = (line.partition(":") for line in lines[1 : lines.index("---", 1)] if ":" in line)
    return {key.strip(): value.strip().strip("\"'") for key, _, value in pairs}


def _judge(repository: Repository, path: Path) -> Iterator[Finding]:
    if not path.is_file():
        yield repository.finding(path, "missing", "write it; short and true is enough")
        return
    try:
        text = read_regular(path).decode("utf-8", "replace")
    except OSError as fault:
        yield repository.finding(path, f"not readable: {why(fault)}", "put a readable document here")
        return
    if not body_lines(text):
        yield repository.finding(path, "says nothing below its headings", "write what is true")
        return
    for line, heading in empty_sections(text):
        mend = "write what is true, or take the heading out"
        yield repository.finding(path, f"{heading!r} has nothing below it", mend, line)


def empty_sections(text: str) -> list[tuple[int, str]]:
    """Headings, with their lines, that are followed by nothing: no text, and no heading of a lower level."""
    marks: list[tuple[int, int, str]] = []
    fenced, said = False, set()
    for number, line in enumerate(text.splitlines(), 1):
        if line.lstrip().startswith(("```", "~~~")):
            fenced = not fenced
        found = None if fenced else re.match(r"(#{1,6})\s+(.*)", line)
        if found:
            marks.append((number, len(found[1]), found[2].strip()))
        elif marks and line.strip() and not line.strip().startswith("<!--"):
            said.add(len(marks) - 1)
    following = [*(after[1] for _, after in pairwise(marks)), 0]
    return [
        (number, heading)
        for place, ((number, level, heading), after) in enumerate(zip(marks, following, strict=False))
        if place not in said and after <= level
    ]


def _front(repository: Repository, path: Path, module: str, version: str) -> Iterator[Finding]:
    if path.is_symlink() or not path.is_file():
        return
    front = front_matter(text_or_nothing(path))
    for key in _KEYS:
        if not front.get(key):
            example = {"doc_id": "doc-id mint gives one", "module": module, "status": "draft", "version": version}
            yield repository.finding(path, f"front matter: no {key}", f"write {key}: {example[key]}")
    wrong = {
        "module": (front.get("module") != module, f"write {module}, the folder's name"),
        "status": (front.get("status") not in STATUSES, f"write one of {', '.join(STATUSES)}"),
        "version": (
            not _not_later(front.get("version", ""), version),
            f"name the version that it was updated for, at most {version}",
        ),
    }
    for key, (is_wrong, mend) in wrong.items():
        if front.get(key) and is_wrong:
            what = f"front matter: {key} is {front[key]}"
            yield repository.finding(path, what, mend, line_with(path, f"{key}:"))


def _not_later(said: str, version: str) -> bool:
    one, other = _VERSION.match(said), _VERSION.match(version)
    if one is None:
        return False
    return other is None or [*map(int, one[0].split("."))] <= [*map(int, other[0].split("."))]


def _undeclared(repository: Repository, package: Package) -> Iterator[Finding]:
    declared = {module["id"] for module in package.manifest["modules"]}
    for folder in sorted(package.folder.glob("modules/*/")):
        if folder.name not in declared:
            yield repository.finding(folder, "is no module of the manifest", f"declare it in {package.manifest_file}")
    named = set(package.manifest["key_artifacts"]["docs"])
    for path in sorted(package.folder.glob("docs/*.md")):
        if path.name not in named:
            mend = f"list it in {package.manifest_file} under key_artifacts.docs"
            yield repository.finding(path, "is no document of the manifest", mend)
