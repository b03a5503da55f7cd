"""Which tests there are for a piece of code: by the test's name, else by what a test says."""

from __future__ import annotations

from collections.abc import Sequence

from global_capabilities.policies.file_roles import TEST_PATTERNS, is_test, plain, word_of
from global_capabilities.policies.tree import Tree


def find_tests(tree: Tree, code: Sequence[str]) -> dict[str, str]:
    """A test for every file of code, or an empty string. A test belongs to it by its name, or because it names it."""
    found = {path: tree.tests.get(plain(word_of(path)), "") for path in code}
    open_ones = {path: word_of(path) for path, test in found.items() if not test}
    said = tree.mentions(open_ones.values(), TEST_PATTERNS) if tree.tests else {}
    for path, word in open_ones.items():
        found[path] = next((place for place in said.get(word, ()) if is_test(place)), "")
    return found
