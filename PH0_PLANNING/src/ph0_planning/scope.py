"""Which paths a plan's text names. Guesses are bounded: what is no sure path of the repository is left out."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field

from global_util.contracts.workstream import LiteralPath, ScopeEntry
from global_util.paths import fault

from ph0_planning.path_names import EXTENSIONS, PLAN_NAMES, ROOT_FILES, TOP_FOLDERS

MAX_PATH = 500
"""Longer words are no paths."""

_PRODUCTS = re.compile(
    r"(?i)(node|next|vue|nuxt|react|express|three|d3|chart|socket|ember|backbone|bun|deno|angular)\.js"
)
_CALLED = re.compile(r"(ctx|res|req|request|response|this|self|console|process|app|router|JSON)\.\w+")
_HOST = re.compile(r"(?i)[\w-]+(\.[\w-]+)*\.(com|org|io|net|dev|gov|edu)")
_TICKED = re.compile(r"`([^`]+)`")
_WORD = re.compile(r"[A-Za-z0-9_.@+*{},~$\[\]/:#-]+")
_AFTER_NAME = re.compile(r"(?:#L?\d[\dL-]*|:\d+(?:[-:,]\d+)*)$")


@dataclass
class KnownPaths:
    """What the whole plan says about the repository: its top folders, and where a file of some name lies."""

    tops: set[str] = field(default_factory=lambda: set(TOP_FOLDERS))
    places: dict[str, set[str]] = field(default_factory=lambda: defaultdict(set))

    def learn(self, texts: Iterable[str]) -> None:
        """Remember the full file paths in some texts."""
        for word, _ in (found for text in texts for found in _words(text)):
            if "/" in word and _has_extension(word) and not fault(word) and not set(word) & set("{}*~$@"):
                self.tops.add(word.split("/")[0])
                self.places[word.rsplit("/", 1)[1]].add(word)

    def place(self, name: str) -> str:
        """The one known path of a file with this name, or an empty string."""
        places = self.places.get(name, set())
        return next(iter(places)) if len(places) == 1 else ""


@dataclass
class Mentions:
    """Paths named in some text, as scope entries by path; ``refused`` are tokens that must not be used, with why."""

    entries: dict[str, ScopeEntry] = field(default_factory=dict)
    refused: dict[str, str] = field(default_factory=dict)
    guessed: dict[str, str] = field(default_factory=dict)
    """Entries that stand for a bare file name, and the name."""

    def sorted_entries(self) -> tuple[ScopeEntry, ...]:
        """The entries in the order of their paths."""
        return tuple(self.entries[path] for path in sorted(self.entries))

    def add(self, path: str, is_pattern: bool = False) -> None:
        """Take a path; one with brackets that is no pattern is taken literally."""
        why = fault(path)
        if why:
            self.refused[path] = why
        else:
            self.entries[path] = path if is_pattern or not set(path) & set("[?*") else LiteralPath(path=path)


def mentions(texts: Iterable[str], known: KnownPaths, is_plan_file: Callable[[str], bool]) -> Mentions:
    """The paths that texts name: in backticks, or bare with a slash. Files of the plan itself are left out."""
    found = Mentions()
    for word, is_ticked in (pair for text in texts for pair in _words(text)):
        if not _is_of_plan(word, is_plan_file):
            for path in _without_braces(word):
                _take(path, is_ticked, known, found)
    return found


def _is_of_plan(word: str, is_plan_file: Callable[[str], bool]) -> bool:
    return word in PLAN_NAMES or (word not in ROOT_FILES and _has_extension(word) and is_plan_file(word))


def _words(text: str) -> Iterator[tuple[str, bool]]:
    for number, part in enumerate(_TICKED.split(text)):
        is_ticked = number % 2 == 1
        whole = [part] if is_ticked and " " not in part.strip() else []
        for word in whole if is_ticked else _WORD.findall(part):
            if len(word) <= MAX_PATH:
                yield _clean(word), is_ticked


def _clean(word: str) -> str:
    bare = word.strip().strip("'\"").rstrip(".,;:!?)").lstrip("(,:")
    bare = _AFTER_NAME.sub("", bare).rstrip(":")
    return bare.removeprefix("./")


def _without_braces(word: str) -> list[str]:
    match = re.match(r"([^{}]*)\{([^{}]*)\}([^{}]*)$", word)
    if match is None:
        return [word]
    choices = match[2].split(",") if "," in match[2] else ["*"]
    return [match[1] + choice.strip() + match[3] for choice in choices[:50]]


def _take(word: str, is_ticked: bool, known: KnownPaths, found: Mentions) -> None:
    if not word or set(word) & set("<>|\\'\"$;=(){}#`") or "://" in word or "//" in word or "..." in word:
        return
    if word.startswith(("/", "~")) or ".." in word.split("/"):
        if _has_extension(word) and word.strip("./~"):
            found.refused[word] = fault(word) or "lies outside of the repository"
    elif "/" in word.rstrip("/") or word.endswith("/"):
        _take_path(word, is_ticked, known, found)
    else:
        _take_name(word, is_ticked, known, found)


def _take_path(word: str, is_ticked: bool, known: KnownPaths, found: Mentions) -> None:
    top = word.split("/")[0]
    if word.startswith("@") or "*" in top or _HOST.fullmatch(top) or "," in word:
        return
    is_known, is_pattern = top in known.tops or re.match(r"\.[a-z]", top) is not None, "*" in word
    if fault(word):
        if is_ticked and (is_known or _has_extension(word)):
            found.refused[word] = fault(word)
    elif word.endswith("/"):
        if is_ticked or is_known:
            found.add(word, is_pattern)
    elif _has_extension(word) or (is_pattern and is_known):
        found.add(word, is_pattern)
    elif is_ticked and is_known:
        found.add(word, is_pattern)
        if "." not in word.rsplit("/", 1)[1]:
            found.add(word + "/", is_pattern)


def _take_name(word: str, is_ticked: bool, known: KnownPaths, found: Mentions) -> None:
    if word in ROOT_FILES:
        found.add(word)
    elif not _has_extension(word) or "*" in word or _PRODUCTS.fullmatch(word) or _CALLED.fullmatch(word):
        return
    elif place := known.place(word):
        found.add(place)
    elif is_ticked:
        found.add(f"**/{word}", is_pattern=True)
        found.guessed[f"**/{word}"] = word


def _has_extension(word: str) -> bool:
    name = word.rsplit("/", 1)[-1]
    stem, dot, extension = name.rpartition(".")
    return bool(dot) and bool(stem or "/" in word) and extension.lower() in EXTENSIONS
