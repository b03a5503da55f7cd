"""What a rule has to say: what is wrong where, and what to do about it."""

from __future__ import annotations

from typing import NamedTuple

RULES = {
    "form": "an id has the form [TYPE]-[SCOPE][MODULE]-[KIND]-[NNN]",
    "scope": "the scope of an id is registered",
    "module": "the module of an id is registered in its scope",
    "kind": "the kind of an id is registered",
    "type": "the type of an id is registered",
    "place": "a file lies where its id routes to",
    "unique": "no two files have the same id",
    "required": "a file has an id where the policy says so",
    "second": "a file has one id",
    "sidecar": "a sidecar is well-formed and names files that are there",
    "ledger": "the ledger of retired ids is well-formed",
    "reused": "a retired id is not given again",
    "gone": "an id that is gone stands in the ledger",
    "reference": "a reference leads to a file",
}
"""The stable names of all rules, and what each demands."""


class Finding(NamedTuple):
    """A mistake: ``line`` is from 1, ``rule`` a key of ``RULES``; ``fixable`` if ``doc-id validate --fix`` mends it."""

    file: str
    line: int
    rule: str
    what: str
    mend: str
    fixable: bool = False

    def __str__(self) -> str:
        return f"{self.file}:{self.line}: {self.what}; {self.mend} [{self.rule}]"
