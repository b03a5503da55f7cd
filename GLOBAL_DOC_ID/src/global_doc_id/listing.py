"""What lies in a folder: what git tracks and does not ignore; without git, all but hidden and built files."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence

from global_doc_id.git import Process, end, fields, find_git

_SKIPPED = {"__pycache__", "build", "dist", "node_modules"}


class Listing:
    """The paths of a folder. ``begin`` lets git look while something else is done."""

    def __init__(self, root: str) -> None:
        self.root = root
        self.git = find_git(root)
        self._processes: tuple[Process, ...] = ()

    def begin(self) -> None:
        """Start git, which lists both kinds at once."""
        if self.git is not None:
            tracked = self.git.start("ls-files", "-z", "--cached", "--deduplicate")
            self._processes = (tracked, self.git.start("ls-files", "-z", "--others", "--exclude-standard"))

    def portions(self) -> Iterator[Sequence[str]]:
        """All paths: first what git tracks, in one portion, then what it does not. To be asked for once."""
        if self.git is None:
            yield from _walk(self.root)
            return
        if not self._processes:
            self.begin()
        tracked, others = self._processes
        try:
            yield [path for paths in fields(tracked) for path in paths]
            for paths in fields(others):
                yield [path for path in paths if path[-1:] != "/"]
        finally:
            self.close()

    def close(self) -> None:
        """Let go of git."""
        end(*self._processes)
        self._processes = ()


def _walk(root: str) -> Iterator[list[str]]:
    for folder, folders, names in os.walk(root):
        folders[:] = sorted(name for name in folders if not name.startswith(".") and name not in _SKIPPED)
        below = folder[len(root) + 1 :]
        yield [f"{below}/{name}" if below else name for name in sorted(names)]
