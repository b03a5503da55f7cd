"""Why a block cannot be derived."""

from __future__ import annotations

COMMAND = "capabilities docs build"


class NotDerivable(Exception):
    """A block's source cannot be read. ``what`` names it, ``mend`` says what to do."""

    def __init__(self, what: str, mend: str) -> None:
        super().__init__(what)
        self.what = what
        self.mend = mend
