"""A document id, ``[TYPE]-[SCOPE][MODULE]-[KIND]-[NNN]``: ``DOC-P2M001-DOC-003``."""

from __future__ import annotations

import re
from typing import NamedTuple

SHAPE = r"[A-Z]{3}-[A-Z][A-Z0-9]M[0-9]{3}-[A-Z]{3}-(?!000)[0-9]{3}"
"""The form as a regular expression."""
_FORM = re.compile(r"([A-Z]{3})-([A-Z][A-Z0-9])(M[0-9]{3})-([A-Z]{3})-([0-9]{3})")
PACKAGE_LEVEL = "M000"
"""The module code of what belongs to a package as a whole."""


class DocId(NamedTuple):
    """The five parts; ``number`` is 1 to 999 within its type, scope, module and kind."""

    type: str
    scope: str
    module: str
    kind: str
    number: int

    def __str__(self) -> str:
        return f"{self.family}-{self.number:03d}"

    @property
    def family(self) -> str:
        """All but the number: ``DOC-P2M001-DOC``."""
        return f"{self.type}-{self.scope}{self.module}-{self.kind}"


def read_doc_id(text: str) -> DocId | None:
    """The id that ``text`` spells, or None when it has another form."""
    found = _FORM.fullmatch(text)
    if found is None or found.group(5) == "000":
        return None
    kind_of_thing, scope, module, kind, number = found.groups()
    return DocId(kind_of_thing, scope, module, kind, int(number))


def meant(text: str) -> str | None:
    """The id that a text means which differs from it in case, quotes and blanks only; None where it is none."""
    plain = text.strip(" \t\"'`").upper()
    return plain if plain != text and read_doc_id(plain) else None
