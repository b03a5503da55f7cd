"""Adding entries to a changelog: pure text, nothing that stands there is changed."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

_MARK = re.compile(r" {0,3}(#{1,6})(?=[ \t\r]|$)")
_FENCE = re.compile(r" {0,3}(`{3,}|~{3,})(.*)")
_UNRELEASED = re.compile(r"\bunreleased\b", re.IGNORECASE)
_LEVEL = 2
"""The level of a release's heading; entries may have headings below it."""
NEW = "# Changelog\n"
CATEGORIES = (
    *("Added", "Breaking", "Breaking changes", "Changed", "Deprecated", "Documentation", "Fixed", "Internal", "New"),
    *("Performance", "Removed", "Security"),
)
"""The headings that a fragment may have: entries stand under them, any other heading is an entry like the rest."""
_KNOWN = {word.casefold(): word for word in CATEGORIES}
_LINE_ENDS = re.compile("\r\n|[\r\v\f\x1c-\x1e\x85\u2028\u2029]")
_CONTROL = re.compile(r"[\x00-\x08\x0e-\x1f\x7f-\x9f]")
_COMMENT = re.compile(r"^[ \t]*<!--", re.MULTILINE)
_ITEM = re.compile(r"( *)(?:[-*+]|[0-9]{1,9}[.)]) +(?=\S)")
_RULE = re.compile(r"(?:=+|[-+*_](?: *[-+*_])*)$")
_CODE = re.compile(r" *(?:[-*+] +)?(?:(`{3,})[^`]*|(~{3,}).*)$")
_OPENS = re.compile(r"#{1,6}(?: |$)|[-+*](?: |$)|>|=|~{3}|`{3,}[^`]*$|(?:[-*_] *){3,}$|<(?!https?://[^\s<>`\\]+>)")
_NUMBER = re.compile(r"^([0-9]{1,9})([.)])(?= |$)")
_INLINE = re.compile(r"\\[!-/:-@\[-`{-~]|<https?://[^\s<>`\\]+>|<|`+")
_DEPTH = 3
"""How deep lists may lie in an entry."""


def clean(text: str) -> str:
    """A fragment as it may stand inside a changelog: list items, under headings of ``CATEGORIES``, and nothing else.

    Paragraphs and titles become items, blocks of code become code in the line. Comments, rules and front matter are
    dropped. Whatever else could open a block is escaped, so that no text can leave its item, however it is read.
    """
    lines = _without_comments(_CONTROL.sub("", _LINE_ENDS.sub("\n", text.removeprefix("\ufeff")).expandtabs(4)))
    if lines[0].rstrip() == "---" and "---" in (rest := [line.rstrip() for line in lines[1:]]):
        lines = lines[rest.index("---") + 2 :]
    out: list[str] = []
    waiting = ""
    for depth, first, block in _blocks(lines):
        if depth < 0:
            waiting = block[0]
            continue
        if waiting:
            out += [*([""] if out else []), f"### {waiting}", ""]
            waiting = ""
        head, *more = _inert(block).split("\n")
        out += [] if first else [""]
        out.append("  " * depth + ("- " if first else "  ") + head)
        out += ["  " * (depth + 1) + line for line in more]
    return "\n".join(out)


def headline(text: str) -> str:
    """The first paragraph of a cleaned fragment, as a list entry; it is whole, for half of it may mean another thing."""
    lines = [line for line in text.split("\n") if not line.startswith("#")]
    start = next((at for at, line in enumerate(lines) if line), 0)
    end = next((at for at in range(start + 1, len(lines)) if not lines[at] or _ITEM.match(lines[at])), len(lines))
    return "\n".join(lines[start:end])


def _without_comments(text: str) -> list[str]:
    """The lines without the comments that begin one."""
    out, at = [], 0
    for found in _COMMENT.finditer(text):
        end = text.find("-->", found.end())
        if end < 0:
            break
        if found.start() >= at:
            out.append(text[at : found.start()])
            at = end + len("-->")
    return "".join([*out, text[at:]]).split("\n")


def _blocks(lines: Sequence[str]) -> Iterator[tuple[int, bool, list[str]]]:
    """The paragraphs: how deep their item lies, whether they begin it, their lines. A category lies at -1."""
    out: list[tuple[int, bool, list[str]]] = []
    stack: list[int] = []
    apart = True
    for line, code in _with_code(lines):
        text, indent = line.strip(), len(line) - len(line.lstrip())
        heading, item = (None, None) if code else (_heading(line), _ITEM.match(line))
        if (title := heading[1] if heading else text) == "" or (not code and _RULE.match(text)):
            apart = True
        elif heading and title.casefold() in _KNOWN:
            out.append((-1, True, [_KNOWN[title.casefold()]]))
            stack, apart = [], True
        elif item:
            stack = [*[one for one in stack if one + 2 <= indent][:_DEPTH], indent]
            out.append((len(stack) - 1, True, [line[item.end() :].strip()]))
            apart = False
        elif heading or not stack or (apart and indent < 2):
            stack, apart = [0], bool(heading)
            out.append((0, True, [title]))
        elif apart:
            apart = False
            out.append((len(stack) - 1, False, [text]))
        else:
            out[-1][2].append(text)
    return iter(out)


def _with_code(lines: Sequence[str]) -> Iterator[tuple[str, bool]]:
    """The lines, those of blocks of code as code in the line."""
    fence = ""
    for line in lines:
        text = line.strip()
        if fence:
            if text.startswith(fence) and not text.strip(fence[0]):
                fence = ""
            elif text:
                yield " " * (len(line) - len(line.lstrip())) + _span(text), True
        elif found := _CODE.match(line):
            fence = found[1] or found[2]
            if not text.startswith(fence):
                yield "", False
        else:
            yield line, False


