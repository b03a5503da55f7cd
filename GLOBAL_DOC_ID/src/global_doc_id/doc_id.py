"""A document id, ``[TYPE]-[SCOPE][MODULE]-[KIND]-[NNN]``: ``DOC-P2M001-DOC-003``."""

from __future__ import annotations

import re
from dataclasses import dataclass

_FORM = re.compile(r"([A-Z]{3})-([A-Z][A-Z0-9])(M[0-9]{3})-([A-Z]{3})-([0-9]{3})")
PACKAGE_LEVEL = "M000"
"""The module code of what belongs to a package as a whole."""


@dataclass(frozen=True, order=True)
class DocId:
    """The five parts; ``number`` is 1 to 999 within its type, scope, module and kind."""

    type: str
    scope: str
    module: str
    kind: str
    number: int

    def __str__(self) -> str:
        return f"{self.type}-{self.scope}{self.module}-{self.kind}-{self.number:03d}"


def read_doc_id(text: str) -> DocId | None:
    """The id that ``text`` spells, or None when it has another form."""
    found = _FORM.fullmatch(text)
    if found is None or found.group(5) == "000":
        return None
    kind_of_thing, scope, module, kind, number = found.groups()
    return DocId(kind_of_thing, scope, module, kind, int(number))
