"""What stands beside a spec-kit tasks.md: stories and scenarios of spec.md, folders of plan.md, open questions."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field

from ph0_planning.files import Document
from ph0_planning.findings import Findings
from ph0_planning.markdown import headings, list_text, section, sections
from ph0_planning.speckit_lines import priority, stories

_CLARIFY = re.compile(r"\[NEEDS CLARIFICATION:\s{0,9}([^\]]{1,400})\]")
_TEST = re.compile(r"(?i)\W{0,6}independent test(?: criteria)?\W{1,6}(.*)")
_TREE = re.compile(r"([\s\u2502|]*)(?:[\u251c\u2514+`|]?[\u2500-]{1,4}[ \t]*)?(\S.*)")


@dataclass
class Story:
    """A user story of spec.md."""

    number: str
    title: str
    line: int
    lines: list[str]
    scenarios: list[str] = field(default_factory=list)
    priority: int = 0


def stories_of(spec: Document) -> list[Story]:
    """The stories of a spec.md with their scenarios; scenarios of no story have a story without a number."""
    outlined = headings(spec.lines, spec.fenced)
    bodies = sections(spec.lines, outlined)
    found: list[Story] = []
    for heading in outlined:
        lines = bodies[heading.line]
        numbers = stories(heading.title)
        if len(numbers) == 1 and heading.level > 1:
            story = Story(numbers[0], heading.title, heading.line, lines, priority=priority(heading.title))
            story.scenarios = scenarios(lines)
            found.append(story)
        elif heading.title.lower().startswith("acceptance scenarios"):
            found.append(Story("", heading.title, heading.line, lines, scenarios(["Acceptance Scenarios", *lines])))
    return found


def scenarios(lines: Sequence[str]) -> list[str]:
    """The list items after a line that announces acceptance scenarios, up to the next bold or heading line."""
    found: list[str] = []
    is_inside = False
    for line in lines:
        text = line.strip()
        if "acceptance scenarios" in text.lower():
            is_inside = True
        elif text.startswith(("#", "**", "---")) and list_text(line) is None:
            is_inside = False
        elif is_inside and (item := list_text(line)) is not None:
            found.append(item.replace("**", ""))
        elif is_inside and text and found:
            found[-1] += " " + text.replace("**", "")
    return found


def independent_tests(lines: Sequence[str]) -> list[str]:
    """What ``**Independent Test**:`` lines say."""
    return [found[1].strip(" *") for line in lines if (found := _TEST.match(line)) and found[1].strip(" *")]


def ask_clarifications(document: Document, findings: Findings) -> None:
    """Turn every ``[NEEDS CLARIFICATION: ...]`` into a question; sentences of the template are none."""
    for number, line in enumerate(document.lines, 1):
        if document.fenced[number - 1]:
            continue
        for asked in _CLARIFY.findall(line):
            if asked.strip().lower() != "specific question":
                findings.ask("clarification", asked.strip(), None, document, number)
        if re.search(r":\W{0,6}NEEDS CLARIFICATION\W{0,3}$", line):
            findings.ask("clarification", line.strip(), None, document, number)


def structure_paths(plan: Document) -> list[str]:
    """The leaves of the source tree that plan.md draws; the tree of the documents is left out."""
    start, lines = section(plan.lines, plan.fenced, ("source code",))
    if not start:
        start, lines = section(plan.lines, plan.fenced, ("project structure", "structure"))
    fenced = plan.fenced[start : start + len(lines)]
    return tree_leaves(_chosen_option([line for line, inside in zip(lines, fenced, strict=True) if inside]))


def _chosen_option(lines: Sequence[str]) -> Sequence[str]:
    """The template offers several trees, each below a comment ``# Option N``; the selected one counts, else the first."""
    starts = [place for place, line in enumerate(lines) if re.match(r"(?i)\W{0,9}option \d", line)]
    if not starts:
        return lines
    start = next((place for place in starts if "selected" in lines[place].lower()), starts[0])
    return lines[start : next((place for place in starts if place > start), len(lines))]


def tree_leaves(lines: Sequence[str]) -> list[str]:
    """Paths of the leaves of a drawn tree (``src/``, then its children indented or behind branches)."""
    leaves: list[str] = []
    stack: list[tuple[int, str]] = []
    for line in lines:
        found = _TREE.match(line.split("#")[0].rstrip())
        name = found[2].split()[0].rstrip(",") if found and found[2].split() else ""
        if found is None or not re.fullmatch(r"[\w.@+()*-]+(?:/[\w.@+()*-]+)*/?", name) or set(name) <= set(".-"):
            continue
        column = found.start(2)
        while stack and stack[-1][0] >= column:
            stack.pop()
        parent = stack[-1][1] if stack else ""
        if parent and parent in leaves:
            leaves.remove(parent)
        path = (parent.rstrip("/") + "/" if parent else "") + name
        leaves.append(path)
        stack.append((column, path))
    return [leaf for leaf in dict.fromkeys(leaves) if not leaf.startswith("specs/")]
