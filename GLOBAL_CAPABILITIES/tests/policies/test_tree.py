"""A tree is listed and read as git has it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from global_capabilities.policies.layout import decide, read_layout
from global_util.contracts.workstream import LiteralPath

if TYPE_CHECKING:
    from GLOBAL_CAPABILITIES.tests.policies.conftest import Files, Grove


def test_files_below_a_folder_and_by_scope_entry(grove: Grove) -> None:
    tree = grove.tree(dict.fromkeys(["a.py", "src/a.py", "src/b/c.py", "src-old/a.py", "src.py", "s[1].py"], "x"))
    assert tree.below("src/") == ["src/a.py", "src/b/c.py"]
    assert tree.matches("src/") == ["src/a.py", "src/b/c.py"]
    assert tree.matches("*.py") == ["a.py", "s[1].py", "src.py"]
    assert tree.matches("**") == tree.paths
    assert tree.matches(LiteralPath(path="s[1].py")) == ["s[1].py"]
    assert tree.matches("gone.py") == []


def test_only_regular_files_are_read(grove: Grove) -> None:
    tree = grove.tree({"link": "a.py", "a.py": b"\xff"}, modes={"link": "120000"})
    assert tree.read("link") is None
    assert tree.read("a.py") == b"\xff"
    assert tree.read("gone") is None


def test_who_mentions_a_word(grove: Grove) -> None:
    files = {"tests/a:b.py": "import slug\n", "tests/ü.py": "slugs, slug_x\n", "tests/c.py": "slug.run(word)\n"}
    tree = grove.tree(files, {"src/slug.py": "slug", "tests/d.bin": b"slug\0"})
    assert tree.mentions(["slug", "gone", ""], ["tests/*"]) == {"slug": ["tests/a:b.py", "tests/c.py"], "gone": []}
    assert tree.mentions([], ["*"]) == {}
    assert tree.mentions(["src/slug.py", ".*"], ["*"]) == {"src/slug.py": [], ".*": []}


def test_the_layout_is_read_from_manifests_at_the_root(grove: Grove, package: Files) -> None:
    deeper = {"tests/data/PH9/phase.manifest.json": '{"modules": [{"id": "M1"}]}'}
    (found,) = read_layout(grove.tree(package, deeper))
    assert found.folder == "PH1_MAKE/"
    assert [module.id for module in found.modules] == ["M001_WORK"]
    assert found.modules_of("PH1_MAKE/src/x.py") == found.modules
    assert found.modules_of("PH2/src/x.py") == ()


def test_a_manifest_that_cannot_be_read_does_not_hide_the_modules(grove: Grove, package: Files) -> None:
    for text in ("{", "[]", '{"modules": 1}', "[" * 100_000):
        (found,) = read_layout(grove.tree(package, {"PH1_MAKE/phase.manifest.json": text}))
        assert [module.id for module in found.modules] == ["M001_WORK"]
    assert read_layout(grove.tree(package, {"PH1_MAKE/phase.manifest.json": '{"modules": []}'})) == ()


def test_auto_is_decided_by_the_layout(grove: Grove, package: Files) -> None:
    packages = read_layout(grove.tree(package))
    assert [decide(word, packages) for word in ("auto", "plain", "off")] == ["module", "plain", "off"]
    assert [decide(word, ()) for word in ("auto", "module")] == ["plain", "module"]
