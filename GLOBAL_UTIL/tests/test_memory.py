"""What is remembered of git objects: answers about full ids, and nothing about names."""

from __future__ import annotations

from pathlib import Path

import pytest
from global_util.git import Repository
from global_util.git.memory import remembered
from global_util.testing import FILE, Sandbox


class Asked:
    def __init__(self) -> None:
        self.questions: list[str] = []

    @remembered(2)
    def answer(self, name: str, more: object = ()) -> str:
        """Count what is asked."""
        self.questions.append(name)
        return name.upper()


def test_an_object_is_asked_once_and_a_name_each_time() -> None:
    asked = Asked()
    for _ in range(3):
        assert asked.answer("a" * 40) == "A" * 40
        assert asked.answer("b" * 64) == "B" * 64
        assert asked.answer("main") == "MAIN"
        assert asked.answer("a" * 39) == "A" * 39
    assert sorted(asked.questions) == sorted(["a" * 40, "b" * 64, *["main", "a" * 39] * 3])


def test_two_repositories_are_asked_each_and_lists_are_values() -> None:
    one, other = Asked(), Asked()
    for asked in (one, other):
        asked.answer("a" * 40, [1])
        asked.answer("a" * 40, (1,))
        asked.answer("a" * 40, [2])
    assert len(one.questions) == len(other.questions) == 2


def test_what_fails_is_asked_again() -> None:
    class Broken:
        @remembered(2)
        def answer(self, name: str) -> str:
            raise ValueError(name)

    for _ in range(2):
        with pytest.raises(ValueError, match="a"):
            Broken().answer("a" * 40)


def test_git_is_asked_once_about_an_object(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    box = Sandbox(tmp_path / "repo")
    repo = box.repo
    base = repo.tree_of(box.start({b"a": (FILE, b"one\n")}))
    changes = repo.diff(repo.empty_tree(), base)
    assert repo.overlay(repo.empty_tree(), changes) == base
    monkeypatch.setattr(Repository, "sealed", lambda *_words, **_more: pytest.fail("git was asked again"))
    assert repo.diff("4b825dc642cb6eb9a060e54bf8d69288fbee4904", base) == changes
    assert repo.overlay("4b825dc642cb6eb9a060e54bf8d69288fbee4904", list(changes)) == base
