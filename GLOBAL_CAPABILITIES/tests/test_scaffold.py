"""``capabilities scaffold`` in a copy of this repository: what it writes keeps every rule, and is written as a whole."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tomllib
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from global_capabilities.checks import check
from global_capabilities.checks.documents import SUITE, front_matter
from global_capabilities.cli import main
from global_capabilities.derived.build import build

ROOT = Path(__file__).resolve().parents[2]
LEFT_OUT = shutil.ignore_patterns(".*", "__pycache__", "dist", "build", "*.egg-info")
FREE = [number for number in range(10) if not [*ROOT.glob(f"PH{number}_*")]]
"""Numbers that no phase has yet."""
FIRST, SECOND = [*FREE, *FREE, 9, 9][:2]
PHASE = f"PH{FIRST}_TRIAL"
KINDS: dict[str, tuple[str, ...]] = {
    "phase": (PHASE, "--command", f"ph{FIRST}", "--consumes", "git_operation_log.v1", "--produces", "trial.v1"),
    "service": ("GLOBAL_TRIAL", "--doc-scope", "G9", "--role", "Keep notes beside workstreams"),
    "module": ("PH4_ERROR_DETECTION", "M998_TRIAL"),
    "check-plugin": ("trial_spelling", "--tool", "codespell"),
    "tool-profile": ("trial-tool", "--command", "my-tool --file {prompt_file}"),
}
pytestmark = pytest.mark.skipif(not FREE, reason="needs a number that no phase has")


def scaffold(repo: Path, kind: str, *words: str) -> Result:
    return CliRunner().invoke(main, ["scaffold", kind, *words, "--repo", str(repo)])


def texts(repo: Path) -> dict[str, bytes]:
    """Every file by its path."""
    return {
        path.relative_to(repo).as_posix(): path.read_bytes()
        for path in repo.rglob("*")
        if path.is_file() and not {"__pycache__", ".git"} & {*path.parts}
    }


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of this repository without history, as it is."""
    copy = tmp_path_factory.mktemp("house") / "copy"
    shutil.copytree(ROOT, copy, ignore=LEFT_OUT, symlinks=True)
    subprocess.run(["git", "init", "--quiet", "--template="], cwd=copy, check=True)
    return copy


@pytest.fixture
def fresh(house: Path, tmp_path: Path) -> Path:
    """A copy of one's own."""
    shutil.copytree(house, tmp_path / "copy", symlinks=True, copy_function=shutil.copy)
    return tmp_path / "copy"


@pytest.fixture(scope="module")
def furnished(house: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[str]]:
    """A copy with one room of each kind, and the files that were written for them."""
    repo = tmp_path_factory.mktemp("furnished") / "copy"
    shutil.copytree(house, repo, symlinks=True)
    written: set[str] = set()
    for kind, words in KINDS.items():
        answer = scaffold(repo, kind, *words)
        assert answer.exit_code == 0, answer.output
        written |= {line.split(maxsplit=1)[1] for line in answer.stdout.splitlines()}
    return repo, sorted(written)


def run(repo: Path, *words: str) -> str:
    """What a tool says that finds something wrong; an empty text when it does not."""
    sources = os.pathsep.join(str(path) for path in sorted(repo.glob("*/src")))
    env = {**os.environ, "PYTHONPATH": sources, "MYPYPATH": sources, "PYTHONDONTWRITEBYTECODE": "1"}
    done = subprocess.run(
        [sys.executable, "-m", *words], cwd=repo, env=env, capture_output=True, text=True, check=False, timeout=120
    )
    return done.stdout + done.stderr if done.returncode else ""


def test_every_rule_of_capabilities_check_is_kept(house: Path, furnished: tuple[Path, list[str]]) -> None:
    before = {(finding.file, finding.what) for finding in check(house)}
    assert [str(one) for one in check(furnished[0]) if (one.file, one.what) not in before] == []


def test_the_documents_hold_what_is_derived(furnished: tuple[Path, list[str]]) -> None:
    repo, _ = furnished
    folders = [repo / name for name in (PHASE, "GLOBAL_TRIAL", "PH4_ERROR_DETECTION", "PH7_MERGE_AND_RELEASE")]
    assert [str(finding) for finding in build(repo, check=True, folders=folders)] == []
    said = (repo / f"{PHASE}/modules/M001_COUNTING/docs/MOD_CONTRACTS.md").read_text("utf-8")
    assert f"### `ph{FIRST} run [OPTIONS]`" in said


def test_formatting_and_lint_are_those_of_the_house(furnished: tuple[Path, list[str]]) -> None:
    repo, written = furnished
    sources = [name for name in written if name.endswith(".py")]
    assert len(sources) >= 12
    assert run(repo, "ruff", "format", "--no-cache", "--check", *sources) == ""
    assert run(repo, "ruff", "check", "--no-cache", *sources) == ""


