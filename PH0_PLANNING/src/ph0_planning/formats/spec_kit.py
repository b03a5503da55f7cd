"""spec-kit features: ``specs/<NNN-slug>/`` with tasks.md and spec.md or plan.md (grammar of 1.0)."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from itertools import groupby
from pathlib import Path

from global_util.contracts.workstream import ContextExcerpt
from global_util.contracts.workstream_set import Plan, Validity
from global_util.plan_formats import Granularity, Reading

from ph0_planning.acceptance import described
from ph0_planning.drafting import Draft, Drafts, Passages, excerpt
from ph0_planning.errors import PlanIncomplete
from ph0_planning.files import Document, PlanFiles
from ph0_planning.findings import Findings, shortened
from ph0_planning.formats.openspec import in_changes
from ph0_planning.markdown import Heading, headings, label, section, sections
from ph0_planning.ordering import Block, Order, in_sequence
from ph0_planning.outline import Outline, Task, open_tasks, outline
from ph0_planning.scope import KnownPaths, mentions
from ph0_planning.slugs import Identifiers, slug
from ph0_planning.speckit_documents import Story, ask_clarifications, independent_tests, stories_of, structure_paths
from ph0_planning.speckit_lines import is_prose, phase_of, priority, stories, task_line
from ph0_planning.speckit_order import TextOrder, Unit

_FOLDER = re.compile(r"(?:\d{3,9}|\d{8}-\d{6})-.")
_FRAME = re.compile(r"(?i)\b(setup|foundational|foundation|polish|cross-cutting)\b")
_FILE_LINE = re.compile(r"\W{0,4}(?:Files?|Paths?)\W{1,4}\S")


@dataclass
class Phase:
    """A phase of tasks.md, or another section with tasks."""

    number: str
    title: str
    line: int
    lines: list[str]
    tasks: list[Task] = field(default_factory=list)

    def story_of(self) -> dict[int, str]:
        """The story of each task, by its line; empty for a phase that serves no story."""
        named = stories(self.title)
        if _FRAME.search(self.title) and not named:
            return {}
        own = {task.line: found[0] for task in self.tasks if (found := stories(" ".join(task.labels)))}
        if not own and len(named) != 1:
            return {}
        current = named[0] if len(named) == 1 else next(iter(own.values()))
        result = {}
        for task in self.tasks:
            current = own.get(task.line, named[0] if len(named) == 1 else current)
            result[task.line] = current
        return result


class SpecKit:
    """Reads a feature. A phase is a workstream, a story phase one for each of its stories."""

    id = "spec-kit"
    title = "spec-kit feature folder"

    def recognises(self, path: Path) -> bool:
        """A folder ``NNN-name`` with spec.md or plan.md in it, that is no OpenSpec change."""
        has_document = any((path / name).is_file() for name in ("spec.md", "plan.md"))
        return (
            path.is_dir() and has_document and _FOLDER.match(path.absolute().name) is not None and not in_changes(path)
        )

    def read(self, path: Path, root: Path, granularity: Granularity) -> Reading:
        """Read a feature. Raises InvalidInput (exit 3) when its tasks are not written yet or a file cannot be read."""
        files, findings = PlanFiles(path, root), Findings()
        if not files.has("tasks.md"):
            raise PlanIncomplete(
                f"{files.where('tasks.md')}: no such file",
                "run spec-kit's tasks step (/speckit.tasks) first, then import",
            )
        document, spec, plan = files.read("tasks.md"), files.find("spec.md"), files.find("plan.md")
        for each in filter(None, (document, spec, plan)):
            ask_clarifications(each, findings)
        drafts = Drafts(self.id, document, Identifiers(files.base.name), findings, KnownPaths(), files.has)
        reader = _Reader(document, spec, plan, drafts)
        order = reader.draft(granularity)
        streams = drafts.workstreams(order)
        title = _title(document, spec) or files.base.name
        described_plan = Plan(
            id=slug(files.base.name), title=title, format=self.id, root=files.root, files=files.read_files()
        )
        return Reading(described_plan, streams, findings.notes(), findings.questions(), reader.verdict())


FORMAT = SpecKit()


def feature_tasks(document: Document) -> Outline:
    """The tasks of a tasks.md; steps below a task and checklists are none."""
    has_phases = any(phase_of(heading) for heading in headings(document.lines, document.fenced))

    def classify(number: int, line: str, above: tuple[Heading, ...]) -> Task | None:
        task = None if document.fenced[number - 1] else task_line(number, line)
        if task is None:
            return None
        is_explained = is_prose(above)
        if task.id:
            has_box = task.remark is None or "without a checkbox" not in task.remark[1]
            return task if has_box or (not is_explained and task.indent < 2) else None
        is_in_phase = not has_phases or any(phase_of(heading) for heading in above)
        is_step = task.indent >= 2 or is_explained or not is_in_phase or not task.text
        return None if is_step else _nameless(task)

    return outline(document, classify)


def _nameless(task: Task) -> Task:
    task.remark = task.remark or ("inferred", "a checkbox without a task id, read as a task")
    return task


def _title(document: Document, spec: Document | None) -> str:
    for each in filter(None, (spec, document)):
        for heading in headings(each.lines, each.fenced):
            if heading.level == 1:
                return shortened(
                    re.sub(r"(?i)^(?:feature specification|implementation tasks|tasks):\s*", "", heading.title), 200
                )
    return ""


class _Reader:
    """Turns a tasks.md and the documents beside it into drafts."""

    def __init__(self, document: Document, spec: Document | None, plan: Document | None, drafts: Drafts) -> None:
        self.document, self.spec, self.plan = document, spec, plan
        self.drafts, self.findings = drafts, drafts.findings
        self.outline = feature_tasks(document)
        self.stories = stories_of(spec) if spec else []
        self.phases = self._phases()
        self.beside = self._file_lines()

    def draft(self, granularity: Granularity) -> Order:
        """Make the drafts and their order."""
        self._note_lines()
        self._note_doubles()
        structure = [f"`{path}`" for path in structure_paths(self.plan)] if self.plan else []
        self.drafts.known.tops |= {path.strip("`").split("/")[0] for path in structure if "/" in path}
        self.drafts.known.learn([*self.document.lines, *structure])
        units, blocks = [], []
        for phase in self.phases:
            for unit, block in self._units(phase, granularity, structure):
                units.append(unit)
                blocks.append(block)
        order = in_sequence(blocks)
        TextOrder(self.document, units, order, self.findings).apply()
        self._attach_general_scenarios()
        if not self.outline.tasks:
            self.findings.ask(
                "plan", "tasks.md has no task that could be read. What is to be done?", None, self.document
            )
        return order

    def verdict(self) -> Validity:
        """The format's own rules for task lines: checkbox, id, story label in story phases only; a path is only advised."""
        faults, pathless = [], 0
        for phase in self.phases:
            is_story = "user stor" in phase.title.lower() or bool(stories(phase.title))
            for task in phase.tasks:
                place = f"tasks.md:{task.line}:"
                if task.remark is not None:
                    faults.append(f"ERROR {place} {task.remark[1]}")
                if is_story != bool(stories(" ".join(task.labels))):
                    faults.append(
                        f"ERROR {place} {'no story label' if is_story else 'a story label outside of a story phase'}"
                    )
                pathless += not mentions([task.full_text], self.drafts.known, self.drafts.is_plan_file).entries
        advice = [f"WARNING tasks.md: {pathless} tasks name no file"] if pathless else []
        return Validity(verdict="invalid" if faults else "valid", reasons=(*faults, *advice))

    def _phases(self) -> list[Phase]:
        bodies = sections(self.document.lines, headings(self.document.lines, self.document.fenced))
        found: dict[int, Phase] = {}
        for task in self.outline.tasks:
            heading = _section_of(task.above)
            line = heading.line if heading else 0
            if line not in found:
                number, title = (phase_of(heading) or ("", heading.title)) if heading else ("", "Tasks")
                found[line] = Phase(number, title, line, bodies.get(line, []))
            task.ordinal = len(found[line].tasks) + 1
            found[line].tasks.append(task)
            if not task.id and task.above and task.above[-1].line != line:
                task.text = f"{task.above[-1].title}: {task.text}"
        return [found[line] for line in sorted(found)]

    def _file_lines(self) -> dict[int, list[str]]:
        found: dict[int, list[str]] = defaultdict(list)
        starts = {heading.line for heading in headings(self.document.lines, self.document.fenced)}
        current = 0
        for number, line in enumerate(self.document.lines, 1):
            current = number if number in starts else current
            if _FILE_LINE.match(line) and number not in self.outline.owners:
                found[current].append(line)
        return found

    def _beside(self, task: Task) -> Sequence[str]:
        return self.beside.get(task.above[-1].line if task.above else 0, ())

    def _units(self, phase: Phase, granularity: Granularity, structure: Sequence[str]) -> list[tuple[Unit, Block]]:
        self._note_done(phase)
        self._note_conflicts(phase)
        story_of = phase.story_of()
        result = []
        for story in dict.fromkeys(story_of.get(task.line, "") for task in phase.tasks):
            tasks = [task for task in phase.tasks if story_of.get(task.line, "") == story]
            todo = open_tasks(tasks)
            made = self._drafts(phase, story, todo, granularity, structure)
            ids = {task.line: draft.id for draft in made for task in draft.tasks}
            stages = [list(dict.fromkeys(ids[task.line] for task in stage)) for stage in _stages(todo)] if todo else []
            unit = Unit(phase.number, phase.title, story, tasks, [(draft.id, list(draft.tasks)) for draft in made])
            flat = [[made[0].id]] if granularity == "group" and made else stages
            result.append((unit, Block(flat, f"us{story}" if story else "")))
        return result

    def _drafts(
        self, phase: Phase, story: str, todo: list[Task], granularity: Granularity, structure: Sequence[str]
    ) -> list[Draft]:
        if not todo:
            return []
        name = (
            f"us{story}"
            if story
            else "-".join(part.zfill(2) if part.isdigit() else part for part in phase.number.split("."))
            or slug(phase.title, 24)
        )
        told = next((found for found in self.stories if story and found.number == story), None)
        title = phase.title if not story or story in stories(phase.title) or not told else told.title
        others = [text for task in phase.tasks for text in (task.full_text, *self._beside(task))]
        passages = [
            Passages(others, "taken from the other tasks of the phase"),
            Passages(structure, "taken from the source tree in plan.md: the tasks name no path"),
        ]
        made = self.drafts.split(granularity, name, title, todo, passages, self._beside)
        for draft in made:
            draft.priority = priority(phase.title) or (told.priority if told else 0)
            self._add_context(draft, told)
        tests = independent_tests(phase.lines) or (independent_tests(told.lines) if told else [])
        made[-1].acceptance += [described(text) for text in (*tests, *(told.scenarios if told else ()))]
        return made

    def _add_context(self, draft: Draft, story: Story | None) -> None:
        if story and self.spec:
            text = "\n".join([story.title, *story.lines])
            draft.context.append(excerpt(self.spec, story.line, text, self.findings))
        draft.context += self._overview

    @cached_property
    def _overview(self) -> list[ContextExcerpt]:
        """What plan.md says about the whole, for the tool."""
        found = []
        for title in ("summary", "overview", "technical context"):
            line, body = section(self.plan.lines, self.plan.fenced, (title,)) if self.plan else (0, [])
            if self.plan and "".join(body).strip():
                found.append(excerpt(self.plan, line, "\n".join([self.plan.lines[line - 1], *body]), self.findings))
        return found

    def _attach_general_scenarios(self) -> None:
        general = [text for story in self.stories if not story.number for text in story.scenarios]
        if general and self.drafts.drafts:
            last = self.drafts.drafts[-1]
            last.acceptance += [described(text) for text in general]
            why = "scenarios of no story are criteria of the last workstream"
            self.findings.note(
                "inferred", self.spec or self.document, None, why, f"{len(general)} scenarios -> {last.id}"
            )

    def _note_lines(self) -> None:
        for task in self.outline.tasks:
            if task.remark:
                self.findings.note(task.remark[0], self.document, task.line, task.remark[1])
            if not task.text:
                self.findings.note("not_understood", self.document, task.line, "a task without text")
        taken = {task.line for task in self.outline.tasks}
        above: tuple[Heading, ...] = ()
        titles = {heading.line: heading for heading in headings(self.document.lines, self.document.fenced)}
        for number, line in enumerate(self.document.lines, 1):
            if heading := titles.get(number):
                above = (*(outer for outer in above if outer.level < heading.level), heading)
            if number not in taken:
                self._note_line(number, line, above)

    def _note_line(self, number: int, line: str, above: tuple[Heading, ...]) -> None:
        note, owner = self.findings.note, self.outline.owners.get(number)
        has_box = label(line) is not None
        if has_box and self.document.fenced[number - 1]:
            note("skipped", self.document, number, "a checkbox inside a code fence")
        elif has_box and owner is None:
            why = (
                "no task id, and no phase above it: not read as a task"
                if not is_prose(above)
                else "belongs to no phase: not read as a task"
            )
            note("skipped", self.document, number, why)
        elif owner is not None and owner.done and has_box and label(line) == "":
            note(
                "conflict",
                self.document,
                number,
                f"an open step of {owner.id or 'a task'}, which is ticked; skipped with it",
            )
        elif number in self.outline.loose and any(phase_of(heading) for heading in above) and not is_prose(above):
            note("not_understood", self.document, number, "a list item that is neither a task nor part of one")

    def _note_doubles(self) -> None:
        first: dict[str, int] = {}
        for task in self.outline.tasks:
            if task.id in first:
                why = f"the task id is used on line {first[task.id]} already; both are tasks"
                self.findings.note("conflict", self.document, task.line, why)
            elif task.id:
                first[task.id] = task.line

    def _note_done(self, phase: Phase) -> None:
        done = [task for task in phase.tasks if task.done]
        if done:
            amount = f"{len(done)} of {len(phase.tasks)} tasks are done"
            rest = "" if open_tasks(phase.tasks) else "; no workstream"
            listed = ", ".join(task.id or f"line {task.line}" for task in done)
            self.findings.note(
                "skipped", self.document, phase.line or done[0].line, f"{amount}{rest}", f"{phase.title}: {listed}"
            )

    def _note_conflicts(self, phase: Phase) -> None:
        for stage in _stages(open_tasks(phase.tasks)):
            users: dict[str, list[str]] = defaultdict(list)
            for task in stage if len(stage) > 1 else ():
                for path in mentions([task.full_text], self.drafts.known, self.drafts.is_plan_file).entries:
                    users[path].append(task.id or f"line {task.line}")
            for path, names in sorted(users.items()):
                if len(names) > 1:
                    why = f"{', '.join(names)} are marked as parallel, and name the same path"
                    self.findings.note("conflict", self.document, stage[0].line, why, path)


def _section_of(above: Sequence[Heading]) -> Heading | None:
    phases = [heading for heading in above if phase_of(heading)]
    outer = [heading for heading in above if heading.level <= 2]
    return phases[-1] if phases else outer[-1] if outer else above[0] if above else None


def _stages(tasks: Sequence[Task]) -> list[list[Task]]:
    """Consecutive ``[P]`` tasks side by side, all others one after the other."""
    stages = []
    for is_parallel, run in groupby(tasks, key=lambda task: "P" in task.labels):
        together = list(run)
        stages += [together] if is_parallel else [[task] for task in together]
    return stages
