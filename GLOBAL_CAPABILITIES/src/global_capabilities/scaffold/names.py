"""Names: what is allowed, and what follows from one."""

from __future__ import annotations

import keyword
import re

from global_util.errors import InvalidInput


def require_name(name: str, pattern: str, example: str) -> None:
    """Raises InvalidInput (exit 3) for a name that has another form, or is longer than 40 characters."""
    if not re.fullmatch(pattern, name) or len(name) > 40:
        raise InvalidInput(f"{name!r} is no name for it", f"at most 40 characters, such as {example}", "E334")
    if keyword.iskeyword(name):
        raise InvalidInput(f"{name!r} is a word of Python", f"choose another, such as {example}", "E334")


def require_sentence(text: str) -> str:
    """A description without the point at its end. Raises InvalidInput for one that cannot stand in quotes."""
    sentence = text.strip().rstrip(".")
    if not sentence or len(sentence) > 80 or not sentence.isprintable() or re.search(r'["\\]', sentence):
        hint = "one line of at most 80 characters, without quotes and backslashes"
        raise InvalidInput(f"{text!r:.100} cannot be the role", hint, "E334")
    return sentence[0].upper() + sentence[1:]


def words(name: str) -> str:
    """``M002_CACHE_STORE`` and ``PH8_CACHE_STORE`` as ``cache store``."""
    return re.sub(r"^(PH[0-9]+|GLOBAL|M[0-9]{3})_", "", name).replace("_", " ").lower()


def title(name: str) -> str:
    """``Cache store``."""
    return words(name).capitalize()


def camel(name: str) -> str:
    """``cache_store`` as ``CacheStore``."""
    return "".join(part.capitalize() for part in re.split(r"[^A-Za-z0-9]+", name))
