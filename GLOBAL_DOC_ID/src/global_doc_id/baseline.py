"""The ids that a baseline commit had and that may be gone now."""

from __future__ import annotations

from collections.abc import Container, Mapping

from global_doc_id.blobs import read_blobs
from global_doc_id.carriers import may_state
from global_doc_id.comparison import head, read_changes, resolve, start_comparison, tree_of_head
from global_doc_id.git import Git, end
from global_doc_id.inventory import Inventory
from global_doc_id.known_table import Table, carried_in, close_table, find_rows, open_table
from global_doc_id.policy import Policy
from global_doc_id.validation import Was


class Baseline:
    """HEAD, or another commit, next to what is judged. Without git or commits it had nothing.

    Where a table of HEAD's ids is at hand it is asked; else git compares all files meanwhile.
    """

    def __init__(self, git: Git | None, since: str, *, staged: bool) -> None:
        self.git = git
        self.table = _table_of_head(git) if git and not since else None
        commit = "" if git is None or self.table else resolve(git, since) if since else head(git)
        self.comparison = start_comparison(git, commit, staged=staged) if git and commit else None

    def close(self) -> None:
        """Let go of git."""
        end(self.comparison)
        if self.table:
            close_table(self.table)

    def ids(self, now: Container[str], policy: Policy) -> Mapping[str, Was]:
        """Ids that the baseline had, each with where it stood: at least those that are not among the ids of ``now``."""
        found = self._looked_up(now) if self.table else self._compared()
        return {text: was for text, was in found.items() if not policy.excludes(was.path)}

    def _looked_up(self, now: Container[str]) -> dict[str, Was]:
        assert self.table is not None
        return {
            row.doc_id: Was(row.path, row.line)
            for text in sorted({text for text in carried_in(self.table) if text not in now})
            for row in find_rows(self.table, text)
            if row.kind == "c"
        }

    def _compared(self) -> dict[str, Was]:
        if self.git is None or self.comparison is None:
            return {}
        changed = [change for change in read_changes(self.comparison) if change.old and may_state(change.path)]
        inventory = Inventory()
        for change, content in zip(changed, read_blobs(self.git, [change.old for change in changed]), strict=True):
            inventory.note(change.path, content or b"")
        return {
            carrier.text: Was(path, carrier.line)
            for path, carriers in sorted(inventory.carriers.items(), reverse=True)
            for carrier in carriers
        }


def _table_of_head(git: Git) -> Table | None:
    """The table of HEAD's ids, if it is there already."""
    tree, table = open_table(git)
    if tree and tree == tree_of_head(git):
        return table
    close_table(table)
    return None
