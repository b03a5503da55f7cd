r"""Paths of a repository as text that fits into JSON: UTF-8 as it is, a backslash doubled, any other byte as ``\xNN``."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator, Sequence
from fnmatch import translate
from functools import lru_cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from global_util.contracts.item import Scope
    from global_util.contracts.workstream import ScopeEntry

_ESCAPED = re.compile(r"\\(\\|x[0-9a-f]{2})")
_GIT_DIR = re.compile(r"(?i:\.git[. ]*(:.*)?\Z|git~)", re.DOTALL)
"""What some file system takes for ``.git``; git itself refuses these names everywhere."""

_MARK = re.compile(r"[*?\[]")
_MAX_KNOWN = 100_000
"""How many steps through a pattern are remembered."""


def from_bytes(raw: bytes) -> str:
    """The text form of a path as git knows it."""
    text = raw.replace(b"\\", b"\\\\").decode("utf-8", "surrogateescape")
    return "".join(f"\\x{ord(char) - 0xDC00:02x}" if "\udc80" <= char <= "\udcff" else char for char in text)


def to_bytes(path: str) -> bytes:
    """The bytes of a path given in text form. A backslash that begins no escape stands for itself."""
    parts: list[bytes] = []
    position = 0
    for found in _ESCAPED.finditer(path):
        parts.append(path[position : found.start()].encode("utf-8", "surrogateescape"))
        code = found.group(1)
        parts.append(b"\\" if code == "\\" else bytes([int(code[1:], 16)]))
        position = found.end()
    parts.append(path[position:].encode("utf-8", "surrogateescape"))
    return b"".join(parts)


def fault(path: str) -> str:
    """Why a path or scope entry must not be used, or an empty string. Escapes are read first: they hide nothing."""
    try:
        real = os.fsdecode(to_bytes(path))
    except UnicodeEncodeError:
        return "is no text"
    text = real.rstrip("/")
    if not text:
        return "is empty" if not real else "is the root of the file system"
    if real.startswith("/") or re.match(r"^[A-Za-z]:[/\\]", real):
        return "is absolute"
    if "\0" in real:
        return "holds a NUL byte"
    parts = text.split("/")
    if ".." in parts:
        return "leaves the repository"
    if any(_GIT_DIR.match(part) for part in re.split(r"[/\\]", text)):
        return "enters .git"
    if "." in parts or "" in parts:
        return "has an empty or '.' part"
    return ""


def entry_path(entry: ScopeEntry) -> str:
    """The text of a scope entry."""
    return entry if isinstance(entry, str) else entry.path


@lru_cache(maxsize=4096)
def _parts(pattern: str) -> tuple[str | re.Pattern[str], ...]:
    """A pattern's parts: ``*``, ``**`` and ``**/`` as they are, what stands for one character compiled."""
    return tuple(
        part if part in ("*", "**", "**/") else re.compile(_one_character(part), re.DOTALL)
        for part in re.findall(r"\*\*/?|\[[^/]+?\]|.", pattern, re.DOTALL)
    )


def _one_character(part: str) -> str:
    return "[^/]" if part == "?" else f"(?!/){translate(part)}" if len(part) > 1 else re.escape(part)


def _matches(pattern: str, path: str) -> bool:
    """``*``, ``?`` and classes stay inside one folder, ``**`` crosses folders.

    All ways to read the pattern are followed at once: no pattern, however built, takes long.
    """
    head = _MARK.split(pattern, maxsplit=1)[0]
    if not path.startswith(head):
        return False
    parts = _parts(pattern[len(head) :])
    places = _opened(parts, {0})
    for char in path[len(head) :]:
        places = _after(parts, places, char)
    return len(parts) in places


def _after(parts: Sequence[str | re.Pattern[str]], places: Iterable[int], char: str) -> set[int]:
    """The places in a pattern that are reached with one more character."""
    inside = {place for place in places if parts[place : place + 1] == ("**/",)}
    return _opened(parts, {to for place in places for to in _step(parts[place : place + 1], place, char)}) | inside


