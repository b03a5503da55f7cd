"""The real pre-commit, with ``doc-id validate --staged`` as a hook: refused with the reason, accepted once mended."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from global_doc_id.testing.playground import Playground

ROOT = Path(__file__).parents[2]
BIN = Path(sys.executable).parent
CONFIGURATION = """repos:
  - repo: local
    hooks:
      - id: doc-id-validate
        name: doc-id validate
        entry: doc-id validate --staged
        language: system
        pass_filenames: false
        always_run: true
"""
A, B = "app/docs/a.md", "app/docs/b.md"


@pytest.fixture
def hooked(ground: Playground, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Playground:
    """A repository whose commits pass through pre-commit."""
    monkeypatch.setenv("PRE_COMMIT_HOME", str(tmp_path / "pre-commit"))
    monkeypatch.setenv("PATH", f"{BIN}{os.pathsep}{os.environ['PATH']}")
    ground.put(".pre-commit-config.yaml", CONFIGURATION)
    ground.save()
    subprocess.run([BIN / "pre-commit", "install"], cwd=ground.folder, check=True, capture_output=True)
    return ground


def commit(ground: Playground, *words: str) -> tuple[int, str]:
    """Exit code of ``git commit`` and all that it says."""
    done = subprocess.run(
        ["git", "commit", "-m", "x", *words], cwd=ground.folder, capture_output=True, text=True, check=False
    )
    return done.returncode, done.stdout + done.stderr


def fix(ground: Playground) -> None:
    """What a person does after the message."""
    subprocess.run([BIN / "doc-id", "validate", "--fix"], cwd=ground.folder, check=False, capture_output=True)


def test_a_commit_is_refused_with_the_reason_and_accepted_after_the_fix(hooked: Playground) -> None:
    hooked.put(A, "# No id\n")
    hooked.git("add", A)
    code, said = commit(hooked)
    assert code == 1
    assert f"{A}:1: no doc_id" in said
    fix(hooked)
    assert commit(hooked)[0] == 1, "the mended file is not staged yet"
    hooked.git("add", A)
    assert commit(hooked)[0] == 0
    assert "doc_id: DOC-AAM000-DOC-001" in hooked.git("show", f"HEAD:{A}")


def test_a_commit_that_only_deletes_is_looked_at_too(hooked: Playground) -> None:
    hooked.document(A, "DOC-AAM000-DOC-001")
    hooked.git("add", A)
    assert commit(hooked)[0] == 0
    hooked.git("rm", "--quiet", A)
    code, said = commit(hooked)
    assert code == 1
    assert "DOC-AAM000-DOC-001 is gone and not in doc_ids.ledger" in said


def test_the_staged_version_counts_and_not_the_one_in_the_folder(hooked: Playground) -> None:
    hooked.document(A, "DOC-BBM000-DOC-001")
    hooked.git("add", A)
    hooked.document(A, "DOC-AAM000-DOC-001")
    code, said = commit(hooked)
    assert code == 1
    assert "DOC-BBM000-DOC-001 belongs into base/docs/" in said
    hooked.git("add", A)
    hooked.document(A, "nonsense")
    assert commit(hooked)[0] == 0
    assert "DOC-AAM000-DOC-001" in hooked.git("show", f"HEAD:{A}")
    assert "nonsense" in hooked.text(A)


def test_a_partial_commit_is_judged_by_its_own_index(hooked: Playground) -> None:
    hooked.document(A, "DOC-AAM000-DOC-001")
    hooked.put(B, "# No id\n")
    hooked.git("add", "--all")
    assert commit(hooked, A)[0] == 0
    code, said = commit(hooked, B)
    assert code == 1
    assert f"{B}:1: no doc_id" in said


def test_a_number_that_another_file_has_is_refused(hooked: Playground) -> None:
    hooked.document(A, "DOC-AAM000-DOC-001")
    hooked.save()
    hooked.document(B, "DOC-AAM000-DOC-001")
    hooked.git("add", "--all")
    code, said = commit(hooked)
    assert code == 1
    assert f"is the id of {A} too" in said


def test_the_published_hooks_call_what_is_there() -> None:
    hooks = yaml.safe_load((ROOT / ".pre-commit-hooks.yaml").read_text("utf-8"))
    assert {hook["entry"] for hook in hooks} == {"doc-id validate --staged"}
    assert {hook["id"]: hook["language"] for hook in hooks} == {
        "doc-id-validate": "python",
        "doc-id-validate-installed": "system",
    }


def test_the_action_installs_its_own_version_and_takes_no_input_into_a_script() -> None:
    action = yaml.safe_load((ROOT / "GLOBAL_DOC_ID/action/action.yml").read_text("utf-8"))
    install, validate = (step["run"] for step in action["runs"]["steps"])
    for folder in ("../../GLOBAL_UTIL", ".."):
        assert f'"$ACTION/{folder}"' in install
        assert (ROOT / "GLOBAL_DOC_ID/action" / folder / "pyproject.toml").is_file()
    assert 'doc-id" validate --format github' in validate
    assert "${{" not in install + validate
