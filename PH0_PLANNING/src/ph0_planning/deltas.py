"""OpenSpec delta files: the requirements that a change adds, modifies, removes or renames."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from ph0_planning.files import Document
from ph0_planning.markdown import fence_mask

_SECTION = re.compile(r"##\s+(.+)")
_KIND = re.compile(r"(?i)(added|modified|removed|renamed) requirements")
_REQUIREMENT = re.compile(r"(?i)###\s*Requirement:\s*(\S.*)")
_LISTED = re.compile(r"\s*[-*+]\s*`?###\s*Requirement:\s*(\S.*)")
_RENAME = re.compile(r"(?:[-*+]\s*)?(FROM|TO):\s*`?###\s*Requirement:\s*(\S.*)")
_SCENARIO = re.compile(r"####\s+(.*)")
_METADATA = re.compile(r"\*\*[^*]+\*\*:")


@dataclass
class Scenario:
    """A ``####`` heading and the text below it."""

    name: str
    body: list[str] = field(default_factory=list)

    @property
    def is_empty(self) -> bool:
        """Is there nothing below the heading?"""
        return not "".join(self.body).strip()

    def statement(self) -> str:
        """The scenario as one line: its steps without list markers and emphasis."""
        steps = (line.strip().lstrip("-*+ ").replace("**", "").strip() for line in self.body)
        return f"{self.name}: " + " ".join(step for step in steps if step)


@dataclass
class Requirement:
    """A requirement of one delta section."""

    name: str
    line: int
    lines: list[str] = field(default_factory=list)

    @property
    def body(self) -> str:
        """The statement itself: lines up to the next heading; ``**Key**: value`` lines only when there is nothing else."""
        plain: list[str] = []
        metadata: list[str] = []
        for line, is_fenced in zip(self.lines, fence_mask(self.lines), strict=True):
            if is_fenced or not line.strip():
                continue
            if re.match(r"#{1,6}\s", line):
                break
            (metadata if _METADATA.match(line.strip()) else plain).append(line.strip())
        return "\n".join(plain or metadata)

    @property
    def scenarios(self) -> list[Scenario]:
        """Every scenario with its text, empty ones included."""
        found: list[Scenario] = []
        is_open = False
        for line, is_fenced in zip(self.lines, fence_mask(self.lines), strict=True):
            heading = None if is_fenced else _SCENARIO.match(line)
            if heading:
                found.append(Scenario(_scenario_name(heading[1])))
                is_open = True
            elif not is_fenced and re.match(r"#{1,3}\s", line):
                is_open = False
            elif is_open:
                found[-1].body.append(line)
        return found


@dataclass
class Delta:
    """What one delta file says."""

    document: Document
    sections: set[str] = field(default_factory=set)
    added: list[Requirement] = field(default_factory=list)
    modified: list[Requirement] = field(default_factory=list)
    removed: list[Requirement] = field(default_factory=list)
    renamed: list[tuple[str, str]] = field(default_factory=list)
    unpaired: list[tuple[str, str, int]] = field(default_factory=list)
    """``FROM`` or ``TO`` without its partner: side, name, line."""
    orphans: list[int] = field(default_factory=list)
    """Lines of requirements outside of every delta section."""
    strays: list[int] = field(default_factory=list)
    """Lines of other third-level headings inside one."""

    @property
    def count(self) -> int:
        """How many requirements it touches."""
        return len(self.added) + len(self.modified) + len(self.removed) + len(self.renamed)


def read_delta(document: Document) -> Delta:
    """Understand a delta file."""
    delta, kind = Delta(document), ""
    current: Requirement | None = None
    pending: list[tuple[str, int]] = []
    for number, line in enumerate(document.lines, 1):
        is_fenced = document.fenced[number - 1]
        if not is_fenced and (section := _SECTION.match(line)):
            found = _KIND.fullmatch(section[1].strip())
            kind, current = (found[1].lower() if found else ""), None
            delta.sections |= {kind} - {""}
        elif not is_fenced and (named := _REQUIREMENT.match(line)):
            current = _take_requirement(delta, kind, Requirement(requirement_name(named[1]), number))
        elif not is_fenced and kind == "removed" and (listed := _LISTED.match(line)):
            delta.removed.append(Requirement(requirement_name(listed[1]), number))
        elif not is_fenced and kind == "renamed" and (renaming := _RENAME.match(line.lstrip())):
            _take_rename(delta, pending, renaming[1], requirement_name(renaming[2]), number)
        else:
            if not is_fenced and kind in ("added", "modified") and re.match(r"###\s", line):
                delta.strays.append(number)
            if current is not None:
                current.lines.append(line)
    delta.unpaired += [("FROM", name, line) for name, line in pending]
    return delta


def main_requirements(document: Document) -> dict[str, Requirement]:
    """The requirements of a main spec, by name."""
    found: dict[str, Requirement] = {}
    current: Requirement | None = None
    is_inside = False
    for number, line in enumerate(document.lines, 1):
        is_fenced = document.fenced[number - 1]
        if not is_fenced and (section := _SECTION.match(line)):
            is_inside, current = section[1].strip().lower() == "requirements", None
        elif not is_fenced and is_inside and (named := _REQUIREMENT.match(line)):
            current = Requirement(requirement_name(named[1]), number)
            found[current.name] = current
        elif current is not None:
            current.lines.append(line)
    return found


def requirement_name(text: str) -> str:
    """A requirement's name without closing marks."""
    return re.sub(r"[ \t]#+$", "", text.strip().rstrip("`").strip()).strip()


def _scenario_name(text: str) -> str:
    return re.sub(r"(?i)^scenario:\s*", "", requirement_name(text)).strip()


def _take_requirement(delta: Delta, kind: str, requirement: Requirement) -> Requirement | None:
    place = {"added": delta.added, "modified": delta.modified, "removed": delta.removed}.get(kind)
    if place is None:
        if not kind:
            delta.orphans.append(requirement.line)
        return None
    place.append(requirement)
    return requirement


def _take_rename(delta: Delta, pending: list[tuple[str, int]], side: str, name: str, line: int) -> None:
    if side == "FROM":
        delta.unpaired += [("FROM", *left) for left in pending]
        pending[:] = [(name, line)]
    elif pending:
        delta.renamed.append((pending.pop()[0], name))
    else:
        delta.unpaired.append(("TO", name, line))
