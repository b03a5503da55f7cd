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
        (repo / name).write_text(json.dumps({key: value for key, value in document.items() if value != "-"}), "utf-8")

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
        (drop(MANIFEST), "PH1_MAKE: no phase.manifest.json"),
        (drop(CONTRACTS), f"{CONTRACTS}: missing"),
        (put(MANIFEST, "{"), f"{MANIFEST}: not readable as JSON"),
        (put(MANIFEST, "[]"), f"{MANIFEST}: not a JSON object"),
        (edit(MANIFEST, owner="-"), f"{MANIFEST}: /: 'owner' is a required property"),
        (edit(MANIFEST, team="a"), f"{MANIFEST}: /: Additional properties are not allowed ('team'"),
        (edit(MANIFEST, section="ELSEWHERE"), f"{MANIFEST}: /section: 'ELSEWHERE' is not one of"),
        (edit(MANIFEST, modules=[]), f"{MANIFEST}: /modules: [] "),
        (edit(CONTRACTS, produces=[{"schema": "thing"}]), f"{CONTRACTS}: /produces/0: "),
        (edit(MANIFEST, id="PH1_OTHER"), f"{MANIFEST}: /id: PH1_OTHER is not the folder's name"),
        (edit(MANIFEST, import_package="ph1_other"), f"{MANIFEST}: /import_package: no folder src/ph1_other"),
        (put("GLOBAL_KEEP/src/global_keep/drawer.py", ""), f"{KEEP}: /contents: drawer is not listed"),
        (edit(KEEP, contents=["cli", "gone"]), f"{KEEP}: /contents: gone does not exist"),
        (put("PH1_MAKE/schema/thing.v1.json", "{}"), f"{CONTRACTS}: produces: PH1_MAKE/schema/thing.v1.json has another sha256"),
        (edit(CONTRACTS, consumes=[reference("thing", "v2")]), f"{CONTRACTS}: consumes: no package has schema/thing.v2.json"),
        (put("PH1_MAKE/schema/extra.v1.json", "{}"), f"{MANIFEST}: /key_artifacts/schemas: schema/extra.v1.json is not listed"),
        (put("PH1_MAKE/pyproject.toml", "["), "PH1_MAKE/pyproject.toml: no readable [project] table"),
        (drop("PH1_MAKE/pyproject.toml"), "PH1_MAKE/pyproject.toml: no readable [project] table"),
        (edit(MANIFEST, distribution="ph1-other"), f"{MANIFEST}: /distribution: ph1-other here, ph1-make in pyproject.toml"),
        (edit(MANIFEST, cli=None), f"{MANIFEST}: /cli: {{}} here"),
        (edit(MANIFEST, entry_points={"group": {"a": "ph1_make.cli"}}), f"{MANIFEST}: /entry_points: "),
        (drop("PH1_MAKE/src/ph1_make/cli.py"), "PH1_MAKE/pyproject.toml: scripts: make-it = 'ph1_make.cli:main' names no module"),
        (drop(f"{MODULE}/docs/MOD_DESIGN.md"), f"{MODULE}/docs/MOD_DESIGN.md: missing"),
        (put(f"{MODULE}/docs/MOD_SPEC.md", "---\na: b\n---\n# Spec\n\n## Scope\n"), f"{MODULE}/docs/MOD_SPEC.md: says nothing"),
        (put("PH1_MAKE/docs/OVERVIEW.md", ""), "PH1_MAKE/docs/OVERVIEW.md: says nothing"),
        (drop("PH1_MAKE/docs/OVERVIEW.md"), "PH1_MAKE/docs/OVERVIEW.md: missing"),
        (put("PH1_MAKE/modules/M002_MORE/docs/MOD_SPEC.md", "text"), "PH1_MAKE/modules/M002_MORE: is no module of the manifest"),
    ],
)  # fmt: skip
def test_a_mistake_is_told_with_file_and_mend(repo: Path, mistake: Mistake, told: str) -> None:
    mistake(repo)
    answer = check(repo)
    assert answer.exit_code == 1
    assert [line for line in answer.stdout.splitlines() if line.startswith(told)], answer.stdout
    assert all("; " in line for line in answer.stdout.splitlines())


def test_an_artifact_has_one_producer_in_its_own_folder(repo: Path) -> None:
    shutil.copytree(repo / "PH1_MAKE", repo / "PH2_COPY")
    edit("PH2_COPY/phase.manifest.json", id="PH2_COPY")(repo)
    (repo / "PH2_COPY" / "schema" / "thing.v1.json").unlink()
    told = check(repo).stdout
    assert "PH2_COPY/phase.contracts.json: thing.v1 is produced by PH1_MAKE too" in told
    assert "produces: thing.v1.json lies in PH1_MAKE" in told


def test_what_is_consumed_is_produced_or_owned(repo: Path) -> None:
    edit(CONTRACTS, produces=[])(repo)
    shutil.copytree(repo / "PH1_MAKE", repo / "PH2_USE")
    (repo / "PH2_USE" / "schema" / "thing.v1.json").unlink()
    edit("PH2_USE/phase.contracts.json", consumes=[reference("thing")])(repo)
    assert "PH2_USE/phase.contracts.json: consumes: nobody produces thing.v1" in check(repo).stdout


def test_scopes_and_modules_are_those_that_ids_route_by(repo: Path) -> None:
    scopes = {
        "P1": {"folder": "PH1_MAKE/", "modules": {"M001": "modules/M001_WORK/"}},
        "GK": {"folder": "GLOBAL_KEEP/", "modules": {"M001": "modules/M001_WORK/"}},
    }
    routing = "GLOBAL_DOC_ID/schema/doc_id_module_routing.json"
    put(routing, json.dumps({"scopes": scopes}))(repo)
    assert routing not in check(repo).stdout
    edit(routing, scopes={"P1": scopes["P1"]})(repo)
    assert (
        f"{routing}: /scopes/GK: nothing here, GLOBAL_KEEP/ with modules/M001_WORK/ in the manifests"
        in check(repo).stdout
    )


def test_findings_are_given_as_json_too(repo: Path) -> None:
    drop(f"{MODULE}/docs/MOD_SPEC.md")(repo)
    answer = check(repo, "--json")
    [finding] = json.loads(answer.stdout)["findings"]
    assert finding["file"] == f"{MODULE}/docs/MOD_SPEC.md"
    assert set(finding) == {"file", "what", "mend"}


def test_a_folder_without_packages_is_invalid_input(tmp_path: Path) -> None:
    assert check(tmp_path).exit_code == 3
    assert check(tmp_path / "missing").exit_code == 3
