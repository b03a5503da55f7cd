"""Tasks as a tree: which lines are tasks, what belongs to each, and what belongs to none."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from ph0_planning.files import Document
from ph0_planning.findings import NoteKind
from ph0_planning.markdown import Heading, headings, indent, label, list_text

MAX_TASK = 8_000
"""Longest text of one task, in characters."""


@dataclass(eq=False)
class Task:
    """One task line. ``details`` are the lines that belong to it, ``above`` the headings over it, outermost first."""

    line: int
    text: str
    done: bool = False
    id: str = ""
    ordinal: int = 0
    """Place among all tasks of its group, done ones included; stays the same while tasks are ticked."""
    indent: int = 0
    labels: tuple[str, ...] = ()
    remark: tuple[NoteKind, str] | None = None
    """Why it was read otherwise than it stands, as a note."""
    parent: Task | None = None
    details: list[str] = field(default_factory=list)
    above: tuple[Heading, ...] = ()

    @property
    def full_text(self) -> str:
        """The task as a tool should read it: what it is a part of, its text, its details."""
        heads = [self.parent.text] if self.parent else []
        while self.details and not self.details[-1].strip():
            self.details.pop()
        margin = min((indent(line) for line in self.details if line.strip()), default=0)
        body = [line[min(margin, len(line) - len(line.lstrip())) :].rstrip() for line in self.details]
        return "\n".join([" > ".join([*heads, self.text]), *body])[:MAX_TASK].rstrip()

    @property
    def statement(self) -> str:
        """The task's own sentence: its line without the id, and the lines that it is wrapped over."""
        wrapped = itertools.takewhile(lambda line: line.strip() and list_text(line) is None, self.details)
        return " ".join([self.text.removeprefix(self.id).strip(), *(line.strip() for line in wrapped)])


@dataclass(frozen=True)
class Outline:
    """All tasks in order; ``loose`` lines look like list items and belong to no task, ``owners`` says whose detail a line is."""

    tasks: tuple[Task, ...]
    loose: frozenset[int]
    owners: Mapping[int, Task]


Classify = Callable[[int, str, tuple[Heading, ...]], Task | None]
"""Is this line (number from 1, text, headings above) a task?"""


def outline(document: Document, classify: Classify) -> Outline:
    """Find the tasks of a document. A task ends at a heading, at the next task, or at text that is indented less."""
    builder = _Builder()
    titles = {heading.line: heading for heading in headings(document.lines, document.fenced)}
    above: tuple[Heading, ...] = ()
    for number, line in enumerate(document.lines, 1):
        if heading := titles.get(number):
            above = (*(outer for outer in above if outer.level < heading.level), heading)
            builder.close()
        task = classify(number, line, above)
        if task is not None:
            task.above = above
            builder.open(task)
        elif heading is None:
            builder.take(number, line, document.fenced[number - 1])
    return Outline(tuple(builder.tasks), frozenset(builder.loose), builder.owners)


class _Builder:
    def __init__(self) -> None:
        self.tasks: list[Task] = []
        self.loose: list[int] = []
        self.owners: dict[int, Task] = {}
        self._stack: list[Task] = []
        self._blank_before = False

    def close(self) -> None:
        self._stack.clear()

    def open(self, task: Task) -> None:
        self._leave(task.indent)
        task.parent = self._stack[-1] if self._stack else None
        self._stack.append(task)
        self.tasks.append(task)
        self._blank_before = False

    def take(self, number: int, line: str, is_fenced: bool) -> None:
        if not line.strip():
            self._blank_before = True
            if self._stack:
                self._stack[-1].details.append("")
            return
        wraps = bool(self._stack) and not self._blank_before and _is_prose(line) and not is_fenced
        if not wraps and not (is_fenced and self._stack):
            self._leave(indent(line))
        if self._stack:
            self._stack[-1].details.append(line)
            self.owners[number] = self._stack[-1]
        elif not is_fenced and list_text(line) is not None:
            self.loose.append(number)
        self._blank_before = False

    def _leave(self, depth: int) -> None:
        while self._stack and self._stack[-1].indent >= depth:
            self._stack.pop()


def _is_prose(line: str) -> bool:
    return (
        list_text(line) is None
        and label(line) is None
        and not line.lstrip().startswith(("<", "|", ">", "**", "---", "***"))
    )


def open_tasks(tasks: Sequence[Task]) -> list[Task]:
    """The tasks that are still to be done and say what."""
    return [task for task in tasks if not task.done and (task.text or "".join(task.details).strip())]
