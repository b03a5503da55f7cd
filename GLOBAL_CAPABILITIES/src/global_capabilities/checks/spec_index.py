"""The map of the specification: every requirement has one row, what a row names exists, and the count is right."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from global_util.files import read_regular

from global_capabilities.checks.finding import Finding, Repository
from global_capabilities.checks.spec_targets import Said, Targets
from global_capabilities.files import text_or_nothing, why

REQUIREMENTS = "docs/requirements"
MAP = "docs/spec_index_map.md"
COLUMNS = ("IDX", "Description", "Package", "Module", "Function/Class", "Phase", "Version", "Test", "State", "Note")
STATES = ("done", "partial", "future", "departure")
TAG = re.compile(r"IDX-[0-9]{3}-[A-Z0-9.]+-(MT|EX|AC|MP|FI|RQ)-[0-9]+")
_REQUIREMENT = re.compile(r"- \[(IDX-[^\]]*)\]\s*(.*)")
_COUNTS = re.compile(rf"{', '.join(f'{state} [0-9]+' for state in STATES)}, unmapped [0-9]+")


@dataclass(frozen=True)
class Row:
    """A row of the map: its line and its cells by column, without backquotes."""

    line: int
    cells: dict[str, str]

    @property
    def tag(self) -> str:
        """The tag of the requirement, with or without its brackets in the file."""
        return self.cells["IDX"].strip("[]")


def validate(repository: Repository) -> Iterator[Finding]:
    """Repositories without indexed requirements are not judged."""
    files = sorted((repository.root / REQUIREMENTS).glob("*.md"))
    if not files:
        return
    path = repository.root / MAP
    required: dict[str, tuple[Path, int]] = {}
    for file in files:
        yield from _collect(repository, file, required)
    if path.is_symlink() or not path.is_file():
        yield repository.finding(path, "missing, or a link", f"write a row for each tag in {REQUIREMENTS}")
        return
    rows: list[Row] = []
    yield from _rows(repository, path, rows)
    yield from _pair(repository, path, required, rows)
    targets = Targets(repository.root)
    for row in rows:
        yield from _judge(repository, path, row, targets)
    yield from _count(repository, path, rows, len(required.keys() - {row.tag for row in rows}))


def _collect(repository: Repository, path: Path, required: dict[str, tuple[Path, int]]) -> Iterator[Finding]:
    try:
        lines = read_regular(path).decode("utf-8", "replace").splitlines()
    except OSError as fault:
        yield repository.finding(path, f"not readable: {why(fault)}", "put a readable document here")
        return
    for number, line in enumerate(lines, 1):
        found = _REQUIREMENT.fullmatch(line)
        if not found:
            continue
        tag, text = found.groups()
        if not TAG.fullmatch(tag) or not text:
            yield repository.finding(path, f"[{tag}] is no requirement", "write - [IDX-000-PART-RQ-1] text", number)
        elif tag in required:
            first = required[tag]
            what = f"{tag} is given at {repository.name(first[0])}:{first[1]} already"
            yield repository.finding(path, what, "give the newer one the next free number", number)
        else:
            required[tag] = (path, number)


def _rows(repository: Repository, path: Path, rows: list[Row]) -> Iterator[Finding]:
    for number, line in enumerate(_lines(path), 1):
        if not re.match(r"\|\s*`?\[?IDX-", line):
            continue
        cells = [cell.strip().replace("`", "") for cell in line.strip().removeprefix("|").removesuffix("|").split("|")]
        if len(cells) == len(COLUMNS):
            rows.append(Row(number, dict(zip(COLUMNS, cells, strict=True))))
        else:
            what = f"{len(cells)} cells in the row of {cells[0].strip('[]')}"
            yield repository.finding(path, what, f"fill the columns {' | '.join(COLUMNS)}", number)


def _pair(
    repository: Repository, path: Path, required: dict[str, tuple[Path, int]], rows: list[Row]
) -> Iterator[Finding]:
    first: dict[str, int] = {}
    for row in rows:
        if row.tag not in required:
            mend = f"take the row out, or give the requirement in {REQUIREMENTS}"
            yield repository.finding(path, f"no requirement has the tag {row.tag}", mend, row.line)
        if row.tag in first:
            what = f"{row.tag} has a row in line {first[row.tag]} already"
            yield repository.finding(path, what, "make one of the two", row.line)
        first.setdefault(row.tag, row.line)
    for tag, (file, line) in required.items():
        if tag not in first:
            yield repository.finding(file, f"{tag} has no row in {MAP}", "say there where it is, or why not", line)


def _judge(repository: Repository, path: Path, row: Row, targets: Targets) -> Iterator[Finding]:
    cells, state = row.cells, row.cells["State"]
    faults: list[Said] = []
    if state not in STATES:
        faults.append((f"state {state!r}", f"write one of {', '.join(STATES)}"))
    elif state == "done" and "-" in (cells["Module"], cells["Test"]):
        faults.append(("done without a module and a test", "name both, or say another state"))
    elif state == "partial" and cells["Module"] == "-":
        faults.append(("partial without a module", "name what is there, or say future"))
    if state in STATES[1:] and cells["Note"] in ("", "-"):
        faults.append((f"{state} without a reason", "say in Note what is missing, or what it waits for"))
    if not re.fullmatch(r"PH-[0-9]{2}(\.[0-9]|[a-z])?", cells["Phase"]):
        faults.append((f"phase {cells['Phase']!r}", "write one of the phase plan, such as PH-04.5"))
    if not re.fullmatch(r"v[0-9]+\.[0-9]+", cells["Version"]):
        faults.append((f"version {cells['Version']!r}", "write it like v0.1"))
    names = (_listed(cells[column]) for column in ("Module", "Function/Class", "Test"))
    faults += targets.judge(cells["Package"], *names)
    for what, mend in faults:
        yield repository.finding(path, f"{row.tag}: {what}", mend, row.line)


def _count(repository: Repository, path: Path, rows: list[Row], unmapped: int) -> Iterator[Finding]:
    states = Counter(row.cells["State"] for row in rows)
    right = ", ".join([*(f"{state} {states[state]}" for state in STATES), f"unmapped {unmapped}"])
    said = next(
        ((number, found[0]) for number, line in enumerate(_lines(path), 1) if (found := _COUNTS.search(line))), None
    )
    if said is None:
        yield repository.finding(path, "no line with the counts", f"write at its top: {right}")
    elif said[1] != right:
        yield repository.finding(path, f"the counts are not right: {said[1]}", f"write: {right}", said[0])


def _listed(cell: str) -> list[str]:
    return [name for part in cell.split(",") if (name := part.strip()) not in ("", "-")]


def _lines(path: Path) -> list[str]:
    return text_or_nothing(path).splitlines()
