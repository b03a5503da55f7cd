"""Evidence in words: files are named, and counted where they are many."""

from __future__ import annotations

from collections.abc import Iterable

MAX_NAMED = 5


def named(names: Iterable[str]) -> str:
    """The first names, without what could steer a terminal, and how many more there are."""
    every = ["".join(char if char.isprintable() else "\ufffd" for char in name) for name in names]
    more = f" and {len(every) - MAX_NAMED} more" if len(every) > MAX_NAMED else ""
    return ", ".join(every[:MAX_NAMED]) + more


def counted(number: int, thing: str) -> str:
    """``1 file``, ``2 files``, ``2 entries``."""
    many = f"{thing[:-1]}ies" if thing.endswith("y") else f"{thing}s"
    return f"{number} {thing if number == 1 else many}"
