"""Repositories that lead elsewhere, never end, or are built to break what reads them: told in a line, and nothing is lost."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from global_capabilities.cli import main
from global_capabilities.derived.blocks import END
from global_capabilities.derived.build import read_pages, write_pages
from global_capabilities.scaffold.draft import Draft
from global_doc_id.clone import clone_folder
from global_doc_id.reservations import locked
from global_util.errors import EnvironmentFault, Held

DOCS = "PH1_MAKE/modules/M001_WORK/docs"
TESTS = f"{DOCS}/MOD_TEST_PLAN.md"
CONTRACTS = f"{DOCS}/MOD_CONTRACTS.md"
MANIFEST = "PH1_MAKE/phase.manifest.json"
BLOCK = f"<!-- derived: tests -->\n{END}\n"
CLI = f"<!-- derived: cli -->\n{END}\n"
DEEP = "[" * 200_000
COMMAND = "import click\n\n@click.command()\ndef main() -> None: ...\n"


def write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, "utf-8")


def run(repo: Path, *words: str) -> Result:
    return CliRunner().invoke(main, [*words, "--repo", str(repo)])


def make_plain(repo: Path) -> None:
    """The manifest as scaffolds write it."""
    write(repo / MANIFEST, (repo / MANIFEST).read_text("utf-8") + "\n")


def move_out(repo: Path, name: str) -> Path:
    """Put a folder beside the repository and a link to it in its place."""
    outside = repo.parent / f"{repo.name}-outside"
    shutil.move(repo / name, outside)
    (repo / name).symlink_to(outside)
    return outside


def texts(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.mark.parametrize("name", ["PH1_MAKE", "PH1_MAKE/modules", "PH1_MAKE/modules/M001_WORK", DOCS])
def test_documents_behind_a_link_are_not_written(repo: Path, name: str) -> None:
    write(repo / TESTS, BLOCK)
    outside = move_out(repo, name)
    before = texts(outside)
    answer = run(repo, "docs", "build")
    assert texts(outside) == before
    if name != "PH1_MAKE":
        assert (answer.exit_code, answer.stdout.startswith(f"{TESTS}:1: lies behind the link {name}")) == (1, True)


def test_a_link_to_a_package_is_none_and_is_told(repo: Path) -> None:
    move_out(repo, "PH1_MAKE")
    answer = run(repo, "check")
    assert (answer.exit_code, answer.stdout) == (1, "PH1_MAKE:1: is a link, and no package; put the folder here\n")


@pytest.mark.parametrize("name", ["PH1_MAKE/modules", "PH1_MAKE"])
def test_no_room_is_built_behind_a_link(repo: Path, name: str) -> None:
    make_plain(repo)
    outside = move_out(repo, name)
    before = texts(outside)
    answer = run(repo, "scaffold", "module", "PH1_MAKE", "M002_MORE")
    assert answer.exit_code == (3 if name == "PH1_MAKE" else 4)
    assert ("error E480" in answer.stderr) == (name != "PH1_MAKE")
    assert texts(outside) == before
    assert "M002_MORE" not in json.dumps(sorted(texts(repo)))


def test_a_manifest_that_is_a_link_is_refused_and_never_replaced(repo: Path) -> None:
    shutil.move(repo / MANIFEST, repo / "elsewhere.json")
    (repo / MANIFEST).symlink_to(repo / "elsewhere.json")
    before = (repo / "elsewhere.json").read_bytes()
    assert run(repo, "scaffold", "module", "PH1_MAKE", "M002_MORE").exit_code == 3
    assert f"{MANIFEST}:1: not readable as JSON: is a symbolic link" in run(repo, "check").stdout
    assert (repo / MANIFEST).is_symlink()
    assert (repo / "elsewhere.json").read_bytes() == before


def test_a_settings_file_that_is_a_link_is_refused(tmp_path: Path) -> None:
    write(tmp_path / "elsewhere.toml", "")
    (tmp_path / "pipeline.toml").symlink_to("elsewhere.toml")
    with pytest.raises(EnvironmentFault, match="symbolic link"):
        Draft(tmp_path).text("pipeline.toml")


def test_a_document_that_somebody_changes_meanwhile_is_left_to_them(repo: Path) -> None:
    write(repo / TESTS, BLOCK)
    write(repo / CONTRACTS, CLI.replace("cli", "schemas"))
    pages = read_pages(repo)
    write(repo / TESTS, "mine\n")
    written, left = write_pages(repo, pages)
    assert (repo / TESTS).read_text("utf-8") == "mine\n"
    assert written == [repo / CONTRACTS]
    assert [str(one) for one in left] == [f"{TESTS}:1: changed meanwhile; run again"]


def test_a_document_keeps_its_mode_and_a_read_only_one_is_refused(repo: Path) -> None:
    write(repo / TESTS, BLOCK)
    (repo / TESTS).chmod(0o640)
    assert run(repo, "docs", "build").exit_code == 0
    assert (repo / TESTS).stat().st_mode & 0o777 == 0o640
    write(repo / TESTS, BLOCK)
    (repo / TESTS).chmod(0o440)
    answer = run(repo, "docs", "build")
    assert (answer.exit_code, "E481" in answer.stderr, "read-only" in answer.stderr) == (4, True, True)
    assert (repo / TESTS).read_text("utf-8") == BLOCK


def test_a_draft_is_not_written_over_a_change_since_it_was_made(repo: Path) -> None:
    draft = Draft(repo)
    draft.add("NEW.md", "new")
    draft.change(MANIFEST, draft.text(MANIFEST) + "\n")
    write(repo / MANIFEST, "theirs")
    with pytest.raises(EnvironmentFault, match="changed meanwhile"):
        draft.write()
    assert (repo / MANIFEST).read_text("utf-8") == "theirs"
    assert not (repo / "NEW.md").exists()


def test_taking_back_leaves_what_others_wrote_and_tells_the_first_failure(
    repo: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_plain(repo)
    plan = "PH1_MAKE/modules/M002_MORE/docs/MOD_TEST_PLAN.md"
    before = texts(repo)

    def fail(*_: Any) -> Any:
        write(repo / plan, "theirs")
        write(repo / "PH1_MAKE/modules/M002_MORE/more.md", "theirs too")
        raise Held("held", "wait", "E599")

    monkeypatch.setattr(import_module("global_capabilities.scaffold.doc_ids"), "give_ids", fail)
    answer = run(repo, "scaffold", "module", "PH1_MAKE", "M002_MORE")
    assert (answer.exit_code, "error E599: held" in answer.stderr) == (5, True)
    assert f"{plan}: not taken back" in answer.stderr
    theirs = {plan: b"theirs", "PH1_MAKE/modules/M002_MORE/more.md": b"theirs too"}
    assert texts(repo) == {**before, **theirs}


READ = [
    "PH1_MAKE/phase.contracts.json",
    MANIFEST,
    "PH1_MAKE/pyproject.toml",
    "PH1_MAKE/src/ph1_make/cli.py",
    "PH1_MAKE/src/ph1_make/more.py",
    "PH1_MAKE/schema/thing.v1.json",
    "docs/requirements/one.md",
    "docs/spec_index_map.md",
    TESTS,
]


def make_fifo(path: Path) -> None:
    os.mkfifo(path)


def make_endless(path: Path) -> None:
    path.symlink_to("/dev/zero")


def make_large(path: Path) -> None:
    with path.open("wb") as handle:
        handle.truncate(2**34)


@pytest.mark.parametrize("make", [make_fifo, make_endless, make_large])
@pytest.mark.parametrize("name", READ)
def test_what_never_ends_is_told(repo: Path, name: str, make: Callable[[Path], None]) -> None:
    write(repo / "docs/requirements/two.md", "")
    write(repo / CONTRACTS, CLI.replace("cli", "schemas"))
    (repo / name).unlink(missing_ok=True)
    make(repo / name)
    answer = run(repo, "check")
    assert answer.exit_code == 1
    assert "PH1_MAKE" in answer.stdout if name.startswith("PH1") else "docs/" in answer.stdout
    assert run(repo, "docs", "build", "--check").exit_code in (1, 3)
    assert run(repo, "list", "--modules").exit_code in (0, 3)


@pytest.mark.parametrize(
    ("name", "told"),
    [
        (MANIFEST, f"{MANIFEST}:1: not readable as JSON"),
        ("PH1_MAKE/phase.contracts.json", "PH1_MAKE/phase.contracts.json:1: not readable as JSON"),
        ("PH1_MAKE/pyproject.toml", "PH1_MAKE/pyproject.toml:1: no readable [project] table"),
    ],
)
def test_what_is_nested_too_deeply_is_told(repo: Path, name: str, told: str) -> None:
    write(repo / name, f"x = {DEEP}" if name.endswith("toml") else DEEP)
    answer = run(repo, "check")
    assert (answer.exit_code, told in answer.stdout) == (1, True)
    assert run(repo, "docs", "build").exit_code in (0, 3)


def test_a_value_that_is_nested_too_deeply_for_a_schema_is_told(repo: Path) -> None:
    manifest = json.loads((repo / MANIFEST).read_text("utf-8"))
    text = json.dumps({**manifest, "owner": "HERE"}).replace('"HERE"', "[" * 900 + "]" * 900)
    write(repo / MANIFEST, text)
    answer = run(repo, "check")
    assert answer.exit_code == 1
    assert answer.stdout.startswith(f"{MANIFEST}:1: /")


@pytest.mark.parametrize("rubbish", [b"rubbish\n", b"rubbish", b"[]\n", b'{"number": 0, "commands": [1]}\n'])
def test_what_a_command_writes_among_the_answers_is_no_answer(repo: Path, rubbish: bytes) -> None:
    write(repo / CONTRACTS, CLI)
    source = f"import os\nfor number in range(3, 9):\n    try:\n        os.write(number, {rubbish!r})\n"
    write(repo / "PH1_MAKE/src/ph1_make/cli.py", f"{source}    except OSError:\n        pass\n{COMMAND}")
    answer = run(repo, "docs", "build")
    assert (answer.exit_code, answer.stdout) == (0, f"{CONTRACTS}: written\n")


def test_a_command_that_breaks_the_answers_is_not_derivable(repo: Path) -> None:
    write(repo / CONTRACTS, CLI)
    write(repo / "PH1_MAKE/src/ph1_make/cli.py", f"import os\nos.closerange(3, 99)\n{COMMAND}")
    answer = run(repo, "docs", "build")
    assert answer.exit_code == 1
    assert "block 'cli' is not derivable: the command make-it cannot be imported" in answer.stdout


def test_only_the_packages_that_are_asked_for_are_imported(repo: Path) -> None:
    mark = repo / "mark"
    leave = f"open({str(mark)!r}, 'a').write(__name__)\n"
    write(repo / CONTRACTS, CLI)
    write(repo / "PH1_MAKE/src/ph1_make/cli.py", COMMAND)
    write(repo / "GLOBAL_KEEP/src/global_keep/cli.py", leave + COMMAND)
    for folder in ("stray", "PH1_MAKE", "GLOBAL_KEEP"):
        write(repo / folder / "src/sitecustomize.py", leave)
        write(repo / folder / "src/usercustomize.py", leave)
    write(repo / "stray/src/click.py", leave)
    assert run(repo, "docs", "build", "PH1_MAKE").stdout == f"{CONTRACTS}: written\n"
    assert not mark.exists()


def test_help_says_that_code_is_run() -> None:
    answer = " ".join(CliRunner().invoke(main, ["docs", "build", "--help"]).stdout.split())
    assert "code of the repository is run" in answer


def test_text_of_a_repository_cannot_steer_a_terminal(repo: Path) -> None:
    manifest = json.loads((repo / MANIFEST).read_text("utf-8"))
    write(repo / MANIFEST, json.dumps({**manifest, "role": "Does \x1b[2J\nmore", "owner": "a\x1b]0;b\x07"}))
    write(repo / "PH1_MAKE/docs/\x1b[1m.md", "text")
    write(repo / CONTRACTS, CLI)
    write(repo / "PH1_MAKE/src/ph1_make/cli.py", "raise ValueError('\\x1b[31mred')\n")
    for words in (["list"], ["list", "--modules"], ["show", "PH1_MAKE"], ["check"], ["docs", "build"], ["graph"]):
        answer = run(repo, *words)
        assert "\x1b" not in answer.output
        assert "\x07" not in answer.output
    assert len(run(repo, "list").stdout.splitlines()) == 2


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"x = 1\ndef (:\n", "2: is no Python: invalid syntax"),
        (b"\0", "1: is no Python: source code string cannot contain null bytes"),
        (b"x = '\xff'\n", "1: is no Python: "),
        (b"x = " + b"(" * 5000, "1: is no Python: "),
        (b"x = " + b"-" * 200_000 + b"1", "1: is no Python: "),
    ],
)
def test_source_that_is_no_python_is_told(repo: Path, content: bytes, told: str) -> None:
    name = "PH1_MAKE/src/ph1_make/more.py"
    (repo / name).write_bytes(content)
    answer = run(repo, "check")
    assert answer.exit_code == 1
    assert answer.stdout.startswith(f"{name}:{told}"), answer.stdout


def test_a_warning_of_the_compiler_is_no_fault(repo: Path) -> None:
    write(repo / "PH1_MAKE/src/ph1_make/more.py", "x = '\\d'\nassert (x, 'y')\n")
    assert run(repo, "check").exit_code == 0


def test_a_block_that_was_taken_out_is_told(repo: Path) -> None:
    front = (repo / CONTRACTS).read_text("utf-8")
    for package in ("PH1_MAKE", "GLOBAL_KEEP"):
        for name, blocks in (
            ("MOD_CONTRACTS", ("cli", "entry_points", "schemas")),
            ("MOD_DELIVERABLES", ("deliverables",)),
        ):
            markers = "".join(CLI.replace("cli", block) for block in blocks)
            write(repo / f"{package}/modules/M001_WORK/docs/{name}.md", front + markers)
    assert run(repo, "check").stdout == ""
    write(repo / CONTRACTS, front + CLI.replace("cli", "schemas") + CLI.replace("cli", "entry_points"))
    told = f"{CONTRACTS}:1: no derived block 'cli' in any module of PH1_MAKE; write the marker <!-- derived: cli "
    assert run(repo, "check").stdout.startswith(told)


def test_folders_that_are_links_are_told_and_not_entered(repo: Path) -> None:
    write(repo / TESTS, BLOCK)
    shutil.rmtree(repo / "PH1_MAKE/docs")
    for name in ("docs", "tests", "src"):
        if name == "src":
            shutil.rmtree(repo / "PH1_MAKE/src")
        (repo / "PH1_MAKE" / name).symlink_to("/")
    told = run(repo, "check").stdout
    assert all(f"PH1_MAKE/{name}:1: is a link, and is not entered" in told for name in ("docs", "tests", "src"))
    assert "tests is a link" in run(repo, "docs", "build", "--check").stdout


def test_a_held_lock_is_told_and_the_room_is_taken_back(repo: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("global_doc_id.reservations.PATIENCE_S", 0.1)
    make_plain(repo)
    subprocess.run(["git", "init", "--quiet", "--template="], cwd=repo, check=True)
    write(repo / "pipeline.toml", '[doc_id]\nrequire = ["*/src/**"]\n')
    project = (repo / "PH1_MAKE/pyproject.toml").read_text("utf-8")
    write(repo / "PH1_MAKE/pyproject.toml", f'{project}\n[tool.hatch.version]\npath = "x"\n')
    before = texts(repo)
    with locked(clone_folder(repo)):
        answer = run(repo, "scaffold", "check-plugin", "trial", "--into", "PH1_MAKE")
    assert (answer.exit_code, "held" in answer.stderr) == (5, True), answer.output
    after = {name: content for name, content in texts(repo).items() if not name.startswith(".git/")}
    assert after == {name: content for name, content in before.items() if not name.startswith(".git/")}
