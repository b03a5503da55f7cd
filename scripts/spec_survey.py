"""Compares original requirement documents with docs/requirements, and tells every statement and file that has no line there.

    python scripts/spec_survey.py FOLDER

FOLDER holds the originals, their numbers first in the name (``002_....txt``), as Markdown or JSON. Counted are bullets and
numbered items under the headings below, nested ones too, and every file that is named. Nothing is printed, and the exit code
is 0, when each has a line of its own in the file of the same number. The originals are not part of this repository, so
nothing runs this by itself.
"""

from __future__ import annotations

import json
import re
import sys
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

REQUIREMENTS = Path(__file__).resolve().parent.parent / "docs" / "requirements"
HEADINGS = re.compile(
    r"main tasks|exit / gate|acceptance criteria|mechanical policies|work$|ambiguity resolution|direction|key concepts"
    r"|deliverable|known ambiguities|validation commands|summary|technical context|constitution check|phase \d: "
    r"|ci orchestration|when to use|core principles|required sections|formatting rules|repository-specific",
    re.IGNORECASE,
)
"""Under these, each item is a statement."""
KEYS = re.compile(
    r"role|scope|purpose|location_pattern|boundary_id|pattern|components|filename_pattern|allowed_values"
    r"|conditions|requires_(docs|tests|contracts)|open_questions"
)
"""Below these keys of a JSON document, each text is a statement."""
FILE = re.compile(r"[\w./<>{}-]*[\w>}]\.(?:md|json|jsonl|py|ps1|sh|sql|toml|txt|j2|ya?ml)\b")
_ITEM = re.compile(r"\s*(?:[-*]|\d+[.)])\s+(?:\[[ x]\]\s+)?(\S.*)|(\*\*[^*]+\*\*: .+)")
_HEADING = re.compile(r"#{1,6}\s+(.+)|\*\*([^*]+)\*\*(?: \([^)]*\))?:?$")
LEAST_OF_LINE, LEAST_OF_STATEMENT = 0.6, 0.3
"""How much of a line has to come from the statement, and of the statement has to be left, when a line shortens it."""


@dataclass(frozen=True)
class Statement:
    """Something that an original says, with its place there."""

    place: str
    text: str


def statements(path: Path) -> Iterator[Statement]:
    """What an original asks for."""
    text = path.read_text("utf-8", "replace")
    if text.lstrip().startswith("{"):
        yield from (Statement(f"{path.name}:{pointer}", said) for pointer, said in _texts(json.loads(text), ""))
    else:
        yield from (Statement(f"{path.name}:{line}", said) for line, said in _items(text))


def files(path: Path) -> Iterator[Statement]:
    """The files that an original names: in JSON anywhere, in Markdown between backquotes and in drawn trees."""
    markdown = not path.read_text("utf-8", "replace").lstrip().startswith("{")
    for number, line in enumerate(path.read_text("utf-8", "replace").splitlines(), 1):
        spans = [*re.findall(r"`([^`]+)`", line), *re.findall(r"── (\S+)", line)] if markdown else [line]
        for span in spans:
            yield from (Statement(f"{path.name}:{number}", name) for name in FILE.findall(span))


def words(text: str) -> Counter[str]:
    """The words of a text, without marks and case."""
    return Counter(re.findall(r"[a-z0-9]+", text.lower()))


def missing(wanted: list[Statement], lines: list[str]) -> Iterator[Statement]:
    """Statements without a line of their own: both keep their order, and the pairs are those that are most alike in all."""
    parts = [[words(part) for part in _parts(line)] for line in lines]
    alike = [
        [max(_alike(said, part) for part in line) for line in parts] for said in (words(each.text) for each in wanted)
    ]
    best = [[0.0] * (len(lines) + 1) for _ in range(len(wanted) + 1)]
    for row in reversed(range(len(wanted))):
        for column in reversed(range(len(lines))):
            pair = alike[row][column] and alike[row][column] + best[row + 1][column + 1]
            best[row][column] = max(pair, best[row + 1][column], best[row][column + 1])
    column = 0
    for row, statement in enumerate(wanted):
        while column < len(lines) and best[row][column] == best[row][column + 1]:
            column += 1
        if best[row][column] == best[row + 1][column]:
            yield statement
        else:
            column += 1


def unnamed(wanted: list[Statement], lines: list[str]) -> Iterator[Statement]:
    """Files that no line names, each once."""
    known = {name.rsplit("/", 1)[-1].lower() for line in lines for name in FILE.findall(line)}
    for statement in wanted:
        name = statement.text.rsplit("/", 1)[-1].lower()
        if name not in known:
            known.add(name)
            yield statement


def survey(path: Path) -> Iterator[str]:
    """What one original says that no line of its requirements says."""
    targets = list(REQUIREMENTS.glob(f"{path.name[:3]}_*.md"))
    if not targets:
        yield f"{path.name}: no {REQUIREMENTS.name}/{path.name[:3]}_*.md"
        return
    tagged = re.findall(r"^- \[IDX-.+-([A-Z]+)-\d+\] (.+)$", targets[0].read_text("utf-8"), re.MULTILINE)
    lines = [text for _, text in tagged]
    yield from (f"{each.place}: no line for {each.text!r}" for each in missing(list(statements(path)), lines))
    yield from (
        f"{each.place}: no line names the file {each.text}"
        for each in unnamed(list(files(path)), [text for kind, text in tagged if kind == "FI"])
    )


def main(folder: Path) -> int:
    """Print what is missing; 1 when something is."""
    found = [told for path in sorted(folder.glob("[0-9][0-9][0-9]_*")) for told in survey(path)]
    print(*found, sep="\n", end="\n" if found else "")
    return 1 if found else 0


def _alike(statement: Counter[str], line: Counter[str]) -> float:
    common = (statement & line).total()
    if common < LEAST_OF_LINE * line.total() or common < LEAST_OF_STATEMENT * statement.total():
        return 0
    return 2 * common / max(1, line.total() + statement.total())


def _parts(line: str) -> set[str]:
    """A line as it stands, and without what it is introduced with or explained by."""
    said = line.partition(": ")[2] or line
    return {line, said, line.partition(" (")[0], said.partition(" (")[0]}


def _items(text: str) -> Iterator[tuple[int, str]]:
    """Items with their lines, those that go on in the next line as one."""
    counted, fenced = False, False
    found: list[tuple[int, str]] = []
    for number, line in enumerate(text.splitlines(), 1):
        if line.lstrip().startswith("```"):
            fenced = not fenced
            continue
        heading = None if fenced else _HEADING.fullmatch(line.strip())
        if heading or line == "---":
            counted = bool(heading and HEADINGS.match(heading[1] or heading[2]))
            yield from found
            found = []
        elif counted and not fenced and (item := _ITEM.match(line)):
            found.append((number, item[1] or item[2]))
        elif found and line.startswith("  "):
            found[-1] = (found[-1][0], f"{found[-1][1]} {line.strip()}")
    yield from found


def _texts(value: Any, pointer: str) -> Iterator[tuple[str, str]]:
    if isinstance(value, dict):
        for key, below in value.items():
            yield from _texts(below, f"{pointer}/{key}")
    elif isinstance(value, list):
        for number, below in enumerate(value):
            yield from _texts(below, f"{pointer}/{number}")
    elif isinstance(value, str) and any(KEYS.fullmatch(key) for key in pointer.split("/")):
        yield pointer, value


if __name__ == "__main__":
    if len(sys.argv) != 2 or not Path(sys.argv[1]).is_dir():
        sys.exit(__doc__)
    sys.exit(main(Path(sys.argv[1])))
