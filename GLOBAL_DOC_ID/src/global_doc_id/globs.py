"""Globs over paths, compiled to one regular expression that means what ``global_util.paths.covered`` means."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from fnmatch import translate
from itertools import pairwise

_PART = re.compile(r"\*\*/?|\[[^/]+?\]|.", re.DOTALL)


def matcher(globs: Sequence[str]) -> Callable[[str], object]:
    """Does any of the globs cover a path? ``*`` stays inside one folder, ``**`` crosses folders, ``x/`` is all below x."""
    if not globs:
        return _nothing
    plain = [glob for glob in globs if not _is_odd(glob)]
    odd = tuple(glob for glob in globs if _is_odd(glob))
    test = re.compile("|".join(f"(?:{_compiled(glob)})" for glob in plain) or r"(?!)", re.DOTALL).fullmatch
    if not odd:
        return test
    from global_util.paths import covered

    return lambda path: test(path) or covered(odd, path)


def _is_odd(glob: str) -> bool:
    """Does a ``**/`` begin inside of a name? Few mean that, and no fast expression is sure to."""
    parts = _PART.findall(glob)
    return any(part == "**/" and before not in ("/", "**/", "**") for before, part in pairwise(parts))


def _nothing(_path: str) -> None:
    return None


def _compiled(glob: str) -> str:
    literal = re.escape(glob) + (".*" if glob.endswith("/") else "")
    return f"{literal}|{_pattern(_PART.findall(glob))}" if re.search(r"[*?\[]", glob) else literal


def _pattern(parts: Sequence[str]) -> str:
    """The pieces between two ``**`` are found as far left as can be, and never again elsewhere: no glob takes long."""
    chunks: list[tuple[str, list[str]]] = [("", [])]
    for part in parts:
        if part in ("**", "**/"):
            joint, pieces = chunks[-1]
            if joint and not pieces:  # two in a row: one that crosses everything stands for both
                chunks[-1] = (min(joint, part), [])
            else:
                chunks.append((part, []))
        else:
            chunks[-1][1].append(part)
    written = [_chunk(joint, pieces, last=place == len(chunks) - 1) for place, (joint, pieces) in enumerate(chunks)]
    return "".join(written)


def _chunk(joint: str, parts: Sequence[str], *, last: bool) -> str:
    before = {"": "", "**": ".*?", "**/": "(?:.*?/)??"}[joint]
    if last and joint == "**" and not parts:
        return ".*"
    groups: list[str] = [""]
    for part in parts:
        if part == "*":
            groups.append("")
        else:
            groups[-1] += _one(part)
    first, *rest = groups
    inner = first + "".join(f"(?>[^/]*?{piece})" for piece in rest[:-1])
    if rest:
        inner += f"[^/]*{rest[-1]}" if last else f"(?>[^/]*?{rest[-1]})"
    return f"{before}{inner}" if last else f"(?>{before}{inner})"


def _one(part: str) -> str:
    if part == "?":
        return "[^/]"
    return f"(?!/){translate(part)[4:-3]}" if len(part) > 1 else re.escape(part)
