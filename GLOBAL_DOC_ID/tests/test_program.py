"""``doc-id`` as a program: what hooks call is read without click, and means what it means to click."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from global_doc_id.program import Usual, read_usual
from global_doc_id.testing.playground import Playground

DOC_ID = str(Path(sys.executable).parent / "doc-id")
RIGHT, WRONG = "app/docs/right.md", "app/docs/wrong.md"


@pytest.fixture
def mixed(ground: Playground, monkeypatch: pytest.MonkeyPatch) -> Playground:
    """A file with an id, and one without, which git has staged."""
    ground.document(RIGHT, "DOC-AAM000-DOC-001")
    ground.put(WRONG, "# No id\n")
    ground.git("add", ".")
    monkeypatch.chdir(ground.folder)
    return ground


def run(*words: str) -> tuple[int, str, str]:
    """Exit code, standard output and standard error of the installed command."""
    done = subprocess.run([DOC_ID, *words], capture_output=True, text=True, check=False)
    return done.returncode, done.stdout, done.stderr


@pytest.mark.parametrize(
    ("words", "usual"),
    [
        ("validate", Usual(False, ())),
        ("validate --staged", Usual(True, ())),
        ("validate a b", Usual(False, ("a", "b"))),
        ("validate --staged a b", Usual(True, ("a", "b"))),
        ("validate a --staged", None),
        ("validate --stage a", None),
        ("validate --json", None),
        ("validate -- -a", None),
        ("validate --help", None),
        ("mint a", None),
        ("", None),
    ],
)
def test_what_hooks_call_is_read_and_everything_else_is_left_to_click(words: str, usual: Usual | None) -> None:
    assert read_usual(words.split()) == usual


@pytest.mark.parametrize(
    "words",
    [(), (RIGHT,), (RIGHT, WRONG), ("missing.md",), ("app/docs",), ("/etc/passwd",), ("",), (f"./{WRONG}",)],
    ids=str,
)
@pytest.mark.parametrize("staged", [(), ("--staged",)], ids=str)
def test_both_ways_judge_and_tell_the_same(mixed: Playground, words: tuple[str, ...], staged: tuple[str, ...]) -> None:
    assert run("validate", *staged, *words) == run("validate", "--repo", ".", *staged, *words)


def test_both_ways_refuse_broken_settings_in_the_same_words(mixed: Playground) -> None:
    mixed.put("pipeline.toml", "[doc_id")
    assert run("validate") == run("validate", "--repo", ".")
    assert run("validate")[0] == 3


def test_what_hooks_call_loads_no_click(mixed: Playground) -> None:
    script = "import os, sys; from global_doc_id.program import main; os._exit = lambda code: print(code, 'click' in sys.modules); main()"
    done = subprocess.run(
        [sys.executable, "-c", script, "validate", RIGHT], capture_output=True, text=True, check=False
    )
    assert done.stdout == "0 False\n", done.stderr


@pytest.mark.parametrize("words", [(), ("--repo", ".")], ids=str)
def test_a_reader_that_goes_away_is_no_defect(mixed: Playground, words: tuple[str, ...]) -> None:
    reader, writer = os.pipe()
    os.close(reader)
    done = subprocess.run([DOC_ID, "validate", *words], stdout=writer, stderr=subprocess.PIPE, check=False)
    os.close(writer)
    assert (done.returncode, done.stderr) == (1, b"")
