"""``capabilities check`` on repositories with one mistake each."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from global_capabilities.cli import main
from global_doc_id.registry import FILE_PATTERN, KINDS_FILE, PATTERN, shipped

FRONT = "---\ndoc_id: DOC-P1M001-DOC-001\nmodule: M001_WORK\nstatus: active\nversion: 1.2\n---\n"
MANIFEST = "PH1_MAKE/phase.manifest.json"
CONTRACTS = "PH1_MAKE/phase.contracts.json"
KEEP = "GLOBAL_KEEP/service.manifest.json"
MODULE = "PH1_MAKE/modules/M001_WORK"
Mistake = Callable[[Path], object]


def check(repo: Path, *options: str) -> Result:
    return CliRunner().invoke(main, ["check", "--repo", str(repo), *options])


def edit(name: str, **changes: Any) -> Mistake:
    """Change top-level fields of a JSON file; "-" takes one out."""

    def change(repo: Path) -> None:
        document = {**json.loads((repo / name).read_text("utf-8")), **changes}
        (repo / name).write_text(
            json.dumps({key: value for key, value in document.items() if value != "-"}, indent=2), "utf-8"
        )

    return change


def put(name: str, text: str) -> Mistake:
    def change(repo: Path) -> None:
        (repo / name).parent.mkdir(parents=True, exist_ok=True)
        (repo / name).write_text(text, "utf-8")

    return change


def drop(name: str) -> Mistake:
    return lambda repo: (repo / name).unlink()


def reference(schema: str, version: str = "v1") -> dict[str, str]:
    return {"schema": schema, "version": version, "sha256": "0" * 64}


def test_a_repository_that_is_as_declared_is_passed_over_in_silence(repo: Path) -> None:
    answer = check(repo)
    assert (answer.exit_code, answer.stdout) == (0, "")


@pytest.mark.parametrize(
    ("mistake", "told"),
    [
        (drop(MANIFEST), "PH1_MAKE:1: no phase.manifest.json"),
        (drop(CONTRACTS), f"{CONTRACTS}:1: missing"),
        (put(MANIFEST, "{\n  x"), f"{MANIFEST}:2: not readable as JSON"),
        (put(MANIFEST, "[]"), f"{MANIFEST}:1: not a JSON object"),
        (edit(MANIFEST, owner="-"), f"{MANIFEST}:1: /: 'owner' is a required property"),
        (edit(MANIFEST, owner=" "), f"{MANIFEST}:5: /owner: is blank"),
        (edit(MANIFEST, team="a"), f"{MANIFEST}:1: /: Additional properties are not allowed ('team'"),
        (edit(MANIFEST, section="ELSEWHERE"), f"{MANIFEST}:31: /section: 'ELSEWHERE' is not one of"),
        (edit(MANIFEST, modules=[]), f"{MANIFEST}:15: /modules: [] "),
        (edit(CONTRACTS, produces=[{"schema": "thing"}]), f"{CONTRACTS}:4: /produces/0: "),
        (edit(MANIFEST, id="PH1_OTHER"), f"{MANIFEST}:2: /id: PH1_OTHER is not the folder's name"),
        (edit(MANIFEST, import_package="ph1_other"), f"{MANIFEST}:7: /import_package: no folder src/ph1_other"),
        (put("GLOBAL_KEEP/src/global_keep/drawer.py", ""), f"{KEEP}:30: /contents: drawer is not listed"),
        (edit(KEEP, contents=["cli", "gone"]), f"{KEEP}:30: /contents: gone does not exist"),
        (put("PH1_MAKE/schema/thing.v1.json", "{}"), f"{CONTRACTS}:7: /produces/0/sha256: PH1_MAKE/schema/thing.v1.json has another sha256"),
        (edit(CONTRACTS, consumes=[reference("other")]), f"{CONTRACTS}:3: /consumes/0: nobody produces other.v1"),
        (edit(CONTRACTS, consumes=[reference("thing", "v2")]), f"{CONTRACTS}:5: /consumes/0/version: consumes thing.v2, but {CONTRACTS}:10 produces thing.v1 only"),
        (put("PH1_MAKE/schema/extra.v1.json", "{}"), f"{MANIFEST}:26: /key_artifacts/schemas: schema/extra.v1.json is not listed"),
        (put("PH1_MAKE/schema/extra.v1.json", "{}"), "PH1_MAKE/schema/extra.v1.json:1: no entry of phase.contracts.json names it"),
        (drop("PH1_MAKE/schema/thing.v1.json"), f"{MANIFEST}:26: /key_artifacts/schemas: no schema/thing.v1.json"),
        (put("PH1_MAKE/pyproject.toml", "["), "PH1_MAKE/pyproject.toml:1: no readable [project] table"),
        (drop("PH1_MAKE/pyproject.toml"), "PH1_MAKE/pyproject.toml:1: no readable [project] table"),
        (edit(MANIFEST, distribution="ph1-other"), f"{MANIFEST}:6: /distribution: ph1-other here, ph1-make in pyproject.toml"),
        (edit(MANIFEST, cli=None), f"{MANIFEST}:9: /cli: make-it = nothing here, ph1_make.cli:main in pyproject.toml"),
        (edit(MANIFEST, entry_points={"group": {"a": "ph1_make.cli"}}), f"{MANIFEST}:15: /entry_points/group/a: ph1_make.cli here, nothing in"),
        (drop("PH1_MAKE/src/ph1_make/cli.py"), "PH1_MAKE/pyproject.toml:6: scripts: make-it = 'ph1_make.cli:main' names no module"),
        (put("PH1_MAKE/src/ph1_make/cli.py", "def other(): ..."), "PH1_MAKE/pyproject.toml:6: scripts: make-it = 'ph1_make.cli:main', but PH1_MAKE/src/ph1_make/cli.py has no main"),
        (put("PH1_MAKE/src/ph1_make/more.py", "import os\nif os:\n    from yaml import x\n"), "PH1_MAKE/src/ph1_make/more.py:3: imports yaml, which no dependency"),
        (put("PH1_MAKE/src/ph1_make/more.py", "def f():\n    import global_keep\n"), "PH1_MAKE/src/ph1_make/more.py:2: imports global_keep, which no dependency"),
        (put("PH1_MAKE/src/ph1_make/more.py", "import os, yaml"), "PH1_MAKE/src/ph1_make/more.py:1: imports yaml"),
        (put("PH1_MAKE/src/ph1_make/more.py", "if 1: import os, \\\n  yaml"), "PH1_MAKE/src/ph1_make/more.py:1: imports yaml"),
        (edit(MANIFEST, config_keys=["make.speed"]), f"{MANIFEST}:15: /config_keys/0: make.speed has no default"),
        (edit(KEEP, doc_scope="P1"), f"{MANIFEST}:8: /doc_scope: doc_scope P1 is that of {KEEP} too"),
        (edit(KEEP, cli={"command": "make-it", "entry": "global_keep.cli:main"}), f"{MANIFEST}:10: /cli/command: command make-it is that of {KEEP} too"),
        (edit(KEEP, distribution="ph1-make"), f"{MANIFEST}:6: /distribution: distribution ph1-make is that of {KEEP} too"),
        (drop(f"{MODULE}/docs/MOD_DESIGN.md"), f"{MODULE}/docs/MOD_DESIGN.md:1: missing"),
        (put(f"{MODULE}/docs/MOD_SPEC.md", "---\na: b\n---\n# Spec\n\n## Scope\n"), f"{MODULE}/docs/MOD_SPEC.md:1: says nothing"),
        (put(f"{MODULE}/docs/MOD_SPEC.md", f"{FRONT}# Spec\n\nText.\n\n## Scope\n\n## Rules\nText\n"), f"{MODULE}/docs/MOD_SPEC.md:11: 'Scope' has nothing below it"),
        (put(f"{MODULE}/docs/MOD_SPEC.md", "# Spec\n\nText.\n"), f"{MODULE}/docs/MOD_SPEC.md:1: front matter: no doc_id"),
        (put(f"{MODULE}/docs/MOD_SPEC.md", FRONT.replace("M001", "M009", 2) + "Text"), f"{MODULE}/docs/MOD_SPEC.md:3: front matter: module is M009_WORK"),
        (put(f"{MODULE}/docs/MOD_SPEC.md", FRONT.replace("active", "todo") + "Text"), f"{MODULE}/docs/MOD_SPEC.md:4: front matter: status is todo"),
        (put(f"{MODULE}/docs/MOD_SPEC.md", FRONT.replace("1.2", "1.10") + "Text"), f"{MODULE}/docs/MOD_SPEC.md:5: front matter: version is 1.10"),
        (put("PH1_MAKE/docs/OVERVIEW.md", ""), "PH1_MAKE/docs/OVERVIEW.md:1: says nothing"),
        (drop("PH1_MAKE/docs/OVERVIEW.md"), "PH1_MAKE/docs/OVERVIEW.md:1: missing"),
        (put("PH1_MAKE/docs/MORE.md", "text"), "PH1_MAKE/docs/MORE.md:1: is no document of the manifest"),
        (put("PH1_MAKE/modules/M002_MORE/docs/MOD_SPEC.md", "text"), "PH1_MAKE/modules/M002_MORE:1: is no module of the manifest"),
    ],
)  # fmt: skip
def test_a_mistake_is_told_with_file_line_and_mend(repo: Path, mistake: Mistake, told: str) -> None:
    mistake(repo)
    answer = check(repo)
    assert answer.exit_code == 1
    assert [line for line in answer.stdout.splitlines() if line.startswith(told)], answer.stdout
    assert all("; " in line for line in answer.stdout.splitlines())


def test_a_text_that_looks_like_an_import_is_none(repo: Path) -> None:
    put("PH1_MAKE/src/ph1_make/more.py", 'TEXT = """\nimport yaml\nfrom numpy import x\n"""\nimport click.testing\n')(
        repo
    )
    assert check(repo).stdout == ""


def test_an_artifact_has_one_producer_in_its_own_folder(repo: Path) -> None:
    shutil.copytree(repo / "PH1_MAKE", repo / "PH2_COPY")
    edit("PH2_COPY/phase.manifest.json", id="PH2_COPY")(repo)
    (repo / "PH2_COPY" / "schema" / "thing.v1.json").unlink()
    told = check(repo).stdout
    assert f"PH2_COPY/phase.contracts.json:4: /produces/0: thing.v1 is produced by {CONTRACTS} too" in told
    assert "/produces/0: thing.v1.json lies in PH1_MAKE" in told


def test_defaults_and_their_readers_are_compared_in_both_directions(repo: Path) -> None:
    edit(MANIFEST, entry_points={"pipeline.config": {"make.toml": "ph1_make"}}, config_keys=["make.speed"])(repo)
    text = (repo / "PH1_MAKE" / "pyproject.toml").read_text("utf-8")
    entry = '[project.entry-points."pipeline.config"]\n"make.toml" = "ph1_make"\n'
    put("PH1_MAKE/pyproject.toml", text + entry)(repo)
    assert "pipeline.config: no file PH1_MAKE/config/make.toml" in check(repo).stdout
    put("PH1_MAKE/config/make.toml", "[make]\nspeed = 1\n")(repo)
    assert check(repo).stdout == ""
    put("PH1_MAKE/config/make.toml", "[make]\nspeed = 1\ncolour = 'red'\n")(repo)
    assert "PH1_MAKE/config/make.toml:3: make.colour: no manifest declares it" in check(repo).stdout


def test_scopes_and_modules_are_those_that_ids_route_by(repo: Path) -> None:
    scopes = {
        "P1": {"folder": "PH1_MAKE/", "modules": {"M001": "modules/M001_WORK/"}},
        "GK": {"folder": "GLOBAL_KEEP/", "modules": {"M001": "modules/M001_WORK/"}},
    }
    routing = "GLOBAL_DOC_ID/schema/doc_id_module_routing.json"
    form = {"version": 2, "pattern": PATTERN, "filename_pattern": FILE_PATTERN}
    put("GLOBAL_DOC_ID/schema/doc_id_kinds.v1.json", shipped(KINDS_FILE).decode())(repo)
    put(routing, json.dumps({"scopes": scopes, **form}, indent=2))(repo)
    assert routing not in check(repo).stdout
    edit(routing, scopes={"P1": scopes["P1"]})(repo)
    wanted = f"{routing}:2: /scopes/GK: nothing here, GLOBAL_KEEP/ with modules/M001_WORK/ in the manifests"
    assert wanted in check(repo).stdout


def test_github_shows_a_finding_at_its_line(repo: Path) -> None:
    edit(MANIFEST, owner=" ")(repo)
    [line] = check(repo, "--format", "github").stdout.splitlines()
    assert line.startswith(f"::error file={MANIFEST},line=5::/owner: is blank; write it")


def test_findings_are_given_as_json_too(repo: Path) -> None:
    drop(f"{MODULE}/docs/MOD_SPEC.md")(repo)
    answer = check(repo, "--json")
    [finding] = json.loads(answer.stdout)["findings"]
    assert finding["file"] == f"{MODULE}/docs/MOD_SPEC.md"
    assert set(finding) == {"file", "line", "what", "mend"}


def test_a_folder_without_packages_is_invalid_input(tmp_path: Path) -> None:
    assert check(tmp_path).exit_code == 3
    assert check(tmp_path / "missing").exit_code == 3
