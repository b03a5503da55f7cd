"""Single files of the index, without reading the index: those of a tree, and what the index has besides it."""

from __future__ import annotations

from collections.abc import Iterable

from global_doc_id.known import Known
from global_doc_id.source import Tree


class Staged:
    """Files that git has staged. ``likely``: paths that will be asked for; they are fetched at once."""

    def __init__(self, known: Known, likely: Iterable[str]) -> None:
        self.known = known
        self._oids: dict[str, str] = {}
        self._contents: dict[str, bytes | None] = {}
        self._fetch(likely)

    def read(self, path: str) -> bytes | None:
        """The content of a file; None for one that is not there or is a link."""
        if path not in self._oids:
            self._fetch([path])
        return self._contents.get(self._oids[path])

    def has(self, path: str) -> bool:
        """Is this a file or link of the index?"""
        if path in self.known.touched:
            return path not in self.known.removed
        return path in dict(Tree(self.known.git.root, self.known.tree).entries(path))

    def _fetch(self, paths: Iterable[str]) -> None:
        wanted = list(paths)
        touched = self.known.touched
        same = sorted({path for path in wanted if path not in touched})
        listed = dict(Tree(self.known.git.root, self.known.tree).entries(*same)) if same else {}
        self._oids |= {path: touched.get(path, listed.get(path, "")) for path in wanted}
        oids = sorted({self._oids[path] for path in wanted} - {""} - self._contents.keys())
        self._contents |= dict(zip(oids, self.known.blobs.read(oids), strict=True))
