"""From what a Markdown format found (drafts) to workstreams: scope, order, sources. The same for every format."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from global_util.contracts.workstream import AcceptanceTest, ContextExcerpt, ScopeEntry, Source, Workstream
from global_util.plan_formats import Granularity

from ph0_planning.files import Document
from ph0_planning.findings import Findings, shortened
from ph0_planning.ordering import Order
from ph0_planning.outline import Task
from ph0_planning.scope import KnownPaths, Mentions, mentions
from ph0_planning.slugs import Identifiers

MAX_TITLE = 200
MAX_EXCERPT = 4_000


@dataclass(eq=False)
class Passages:
    """Lines of a plan in which paths are looked for, once; ``why`` they may stand for a workstream that names none."""

    texts: Sequence[str]
    why: str = ""
    _found: Mentions | None = None

    def mentions(self, known: KnownPaths, is_plan_file: Callable[[str], bool]) -> Mentions:
        """The paths that they name."""
        if self._found is None:
            self._found = mentions(self.texts, known, is_plan_file)
        return self._found


@dataclass
class Draft:
    """A workstream in the making. ``passages`` are tried in turn for a scope."""

    id: str
    title: str
    tasks: Sequence[Task]
    passages: Sequence[Passages]
    acceptance: list[AcceptanceTest] = field(default_factory=list)
    context: list[ContextExcerpt] = field(default_factory=list)
    priority: int = 0


@dataclass
class Drafts:
    """All drafts of a plan, and what they share."""

    format_id: str
    document: Document
    identifiers: Identifiers
    findings: Findings
    known: KnownPaths
    is_plan_file: Callable[[str], bool]
    openspec_change: str | None = None
    drafts: list[Draft] = field(default_factory=list)

    def add(self, draft: Draft) -> Draft:
        """Take a draft."""
        self.drafts.append(draft)
        return draft

    def split(
        self,
        granularity: Granularity,
        name: str,
        title: str,
        tasks: Sequence[Task],
        passages: Sequence[Passages],
        beside: Callable[[Task], Sequence[str]] = lambda _: (),
    ) -> list[Draft]:
        """One draft for all of ``tasks``, or one for each.

        ``beside`` gives lines that belong to a task's own text; ``passages`` are where a scope may be found otherwise.
        """
        if granularity == "group":
            whole = Passages([text for task in tasks for text in (task.full_text, *beside(task))])
            return [self.add(Draft(self.identifiers.mint(name), title, tasks, [whole, *passages]))]
        drafts = []
        for task in tasks:
            part = task.id.lower() if task.id.startswith("T") else f"{task.ordinal:02}"
            own = Passages([task.full_text, *beside(task)])
            task_title = task.text.split("\n")[0]
            drafts.append(self.add(Draft(self.identifiers.mint(name, part), task_title, [task], [own, *passages])))
        return drafts

    def workstreams(self, order: Order) -> tuple[Workstream, ...]:
        """The finished workstreams by id; a scope that nothing names is a question."""
        return tuple(sorted((self._finished(draft, order) for draft in self.drafts), key=lambda found: found.id))

    def _finished(self, draft: Draft, order: Order) -> Workstream:
        return Workstream(
            id=draft.id,
            title=shortened(draft.title, MAX_TITLE),
            files_scope=self._scope(draft),
            tasks=tuple(task.full_text for task in draft.tasks),
            openspec_change=self.openspec_change,
            acceptance_tests=tuple(dict.fromkeys(draft.acceptance)),
            depends_on=tuple(sorted(order.before.get(draft.id, set()))),
            priority=draft.priority,
            context=tuple(draft.context),
            source=Source(
                format=self.format_id,
                path=self.document.path,
                sha256=self.document.sha256,
                items=tuple(task.id or f"line {task.line}" for task in draft.tasks),
            ),
        )

    def _scope(self, draft: Draft) -> tuple[ScopeEntry, ...]:
        line = draft.tasks[0].line
        for passages in draft.passages:
            found = passages.mentions(self.known, self.is_plan_file)
            self._tell(draft, found, line)
            if found.entries:
                if passages.why:
                    self.findings.note("inferred", self.document, line, passages.why, f"scope of {draft.id}")
                return found.sorted_entries()
        text = f"Which files may {draft.id} ({shortened(draft.title, 80)}) change? Its tasks name none."
        self.findings.ask("scope", text, draft.id, self.document, line)
        return ()

    def _tell(self, draft: Draft, found: Mentions, line: int) -> None:
        for path, why in sorted(found.refused.items()):
            self.findings.note("skipped", self.document, line, f"not used as scope of {draft.id}: {why}", path)
        for pattern, name in sorted(found.guessed.items()):
            why = f"no folder is given: {pattern} is the scope of {draft.id}"
            self.findings.note("inferred", self.document, line, why, name)


def excerpt(document: Document, line: int, text: str, findings: Findings, limit: int = MAX_EXCERPT) -> ContextExcerpt:
    """A piece of the plan as context for a tool, cut at ``limit`` characters with a note."""
    stripped = text.strip()
    if len(stripped) > limit:
        findings.note("skipped", document, line, f"context for the tool is cut at {limit} characters")
    return ContextExcerpt(path=document.path, text=shortened(stripped, limit))