def _span(text: str) -> str:
    mark = "`" * (max((len(run) for run in re.findall("`+", text)), default=0) + 1)
    gap = " " if "`" in (text[0], text[-1]) else ""
    return f"{mark}{gap}{text}{gap}{mark}"


def _inert(lines: Sequence[str]) -> str:
    """A paragraph in which no line opens a block, and no tag stands outside of code."""
    text = "\n".join(_NUMBER.sub(r"\1\\\2", f"\\{line}" if _OPENS.match(line) else line, count=1) for line in lines)
    if text.startswith("[") and "]:" in text:
        text = f"\\{text}"
    last = {len(run[0]): run.start() for run in re.finditer("`+", text)}
    out, at = [], 0
    while found := _INLINE.search(text, at):
        piece, end = found[0], found.end()
        out.append(text[at : found.start()])
        if piece[0] == "`":
            size = len(piece)
            closed = last.get(size, -1) >= end and re.compile(f"(?<!`)`{{{size}}}(?!`)").search(text, end)
            if closed:
                piece, end = text[found.start() : closed.end()], closed.end()
            else:
                piece = "\\`" * size
        elif piece == "<":
            piece = "\\<"
        out.append(piece)
        at = end
    return "".join([*out, text[at:]])


def add(changelog: str, entries: Sequence[str]) -> str:
    """The changelog with cleaned entries under its heading of what is unreleased, which is made when there is none.

    Text before an entry's first heading goes to the text before the section's first heading, text under a heading to
    the heading of the same name. A level-2 heading with the word "unreleased" is the one that is meant.
    """
    text = changelog or NEW
    ending = "\r" if "\r\n" in text else ""
    lines = (text if text.endswith("\n") else f"{text}{ending}\n").split("\n")
    if _section(lines) is None:
        lines = _opened(lines, ending)
    for title, block in _parts(entries).items():
        _insert(lines, title, [line + ending for line in block], ending)
    return "\n".join(lines)


def _opened(lines: list[str], ending: str) -> list[str]:
    """With a section of what is unreleased: before the first release, or at the end."""
    place = next((at for at, level, _ in _headings(lines) if level == _LEVEL), len(lines))
    above = _trimmed(lines[:place])
    heading = [f"## Unreleased{ending}", ending if lines[place:] else ""]
    return [*above, *([ending] if above else []), *heading, *lines[place:]]


def _section(lines: Sequence[str]) -> tuple[int, int] | None:
    """The lines of the section of what is unreleased: its heading, and the line after its end."""
    start = None
    for at, level, title in _headings(lines):
        if start is not None and level <= _LEVEL:
            return start, at
        if start is None and level == _LEVEL and _UNRELEASED.search(title):
            start = at
    return None if start is None else (start, len(lines))


def _insert(lines: list[str], title: str, block: list[str], ending: str) -> None:
    start, end = _section(lines) or (0, len(lines))
    below = [(at, text) for at, level, text in _headings(lines) if start < at < end and level > _LEVEL]
    known = next((number for number, (_, text) in enumerate(below) if text.casefold() == title.casefold()), None)
    if title and known is None:
        block = [f"### {title}{ending}", ending, *block]
        after = end
    else:
        following = below if not title else below[(known or 0) + 1 :]
        after = following[0][0] if following else end
        start = start if not title else below[known or 0][0]
    place = start + len(_trimmed(lines[start:after]))
    tight = place - 1 > start and _is_entry(lines[place - 1]) and _is_entry(block[0])
    closing = [] if place < len(lines) and not lines[place].strip() else [ending] if place < len(lines) else []
    lines[place:place] = [*([] if tight else [ending]), *block, *closing]


def _parts(entries: Sequence[str]) -> dict[str, list[str]]:
    """The lines of all entries by the heading that they stand under; those without one first."""
    out: dict[str, list[str]] = {"": []}
    for entry in entries:
        title = ""
        chunks: dict[str, list[str]] = {}
        for line in entry.split("\n"):
            if line.startswith("#"):
                title = line.lstrip("#").strip()
            elif line or chunks.get(title):
                chunks.setdefault(title, []).append(line)
        for title, chunk in chunks.items():
            out.setdefault(title, []).extend(_trimmed(chunk))
    return {title: block for title, block in out.items() if block}


def _headings(lines: Sequence[str]) -> Iterator[tuple[int, int, str]]:
    """Where headings stand, but for those in blocks of code and comments: line, level, title."""
    end = ""
    for at, line in enumerate(lines):
        fence = _FENCE.match(line)
        if end == "-->":
            end = "" if end in line else end
        elif end:
            end = "" if fence and fence[1].startswith(end) and not fence[2].strip() else end
        elif fence and not (fence[1][0] == "`" and "`" in fence[2]):
            end = fence[1]
        elif re.match(" {0,3}<!--", line):
            end = "" if "-->" in line else "-->"
        elif found := _heading(line):
            yield at, *found


def _heading(line: str) -> tuple[int, str] | None:
    """Level and title of a line that is a heading."""
    found = _MARK.match(line)
    if not found:
        return None
    title = line[found.end() :].strip()
    bare = title.rstrip("#")
    return len(found[1]), title if bare and not bare[-1].isspace() else bare.strip()


def _trimmed(lines: Sequence[str]) -> list[str]:
    """Without blank lines at the end."""
    end = len(lines)
    while end and not lines[end - 1].strip():
        end -= 1
    return list(lines[:end])


def _is_entry(line: str) -> bool:
    return bool(re.match(r"\s*[-*+] |\s{2,}\S", line))
