"""The lines of a spec-kit tasks.md: task lines in all their spellings, phases, statements about order."""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from ph0_planning.markdown import SPACE, Heading, box, indent
from ph0_planning.outline import Task

_BULLET = re.compile(r"(?:[-*+]|\d{1,9}[.)])[ \t]+")
_LABEL = re.compile(r"\[([^\]\[]{1,20})\][ \t]*")
_ID = re.compile(
    r"\*{0,3}(T\d{3,9}[a-z]?)(?![A-Za-z0-9])\*{0,3}(?![ \t]*[-\u2013\u2014][ \t]*T?\d)[ \t:.)*\u2013\u2014-]*"
)
_DONE_MARKS = ("\u2705", "\u2714", "\u2611", "\u2713")
_OTHER_MARKS = ("\u274c", "\u2610", "\u23f3", "\u26a0", "\U0001f6a7", "\U0001f504", "\u2b1c")

_PHASE = re.compile(r"(?i)\W{0,9}phase\s+(\d[\w.]{0,8}|[A-Z])(?![\w])[\s:.\u2013\u2014-]*(.*)$")
_PROSE = re.compile(
    r"(?i)dependenc|parallel|strategy|\bnotes?\b|\bformat\b|convention|checklist|summary|criteria|overview|legend|next steps"
    r"|deferred|\brules\b|\bexamples?\b|execution (?:order|flow)|layout|\bstack\b|checkpoints?\b|prerequisite|incremental"
)
_PROSE_IN_PHASE = re.compile(r"(?i)(?:notes?|parallel|dependenc)")
_STORY = re.compile(r"(?i)\b(?:user story\s*|US)(\d{1,3})\b")
_PRIORITY = re.compile(r"\bP([1-9])\b")

_REF = re.compile(
    r"\b(?P<task>T\d{3,9}[a-z]?)\b|(?i:\bphases?\s+)(?P<phase>\d{1,4}(?:\.\d{1,4})?|[A-Z]\b)"
    r"|(?i:\b(?:user story\s*|US))(?P<story>\d{1,3})\b|(?i:\b(?P<name>setup|foundational|polish|all (?:desired )?user stories))\b"
)
_TO = re.compile(
    r"(?i)[ \t]*(?:[-\u2013\u2014]|\.\.\.?|to|through)[ \t]*(?:phase |US|T)?(\d{1,9}(?:\.\d{1,4})?[a-z]?)\b"
)
_ARROW = re.compile(r"-\.->|-{1,3}>|=>|\u2192|\u27f6")
_RELATION = re.compile(
    r"(?i)\b(?:(?P<first>before|blocks?|precedes?|enables?|unblocks)|(?P<last>depends? (?:only )?on|dependent on|after|requires?|needs?"
    r"|blocked by|follows?|builds on|waits? for))\b"
)
_CLAUSE_END = re.compile(r"(?i)[ \t][-\u2013\u2014][ \t]|;|\.[ \t]|\b(?:but|may|not|no|without)\b")
_ASIDE = re.compile(r"(?i)\bindependent(?:ly)?(?: of)?[^(;,.]{0,80}")
_FREE = re.compile(r"(?i)\bparallel|\bindependen|\bno dependenc|\bimmediately\b")
_INLINE = re.compile(
    r"(?i)\b(?:depends on|blocked by|after|requires?|prerequisites?)[\s:*]{1,8}(T\d{3,9}[a-z]?[^.;)\n]{0,200})"
)


@dataclass(frozen=True)
class Reference:
    """Something that a statement about order names: tasks, phases, stories (a range has a ``last``), or a phase's name."""

    kind: str
    first: str
    last: str = ""


@dataclass(frozen=True)
class Precedence:
    """All of ``earlier`` before all of ``later``."""

    earlier: tuple[Reference, ...]
    later: tuple[Reference, ...]


def phase_of(heading: Heading) -> tuple[str, str] | None:
    """Number and title of a phase heading."""
    found = _PHASE.match(heading.title)
    return (found[1].rstrip("."), found[2].strip() or heading.title) if found else None


def is_prose(above: Sequence[Heading]) -> bool:
    """Do these headings lead to explanations, and not to tasks?"""
    phase = next((place for place, heading in enumerate(above) if phase_of(heading)), len(above))
    outer = any(_PROSE.search(heading.title) for heading in above[:phase])
    return outer or any(_PROSE_IN_PHASE.match(heading.title) for heading in above[phase + 1 :])


