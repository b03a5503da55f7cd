"""OpenSpec changes: ``openspec/changes/<id>/`` with proposal.md, tasks.md and delta specs (grammar of 1.13.2)."""

from __future__ import annotations

import itertools
import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from global_util.contracts.workstream import ContextExcerpt
from global_util.contracts.workstream_set import Plan
from global_util.plan_formats import Granularity, Reading

from ph0_planning.acceptance import described, verify_tail
from ph0_planning.deltas import Delta
from ph0_planning.drafting import MAX_EXCERPT, Draft, Drafts, Passages, excerpt
from ph0_planning.errors import PlanIncomplete
from ph0_planning.files import Document, PlanFiles
from ph0_planning.findings import Findings, shortened
from ph0_planning.markdown import SPACE, Heading, box, headings, indent, label, list_text, section, sections
from ph0_planning.openspec_rules import deltas_of, verdict
from ph0_planning.ordering import Block, Order, in_sequence
from ph0_planning.outline import Outline, Task, open_tasks, outline
from ph0_planning.scope import KnownPaths
from ph0_planning.slugs import Identifiers, slug

TASK_FILES = ("tasks.md", "task.md")
PROPOSAL_FILES = ("proposal.md", "propose.md")
MAX_LINKED = 16_000
"""How much of a file that a task links is given to the tool, in characters."""

_GROUP = re.compile(r"(\d{1,9})\.(?:\s+(.*))?$")
_WAITS = re.compile(r"(?i)\((?:after\s+(\d{1,9}(?:\s*,\s*\d{1,9})*)|independent)\)\s*$")
"""OpenSpec has no words for dependencies between groups; these two, at the end of a group's title, are ours."""
_TASK_ID = re.compile(r"(\d{1,9}(?:\.\d{1,9})+[A-Za-z]*)(?=\s|$)")
_REFERENCE = re.compile(r"(?i)\b(?:after|requires|depends on|blocked by)\s+(?:tasks?\s+)?(\d{1,9}(?:\.\d{1,9})+)")
_SPEC_LINES = re.compile(r"(?i)[-*+\s]*(?:affected specs|受影响的规范)")
_SECTIONS = {
    "why": ("why", "为什么"),
    "what": ("what changes", "变更内容"),
    "impact": ("impact", "影响"),
}


@dataclass
class Group:
    """A second-level section of tasks.md (or what stands before the first), with its tasks, done ones included."""

    number: str
    title: str
    line: int
    tasks: list[Task]
    after: tuple[str, ...] | None = None
    """Numbers of the groups that this one waits for, where its title says so."""


class OpenSpec:
    """Reads a change. A group of tasks.md is a workstream; each group waits for the one before it."""

    id = "openspec"
    title = "OpenSpec change folder"

    def recognises(self, path: Path) -> bool:
        """A folder below ``openspec/changes`` with a tasks or proposal file, or one that has both elsewhere."""
        if not path.is_dir():
            return False
        has_tasks = any((path / name).is_file() for name in TASK_FILES)
        has_proposal = any((path / name).is_file() for name in PROPOSAL_FILES)
        return (has_tasks or has_proposal) if in_changes(path) else (has_tasks and has_proposal)

    def read(self, path: Path, root: Path, granularity: Granularity) -> Reading:
        """Read a change. Raises InvalidInput (exit 3) when there is no tasks file or a file cannot be read."""
        files, findings = PlanFiles(path, root), Findings()
        tasks = _tasks_document(files)
        found = outline(tasks, _classify)
        proposal = next((files.read(name) for name in PROPOSAL_FILES if files.has(name)), None)
        deltas = deltas_of(files)
        valid = verdict(files, deltas, tasks)
        drafts = Drafts(
            self.id,
            tasks,
            Identifiers(files.base.name),
            findings,
            KnownPaths(),
            files.has,
            openspec_change=files.base.name,
        )
        order = _Reader(files, tasks, proposal, drafts, found).draft(granularity)
        _attach_scenarios(deltas, drafts, findings, tasks)
        streams = drafts.workstreams(order)
        plan = Plan(
            id=slug(files.base.name),
            title=_plan_title(files, proposal),
            format=self.id,
            root=files.root,
            files=files.read_files(),
        )
        return Reading(plan, streams, findings.notes(), findings.questions(), valid)


