"""Which of several files had an id first, by the history of git."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from global_doc_id.carriers import Carrier
from global_doc_id.clone import log
from global_doc_id.file_types import sidecar_of

_TIME = "--format=%x01%ct"
NEVER = 1 << 62
"""The age of what git does not know: younger than all else."""


@dataclass(frozen=True)
class _Step:
    """A commit in which files got or lost a text: its time in seconds since 1970, and their paths."""

    time: int
    came: tuple[str, ...]
    went: tuple[str, ...]


def first_seen(root: Path, doc_id: str, path: str, carrier: Carrier, folder: str) -> int:
    """When a commit first gave this id to this file, in seconds since 1970; ``NEVER`` if none did.

    A file that was renamed keeps its age, a copy begins its own. ``folder`` is where the id's files lie: renames are
    followed inside it. Commits that are being merged count.
    """
    if carrier.how == "name":
        return _oldest(root, ["--diff-filter=A"], [path])
    if carrier.how == "sidecar":
        entry = f"{json.dumps(path.rpartition('/')[2], ensure_ascii=False)}: {json.dumps(doc_id)}"
        return _oldest(root, [f"-S{entry}"], [sidecar_of(path)])
    return _ages(_steps(root, doc_id, [path, folder])).get(path, NEVER)


def _ages(steps: Sequence[_Step]) -> dict[str, int]:
    """Since when each path has the text, the oldest step first: what comes where something goes was renamed."""
    ages: dict[str, int] = {}
    for step in steps:
        inherited = [ages.pop(path, step.time) for path in step.went]
        for path in step.came:
            ages.setdefault(path, min([step.time, *inherited]))
    return ages


def _steps(root: Path, text: str, paths: Sequence[str]) -> list[_Step]:
    options = [_TIME, "--name-status", "--no-renames", "--reverse", "--topo-order", "-z", f"-S{text}"]
    answer = log(root, options, [path for path in paths if path])
    return [_step(block) for block in answer.split("\x01") if block]


def _step(block: str) -> _Step:
    time, _, rest = block.partition("\0")
    fields = rest.split("\0")
    changes = [(status.strip(), path) for status, path in zip(fields[::2], fields[1::2], strict=False)]
    came = tuple(path for status, path in changes if status != "D")
    return _Step(int(time), came, tuple(path for status, path in changes if status == "D"))


def _oldest(root: Path, options: Sequence[str], paths: Sequence[str]) -> int:
    return min((int(line) for line in log(root, [_TIME, *options], paths).split("\x01") if line.strip()), default=NEVER)
