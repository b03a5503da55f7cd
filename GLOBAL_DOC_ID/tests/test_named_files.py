"""``doc-id validate FILES``: those files fully, and what they break elsewhere; ``--staged`` and ``--since``."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import Result
from global_doc_id.testing.playground import POLICY, Playground

A, B, C = "app/docs/a.md", "app/docs/b.md", "base/docs/c.md"
ONE, TWO, THREE = "DOC-AAM000-DOC-001", "DOC-AAM000-DOC-002", "DOC-BBM000-DOC-001"
Run = Callable[..., Result]


@pytest.fixture
def told(ground: Playground, doc_id: Run) -> Callable[..., list[str]]:
    """The findings of ``doc-id validate`` as ``file:line rule``; ``c.md`` refers to ``a.md``."""
    ground.document(A, ONE)
    ground.document(B, TWO)
    ground.document(C, THREE, f"See [[{ONE}]].\n")
    ground.save()

    def run(*words: str) -> list[str]:
        options = [word for word in words if word.startswith("--")]
        files = [str(ground.folder / word) for word in words if not word.startswith("--")]
        answer = doc_id("validate", "--json", *options, *files)
        assert answer.exit_code in (0, 1), answer.stderr
        findings = json.loads(answer.stdout)["findings"]
        assert answer.exit_code == bool(findings)
        return [f"{one['file']}:{one['line']} {one['rule']}" for one in findings]

    return run


def both(told: Callable[..., list[str]], *files: str) -> list[str]:
    """What is told of the files; with all of them staged the same is told by ``--staged``."""
    found = told(*files)
    assert told("--staged", *files) == found
    return found


def test_files_that_are_right_are_passed_over(told: Callable[..., list[str]]) -> None:
    assert both(told, A, B, C) == both(told) == []


def test_a_duplicate_elsewhere_is_found(ground: Playground, told: Callable[..., list[str]]) -> None:
    ground.document("app/docs/new.md", TWO)
    ground.git("add", "--all")
    assert both(told, "app/docs/new.md") == ["app/docs/new.md:2 unique"]
    assert both(told) == [f"{B}:2 unique", "app/docs/new.md:2 unique"]


def test_a_duplicate_that_is_mended_in_the_working_copy_is_not_told(
    ground: Playground, told: Callable[..., list[str]]
) -> None:
    ground.document("app/docs/new.md", TWO)
    ground.document(B, "DOC-AAM000-DOC-003")
    assert told("app/docs/new.md") == []
    ground.git("add", "app/docs/new.md")
    assert told("--staged", "app/docs/new.md") == ["app/docs/new.md:2 unique"]


def test_two_named_files_with_one_id_are_both_told(ground: Playground, told: Callable[..., list[str]]) -> None:
    ground.document("app/docs/x.md", "DOC-AAM000-DOC-007")
    ground.document("app/docs/y.md", "DOC-AAM000-DOC-007")
    assert told("app/docs/x.md", "app/docs/y.md") == ["app/docs/x.md:2 unique", "app/docs/y.md:2 unique"]


@pytest.mark.parametrize("how", ["deleted", "changed"])
def test_an_id_that_is_gone_is_told_where_it_was_and_where_it_is_referred_to(
    ground: Playground, told: Callable[..., list[str]], how: str
) -> None:
    if how == "deleted":
        (ground.folder / A).unlink()
    else:
        ground.document(A, "DOC-AAM000-DOC-009")
    ground.git("add", "--all")
    assert both(told, A) == both(told) == [f"{A}:2 gone", f"{C}:5 reference".replace(":5", ":4")]
    ground.put("doc_ids.ledger", f"{ONE}\t{A}\tmerged\n")
    ground.git("add", "--all")
    assert both(told, A) == both(told) == [f"{C}:4 reference"]


def test_an_id_that_moved_is_not_gone(ground: Playground, told: Callable[..., list[str]]) -> None:
    ground.git("mv", A, "app/docs/moved.md")
    assert both(told, A) == both(told, A, "app/docs/moved.md") == both(told) == []
    ground.git("reset", "--quiet")
    assert told(A) == told() == [], "the new file is not known to git yet"


def test_a_reference_to_a_file_that_git_does_not_know_yet_is_right(
    ground: Playground, told: Callable[..., list[str]]
) -> None:
    ground.document("app/docs/new.md", "DOC-AAM000-DOC-003")
    ground.document(B, TWO, "[[DOC-AAM000-DOC-003]]\n")
    ground.git("add", B)
    assert told(B) == []
    assert told("--staged", B) == told("--staged") == [f"{B}:4 reference"]


def test_the_staged_content_counts(ground: Playground, told: Callable[..., list[str]]) -> None:
    ground.document(B, "nonsense")
    assert (told(B), told("--staged", B)) == ([f"{B}:2 form", f"{B}:2 gone"], [])
    ground.git("add", B)
    ground.document(B, TWO)
    assert (told(B), told("--staged", B)) == ([], [f"{B}:2 form", f"{B}:2 gone"])
    assert (told(), told("--staged")) == ([], [f"{B}:2 form", f"{B}:2 gone"])


def test_staged_settings_count(ground: Playground, told: Callable[..., list[str]]) -> None:
    ground.put("app/docs/plain.md", "# T\n")
    ground.git("add", "--all")
    ground.put("pipeline.toml", "[doc_id]\nrequire = []\n")
    assert (told("app/docs/plain.md"), told("--staged", "app/docs/plain.md")) == ([], ["app/docs/plain.md:1 required"])
    ground.git("add", "--all")
    assert told("--staged", "app/docs/plain.md") == []


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("app/docs/doc_ids.json", '{"version": 1, "doc_ids": {}}'),
        ("doc_ids.ledger", ""),
        ("pipeline.toml", POLICY + "# changed\n"),
    ],
)
def test_a_file_that_decides_about_others_makes_it_a_whole_validation(
    ground: Playground, told: Callable[..., list[str]], name: str, content: str
) -> None:
    ground.document("app/docs/wrong.md", "nonsense")
    ground.put(name, content)
    assert told(name) == ["app/docs/wrong.md:2 form"]


def test_a_retired_number_is_not_given_again(ground: Playground, told: Callable[..., list[str]]) -> None:
    ground.put("doc_ids.ledger", f"{TWO}\told.md\tgone\n")
    ground.git("add", "--all")
    assert both(told, B) == both(told) == [f"{B}:2 reused"]


def test_a_sidecar_speaks_for_its_files(ground: Playground, told: Callable[..., list[str]]) -> None:
    picture, sidecar = "app/docs/x.png", "app/docs/doc_ids.json"
    ground.put(picture, b"\0")
    ground.put(
        sidecar, json.dumps({"version": 1, "doc_ids": {"dead.png": "DOC-AAM000-DOC-008", "x.png": TWO}}, indent=2)
    )
    ground.git("add", "--all")
    assert both(told, picture) == [f"{sidecar}:5 unique"]
    assert both(told) == [f"{B}:2 unique", f"{sidecar}:4 sidecar", f"{sidecar}:5 unique"]
    assert both(told, B) == [f"{B}:2 unique"]
    ground.save()
    (ground.folder / picture).unlink()
    ground.git("add", "--all")
    assert both(told, picture) == [f"{sidecar}:5 sidecar"]


def test_what_a_file_says_itself_comes_before_what_its_sidecar_says(
    ground: Playground, told: Callable[..., list[str]]
) -> None:
    page, sidecar = "app/docs/x.md", "app/docs/doc_ids.json"  # git lists the sidecar first
    ground.document(page, "DOC-AAM000-DOC-008")
    ground.put(sidecar, json.dumps({"version": 1, "doc_ids": {"x.md": "DOC-AAM000-DOC-009"}}, indent=2))
    ground.git("add", "--all")
    assert both(told) == both(told, page) == [f"{sidecar}:4 second"]


def test_two_ids_are_one_too_many_unless_they_agree(ground: Playground, told: Callable[..., list[str]]) -> None:
    ground.document(f"app/docs/{'DOC-AAM000-DOC-005'}__x.md", "DOC-AAM000-DOC-005")
    assert told() == []
    ground.put("app/docs/doc_ids.json", json.dumps({"version": 1, "doc_ids": {"a.md": "DOC-AAM000-DOC-006"}}))
    assert told(A) == told() == ["app/docs/doc_ids.json:1 second"]


def test_the_baseline_can_be_another_commit(ground: Playground, told: Callable[..., list[str]]) -> None:
    (ground.folder / B).unlink()
    ground.save(day=2)
    assert told() == []
    assert told("--since=HEAD~1") == [f"{B}:2 gone"]
    assert told("--since=HEAD~1", B) == [f"{B}:2 gone"]


def test_the_table_follows_history(ground: Playground, told: Callable[..., list[str]]) -> None:
    assert told(A) == []
    table = ground.folder / ".git/phaseline/doc_ids/known.tsv"
    old = table.read_bytes()
    for number in range(10, 250):
        ground.document(f"app/docs/n{number}.md", f"DOC-AAM000-DOC-{number:03d}")
    ground.document(B, "DOC-AAM000-DOC-900")
    ground.put("doc_ids.ledger", f"{TWO}\t{B}\tx\n")
    ground.save(day=2)
    ground.document("app/docs/again.md", "DOC-AAM000-DOC-100")
    assert told("app/docs/again.md") == ["app/docs/again.md:2 unique"]
    assert table.read_bytes() != old
    for broken in (b"", b"x", old[:-5], old.replace(b"doc ids known", b"doc ids unknow"), b"\0" * 100):
        table.write_bytes(broken)
        assert told("app/docs/again.md") == ["app/docs/again.md:2 unique"]
        assert told() == ["app/docs/again.md:2 unique", "app/docs/n100.md:2 unique"]


def test_a_repository_without_commits_is_judged(tmp_path: Path, ground: Playground, doc_id: Run) -> None:
    ground.git("update-ref", "-d", "HEAD")
    ground.document(A, ONE)
    ground.document(B, ONE)
    ground.git("add", A)
    for words in ((), ("--staged",)):
        assert doc_id("validate", *words, ground.folder / A).exit_code == 0 + (not words) * 0
    assert doc_id("validate", ground.folder / B).stdout.startswith(f"{B}:2: {ONE} is the id of {A} too")
    assert doc_id("validate").exit_code == 1


def test_a_linked_worktree_and_a_subfolder_are_judged(ground: Playground, told: Callable[..., list[str]]) -> None:
    assert told() == []
    tree = ground.folder.parent / "tree"
    ground.git("worktree", "add", "--quiet", str(tree))
    (tree / A).write_text(f"---\ndoc_id: {TWO}\n---\n", "utf-8")
    done = validate(tree / "app" / "docs", "a.md")
    assert (done.returncode, done.stdout.decode()[: len(A)]) == (1, A)


@pytest.mark.parametrize("word", ["missing.md", "/etc/hostname", "..", "app/docs"])
def test_what_is_no_file_of_the_repository_is_invalid(ground: Playground, doc_id: Run, word: str) -> None:
    ground.document(A, ONE)
    answer = doc_id("validate", ground.folder / word)
    assert answer.exit_code == 3
    assert "E382" in answer.stderr


def test_a_name_that_is_no_commit_is_invalid(doc_id: Run, ground: Playground) -> None:
    for ref in ("nowhere", "--output=x", "HEAD:app"):
        assert doc_id("validate", f"--since={ref}").exit_code == 3


def test_outside_of_git_nothing_can_be_staged(tmp_path: Path) -> None:
    assert validate(tmp_path, "--staged").returncode == 4
    assert validate(tmp_path, "--repo", "missing").returncode == 4


def test_strange_names_are_judged_and_printed_escaped(ground: Playground) -> None:
    names = [
        b"new\nline.md",
        b"tab\t.md",
        b"\xff.md",
        "ü ☃.md".encode(),
        b"back\\slash.md",
        b"-dash.md",
        b"esc\x1b[31m.md",
    ]
    folder = os.fsencode(ground.folder / "app/docs")
    ground.document(A, ONE)
    for name in names:
        Path(os.fsdecode(folder + b"/" + name)).write_bytes(f"---\ndoc_id: {ONE}\n---\n".encode())
    ground.git("add", "--all")
    for words in ([], ["--staged"], ["--", *[b"app/docs/" + name for name in names]]):
        done = validate(ground.folder, *words)
        lines = done.stdout.decode("utf-8").splitlines()
        assert done.returncode == 1
        assert len(lines) == len(names) + (0 if "--" in words else 1)
        assert b"\x1b" not in done.stdout
        assert "app/docs/new\\x0aline.md" in done.stdout.decode()
        assert "app/docs/\\xff.md" in done.stdout.decode()


def test_special_files_neither_hang_nor_break(ground: Playground, told: Callable[..., list[str]]) -> None:
    folder = ground.folder / "app/docs"
    os.mkfifo(folder / "pipe.md")
    for name, target in (("zero.md", "/dev/zero"), ("link.md", "a.md"), ("loop", "."), ("broken.md", "nowhere")):
        (folder / name).symlink_to(target)
    ground.put("app/docs/big.bin", b"\0" * 100_000)
    ground.git("add", "--", "app/docs/zero.md", "app/docs/link.md", "app/docs/loop", "app/docs/broken.md")
    (ground.folder / B).unlink()
    os.mkfifo(ground.folder / B)
    found = told()
    assert f"{B}:2 gone" in found
    assert told("--staged") == []
    assert told("app/docs/link.md", "app/docs/zero.md", "app/docs/broken.md", "app/docs/pipe.md") == []


def test_a_submodule_is_not_entered(ground: Playground, told: Callable[..., list[str]], tmp_path: Path) -> None:
    ground.git("init", "--quiet", "vendor")
    ground.put("vendor/x.md", "---\ndoc_id: nonsense\n---\n")
    ground.git("-C", "vendor", "add", "--all")
    ground.git("-C", "vendor", "commit", "--quiet", "--message", "x")
    assert told() == []
    ground.git("add", "vendor")
    assert both(told) == []


def test_ignored_files_are_not_judged(ground: Playground, told: Callable[..., list[str]]) -> None:
    ground.put(".gitignore", "out/\n")
    ground.document("out/x.md", "nonsense")
    assert told() == []


def test_large_repositories_are_read_by_two_processes(ground: Playground, told: Callable[..., list[str]]) -> None:
    from global_doc_id.sharing import ENOUGH

    for number in range(ENOUGH):
        (ground.folder / f"app/docs/{number}.txt").touch()
    ground.document("base/docs/last.md", ONE)
    ground.put("zoo/docs/doc_ids.json", "{")
    ground.git("add", "--all")
    command = json.loads(validate(ground.folder, "--json").stdout)["findings"]
    assert told() == both(told) == [f"{one['file']}:{one['line']} {one['rule']}" for one in command] == [
        f"{A}:2 unique", "base/docs/last.md:2 place", "base/docs/last.md:2 unique", "zoo/docs/doc_ids.json:1 sidecar"
    ]  # fmt: skip


def test_what_the_second_process_cannot_read_is_told_by_the_first(
    ground: Playground, told: Callable[..., list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    from global_doc_id import sharing

    def killed(*_: object) -> None:
        os._exit(9)

    monkeypatch.setattr(sharing, "ENOUGH", 1)
    monkeypatch.setattr(sharing, "LATE", 1)
    monkeypatch.setattr(sharing, "_plain", killed)
    for number in range(40):
        ground.document(f"base/docs/{number}.md", ONE)
    ground.git("add", "--all")
    assert len(told()) == 2 * 40 + 1


def test_very_many_files_may_be_named(ground: Playground, told: Callable[..., list[str]]) -> None:
    names = [f"app/docs/many/{number}.txt" for number in range(1_500)]
    for name in names:
        ground.put(name, "x")
    ground.document(B, ONE)
    ground.git("add", "--all")
    assert both(told, *names, B) == [f"{B}:2 gone", f"{B}:2 unique"]


def validate(place: Path, *words: str | bytes) -> subprocess.CompletedProcess[bytes]:
    """The real command, in a folder."""
    import sys

    program = Path(sys.executable).parent / "doc-id"
    return subprocess.run([program, "validate", *words], cwd=place, capture_output=True, check=False)