FORMAT = OpenSpec()


def in_changes(path: Path) -> bool:
    """Does a folder lie in ``openspec/changes`` (or its archive)?"""
    parts = path.absolute().parts
    return ("openspec", "changes") in itertools.pairwise(parts[:-1])


def change_tasks(document: Document) -> tuple[Task, ...]:
    """Every task of a tasks.md as the official tool counts them: fences do not matter, any list marker does."""
    return outline(document, _classify).tasks


def _classify(number: int, line: str, _: tuple[Heading, ...]) -> Task | None:
    item = box(line)
    if item is None:
        return None
    found = _TASK_ID.match(item.text)
    return Task(
        line=number,
        text=item.text,
        done=item.done,
        id=found[1] if found else "",
        indent=item.indent,
        remark=None if item.plain else ("not_understood", f"unknown mark [{item.mark}], read as open"),
    )


def _tasks_document(files: PlanFiles) -> Document:
    name = next((name for name in TASK_FILES if files.has(name)), TASK_FILES[0])
    if not files.has(name):
        raise PlanIncomplete(
            f"{files.where(name)}: no such file",
            "write the change's tasks first (openspec instructions tasks), then import",
        )
    return files.read(name)


def _plan_title(files: PlanFiles, proposal: Document | None) -> str:
    for heading in headings(proposal.lines, proposal.fenced) if proposal else ():
        if heading.level == 1 and heading.title.lower() != "proposal":
            return shortened(heading.title, 200)
    return shortened(files.base.name, 200)


