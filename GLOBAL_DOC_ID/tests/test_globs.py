"""The compiled globs mean what the globs of the house mean, and none takes long."""

from __future__ import annotations

import time

import pytest
from global_doc_id.globs import matcher
from global_util.paths import covered
from hypothesis import example, given, settings
from hypothesis import strategies as st

GLOB = st.lists(
    st.sampled_from(["a", "b", ".md", "/", "*", "**", "**/", "?", "[ab]", "[!a]", "[", "]", "\\"]), max_size=8
)
PATH = st.lists(st.sampled_from(["a", "b", ".md", "/", "ab", "[", "\\", "\n", "ä"]), max_size=8)


@settings(max_examples=400, deadline=None)
@given(st.lists(GLOB.map("".join), max_size=3), PATH.map("".join))
@example(["***/x"], "a/x")
@example(["a/**/b*/**/c"], "a/b/bb/x/c")
@example(["**a*b"], "a/ab")
@example(["*a**/"], "aa")
def test_a_compiled_glob_covers_the_same_paths(globs: list[str], path: str) -> None:
    assert bool(matcher(globs)(path)) == covered(globs, path)


@pytest.mark.parametrize(
    "glob", ["*a" * 30, "**a" * 30, "**/a" * 30, "*" * 60 + "b", "**/" * 30 + "b", "?*" * 30 + "b"]
)
def test_no_glob_takes_long(glob: str) -> None:
    began = time.process_time()
    assert not matcher([glob])("a/" * 60 + "ac")
    assert time.process_time() - began < 2
