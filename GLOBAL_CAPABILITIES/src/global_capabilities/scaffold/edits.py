"""Small edits of text files that keep everything else as it is, each proven by what the file says afterwards."""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Callable
from typing import Any

from global_util.errors import InvalidInput

from global_capabilities.scaffold.draft import Draft


def refuse(path: str, what: str, mend: str) -> InvalidInput:
    """There is no sure place for an edit: say what to write where."""
    return InvalidInput(f"{path}: {what}", f"write it there yourself, then scaffold again: {mend}", "E336")


def insert_line(draft: Draft, path: str, line: str, opening: str, closing: str) -> None:
    """Put a line below the last one between the line that begins with ``opening`` and the next that is ``closing``."""
    lines = draft.text(path).splitlines(keepends=True)
    starts = [number for number, text in enumerate(lines) if text.startswith(opening)]
    ends = [number for number, text in enumerate(lines) if starts and number > starts[0] and text.rstrip() == closing]
    if len(starts) != 1 or not ends:
        raise refuse(path, f"{len(starts)} lines begin with {opening!r}, one was expected", line.strip())
    draft.change(path, "".join([*lines[: ends[0]], f"{line}\n", *lines[ends[0] :]]))


def insert_sorted(draft: Draft, path: str, line: str, beginning: str) -> None:
    """Put a line in its alphabetical place among the lines that begin with ``beginning``."""
    lines = draft.text(path).splitlines(keepends=True)
    numbers = [number for number, text in enumerate(lines) if text.startswith(beginning)]
    if not numbers:
        raise refuse(path, f"no line begins with {beginning!r}", line)
    place = next((number for number in numbers if lines[number] > line), numbers[-1] + 1)
    draft.change(path, "".join([*lines[:place], f"{line}\n", *lines[place:]]))


def edit_toml(draft: Draft, path: str, pattern: str, replacement: str, expect: Callable[[Any], Any], mend: str) -> None:
    """Replace the one match of ``pattern``; the file must then say what ``expect`` makes of what it said before.

    Raises InvalidInput (exit 3), with ``mend`` as what to write, when there is no such match or the outcome differs.
    """
    text = draft.text(path)
    found = re.findall(pattern, text, re.MULTILINE)
    if len(found) != 1:
        raise refuse(path, f"{len(found)} places fit, one was expected", mend)
    changed = re.sub(pattern, replacement, text, flags=re.MULTILINE)
    try:
        wanted = expect(tomllib.loads(text))
        is_right = tomllib.loads(changed) == wanted
    except (ValueError, KeyError, TypeError, IndexError, RecursionError):
        is_right = False
    if not is_right:
        raise refuse(path, "an edit there would change something else", mend)
    draft.change(path, changed)


def edit_json(draft: Draft, path: str, change: Callable[[Any], None], mend: str) -> None:
    """Change a JSON file that is written as ``json.dumps`` with two blanks writes it."""
    text = draft.text(path)
    try:
        document = json.loads(text)
        is_plain = text == dumps(document)
        change(document)
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as fault:
        raise refuse(path, f"not as it is expected to be: {fault!r:.200}", mend) from None
    if not is_plain:
        raise refuse(path, "its formatting would not stay as it is", mend)
    draft.change(path, dumps(document))


def dumps(value: object) -> str:
    """JSON text as all manifests have it."""
    return json.dumps(value, indent=2, ensure_ascii=False) + "\n"