def test_the_new_code_is_typed(furnished: tuple[Path, list[str]], tmp_path: Path) -> None:
    repo, written = furnished
    sources = [
        name for name in written if f"/src/ph{FIRST}_" in name or "/src/global_trial" in name or "/trial_" in name
    ]
    cache = ("--cache-dir", str(tmp_path))
    assert run(repo, "mypy", "--strict", *cache, *(name for name in sources if name.endswith(".py"))) == ""


def test_the_new_tests_and_those_that_look_at_every_package_pass(furnished: tuple[Path, list[str]]) -> None:
    repo, written = furnished
    tests = [name for name in written if "/tests/test_" in name]
    assert len(tests) == 3
    shared = ["tests/test_workspace.py", "tests/test_documents.py", "GLOBAL_AIM/tests/test_profiles.py"]
    chosen = ["tests/test_contracts.py", "-k", "trial"]
    for paths in ([*tests, *shared], chosen):
        assert run(repo, "pytest", "-p", "no:cacheprovider", "-n", "0", *paths) == ""


def test_the_document_ids_are_valid_and_free(furnished: tuple[Path, list[str]]) -> None:
    repo, written = furnished
    rooms = (PHASE, "GLOBAL_TRIAL", "PH4_ERROR_DETECTION/modules/M998_TRIAL")
    suites = [name for name in written if name.rpartition("/")[2] in SUITE and name.startswith(rooms)]
    fronts = [front_matter((repo / name).read_text("utf-8")) for name in suites]
    drafts = [front["doc_id"] for front in fronts if front["status"] == "draft"]
    wanted = [
        f"DOC-{scope}-DOC-{number:03}" for scope in ("G9M001", "P4M998", f"P{FIRST}M001") for number in range(1, 8)
    ]
    assert sorted(drafts) == sorted(wanted)
    validate = [str(Path(sys.executable).with_name("doc-id")), "validate"]
    done = subprocess.run(validate, cwd=repo, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize("kind", KINDS)
def test_nothing_is_overwritten(furnished: tuple[Path, list[str]], kind: str) -> None:
    before = texts(furnished[0])
    answer = scaffold(furnished[0], kind, *KINDS[kind])
    assert (answer.exit_code, answer.stdout) == (3, "")
    assert "error E33" in answer.stderr
    assert texts(furnished[0]) == before


@pytest.mark.parametrize("kind", KINDS)
def test_a_dry_run_names_the_files_and_writes_none(house: Path, kind: str) -> None:
    before = texts(house)
    answer = scaffold(house, kind, *KINDS[kind], "--dry-run")
    assert answer.exit_code == 0
    assert answer.stdout.splitlines()
    assert texts(house) == before


@pytest.mark.parametrize(
    ("kind", "words"),
    [
        ("phase", (f"PH{FIRST}-x", *KINDS["phase"][1:])),
        ("phase", ("PH10_FAR", "--consumes", "commit_plan.v1", "--produces", "far.v1")),
        ("phase", (f"PH{FIRST}_A", "--consumes", "nothing.v1", "--produces", "a.v1")),
        ("phase", (f"PH{FIRST}_A", "--consumes", "commit_plan.v1", "--produces", "error_report.v1")),
        ("phase", (f"PH{FIRST}_A", "--consumes", "commit_plan.v1", "--produces", "../a.v1")),
        ("phase", (f"PH{FIRST}_A", "--consumes", "commit_plan.v1", "--produces", "count.v1")),
        ("phase", (f"PH{FIRST}_A", "--consumes", "commit_plan.v1", "--produces", "class.v1")),
        ("phase", ("PH7_OTHER", "--consumes", "commit_plan.v1", "--produces", "a.v1")),
        ("service", ("GLOBAL_X", "--command", "pipeline")),
        ("service", ("GLOBAL_X", "--doc-scope", "GA")),
        ("service", ("GLOBAL_X", "--role", 'say "hello"')),
        ("service", ("NOTES",)),
        ("module", ("PH4_ERROR_DETECTION", "M000_ALL")),
        ("module", ("PH4_ERROR_DETECTION", "M001_OTHER")),
        ("module", ("PH4_NOWHERE", "M998_TRIAL")),
        ("check-plugin", ("../x",)),
        ("check-plugin", ("class",)),
        ("check-plugin", ("ruff",)),
        ("tool-profile", ("aider", "--command", "aider")),
        ("tool-profile", ("a b", "--command", "x")),
        ("tool-profile", ("x", "--command", "x '")),
        ("tool-profile", ("x", "--command", "x {wrong}")),
    ],
)
def test_what_does_not_fit_is_refused_before_anything_is_written(
    house: Path, kind: str, words: tuple[str, ...]
) -> None:
    before = texts(house)
    answer = scaffold(house, kind, *words)
    assert (answer.exit_code, answer.stdout) == (3, "")
    assert answer.stderr.startswith("error E33")
    assert texts(house) == before


def test_a_settings_file_in_another_form_is_left_alone_and_told(fresh: Path) -> None:
    place = fresh / "pyproject.toml"
    place.write_text(place.read_text("utf-8").replace("testpaths = [", "testpaths = [\n  "), "utf-8")
    before = texts(fresh)
    answer = scaffold(fresh, "service", "GLOBAL_TRIAL")
    assert answer.exit_code == 3
    assert '"GLOBAL_TRIAL/tests" under [tool.pytest.ini_options] testpaths' in answer.stderr
    assert texts(fresh) == before


def test_a_failure_in_the_middle_takes_back_what_was_written(fresh: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before, visible = texts(fresh), sorted(fresh.glob("[!.]*/**/"))
    monkeypatch.setattr(import_module("global_capabilities.derived.build"), "read_pages", broken)
    answer = CliRunner().invoke(main, ["scaffold", "phase", *KINDS["phase"], "--repo", str(fresh)])
    assert answer.exit_code == 70
    assert texts(fresh) == before
    assert sorted(fresh.glob("[!.]*/**/")) == visible


def broken(*_: Any) -> Any:
    raise ValueError("not today")


@pytest.mark.skipif(len(FREE) < 2, reason="needs two numbers that no phase has")
def test_a_numbered_phase_may_follow_a_scaffolded_one(fresh: Path) -> None:
    assert scaffold(fresh, "phase", *KINDS["phase"]).exit_code == 0
    words = (
        f"PH{SECOND}_ARCHIVE",
        "--consumes",
        "trial.v1",
        "--produces",
        "trial_archive.v1",
        "--role",
        "Keep what was told.",
    )
    assert scaffold(fresh, "phase", *words).exit_code == 0
    contracts = json.loads((fresh / f"PH{SECOND}_ARCHIVE/phase.contracts.json").read_text("utf-8"))
    assert contracts["consumes"][0]["schema"] == "trial"
    assert run(fresh, "pytest", "-p", "no:cacheprovider", "-n", "0", f"PH{SECOND}_ARCHIVE/tests") == ""


def test_a_check_plugin_fits_into_another_package(fresh: Path) -> None:
    assert scaffold(fresh, "check-plugin", *KINDS["check-plugin"], "--into", "GLOBAL_AIM").exit_code == 0
    sources = ["GLOBAL_AIM/src/global_aim/trial_spelling_check.py", "GLOBAL_AIM/tests/test_trial_spelling.py"]
    assert run(fresh, "ruff", "check", "--no-cache", *sources) == ""
    assert run(fresh, "pytest", "-p", "no:cacheprovider", "-n", "0", sources[1]) == ""
    project = tomllib.loads((fresh / "GLOBAL_AIM" / "pyproject.toml").read_text("utf-8"))["project"]
    assert (fresh / sources[0]).read_text("utf-8").count("# A person has to say here ") == 2
    target = "global_aim.trial_spelling_check:CHECK"
    assert project["entry-points"]["pipeline.checks"] == {"trial_spelling": target}


def test_numbers_of_retired_documents_are_not_given_again(fresh: Path) -> None:
    (fresh / "doc_ids.ledger").write_text("DOC-P4M998-DOC-003\told.md\tmoved away\n", "utf-8")
    assert scaffold(fresh, "module", *KINDS["module"]).exit_code == 0
    spec = fresh / "PH4_ERROR_DETECTION/modules/M998_TRIAL/docs/MOD_SPEC.md"
    assert front_matter(spec.read_text("utf-8"))["doc_id"] == "DOC-P4M998-DOC-004"


def test_new_files_that_need_an_id_get_one(fresh: Path) -> None:
    place = fresh / "pipeline.toml"
    place.write_text('[doc_id]\nrequire = ["*/tests/test_trial*.py"]\n', "utf-8")
    answer = scaffold(fresh, "check-plugin", *KINDS["check-plugin"])
    assert answer.exit_code == 0
    test = (fresh / "PH4_ERROR_DETECTION/tests/test_trial_spelling.py").read_text("utf-8")
    assert test.startswith("# doc_id: TST-P4M000-TST-001\n")


def test_without_a_clone_files_that_need_an_id_are_told(fresh: Path) -> None:
    shutil.rmtree(fresh / ".git")
    answer = scaffold(fresh, "phase", *KINDS["phase"])
    assert answer.exit_code == 0
    assert f"doc-id mint {PHASE}/schema/trial.v1.json" in answer.stderr


@pytest.mark.parametrize("text", ["", "# mine\n[tools.other]\ncommand = ['x']\n", "[run]\ntool = 'x'"])
def test_in_another_repository_a_tool_profile_goes_to_its_settings(tmp_path: Path, text: str) -> None:
    place = tmp_path / "pipeline.toml"
    if text:
        place.write_text(text, "utf-8")
    answer = scaffold(tmp_path, "tool-profile", "my-tool", "--command", "my-tool 'a b' {files}", "--timeout-s", "60")
    assert answer.exit_code == 0, answer.output
    settings = tomllib.loads(place.read_text("utf-8"))
    assert settings["tools"]["my-tool"]["command"] == ["my-tool", "a b", "{files}"]
    assert settings["tools"]["my-tool"]["timeout_s"] == 60
    assert place.read_text("utf-8").startswith(text)
