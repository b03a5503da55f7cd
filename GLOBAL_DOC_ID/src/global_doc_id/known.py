"""Which files have or mention an id, of all that git has staged: found without reading them.

A table lies in the clone's git folder, made for one tree. What the index has besides that tree, git says in one comparison,
and those few files are read. The table is only a help: one that is missing, old or damaged is made anew.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cached_property

from global_util.errors import EnvironmentFault

from global_doc_id.blobs import Blobs
from global_doc_id.comparison import Change, read_changes, tree_of_head
from global_doc_id.git import Git, Process, end
from global_doc_id.known_table import Row, close_table, find_rows, open_table, save_table

ENOUGH = 200
"""So many differing files are read each time; from then on the table is made for the present commit."""


class Known:
    """The ids and references of the index. Git begins to compare when this object is made."""

    def __init__(self, git: Git) -> None:
        self.git = git
        self.tree, self._table = open_table(git)
        self.blobs = Blobs(git)
        self._comparison = self._compare() if self.tree else None

    @cached_property
    def changes(self) -> list[Change]:
        """What the index has besides the tree."""
        found = _changes(self._comparison) if self._comparison else None
        if found is None or len(found) > ENOUGH:
            self._renew()
            found = list(read_changes(self._compare()))
        return found

    @cached_property
    def touched(self) -> dict[str, str]:
        """Paths where index and tree differ, with the index' blob; an empty text for what is gone or no regular file."""
        return {change.path: change.new for change in self.changes}

    @cached_property
    def removed(self) -> set[str]:
        """Paths of the tree that the index does not have."""
        return {change.path for change in self.changes if change.removed}

    @cached_property
    def _late(self) -> dict[str, list[Row]]:
        """By id, the rows of files that differ."""
        from global_doc_id.known_rows import rows_of_changed

        found: dict[str, list[Row]] = {}
        for row in sorted(rows_of_changed(self.blobs, self.changes)):
            found.setdefault(row.doc_id, []).append(row)
        return found

    def rows(self, doc_id: str) -> Iterator[Row]:
        """Everything that the index says of an id."""
        touched = self.touched  # before the table is read: this may make it
        yield from (row for row in find_rows(self._table, doc_id) if row.source not in touched)
        yield from self._late.get(doc_id, ())

    def close(self) -> None:
        """Let go of the table, and of git."""
        end(self._comparison)
        self.blobs.close()
        close_table(self._table)

    def _compare(self) -> Process:
        words = ("diff-index", "--raw", "-z", "--no-renames", "--relative", "--cached", self.tree, "--")
        return self.git.start(*words)

    def _renew(self) -> None:
        """Make the table for the tree of HEAD, from the old one where that is less work."""
        from global_doc_id.known_rows import rows_of_changed, rows_of_tree

        tree = tree_of_head(self.git)
        words = ("diff-tree", "-r", "--raw", "-z", "--no-renames", "--relative", self.tree, tree, "--")
        changed = _changes(self.git.start(*words)) if self.tree else None
        if changed is not None and len(changed) < 20 * ENOUGH:
            touched = {change.path for change in changed}
            kept = [row for row in find_rows(self._table, "") if row.source not in touched]
            rows = sorted([*kept, *rows_of_changed(self.blobs, changed)])
        else:
            rows = sorted(rows_of_tree(self.git, tree))
        close_table(self._table)
        self.tree, self._table = tree, save_table(self.git, tree, rows)


def _changes(comparison: Process) -> list[Change] | None:
    """None when git cannot compare: the tree is not here any more."""
    try:
        return list(read_changes(comparison))
    except EnvironmentFault:
        return None
