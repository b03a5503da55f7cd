"""A repository whose settings, links and holes are hostile: nothing of it is run, and what cannot be read is not fine."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import Result
from global_doc_id.testing.playground import Playground

DocId = Callable[..., Result]
A, B = "app/docs/a.md", "app/docs/b.md"
ID = "DOC-AAM000-DOC-001"


@pytest.fixture(autouse=True)
def inside(ground: Playground, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ground.folder)


@pytest.fixture
def trap(tmp_path: Path) -> Path:
    """A program that leaves a trace when somebody runs it."""
    place = tmp_path / "trap.sh"
    place.write_text(f"#!/bin/sh\ntouch {tmp_path}/sprung\ncat\n", "utf-8")
    place.chmod(0o755)
    return place


def is_sprung(trap: Path) -> bool:
    return (trap.parent / "sprung").exists()


@pytest.mark.parametrize(
    "words",
    [
        ("validate",),
        ("validate", "--since", "HEAD"),
        ("validate", A),
        ("mint", "app/docs/new.md"),
        ("fix-duplicates", "--dry-run"),
    ],
)
def test_no_program_of_the_repository_is_run(
    ground: Playground, doc_id: DocId, trap: Path, monkeypatch: pytest.MonkeyPatch, words: tuple[str, ...]
) -> None:
    ground.document(A, ID, "see [[DOC-AAM000-DOC-077]]\n")
    ground.document(B, ID)
    ground.put("app/docs/new.md", "# New\n")
    ground.save()
    ground.put(".git/info/attributes", "* filter=x diff=x\n")
    for key in ("filter.x.clean", "filter.x.process", "diff.x.textconv", "core.fsmonitor", "gpg.program"):
        ground.git("config", key, str(trap))
    ground.git("config", "log.showSignature", "true")
    (ground.folder / "git").symlink_to(trap)
    os.utime(ground.folder / B, (1, 1))
    monkeypatch.setenv("PATH", f":{os.environ['PATH']}")
    assert doc_id(*words).exit_code in (0, 1)
    assert not is_sprung(trap)


@pytest.mark.parametrize("words", [("validate", "--staged"), ("validate", "--staged", B)])
def test_a_staged_file_that_cannot_be_read_is_no_pass(
    ground: Playground, doc_id: DocId, words: tuple[str, ...]
) -> None:
    ground.document(A, ID)
    ground.document(B, "DOC-AAM000-DOC-002")
    ground.save()
    blob = ground.git("rev-parse", f"HEAD:{B}").strip()
    (ground.folder / ".git/objects" / blob[:2] / blob[2:]).unlink()
    answer = doc_id(*words)
    assert (answer.exit_code, answer.stdout) == (4, "")
    assert f"error E408: git object {blob} missing" in answer.stderr


def test_what_a_sparse_checkout_leaves_out_is_there_all_the_same(ground: Playground, doc_id: DocId) -> None:
    ground.document(A, ID)
    ground.document(B, ID, f"see [[{ID}]]\n")
    ground.save()
    ground.git("sparse-checkout", "set", "--no-cone", "/*", f"!/{A}")
    assert not (ground.folder / A).exists()
    for words in (("validate",), ("validate", B)):
        assert f"{B}:2: {ID} is the id of {A} too" in doc_id(*words).stdout
    ground.put(B, f"---\ndoc_id: DOC-AAM000-DOC-002\n---\nsee [[{ID}]]\n")
    assert doc_id("validate").stdout == ""


@pytest.mark.parametrize("name", ["pipeline.toml", "doc_ids.ledger"])
@pytest.mark.parametrize("kind", ["fifo", "device"])
def test_settings_that_are_no_files_are_refused_at_once(
    ground: Playground, doc_id: DocId, name: str, kind: str
) -> None:
    (ground.folder / name).unlink(missing_ok=True)
    if kind == "fifo":
        os.mkfifo(ground.folder / name)
    else:
        (ground.folder / name).symlink_to("/dev/zero")
    answer = doc_id("validate")
    assert answer.exit_code == 3
    assert f"{name}: not readable: is no regular file" in answer.stderr


def test_a_table_of_known_ids_that_is_a_pipe_is_made_anew(ground: Playground, doc_id: DocId) -> None:
    ground.document(A, ID)
    ground.save()
    place = ground.folder / ".git/phaseline/doc_ids/known.tsv"
    place.parent.mkdir(parents=True)
    os.mkfifo(place)
    assert doc_id("validate", A).exit_code == 0


def test_a_heap_of_globs_is_refused(ground: Playground, doc_id: DocId) -> None:
    globs = ", ".join(f'"**/*a{number}*b*"' for number in range(5000))
    ground.put("pipeline.toml", f"[doc_id]\nrequire = [{globs}]\n")
    answer = doc_id("validate")
    assert answer.exit_code == 3
    assert "more than 500 globs" in answer.stderr


@pytest.mark.parametrize("words", [("validate", "--staged"), ("validate", "--staged", A), ("validate", A)])
def test_an_index_that_cannot_be_read_is_no_pass(ground: Playground, doc_id: DocId, words: tuple[str, ...]) -> None:
    ground.document(A, ID)
    ground.save()
    ground.put(".git/index", b"DIRC no index")
    answer = doc_id(*words)
    assert (answer.exit_code, answer.stdout) == (4, "")
    assert answer.stderr.startswith("error E40")


@pytest.mark.parametrize("words", [("validate",), ("validate", A), ("validate", "--staged", A)])
def test_a_commit_that_cannot_be_read_is_not_taken_for_none(
    ground: Playground, doc_id: DocId, words: tuple[str, ...]
) -> None:
    ground.document(A, ID)
    commit = ground.save()
    (ground.folder / ".git/objects" / commit[:2] / commit[2:]).unlink()
    answer = doc_id(*words)
    assert (answer.exit_code, answer.stdout) == (4, "")
    assert answer.stderr.startswith("error E40")


@pytest.mark.parametrize("words", [("validate",), ("validate", A), ("validate", "--staged", A)])
def test_before_the_first_commit_there_is_no_baseline(
    ground: Playground, doc_id: DocId, words: tuple[str, ...]
) -> None:
    ground.document(A, ID)
    ground.git("update-ref", "-d", "HEAD")
    ground.git("add", "--all")
    answer = doc_id(*words)
    assert (answer.exit_code, answer.stdout) == (0, "")
