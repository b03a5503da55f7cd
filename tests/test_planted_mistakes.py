"""Ten kinds of mistakes in a copy of this repository: each is named with file, line and mend; the clean copy is silent."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
BIN = Path(sys.executable).parent
COMMANDS = (("doc-id", "validate"), ("capabilities", "check"), ("capabilities", "docs", "build", "--check"))
DESIGN = "PH2_EXECUTION_ENGINE/modules/M001_EXECUTION/docs/MOD_DESIGN.md"
SPEC = "PH2_EXECUTION_ENGINE/modules/M001_EXECUTION/docs/MOD_SPEC.md"
TELLS = re.compile(r"(?P<file>[^:\s][^:]*):(?P<line>[0-9]+): (?P<what>.+); (?P<mend>.+)")


@dataclass
class Copy:
    """A copy of the repository with one commit."""

    root: Path

    def findings(self) -> list[tuple[str, int, str, str]]:
        """File, line, what and mend of all that the three checks say."""
        found = []
        for command in COMMANDS:
            script, *words = command
            done = subprocess.run(
                [str(BIN / script), *words, "--repo", str(self.root)], capture_output=True, text=True, check=False
            )
            assert done.returncode in (0, 1), done.stderr
            lines = done.stdout.splitlines()
            assert bool(lines) == bool(done.returncode), done.stdout
            for line in lines:
                told = TELLS.fullmatch(line)
                assert told, line
                found.append((told["file"], int(told["line"]), told["what"], told["mend"]))
        return found

    def edit(self, path: str, old: str, new: str) -> int:
        """Replace the first ``old``; the line where it stood."""
        text = (self.root / path).read_text("utf-8")
        assert old in text
        (self.root / path).write_text(text.replace(old, new, 1), "utf-8")
        return text[: text.index(old)].count("\n") + 1

    def own_id(self, path: str) -> str:
        """The id in a document's front matter."""
        found = re.search(r"^doc_id: (\S+)$", (self.root / path).read_text("utf-8"), re.MULTILINE)
        assert found
        return found[1]


@pytest.fixture(scope="module")
def clean(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What git would take of this tree, committed elsewhere."""
    root = tmp_path_factory.mktemp("clean") / "repo"
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        check=True,
    )
    for name in {name for name in listed.stdout.decode().split("\0") if name}:
        if (ROOT / name).is_file():
            (root / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, root / name)
    git(root, "init", "--quiet", "--template=")
    git(root, "add", "--all")
    git(root, "commit", "--quiet", "-m", "all")
    return root


def git(root: Path, *words: str) -> None:
    """Run git with a name of its own."""
    name = ("-c", "user.name=Ada", "-c", "user.email=ada@example.org", "-c", "commit.gpgsign=false")
    subprocess.run(["git", *name, *words], cwd=root, check=True, capture_output=True)


@pytest.fixture
def copy(clean: Path, tmp_path: Path) -> Copy:
    shutil.copytree(clean, tmp_path / "repo", symlinks=True)
    return Copy(tmp_path / "repo")


def duplicate_id(copy: Copy) -> tuple[str, int, str]:
    other = copy.own_id(SPEC)
    return DESIGN, copy.edit(DESIGN, f"doc_id: {copy.own_id(DESIGN)}", f"doc_id: {other}"), f"{other} is the id of"


def wrong_scope(copy: Copy) -> tuple[str, int, str]:
    return DESIGN, copy.edit(DESIGN, "doc_id: DOC-P2M001-DOC", "doc_id: DOC-P9M001-DOC"), "scope P9"


def wrong_kind(copy: Copy) -> tuple[str, int, str]:
    line = copy.edit(DESIGN, f"doc_id: {copy.own_id(DESIGN)}", "doc_id: DOC-P2M001-SCM-099")
    return DESIGN, line, "DOC-P2M001-SCM-099 belongs into PH2_EXECUTION_ENGINE/schema/"


def moved_file(copy: Copy) -> tuple[str, int, str]:
    moved = "PH3_EXEC_TO_ERROR/docs/MOVED.md"
    own = copy.own_id(DESIGN)
    (copy.root / DESIGN).rename(copy.root / moved)
    return moved, 2, f"{own} belongs into PH2_EXECUTION_ENGINE/modules/M001_EXECUTION/docs/"


def missing_document(copy: Copy) -> tuple[str, int, str]:
    (copy.root / DESIGN).unlink()
    return DESIGN, 1, "missing"


def drifted_reference_table(copy: Copy) -> tuple[str, int, str]:
    path = DESIGN.replace("MOD_DESIGN", "MOD_CONTRACTS")
    text = (copy.root / path).read_text("utf-8")
    option = next(line for line in text.splitlines() if line.startswith("| `--repo"))
    return path, copy.edit(path, option, option.replace("--repo", "--repository")), "--repo"


def incompatible_contract_versions(copy: Copy) -> tuple[str, int, str]:
    path = "PH3_EXEC_TO_ERROR/phase.contracts.json"
    contracts = json.loads((copy.root / path).read_text("utf-8"))
    assert contracts["consumes"][0]["schema"] == "execution_result"
    line = copy.edit(path, '"version": "v1"', '"version": "v2"')
    return path, line, "execution_result.v2"


def dead_sidecar_entry(copy: Copy) -> tuple[str, int, str]:
    path = "GLOBAL_DOC_ID/schema/doc_ids.json"
    line = copy.edit(path, '"doc_ids": {\n', '"doc_ids": {\n    "absent.json": "DOC-GDM000-SCM-999",\n') + 1
    return path, line, "absent.json"


def reused_number(copy: Copy) -> tuple[str, int, str]:
    ledger = copy.root / "doc_ids.ledger"
    known = ledger.read_text("utf-8") if ledger.is_file() else ""
    lines = [*known.splitlines(), f"{copy.own_id(DESIGN)}\tPH2_EXECUTION_ENGINE/docs/OLD.md\tdropped"]
    head = [line for line in lines if line.startswith("#")]
    ledger.write_text("\n".join([*head, *sorted(line for line in lines if not line.startswith("#"))]) + "\n", "utf-8")
    return DESIGN, 2, f"{copy.own_id(DESIGN)} is retired"


def broken_reference(copy: Copy) -> tuple[str, int, str]:
    text = (copy.root / SPEC).read_text("utf-8")
    (copy.root / SPEC).write_text(text + "\nSee [[DOC-P2M001-DOC-777]].\n", "utf-8")
    return SPEC, text.count("\n") + 2, "DOC-P2M001-DOC-777"


MISTAKES = (
    duplicate_id, wrong_scope, wrong_kind, moved_file, missing_document, drifted_reference_table,
    incompatible_contract_versions, dead_sidecar_entry, reused_number, broken_reference,
)  # fmt: skip


def test_the_clean_copy_is_silent(clean: Path) -> None:
    assert Copy(clean).findings() == []


@pytest.mark.parametrize("plant", MISTAKES, ids=lambda plant: plant.__name__.replace("_", " "))
def test_a_mistake_is_named_with_file_line_and_mend(copy: Copy, plant: Callable[[Copy], tuple[str, int, str]]) -> None:
    file, line, what = plant(copy)
    told = [(finding[0], finding[1]) for finding in copy.findings() if what in finding[2]]
    assert (file, line) in told
