"""What a file is, told by its name: code, test or document; and which test belongs to which code."""

from __future__ import annotations

import re
from pathlib import PurePosixPath

CODE = frozenset(
    [
        "bash",
        "c",
        "cc",
        "clj",
        "cpp",
        "cs",
        "cxx",
        "dart",
        "erl",
        "ex",
        "exs",
        "go",
        "h",
        "hh",
        "hpp",
        "hs",
        "java",
        "jl",
        "js",
        "jsx",
        "kt",
        "kts",
        "lua",
        "m",
        "mjs",
        "mm",
        "cjs",
        "php",
        "pl",
        "ps1",
        "py",
        "pyi",
        "r",
        "rb",
        "rs",
        "scala",
        "sh",
        "sql",
        "svelte",
        "swift",
        "ts",
        "tsx",
        "vue",
    ]
)
DOCUMENTS = frozenset(("adoc", "md", "mdx", "rst"))
TEST_PATTERNS = (":(icase)*test*", ":(icase)*spec*")
"""Git's path patterns for all that can be a test."""
DOCUMENT_PATTERNS = tuple(f":(icase)*.{ending}" for ending in sorted(DOCUMENTS))
_TEST_FOLDERS = frozenset(("__tests__", "spec", "specs", "test", "tests"))
_SUPPORT = frozenset(("__init__", "conftest"))
_BEFORE = re.compile(r"(?:test|spec)s?[_.-]+", re.IGNORECASE)
_AFTER = re.compile(r"(?:[_.-]+(?i:test|spec)s?|(?<=[a-z0-9])(?:Test|Spec)s?)$")
_UNNAMED = frozenset(("__init__", "__main__", "index", "lib", "main", "mod"))


def is_code(path: str) -> bool:
    """Source that a test could exercise."""
    return _ending(path) in CODE and not _has_test_name(path)


def is_test(path: str) -> bool:
    """A file of tests; what only supports them is none."""
    return _ending(path) in CODE and path.rpartition("/")[2].rpartition(".")[0] not in _SUPPORT and _has_test_name(path)


def is_test_place(path: str) -> bool:
    """A path, or the beginning of one, at which only tests lie."""
    return is_test(path) or any(part.lower() in _TEST_FOLDERS for part in path.split("/")[:-1])


def is_document(path: str) -> bool:
    """Text for people."""
    return _ending(path) in DOCUMENTS


def word_of(path: str) -> str:
    """What others call this code: the name of its file, or of its folder where the file's name says nothing."""
    pure = PurePosixPath(path)
    return pure.parent.name if pure.stem.lower() in _UNNAMED and pure.parent.name else pure.stem


def tested(test: str) -> str:
    """The name of what a test is for, as the test's own name says it."""
    stem = test.rpartition("/")[2].rpartition(".")[0]
    return plain(_AFTER.sub("", _BEFORE.sub("", stem, count=1)))


def plain(word: str) -> str:
    """A name in the form in which names are compared."""
    return word.lower().replace("-", "_")


def _ending(path: str) -> str:
    return path.rpartition("/")[2].rpartition(".")[2].lower()


def _has_test_name(path: str) -> bool:
    lower = path.lower()
    if "test" not in lower and "spec" not in lower:
        return False
    folders, _, name = path.rpartition("/")
    stem = name.rpartition(".")[0]
    inside = not _TEST_FOLDERS.isdisjoint(folders.lower().split("/"))
    return inside or bool(_BEFORE.match(stem) or _AFTER.search(stem))
