"""Markdown documents and the ``doc_id:`` line of their front matter."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

HEAD_BYTES = 16_384
"""Front matter ends within this many bytes, or it is none."""
_SKIPPED = {"__pycache__", "build", "dist", "node_modules"}
_FIELD = re.compile(r"doc_id\s*:\s*(.*?)\s*(?:\s#.*)?")


@dataclass(frozen=True)
class Carrier:
    """A place in a document that states an id; ``text`` is as written, without quotes."""

    line: int
    text: str


def find_documents(root: Path) -> Iterator[str]:
    """Paths of the Markdown files below ``root``, POSIX, sorted; hidden folders and build output are left out."""
    for folder, folders, files in os.walk(root):
        folders[:] = sorted(name for name in folders if not name.startswith(".") and name not in _SKIPPED)
        inside = Path(folder).relative_to(root)
        for name in sorted(files):
            if name.endswith(".md"):
                yield (inside / name).as_posix()


def read_carriers(path: Path) -> list[Carrier]:
    """The ids in a document's front matter: none, one, or more if somebody made a mistake. Raises OSError."""
    with path.open("rb") as stream:
        lines = stream.read(HEAD_BYTES).decode("utf-8-sig", "replace").splitlines()
    if not lines or lines[0].rstrip() != "---":
        return []
    carriers: list[Carrier] = []
    for number, line in enumerate(lines[1:], 2):
        if line.rstrip() == "---":
            return carriers
        found = _FIELD.fullmatch(line.rstrip())
        if found:
            carriers.append(Carrier(number, found.group(1).strip("\"'")))
    return []
