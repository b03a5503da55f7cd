"""What tools print, made fit for an artifact: no colours, and nothing that differs from run to run or host to host."""

from __future__ import annotations

import re
import tempfile
from functools import lru_cache
from pathlib import Path

MAX_CHARACTERS = 2000
_MAX_READ = 20_000
_LAST_LINES = 20

_ANSI = re.compile(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)|[@-Z\\-_])")
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f]")
_ADDRESS = re.compile(r"0x[0-9a-fA-F]{6,}")
_DURATION = re.compile(r"(?<![\w.])(?:\d+\.\d+ ?(?:[mnuµ]?s|sec(?:ond)?s?|min(?:ute)?s?)|\d+ ?ms)(?!\w)")
_LIBRARY = re.compile(r"(?<![\w.~>/-])/(?:[^\s/:'\"]+/){0,40}(?:site-packages|dist-packages|lib/python3\.\d+)/")
_TEMPORARY_ROOTS = {
    tempfile.gettempdir(),
    str(Path(tempfile.gettempdir()).resolve()),
    *("/tmp", "/var/tmp", "/var/folders", "/private/tmp", "/private/var/folders"),  # noqa: S108
}
_TEMPORARY = re.compile(
    r"(?<![\w.>~-])(?:"
    + "|".join(re.escape(root) for root in sorted(_TEMPORARY_ROOTS))
    + r")(?:/[^\s'\"`:,;()<>\[\]{}]*)?(?![\w.-])"
)
_BLANKS = re.compile(r"[ \t]+$", re.MULTILINE)


def normalise(text: str, *trees: Path) -> str:
    """``text`` without what depends on the run: paths of ``trees``, temporary names, addresses, durations, colours.

    Applying it again changes nothing. Of a text beyond 20,000 characters only the beginning is looked at.
    """
    patterns = tuple(_tree_pattern(str(place)) for tree in trees for place in (tree, _resolved(tree)))
    before, after = None, clean(text[:_MAX_READ])
    while before != after:
        before, after = after, _once(after, patterns)
    return after


def clean(text: str) -> str:
    """``text`` as valid UTF-8 without carriage returns at line ends."""
    return text.replace("\r\n", "\n").encode("utf-8", "replace").decode("utf-8")


def summarise(text: str, *trees: Path) -> str:
    """The first line and the last twenty of what a tool said when it failed, normalised."""
    first, _, rest = text.strip().partition("\n")
    last = rest[-_MAX_READ // 2 :].splitlines()[-_LAST_LINES:]
    return shorten(normalise("\n".join([first[: _MAX_READ // 2], *last]), *trees))


def shorten(text: str, keep: str = "head") -> str:
    """At most 2000 characters, of the beginning or (``tail``) of the end, with a mark where something is missing."""
    if len(text) <= MAX_CHARACTERS:
        return text
    return text[: MAX_CHARACTERS - 1] + "…" if keep == "head" else "…" + text[1 - MAX_CHARACTERS :]


def _once(text: str, trees: tuple[re.Pattern[str], ...]) -> str:
    text = _CONTROL.sub("", _ANSI.sub("", text))
    for pattern in trees:
        text = pattern.sub(_inside, text)
    text = _TEMPORARY.sub("<tmp>", text)
    text = _LIBRARY.sub("<python>/", text)
    text = _ADDRESS.sub("0x..", text)
    text = _DURATION.sub("<time>", text)
    return _BLANKS.sub("", text).strip("\n")


def _inside(found: re.Match[str]) -> str:
    return "" if found[0].endswith("/") else "."


@lru_cache(maxsize=64)
def _tree_pattern(tree: str) -> re.Pattern[str]:
    return re.compile(rf"(?<![\w.-]){re.escape(tree)}(?:/+|(?![\w.-]))")


@lru_cache(maxsize=64)
def _resolved(tree: Path) -> Path:
    return tree.resolve()
