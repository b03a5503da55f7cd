"""``doc-id validate`` on repositories with one mistake each."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from global_doc_id.carriers import read_carriers
from global_doc_id.cli import main
from hypothesis import given
from hypothesis import strategies as st

SPEC = "PH1_PLAN_TO_EXEC/modules/M001_PLAN_ORDERING/docs/MOD_SPEC.md"
OVERVIEW = "PH2_EXECUTION_ENGINE/docs/OVERVIEW.md"
POLICY = '[doc_id]\nrequire = ["*/docs/*.md", "*/modules/*/docs/*.md"]\nexclude = ["*/tests/**"]\n'


def write(root: Path, name: str, text: str) -> Path:
    path = root / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, "utf-8")
    return path


def document(doc_id: str) -> str:
    return f"---\ntitle: x\ndoc_id: {doc_id}\n---\n# Title\n"


@pytest.fixture
def repo(tmp_path: Path) -> Path:
    """A repository whose documents are right."""
    write(tmp_path, "pipeline.toml", POLICY)
    write(tmp_path, SPEC, document("DOC-P1M001-DOC-001"))
    write(tmp_path, OVERVIEW, document('"DOC-P2M000-DOC-001"  # quoted'))
    write(tmp_path, "README.md", "# No id needed here\n")
    write(tmp_path, "PH2_EXECUTION_ENGINE/tests/data/plan.md", document("DOC-GUIDE-1228"))
    return tmp_path


def run(*arguments: str | Path) -> Result:
    return CliRunner().invoke(main, [str(argument) for argument in arguments])


def test_documents_that_are_right_are_passed_over_in_silence(repo: Path) -> None:
    answer = run("validate", "--repo", repo)
    assert (answer.exit_code, answer.stdout) == (0, "")


@pytest.mark.parametrize(
    ("name", "text", "told"),
    [
        (OVERVIEW, "# Title\n", f"{OVERVIEW}:1: no doc_id"),
        (OVERVIEW, document("DOC-P2-1"), f"{OVERVIEW}:3: 'DOC-P2-1' is no doc id"),
        (OVERVIEW, document(""), f"{OVERVIEW}:3: '' is no doc id"),
        (OVERVIEW, document("DOC-P9M000-DOC-001"), f"{OVERVIEW}:3: DOC-P9M000-DOC-001: scope P9 is not one of"),
        (OVERVIEW, document("DOC-P1M000-DOC-001"), f"{OVERVIEW}:3: DOC-P1M000-DOC-001 belongs into PH1_PLAN_TO_EXEC/docs/"),
        (OVERVIEW, document("DOC-P2M001-DOC-001"), f"{OVERVIEW}:3: DOC-P2M001-DOC-001 belongs into PH2_EXECUTION_ENGINE/modules/"),
        (OVERVIEW, document("DOC-P2M000-SCM-001"), f"{OVERVIEW}:3: DOC-P2M000-SCM-001 belongs into PH2_EXECUTION_ENGINE/schema/"),
        (OVERVIEW, document("DOC-P2M000-DOC-001\ndoc_id: DOC-P2M000-DOC-002"), f"{OVERVIEW}:4: a second doc_id"),
        (OVERVIEW, document("DOC-P2M000-DOC-001").replace("# Title", "").replace("---\n", "", 1), f"{OVERVIEW}:1: no doc_id"),
        ("notes/moved.md", document("DOC-P2M000-DOC-009"), "notes/moved.md:3: DOC-P2M000-DOC-009 belongs into"),
    ],
)  # fmt: skip
def test_a_mistake_is_told_with_file_line_and_mend(repo: Path, name: str, text: str, told: str) -> None:
    write(repo, name, text)
    answer = run("validate", "--repo", repo)
    assert answer.exit_code == 1
    [line] = answer.stdout.splitlines()
    assert line.startswith(told)
    assert "; " in line


def test_an_id_that_two_documents_have_is_told_for_both(repo: Path) -> None:
    second = "PH2_EXECUTION_ENGINE/docs/SECOND.md"
    write(repo, second, document("DOC-P2M000-DOC-001"))
    answer = run("validate", "--repo", repo)
    assert answer.exit_code == 1
    assert [line.split(":")[0] for line in answer.stdout.splitlines()] == [OVERVIEW, second]


@pytest.mark.parametrize(("asked", "findings"), [(OVERVIEW, 1), (SPEC, 0)])
def test_with_files_only_theirs_are_told_but_a_duplicate_elsewhere_is_seen(
    repo: Path, asked: str, findings: int
) -> None:
    write(repo, "PH2_EXECUTION_ENGINE/docs/SECOND.md", document("DOC-P2M000-DOC-001"))
    answer = run("validate", "--repo", repo, "--json", repo / asked)
    told = json.loads(answer.stdout)
    assert [finding["file"] for finding in told["findings"]] == [asked] * findings
    assert answer.exit_code == min(findings, 1)


def test_a_repository_brings_its_own_codes(repo: Path) -> None:
    registry = repo / "GLOBAL_DOC_ID" / "schema"
    routing = {"scopes": {"AA": {"folder": "app/", "modules": {}}}}
    write(registry, "doc_id_module_routing.json", json.dumps(routing))
    write(registry, "doc_id_kinds.v1.json", json.dumps({"types": {"TXT": "text"}, "kinds": {"DOC": "texts/"}}))
    assert run("route", "TXT-AAM000-DOC-007", "--repo", repo).stdout == "app/texts/\n"
    assert run("route", "DOC-P1M000-DOC-001", "--repo", repo).exit_code == 3


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("pipeline.toml", "[doc_id\n"),
        ("pipeline.toml", "doc_id = 1\n"),
        ("pipeline.toml", '[doc_id]\nrequire = "docs"\n'),
        ("GLOBAL_DOC_ID/schema/doc_id_kinds.v1.json", "{"),
        ("GLOBAL_DOC_ID/schema/doc_id_kinds.v1.json", "[]"),
        ("GLOBAL_DOC_ID/schema/doc_id_module_routing.json", '{"scopes": {"P1": 3}}'),
        ("GLOBAL_DOC_ID/schema/doc_id_module_routing.json", '{"scopes": {"P1": {"folder": 3, "modules": {}}}}'),
    ],
)
def test_a_broken_setting_is_invalid_input_and_named(repo: Path, name: str, text: str) -> None:
    write(repo, name, text)
    answer = run("validate", "--repo", repo)
    assert answer.exit_code == 3
    assert (name.split("/", maxsplit=1)[0]) in answer.stderr
    assert "Traceback" not in answer.stderr


@pytest.mark.parametrize("file", ["missing.md", "/etc/hostname", ".."])
def test_a_file_that_is_not_there_or_not_of_the_repository_is_invalid_input(repo: Path, file: str) -> None:
    assert run("validate", "--repo", repo, repo / file).exit_code == 3


@given(head=st.binary(max_size=300))
def test_no_document_breaks_the_reader(head: bytes) -> None:
    for carrier in read_carriers("docs/any.md", b"---\n" + head):
        assert carrier.line > 1
        assert carrier.text == carrier.text.strip()