class _Reader:
    """Turns the outline of a tasks.md into drafts, and says what it did not take."""

    def __init__(
        self, files: PlanFiles, tasks: Document, proposal: Document | None, drafts: Drafts, found: Outline
    ) -> None:
        self.files, self.document, self.proposal = files, tasks, proposal
        self.drafts, self.findings, self.outline = drafts, drafts.findings, found

    def draft(self, granularity: Granularity) -> Order:
        """Make the drafts and their order."""
        self._note_lines()
        groups = self._groups() or self._inferred_groups()
        impact = self._impact()
        self.drafts.known.learn([*self.document.lines, *impact])
        order = in_sequence([self._block(group, granularity, impact) for group in groups])
        self._check_references(groups)
        return order

    def _groups(self) -> list[Group]:
        groups: list[Group] = []
        for ordinal, task in enumerate(self.outline.tasks, 1):
            heading = next((above for above in task.above if above.level == 2), None)
            line = heading.line if heading else 0
            if not groups or groups[-1].line != line:
                groups.append(self._group(heading))
            task.id = task.id or f"#{ordinal}"
            task.ordinal = len(groups[-1].tasks) + 1
            groups[-1].tasks.append(task)
        return groups

    def _group(self, heading: Heading | None) -> Group:
        if heading is None:
            return Group("", "Tasks", 0, [])
        numbered = _GROUP.match(heading.title)
        if numbered:
            return self._numbered(numbered[1], numbered[2] or f"Group {numbered[1]}", heading.line)
        why = "an unnumbered section with tasks; read as a group of its own"
        self.findings.note("inferred", self.document, heading.line, why)
        return Group("", heading.title, heading.line, [])

    def _numbered(self, number: str, title: str, line: int) -> Group:
        found = _WAITS.search(title)
        if found is None:
            return Group(f"{number:0>2}", title, line, [])
        after = tuple(f"{name.strip():0>2}" for name in found[1].split(",")) if found[1] else ()
        return Group(f"{number:0>2}", title[: found.start()].rstrip() or f"Group {number}", line, [], after)

    def _inferred_groups(self) -> list[Group]:
        """A tasks file without any checkbox: its numbered headings, else all third-level ones, else its list items."""
        outlined = [head for head in headings(self.document.lines, self.document.fenced) if head.level > 1]
        numbered = [head for head in outlined if re.search(r"\d\.\d", head.title)]
        chosen = numbered or [head for head in outlined if head.level == 3]
        bodies = sections(self.document.lines, outlined)
        tasks = [Task(head.line, head.title, details=bodies[head.line]) for head in chosen] or [
            self._item(line) for line in sorted(self.outline.loose)
        ]
        if not tasks:
            self.findings.ask(
                "plan", "This tasks file has no task that could be read. What is to be done?", None, self.document
            )
            return []
        for ordinal, task in enumerate(tasks, 1):
            task.ordinal, task.id = ordinal, f"#{ordinal}"
            self.findings.note("inferred", self.document, task.line, "read as a task: the file has no checkbox")
        text = (
            f"{self.document.name} has no checkbox. Are these {len(tasks)} lines the tasks, and are all of them open?"
        )
        self.findings.ask("plan", text, None, self.document, tasks[0].line)
        return [Group("", "Tasks", 0, tasks)]

    def _item(self, line: int) -> Task:
        return Task(line, list_text(self.document.lines[line - 1]) or "")

    def _note_lines(self) -> None:
        for task in self.outline.tasks:
            self._note_task(task)
        taken = {task.line for task in self.outline.tasks}
        has_boxes = bool(taken)
        for number, line in enumerate(self.document.lines, 1):
            if number not in taken and label(line) is not None and not self.document.fenced[number - 1]:
                self.findings.note(
                    "not_understood", self.document, number, "looks like a checkbox, but is no task of OpenSpec"
                )
            elif number in self.outline.loose and has_boxes:
                self.findings.note(
                    "not_understood", self.document, number, "a list item that is neither a task nor part of one"
                )

    def _note_task(self, task: Task) -> None:
        note, line = self.findings.note, task.line
        if task.remark:
            note(task.remark[0], self.document, line, task.remark[1])
        if not task.text:
            note("not_understood", self.document, line, "a checkbox without text")
        elif not task.done and task.text.startswith("~~"):
            note("conflict", self.document, line, "struck out, but not ticked; read as open")
        if self.document.fenced[line - 1]:
            note("inferred", self.document, line, "inside a code fence; counted as a task, as OpenSpec does")

    def _impact(self) -> list[str]:
        if self.proposal is None:
            return []
        _, lines = section(self.proposal.lines, self.proposal.fenced, _SECTIONS["impact"])
        kept: list[str] = []
        skipping: int | None = None
        for line in lines:
            if skipping is not None and line.strip() and indent(line) <= skipping:
                skipping = None
            if _SPEC_LINES.match(line):
                skipping = indent(line)
            if skipping is None:
                kept.append(line)
        return kept

    def _block(self, group: Group, granularity: Granularity, impact: Sequence[str]) -> Block:
        todo = open_tasks(group.tasks)
        self._note_done(group)
        if not todo:
            return Block([], name=group.number, after=group.after)
        linked = self._linked(todo)
        linked_lines = [line for _, piece in linked for line in piece.text.split("\n")]
        passages = [
            Passages([task.full_text for task in group.tasks], "taken from the other tasks of the group"),
            Passages(linked_lines, "taken from the files that the tasks link"),
            Passages(impact, "taken from the proposal's Impact section: the tasks name no path"),
        ]
        made = self.drafts.split(granularity, group.number or slug(group.title, 24), group.title, todo, passages)
        for draft in made:
            self._furnish(draft, linked)
        return Block([[draft.id] for draft in made], name=group.number, after=group.after)

    def _furnish(self, draft: Draft, linked: Sequence[tuple[Task, ContextExcerpt]]) -> None:
        draft.acceptance += [test for task in draft.tasks if (test := verify_tail(task.statement)) is not None]
        draft.context += [*self._reasons, *(piece for task, piece in linked if task in draft.tasks)]

    @cached_property
    def _reasons(self) -> list[ContextExcerpt]:
        """Why, and what changes: the proposal's own words for the tool."""
        found = []
        for name in ("why", "what"):
            line, body = (
                section(self.proposal.lines, self.proposal.fenced, _SECTIONS[name]) if self.proposal else (0, [])
            )
            if self.proposal and "".join(body).strip():
                text = "\n".join([self.proposal.lines[line - 1].strip(SPACE), *body])
                found.append(excerpt(self.proposal, line, text, self.findings, MAX_EXCERPT))
        return found

    def _linked(self, tasks: Sequence[Task]) -> list[tuple[Task, ContextExcerpt]]:
        """The files of the change that tasks name: what a task says in full may stand in a file of its own."""
        found: list[tuple[Task, ContextExcerpt]] = []
        for task in tasks:
            for name in re.findall(r"[`(]((?:\./)?tasks/[\w./-]{1,200}\.md)[`)]", task.full_text):
                document = self.files.find(name.removeprefix("./"))
                if document is not None:
                    found.append((task, excerpt(document, 1, document.text, self.findings, MAX_LINKED)))
        return found

    def _note_done(self, group: Group) -> None:
        done = [task for task in group.tasks if task.done]
        if done:
            amount = f"{len(done)} of {len(group.tasks)} tasks are done"
            rest = "" if open_tasks(group.tasks) else "; no workstream"
            listed = ", ".join(task.id for task in done)
            self.findings.note(
                "skipped", self.document, group.line or done[0].line, f"{amount}{rest}", f"{group.title}: {listed}"
            )

    def _check_references(self, groups: Sequence[Group]) -> None:
        self._check_waits(groups)
        place = {task.id: number for number, group in enumerate(groups) for task in group.tasks}
        for number, group in enumerate(groups):
            for task in open_tasks(group.tasks):
                later = [name for name in _REFERENCE.findall(task.text) if place.get(name, number) > number]
                if later:
                    why = f"waits for {', '.join(later)}, which comes later; the order of the groups is kept"
                    self.findings.note("conflict", self.document, task.line, why)
                    question = f"Task {task.id} says that it comes after {', '.join(later)}, but stands before. Which is right?"
                    self.findings.ask("dependency", question, None, self.document, task.line)

    def _check_waits(self, groups: Sequence[Group]) -> None:
        """A title may only name groups before its own; what it names beyond them is not waited for."""
        before: set[str] = set()
        for group in groups:
            for name in group.after or ():
                if name not in before:
                    why = f"waits for group {name}, which does not stand before it; not waited for"
                    self.findings.note("conflict", self.document, group.line, why)
                    self.findings.ask(
                        "dependency",
                        f"Group {group.number} waits for group {name}. Which one is meant?",
                        None,
                        self.document,
                        group.line,
                    )
            before.add(group.number)


def _attach_scenarios(deltas: Sequence[Delta], drafts: Drafts, findings: Findings, tasks: Document) -> None:
    """A change's scenarios hold when all of it is done, so they are criteria of its last workstream."""
    if not drafts.drafts:
        return
    for delta in deltas:
        for requirement in (*delta.added, *delta.modified):
            for scenario in requirement.scenarios:
                drafts.drafts[-1].acceptance.append(described(f"{requirement.name} / {scenario.statement()}"))
    amount = sum(len(block.scenarios) for delta in deltas for block in (*delta.added, *delta.modified))
    if amount:
        last = drafts.drafts[-1].id
        findings.note(
            "inferred", tasks, None, "scenarios are criteria of the last workstream", f"{amount} scenarios -> {last}"
        )
