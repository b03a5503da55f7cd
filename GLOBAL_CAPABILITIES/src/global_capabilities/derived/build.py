"""Brings the derived blocks of a repository's documents up to date, or tells where they are not."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from global_util.files import read_regular

from global_capabilities.derived import commands, entry_points, handovers, inventory, schemas, settings
from global_capabilities.derived.blocks import Block, fill, first_difference, read_blocks
from global_capabilities.derived.fault import COMMAND, NotDerivable
from global_capabilities.files import link_in, replace, why
from global_capabilities.packages import Package, faults, package_folders, read_package

if TYPE_CHECKING:
    from global_capabilities.checks.finding import Finding

PLACES = {
    "cli": "MOD_CONTRACTS.md",
    "config": "MOD_CONTRACTS.md",
    "entry_points": "MOD_CONTRACTS.md",
    "schemas": "MOD_CONTRACTS.md",
    "deliverables": "MOD_DELIVERABLES.md",
    "tests": "MOD_TEST_PLAN.md",
}
"""Every block, and the document of a module that may hold it."""


def build(root: Path, check: bool, folders: Sequence[Path] = ()) -> list[Finding]:
    """Write the derived blocks of all modules; with ``check`` change nothing and tell each block that differs.

    ``folders`` limits it to the documents below them. What cannot be derived, and markers that make no block, are
    findings either way. A package whose manifest is malformed is passed over: ``capabilities check`` tells it.
    The commands of the packages whose documents hold a block ``cli`` are imported: their code is run.
    Raises InvalidInput (exit 3) where there is no package, EnvironmentFault (exit 4) for a document that cannot be written.
    """
    pages = read_pages(root, folders)
    told = [] if check else write_pages(root, pages)[1]
    told += [finding for page in pages for finding in (*page.findings, *(page.drift if check else ()))]
    return sorted(told)


@dataclass(frozen=True)
class Page:
    """A document with derived blocks: its text now, the text it should have, and what is wrong."""

    path: Path
    text: str
    wanted: str
    findings: tuple[Finding, ...]
    drift: tuple[Finding, ...]


def read_pages(root: Path, folders: Sequence[Path] = ()) -> list[Page]:
    """All documents that hold a marker, by path."""
    packages = tuple(_sound_packages(root))
    documents = [
        (path, package)
        for package in packages
        for path in _documents(package.folder)
        if not folders or any(folder in path.parents for folder in folders)
    ]
    asked = tuple(package for package in packages if any(owner is package for _, owner in documents))
    sources = _Sources(root, packages, asked)
    return [page for path, package in documents for page in [_read_page(path, package, sources)] if page]


def write_pages(root: Path, pages: Sequence[Page]) -> tuple[list[Path], list[Finding]]:
    """Write what differs, each document at once: the paths written, and those left since somebody else changed them.

    Raises EnvironmentFault (exit 4) for one that is read-only or cannot be written.
    """
    from global_util.errors import EnvironmentFault

    from global_capabilities.checks.finding import Finding

    written: list[Path] = []
    left: list[Finding] = []
    for page in [page for page in pages if page.wanted != page.text]:
        name = page.path.relative_to(root).as_posix()
        try:
            if not link_in(root, page.path) and replace(page.path, page.text.encode(), page.wanted.encode()):
                written.append(page.path)
            else:
                left.append(Finding(name, 1, "changed meanwhile", "run again"))
        except FileNotFoundError:
            left.append(Finding(name, 1, "is gone meanwhile", "run again"))
        except OSError as fault:
            raise EnvironmentFault(f"{name}: cannot be written: {why(fault)}", "make it writable", "E481") from None
    return written, left


@dataclass(frozen=True)
class _Sources:
    """What blocks are derived from. The command trees of the packages ``asked`` are read once, and only when a document asks for them."""

    root: Path
    packages: tuple[Package, ...]
    asked: tuple[Package, ...]

    @cached_property
    def trees(self) -> dict[str, commands.Tree | str]:
        return commands.read_trees(self.packages, self.asked)

    def derive(self, name: str, package: Package) -> str:
        ways: dict[str, Callable[[], str]] = {
            "cli": lambda: commands.reference(package, self.trees),
            "config": lambda: settings.reference(package, self.packages),
            "entry_points": lambda: entry_points.reference(package),
            "schemas": lambda: schemas.reference(package),
            "deliverables": lambda: handovers.reference(package, self.packages),
            "tests": lambda: inventory.reference(package),
        }
        return ways[name]()


def _sound_packages(root: Path) -> Iterator[Package]:
    from global_util.errors import InvalidInput

    for folder in package_folders(root):
        try:
            package = read_package(folder)
        except InvalidInput:
            continue
        if not faults(package):
            yield package


def _documents(folder: Path) -> list[Path]:
    found = [*folder.glob("modules/*/docs/*.md"), *folder.glob("*.md")]
    found += [] if (folder / "docs").is_symlink() else folder.glob("docs/**/*.md")
    return sorted(path for path in found if path.is_file())


def _read_page(path: Path, package: Package, sources: _Sources) -> Page | None:
    link = link_in(sources.root, path)
    try:
        content = read_regular(Path(os.path.realpath(path)) if link else path)
    except OSError as fault:
        return Page(path, "", "", (_finding(sources, path, 1, f"not readable: {why(fault)}", "put it right"),), ())
    if b"derived" not in content:
        return None
    if link:
        return _behind_link(path, link, content, sources)
    try:
        text = content.decode("utf-8")
    except UnicodeDecodeError:
        return Page(path, "", "", (_finding(sources, path, 1, "not UTF-8", "save it as UTF-8"),), ())
    blocks, faults = read_blocks(text)
    findings = [_finding(sources, path, fault.line, fault.what, fault.mend) for fault in faults]
    contents: dict[str, str] = {}
    for block in blocks:
        findings += _derive_into(contents, block, path, package, sources)
    if not blocks and not findings:
        return None
    if faults:
        return Page(path, text, text, tuple(findings), ())
    drift = [
        _drift(sources, path, block, text, contents[block.name]) for block in blocks if _differs(block, text, contents)
    ]
    return Page(path, text, fill(text, blocks, contents), tuple(findings), tuple(drift))


def _behind_link(path: Path, link: str, content: bytes, sources: _Sources) -> Page | None:
    """What lies elsewhere is never written."""
    if not read_blocks(content.decode("utf-8", "replace"))[0]:
        return None
    is_own = sources.root / link == path
    what = "is a link" if is_own else f"lies behind the link {link}"
    return Page(path, "", "", (_finding(sources, path, 1, f"{what}, and is not written through", "put it here"),), ())


def _derive_into(
    contents: dict[str, str], block: Block, path: Path, package: Package, sources: _Sources
) -> Iterator[Finding]:
    place = PLACES.get(block.name)
    if place is None:
        known = ", ".join(sorted(PLACES))
        yield _finding(sources, path, block.first + 1, f"no block is called {block.name!r}", f"name one of: {known}")
    elif path.name != place or path.parent.parent.parent.name != "modules":
        mend = f"move it to {place} of a module, or take it out"
        yield _finding(sources, path, block.first + 1, f"block {block.name!r} belongs in {place}", mend)
    else:
        try:
            contents[block.name] = sources.derive(block.name, package)
        except NotDerivable as fault:
            what = f"block {block.name!r} is not derivable: {fault.what}"
            yield _finding(sources, path, block.first + 1, what, fault.mend)


def _differs(block: Block, text: str, contents: dict[str, str]) -> bool:
    return block.name in contents and fill(text, [block], contents) != text


def _drift(sources: _Sources, path: Path, block: Block, text: str, content: str) -> Finding:
    line, there, wanted = first_difference(text, fill(text, [block], {block.name: content}))
    what = f"block {block.name!r} drifted: {there!r:.100} is there, {wanted!r:.100} is derived"
    return _finding(sources, path, line, what, f"mend with: {COMMAND}")


def _finding(sources: _Sources, path: Path, line: int, what: str, mend: str) -> Finding:
    from global_capabilities.checks.finding import Finding

    return Finding(path.relative_to(sources.root).as_posix(), line, what, mend)
