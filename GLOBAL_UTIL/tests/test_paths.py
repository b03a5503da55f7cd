"""Paths go into text and back, what is dangerous is refused, and scopes say exactly what they allow."""

from __future__ import annotations

import itertools

import pytest
from global_util import paths
from global_util.contracts.item import Scope
from global_util.contracts.workstream import LiteralPath, ScopeEntry
from hypothesis import example, given, settings
from hypothesis import strategies as st


@settings(deadline=None)
@given(st.binary(max_size=30) | st.lists(st.sampled_from([b"\\", b"x41", b"\xe9", b"/", b"\\x", b"a"])).map(b"".join))
@example(b"\xed\xa0\x80\\x5c\\")
def test_any_bytes_survive_the_text_form(raw: bytes) -> None:
    text = paths.from_bytes(raw)
    assert paths.to_bytes(text) == raw
    assert text.encode("utf-8").decode("utf-8") == text


@settings(deadline=None)
@given(st.binary(max_size=12), st.binary(max_size=12))
def test_two_paths_never_share_a_text(one: bytes, other: bytes) -> None:
    assert (paths.from_bytes(one) == paths.from_bytes(other)) == (one == other)


@pytest.mark.parametrize(
    ("path", "why"),
    [
        ("", "empty"),
        ("/", "root"),
        ("/etc/passwd", "absolute"),
        ("C:\\x", "absolute"),
        ("c:/x", "absolute"),
        ("..", "leaves"),
        ("a/../b", "leaves"),
        ("../", "leaves"),
        ("a\0b", "NUL"),
        (".git", ".git"),
        (".GIT/hooks/x", ".git"),
        ("a/.git/config", ".git"),
        ("git~1/x", ".git"),
        (".git./x", ".git"),
        (".git ", ".git"),
        (".git::$INDEX_ALLOCATION", ".git"),
        ("a\\\\.git", ".git"),
        ("a//b", "part"),
        ("./a", "part"),
        ("a/.", "part"),
        ("\\x2e\\x2e/etc", "leaves"),
        ("\\x2fetc", "absolute"),
        ("a\\x2f..\\x2fb", "leaves"),
        ("\\x2egit/config", ".git"),
        ("a\\x00b", "NUL"),
        ("\ud800", "no text"),
    ],
)
def test_what_must_not_be_used(path: str, why: str) -> None:
    assert why in paths.fault(path)


@pytest.mark.parametrize(
    "path",
    ["a", "a/b/", ".gitignore", ".github/x", "a b\nc", "-x", "caf\\xe9", "trailing.", "x..y", "**/*.py", "a.git"],
)
def test_what_may_be_used(path: str) -> None:
    assert paths.fault(path) == ""


GLOBS = [
    ("*.py", "a.py", True),
    ("*.py", "b/a.py", False),
    ("src/*", "src/a/b", False),
    ("src/**", "src/a/b", True),
    ("**/a", "a", True),
    ("**/a", "x/y/a", True),
    ("**/a", "xa", False),
    ("a/**/b", "a/b", True),
    ("a/**/b", "a/x/y/b", True),
    ("a/**/b", "a/xb", False),
    ("a?b", "axb", True),
    ("a?b", "a/b", False),
    ("a[!x]b", "a/b", False),
    ("a[+-9]b", "a/b", False),
    ("[ab]c", "bc", True),
    ("[!ab]c", "bc", False),
    ("[]]", "]", True),
    ("a[", "a[", True),
    ("a[1].py", "a1.py", True),
    ("a[1].py", "a[1].py", True),
    ("*", "a\nb", True),
    ("src/", "src/a/b", True),
    ("src/", "srcs", False),
    ("src", "src/a", False),
]


@pytest.mark.parametrize(("entry", "path", "wanted"), GLOBS)
def test_what_an_entry_covers(entry: str, path: str, wanted: bool) -> None:
    assert paths.covers(entry, path) is wanted


@settings(deadline=None)
@given(
    st.lists(st.sampled_from(["*", "**", "**/", "?", "[ab]", "a", "b", "/", ".py"]), max_size=6).map("".join),
    st.lists(st.lists(st.sampled_from(["a", "b", "/", ".py", "*"]), max_size=6).map("".join), max_size=8),
)
def test_many_paths_are_selected_as_each_is_covered(entry: str, every: list[str]) -> None:
    for one in (entry, LiteralPath(path=entry or "a")):
        assert paths.select(one, every) == [path for path in every if paths.covers(one, path)]


def test_a_literal_entry_is_no_glob() -> None:
    assert paths.covers(LiteralPath(path="a[1]*.py"), "a[1]*.py")
    assert not paths.covers(LiteralPath(path="*.py"), "a.py")
    assert paths.covers(LiteralPath(path="a*/"), "a*/b")


@pytest.mark.parametrize("pattern", ["**/" * 40 + "x", "*a" * 40 + "b", "**a" * 40 + "b", "[!b]*?*" * 30 + "b"])
def test_no_pattern_takes_long(pattern: str) -> None:
    assert not paths.covers(pattern, "a/" * 100 + "a")
    assert not paths.covers(pattern, "a" * 250)


PIECES = st.lists(
    st.sampled_from(["a", "b", "/", "*", "**", "**/", "?", "[ab]", "[!a]", "[b]"]), min_size=1, max_size=6
)
PATHS = st.lists(st.sampled_from(["a", "b", "ab", "[b]", "?"]), min_size=1, max_size=3).map("/".join)
ENTRIES: st.SearchStrategy[ScopeEntry] = (
    PIECES.map("".join)
    | PATHS
    | PATHS.map(lambda path: path + "/")
    | (PATHS | PATHS.map(lambda path: path + "/")).map(lambda path: LiteralPath(path=path))
)
ALL_PATHS = [
    "/".join(parts) for length in (1, 2, 3) for parts in itertools.product(["a", "b", "ab", "[b]", "?"], repeat=length)
]


@settings(max_examples=300, deadline=None)
@given(ENTRIES, ENTRIES)
@example(LiteralPath(path="src/"), "s*/x")
def test_an_overlap_is_never_missed(one: ScopeEntry, other: ScopeEntry) -> None:
    shared = [path for path in (*ALL_PATHS, "src/x") if paths.covers(one, path) and paths.covers(other, path)]
    found = paths.overlap(one, other)
    assert bool(found) == bool(paths.overlap(other, one))
    assert found or not shared, shared


@pytest.mark.parametrize(("one", "other"), [("a", "b"), ("src/", "srcs/"), ("src/*.py", "docs/*"), ("a/", "a.py")])
def test_what_is_apart_does_not_overlap(one: str, other: str) -> None:
    assert not paths.overlap(one, other)


SCOPE = Scope(
    files_scope=("src/", "docs/fixed.md"),
    files_create=("new/*.py",),
    files_read_only=("src/api/**", "docs/**"),
    forbidden_paths=("src/secret/",),
)


@pytest.mark.parametrize(
    ("path", "in_base", "kind"),
    [
        ("src/a.py", True, ""),
        ("src/secret/x", False, "forbidden"),
        ("src/api/x", True, "read_only"),
        ("docs/fixed.md", True, ""),
        ("docs/other.md", True, "read_only"),
        ("new/a.py", False, ""),
        ("new/a.py", True, "not_creatable"),
        ("new/deep/a.py", False, "outside"),
        ("README", True, "outside"),
        ("src/.git/config", False, "git_dir"),
    ],
)
def test_a_change_is_judged_by_its_scope(path: str, in_base: bool, kind: str) -> None:
    assert paths.judge(SCOPE, path, in_base) == kind
