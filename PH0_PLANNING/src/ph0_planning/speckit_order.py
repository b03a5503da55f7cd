"""What the text of a spec-kit tasks.md adds to the order of its phases."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from ph0_planning.files import Document
from ph0_planning.findings import Findings
from ph0_planning.markdown import headings, list_text
from ph0_planning.ordering import Order
from ph0_planning.outline import Task, open_tasks
from ph0_planning.speckit_lines import Precedence, Reference, inline_precedence, phase_of, precedences


@dataclass
class Unit:
    """The workstreams made of one phase, or of one story of it."""

    phase: str
    title: str
    story: str
    tasks: list[Task]
    workstreams: list[tuple[str, list[Task]]]
    """Ids, each with its open tasks."""


class TextOrder:
    """Applies statements about order to workstreams; what contradicts the order of the phases becomes a question."""

    def __init__(self, document: Document, units: Iterable[Unit], order: Order, findings: Findings) -> None:
        self._document, self._units = document, list(units)
        self._order, self._findings = order, findings
        self._home = {
            task.id: name for unit in self._units for name, tasks in unit.workstreams for task in tasks if task.id
        }

    def apply(self) -> None:
        """Read the tasks' own words and the dependencies sections."""
        for unit in self._units:
            for task in open_tasks(unit.tasks):
                self._add_all(inline_precedence(task), task.line)
        self._read_sections()

    def _read_sections(self) -> None:
        titles = {heading.line: heading for heading in headings(self._document.lines, self._document.fenced)}
        outer, is_free, is_graph = "", False, False
        level = 0
        for number, line in enumerate(self._document.lines, 1):
            if heading := titles.get(number):
                if heading.level <= level or not outer:
                    is_about_order = "dependenc" in heading.title.lower() and phase_of(heading) is None
                    outer, level = heading.title if is_about_order else "", heading.level
                is_free = "parallel" in heading.title.lower()
            elif outer and not is_free:
                is_graph = self._read_line(number, line, is_graph)

    def _read_line(self, number: int, line: str, is_graph: bool) -> bool:
        text = line.strip()
        if self._document.fenced[number - 1]:
            if text.startswith(("```", "~~~")):
                is_graph = "mermaid" in text
                if not is_graph and self._opens(number):
                    self._findings.note(
                        "not_understood", self._document, number, "a drawing of dependencies that is not read"
                    )
            elif is_graph:
                self._add_all(precedences(text) or [], number)
            return is_graph
        said = precedences(text)
        if said is None and list_text(line) is not None:
            self._findings.note("not_understood", self._document, number, "a remark on dependencies in free words")
        self._add_all(said or [], number)
        return False

    def _opens(self, number: int) -> bool:
        return number < 2 or not self._document.fenced[number - 2]

    def _add_all(self, said: Iterable[Precedence], line: int) -> None:
        for each in said:
            for later in sorted(self._named(each.later)):
                for earlier in sorted(self._named(each.earlier) - {later}):
                    if not self._order.add(later, earlier):
                        self._contradicts(later, earlier, line)

    def _contradicts(self, later: str, earlier: str, line: int) -> None:
        why = f"says that {later} waits for {earlier}, but the order is the other way round; not used"
        self._findings.note("conflict", self._document, line, why)
        question = f"The plan says both that {later} waits for {earlier} and the opposite. Which is right?"
        self._findings.ask("dependency", question, later, self._document, line)

    def _named(self, names: Iterable[Reference]) -> set[str]:
        return {workstream for name in names for workstream in self._resolved(name)}

    def _resolved(self, name: Reference) -> set[str]:
        if name.kind == "task" and not name.last:
            return {self._home[name.first]} if name.first in self._home else set()
        if name.kind == "task":
            return {self._home[task] for task in self._home if _is_in(task, name)}
        return {found for unit in self._units if _is_meant(unit, name) for found, _ in unit.workstreams}


def _is_in(task: str, name: Reference) -> bool:
    number, first, last = (_number(text) for text in (task, name.first, name.last))
    return task.startswith("T") and first <= number <= last


def _number(text: str) -> int:
    return int("".join(char for char in text if char in "0123456789") or 0)


def _is_meant(unit: Unit, name: Reference) -> bool:
    if name.kind == "story":
        return bool(unit.story) and int(name.first) <= int(unit.story) <= int(_whole(name.last or name.first))
    if name.kind == "phase":
        if name.last and name.first.isdigit() and unit.phase.isdigit():
            return int(name.first) <= int(unit.phase) <= int(_whole(name.last))
        return unit.phase == name.first
    return bool(unit.story) if name.first.endswith("stories") else name.first in unit.title.lower()


def _whole(text: str) -> str:
    return "".join(char for char in text.split(".")[0] if char in "0123456789") or "0"
