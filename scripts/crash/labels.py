"""Names of effects that mean the same in every run: temporary names, process ids, places and hashes are taken out.

Standard library only: the process that is watched loads it.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Sequence
from types import FrameType
from typing import Any, NamedTuple


class Effect(NamedTuple):
    """A durable change that is about to happen: ``kind`` is what a door may be allowed, ``label`` what it is about."""

    kind: str
    label: str


_CHANGES = (
    (re.compile(r"\b(phaseline|index|object|snapshot|check|phaseline-demo)-[a-z0-9_]{8}\b"), r"\1-*"),
    (re.compile(r"\b[0-9a-f]{16,64}\b"), "*"),
    (re.compile(r"\.phaseline\.\d+\.[0-9a-f]+\.partial"), ".partial"),
    (re.compile(r"\.json\.\d+$"), ".json.*"),
    (re.compile(r"\bCP-[\d-]+|\bEXEC-[\d-]+"), "RUN"),
    (re.compile(r"(RUN: )\d+ \*"), r"\1*"),
    (re.compile(r"^(\w+ /tmp/)[a-z0-9_]{8}$"), r"\1*"),
)
_READING = frozenset(
    [
        "cat-file",
        "check-ref-format",
        "config",
        "diff-files",
        "diff-index",
        "diff-tree",
        "for-each-ref",
        "ls-files",
        "ls-tree",
        "merge-base",
        "rev-list",
        "rev-parse",
        "show",
        "status",
        "symbolic-ref",
        "version",
        "worktree-list",
    ]
)
"""Git commands that change nothing, as they are used here."""
_KINDS = {
    "checkout": "worktree",
    "clean": "worktree",
    "worktree-add": "worktree",
    "update-ref": "ref",
    "merge": "ref",
}
"""The rest writes objects or an index."""
_EVENT = re.compile(
    r"insert into events values \('[^']*', \d+, (?:NULL|'([^']*)'), '[^']*', '([^']*)', '(.*)', '[^']*', '[^']*'\)"
)
_DETAILS = ("phase", "step", "kind", "key", "tool", "purpose", "after", "rule")


def normalised(text: str, home: str) -> str:
    """Text without what differs from run to run. ``home``: the folder that all of a run lies in."""
    text = text.replace(home, "")
    for pattern, mark in _CHANGES:
        text = pattern.sub(mark, text)
    return text


def of_process(argv: Sequence[Any], frame: FrameType | None, home: str) -> Effect | None:
    """A program that is started; None for git where it only reads."""
    words = [os.fsdecode(word) for word in argv]
    if os.path.basename(words[0]) == "git":
        return _of_git(words[1:], frame, home)
    if words[-2:-1] and words[-2].endswith("supervisor.py"):
        return Effect("process", "fork server")
    return Effect("process", normalised(" ".join(os.path.basename(word) for word in words)[:100], home))


def _of_git(words: list[str], frame: FrameType | None, home: str) -> Effect | None:
    while words and words[0] == "-c":
        words = words[2:]
    verb = "-".join(words[:2]) if words[0] == "worktree" else words[0]
    if verb in _READING:
        return None
    about = _told(frame, "update_ref", "ref") or _told(frame, "delete_ref", "ref") or ""
    return Effect(_KINDS.get(verb, "object"), normalised(f"git {verb} {about}".strip(), home))


def of_object(kind: str, content: bytes, home: str) -> Effect:
    """An object that is written. Commits are told by their first line."""
    if kind != "commit":
        return Effect("object", f"git {kind}")
    message = content.partition(b"\n\n")[2].partition(b"\n")[0]
    return Effect("commit", normalised(f"git commit {message.decode()}", home))


def _told(frame: FrameType | None, function: str, name: str) -> Any:
    """The local variable of a function that is under way: refs are given to git on its standard input."""
    while frame is not None:
        if frame.f_code.co_name == function and name in frame.f_locals:
            return frame.f_locals[name]
        frame = frame.f_back
    return None


def of_statement(sql: str) -> str | None:
    """What a statement adds to the name of its transaction; None for one that changes nothing."""
    told = _EVENT.fullmatch(sql.strip())
    if told is not None:
        about = json.loads(told[3].replace("''", "'"))
        details = [str(about[name]).partition(":sha256")[0] for name in _DETAILS if about.get(name)]
        return " ".join(filter(None, (told[2], told[1], *details)))
    words = sql.split()
    first = words[0].lower() if words else ""
    if first == "pragma":
        return "pragma" if "=" in sql and "journal_mode" in sql else None
    return "" if first in ("insert", "update", "delete", "create", "drop", "alter") else None


def of_file(verb: str, path: str, home: str) -> Effect:
    """A change of a file or folder; ``scratch`` below the temporary folder, where nobody looks after a kill."""
    told = normalised(f"{verb} {path}", home)
    return Effect("scratch" if told.startswith(f"{verb} /tmp/") else "file", told)
