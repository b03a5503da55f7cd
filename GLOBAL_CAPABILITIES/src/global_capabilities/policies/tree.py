"""The files of one git tree, as the policies look at them: listed once, read when asked."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Collection, Sequence
from functools import cached_property
from typing import TYPE_CHECKING

from global_util import paths

from global_capabilities.policies.file_roles import is_test, tested

if TYPE_CHECKING:
    from global_util.contracts.workstream import ScopeEntry
    from global_util.git import Repository

REGULAR = ("100644", "100755")


class Tree:
    """``oid`` in ``repo``. Paths are in the text form of ``global_util.paths``."""

    def __init__(self, repo: Repository, oid: str) -> None:
        self.repo = repo
        self.oid = oid
        self._matched: dict[str, list[str]] = {}

    @cached_property
    def modes(self) -> dict[str, str]:
        """The git mode of every file."""
        return self.repo.modes_of(self.oid)

    @cached_property
    def paths(self) -> list[str]:
        """All files, sorted."""
        return sorted(self.modes)

    @cached_property
    def tests(self) -> dict[str, str]:
        """The first test for every name that tests are made of: ``slug`` and ``slug_url`` for ``test_slug_url.py``."""
        found: dict[str, str] = {}
        for path in filter(is_test, self.paths):
            name = tested(path)
            ends = [at for at, char in enumerate(name) if char == "_" and at]
            for end in (*ends, len(name)):
                found.setdefault(name[:end], path)
        return found

    def below(self, folder: str) -> list[str]:
        """The files below a folder (with its trailing slash), sorted."""
        start = bisect_left(self.paths, folder)
        end = bisect_left(self.paths, folder[:-1] + chr(ord(folder[-1]) + 1), start)
        return self.paths[start:end]

    def read(self, path: str) -> bytes | None:
        """The content of a regular file, None for anything else."""
        if self.modes.get(path) not in REGULAR:
            return None
        return self.repo.sealed("cat-file", "blob", self.oid.encode() + b":" + paths.to_bytes(path)).stdout

    def text(self, path: str) -> str:
        """The text of a regular file; what is not UTF-8 is replaced, what is no regular file is empty."""
        return (self.read(path) or b"").decode("utf-8", "replace")

    def matches(self, entry: ScopeEntry) -> list[str]:
        """The files that a scope entry covers, sorted."""
        text = paths.entry_path(entry)
        if text.endswith("/"):
            return self.below(text)
        if not isinstance(entry, str) or not any(mark in text for mark in "*?["):
            return [text] if text in self.modes else []
        if text not in self._matched:
            self._matched[text] = self.paths if text == "**" else paths.select(text, self.paths)
        return self._matched[text]

    def mentions(self, words: Collection[str], patterns: Sequence[str]) -> dict[str, list[str]]:
        """Which files name a word, as a whole word. ``patterns``: git's path patterns of the files that are read."""
        wanted = sorted({word for word in words if word and "\n" not in word})
        found: dict[str, set[str]] = {word: set() for word in wanted}
        if not wanted:
            return {}
        flags = ("-F", "-w", "-I", "-o", "-z", "--no-color", "-f", "-")
        given = "\n".join(wanted).encode("utf-8", "surrogateescape")
        answer = self.repo.sealed("grep", *flags, self.oid, "--", *patterns, stdin=given, ok=(0, 1)).stdout
        for line in answer.split(b"\n"):
            place, zero, word = line.partition(b"\0")
            if zero:
                known = found.setdefault(word.decode("utf-8", "surrogateescape"), set())
                known.add(paths.from_bytes(place.partition(b":")[2]))
        return {word: sorted(files) for word, files in found.items()}
