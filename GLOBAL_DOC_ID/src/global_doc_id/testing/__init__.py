"""Hostile files for the tests of readers: half of them valid ones with mutations, half noise. The same seed, the same files."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass

from global_doc_id.testing.grammar import KINDS
from global_doc_id.testing.mutations import MUTATIONS, noise


@dataclass(frozen=True)
class Hostile:
    """A file: what kind of input it began as, its path, its bytes. ``number`` and the seed make it again."""

    number: int
    kind: str
    path: str
    content: bytes


def hostile_file(seed: int, number: int) -> Hostile:
    """One file. Even numbers are mutations of valid input, odd ones noise."""
    chance = random.Random(f"{seed}:{number}")  # noqa: S311
    kind = chance.choice(sorted(KINDS))
    path, content = KINDS[kind](chance)
    if number % 2:
        return Hostile(number, kind, path, noise(chance))
    for _ in range(chance.choice((0, 1, 1, 2, 3, 5))):
        content = chance.choice(MUTATIONS)(chance, content)
    return Hostile(number, kind, path, content)


def hostile_files(seed: int, numbers: range) -> Iterator[Hostile]:
    """The files with these numbers."""
    return (hostile_file(seed, number) for number in numbers)
