"""What a file is, by its name."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from global_capabilities.policies.code_tests import find_tests
from global_capabilities.policies.file_roles import is_code, is_document, is_test, is_test_place, word_of

if TYPE_CHECKING:
    from GLOBAL_CAPABILITIES.tests.policies.conftest import Grove


@pytest.mark.parametrize(
    ("path", "role"),
    [
        ("src/slug.py", "code"),
        ("src/latest.py", "code"),
        ("src/contest.go", "code"),
        ("src/Latest.java", "code"),
        ("tests/test_slug.py", "test"),
        ("src/slug_test.go", "test"),
        ("web/slug.spec.ts", "test"),
        ("web/__tests__/slug.js", "test"),
        ("src/SlugTest.java", "test"),
        ("tests/conftest.py", "support"),
        ("tests/__init__.py", "support"),
        ("tests/data.json", "support"),
        ("README.md", "document"),
        ("docs/guide.RST", "document"),
        ("setup.cfg", "none"),
        ("Makefile", "none"),
    ],
)
def test_the_role_of_a_file(path: str, role: str) -> None:
    found = {"code": is_code(path), "test": is_test(path), "document": is_document(path)}
    assert [name for name, yes in found.items() if yes] == ([role] if role in found else [])


def test_places_of_tests() -> None:
    assert is_test_place("tests/")
    assert is_test_place("pkg/tests/data.json")
    assert not is_test_place("src/")


@pytest.mark.parametrize(
    ("code", "test"),
    [
        ("src/slug.py", "tests/test_slug.py"),
        ("src/slug.py", "tests/test_slug_unicode.py"),
        ("src/slug.go", "src/slug_test.go"),
        ("web/slug-maker.ts", "web/slug-maker.spec.ts"),
        ("src/Slug.java", "src/SlugTest.java"),
        ("src/notes/__init__.py", "tests/test_notes.py"),
        ("web/cart/index.js", "web/cart.test.js"),
    ],
)
def test_a_test_belongs_to_code_by_its_name(grove: Grove, code: str, test: str) -> None:
    others = {"tests/test_other.py": "", "tests/test_slugs.py": ""}
    assert find_tests(grove.tree(others, {test: ""}), [code]) == {code: test}
    assert find_tests(grove.tree(others), [code]) == {code: ""}


def test_a_test_that_says_the_name_counts_too(grove: Grove) -> None:
    tree = grove.tree({"tests/test_all.py": "import other, slug\n", "src/slug.py": "", "tests/data.txt": "never\n"})
    assert find_tests(tree, ["src/slug.py", "src/never.py"]) == {"src/slug.py": "tests/test_all.py", "src/never.py": ""}


def test_what_code_is_called() -> None:
    assert [word_of(path) for path in ("a/b.py", "a/__init__.py", "main.go")] == ["b", "a", "main"]