def _step(part: Sequence[str | re.Pattern[str]], place: int, char: str) -> Iterator[int]:
    """The places after a character: the same again, or the next."""
    for one in part:
        if one == "**" or (one == "*" and char != "/"):
            yield place
        elif (one == "**/" and char == "/") or (isinstance(one, re.Pattern) and one.match(char)):
            yield place + 1


def _opened(parts: Sequence[str | re.Pattern[str]], places: set[int]) -> set[int]:
    """With the places behind wildcards that stand for nothing."""
    opened = set(places)
    for place in places:
        while place < len(parts) and isinstance(parts[place], str) and place + 1 not in opened:
            place += 1
            opened.add(place)
    return opened


def covers(entry: ScopeEntry, path: str) -> bool:
    """Does a scope entry allow this path? A string also matches a path that is spelled just like it."""
    text = entry_path(entry)
    if text == path or (text.endswith("/") and path.startswith(text)):
        return True
    return isinstance(entry, str) and _MARK.search(text) is not None and _matches(text, path)


def covered(entries: Sequence[ScopeEntry], path: str) -> bool:
    """Does any of the entries allow this path?"""
    return any(covers(entry, path) for entry in entries)


def select(entry: ScopeEntry, every: Iterable[str]) -> list[str]:
    """The paths that a scope entry covers, in their order: as ``covers``, but fit for many paths.

    What the pattern's places become with a character is computed once, so that a path costs a look-up per character.
    """
    text = entry_path(entry)
    if not isinstance(entry, str) or _MARK.search(text) is None:
        return [path for path in every if covers(entry, path)]
    head = _MARK.split(text, maxsplit=1)[0]
    parts = _parts(text[len(head) :])
    start = frozenset(_opened(parts, {0}))
    known: dict[tuple[frozenset[int], str], frozenset[int]] = {}
    out = []
    for path in every:
        if path == text or (text.endswith("/") and path.startswith(text)):
            out.append(path)
            continue
        places = start if path.startswith(head) else frozenset[int]()
        for char in path[len(head) :]:
            if not places:
                break
            after = known.get((places, char))
            if after is None:
                if len(known) >= _MAX_KNOWN:
                    known.clear()
                after = known[places, char] = frozenset(_after(parts, places, char))
            places = after
        if len(parts) in places:
            out.append(path)
    return out


def judge(scope: Scope, path: str, exists_in_base: bool) -> str:
    """Why a change of ``path`` is a violation of the scope (a Violation kind), or an empty string."""
    if fault(path):
        return "git_dir"
    if covered(scope.forbidden_paths, path):
        return "forbidden"
    if covered(scope.files_read_only, path) and path not in map(entry_path, scope.files_scope):
        return "read_only"
    if covered(scope.files_scope, path):
        return ""
    if covered(scope.files_create, path):
        return "" if not exists_in_base else "not_creatable"
    return "outside"


def overlap(first: ScopeEntry, second: ScopeEntry) -> str:
    """A path or pattern that both entries may allow, or an empty string. Two globs are compared by their fixed heads."""
    one, two = entry_path(first), entry_path(second)
    if covers(first, two) or (two.endswith("/") and one.startswith(two)):
        return two if len(two) > len(one) else one
    if covers(second, one) or (one.endswith("/") and two.startswith(one)):
        return one if len(one) > len(two) else two
    left, right = _open_head(first), _open_head(second)
    if left is not None and right is not None and (left.startswith(right) or right.startswith(left)):
        return one
    return ""


def _open_head(entry: ScopeEntry) -> str | None:
    """The fixed beginning of an entry that stands for many paths; None for a single path."""
    text = entry_path(entry)
    head = _MARK.split(text, maxsplit=1)[0] if isinstance(entry, str) else text
    return head if head != text or text.endswith("/") else None
