"""Identifiers made from titles: short, unique, and the same on every machine."""

from __future__ import annotations

import hashlib
import re
import unicodedata
from collections import Counter

MAX_ID = 120
"""Longest workstream id that the contract allows."""
MAX_SLUG = 80


def slug(text: str, limit: int = MAX_SLUG) -> str:
    """``text`` as lower-case ASCII words joined by ``-``.

    What would be empty (a title in another script) becomes ``plan-`` and a hash; what is too long ends in a hash.
    """
    plain = unicodedata.normalize("NFKD", text[: 10 * limit]).encode("ascii", "ignore").decode().lower()
    words = re.sub(r"[^a-z0-9]+", "-", plain).strip("-")
    digest = hashlib.sha256(text.encode("utf-8", "surrogateescape")).hexdigest()[:8]
    if not words:
        return f"plan-{digest}"
    return words if len(words) <= limit else f"{words[: limit - 9].rstrip('-')}-{digest}"


class Identifiers:
    """Hands out workstream ids and never the same one twice."""

    def __init__(self, plan: str) -> None:
        self._prefix = f"ws-{slug(plan, 60)}"
        self._taken: set[str] = set()
        self._times: Counter[str] = Counter()

    def mint(self, *parts: str) -> str:
        """``ws-<plan>-<part>-<part>``; a number at the end when that is taken."""
        wanted = "-".join((self._prefix, *(slug(part, 24) for part in parts if part)))[: MAX_ID - 8].rstrip("-")
        name = wanted
        while name in self._taken:
            self._times[wanted] += 1
            name = f"{wanted}-{self._times[wanted] + 1}"
        self._taken.add(name)
        return name