def stories(text: str) -> list[str]:
    """Numbers of the user stories that a title or label names."""
    return list(dict.fromkeys(str(int(number)) for number in _STORY.findall(text)))


def priority(title: str) -> int:
    """A workstream priority from ``P1`` to ``P3`` in a title; 0 if it has none."""
    found = _PRIORITY.search(title)
    return max(0, 4 - int(found[1])) if found else 0


def task_line(number: int, line: str) -> Task | None:
    """A line as a task, if it has a checkbox or a task id in the place for it. ``labels`` are ``P``, ``US1`` and the like."""
    item = box(line)
    if item is not None and (item.plain or not item.mark.isalnum()):
        task = _with_id(number, item.text) or Task(number, item.text)
        task.done, task.indent = item.done, item.indent
        if not item.plain:
            task.remark = ("not_understood", f"unknown mark [{item.mark}], read as open")
        return task
    bullet = _BULLET.match(line.lstrip(SPACE))
    if bullet is None:
        return None
    rest = line.lstrip(SPACE)[bullet.end() :]
    unboxed = _with_mark(number, rest) or _without_box(number, rest)
    if unboxed is not None:
        unboxed.indent = indent(line)
    return unboxed


def _with_mark(number: int, rest: str) -> Task | None:
    mark = rest[:1]
    if mark not in _DONE_MARKS + _OTHER_MARKS:
        return None
    task = _with_id(number, rest[1:].lstrip(SPACE + "\ufe0f"))
    if task is not None:
        task.done = mark in _DONE_MARKS
        said = "done" if task.done else "open"
        task.remark = ("inferred", f"{mark} instead of a checkbox, read as {said}")
    return task


def _without_box(number: int, rest: str) -> Task | None:
    task = _with_id(number, rest)
    if task is not None:
        task.remark = ("inferred", "a task id without a checkbox, read as open")
        return task
    label = _LABEL.match(rest)
    inner = label[1].strip() if label else ""
    bare = inner.strip("~")
    if label is None or not re.fullmatch(r"T?\d{2,9}[a-z]?", bare):
        return None
    is_struck = bare != inner
    said = "struck out, read as withdrawn" if is_struck else "a task id in the place of the mark, read as open"
    labels, text = _labels(rest[label.end() :])
    return Task(number, text, done=is_struck, id=bare, labels=labels, remark=("inferred", said))


def _with_id(number: int, text: str) -> Task | None:
    before, rest = _labels(text)
    found = _ID.match(rest)
    if found is None:
        return None
    after, rest = _labels(rest[found.end() :])
    return Task(number, rest.strip(SPACE), id=found[1], labels=(*before, *after))


def _labels(text: str) -> tuple[tuple[str, ...], str]:
    labels: list[str] = []
    rest = text
    while found := _LABEL.match(rest):
        labels.append(found[1].strip())
        rest = rest[found.end() :]
    return tuple(labels), rest


def inline_precedence(task: Task) -> Iterator[Precedence]:
    """What a task's own text says that it waits for."""
    for tail in _INLINE.findall(task.full_text):
        earlier = [found for found in references(tail) if found.kind == "task"]
        if earlier:
            yield Precedence(tuple(earlier), (Reference("task", task.id),))


def precedences(line: str) -> list[Precedence] | None:
    """What a line of a dependencies section says; None when it names tasks or an order and is not understood."""
    text = _ASIDE.sub(" ", line.replace("*", "").replace("`", ""))
    chain = [references(part) for part in _ARROW.split(text)]
    if len(chain) > 1 and all(chain):
        return [Precedence(tuple(one), tuple(two)) for one, two in itertools.pairwise(chain)]
    found = _RELATION.search(text)
    if found is not None:
        left, right = (
            references(text[: found.start()]),
            references(_CLAUSE_END.split(text[found.end() :], maxsplit=1)[0]),
        )
        if left and right:
            pair = (left, right) if found["first"] else (right, left)
            return [Precedence(tuple(pair[0]), tuple(pair[1]))]
    return [] if _FREE.search(line) else None


def references(text: str) -> list[Reference]:
    """Everything that a text refers to, ranges included."""
    found: list[Reference] = []
    match = _REF.search(text)
    while match is not None:
        kind = match.lastgroup or ""
        last = _TO.match(text, match.end()) if kind != "name" else None
        found.append(Reference(kind, match[kind].lower() if kind == "name" else match[kind], last[1] if last else ""))
        match = _REF.search(text, last.end() if last else match.end())
    return found
