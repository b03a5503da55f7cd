"""``capabilities list``, ``show`` and ``graph``."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from global_capabilities.cli import main
from global_capabilities.flow import Handover, draw_dot, draw_mermaid, draw_text


def run(*arguments: str | Path) -> Result:
    return CliRunner().invoke(main, [str(argument) for argument in arguments])


def test_the_packages_of_a_repository_are_listed_phases_first(repo: Path) -> None:
    lines = run("list", "--repo", repo).stdout.splitlines()
    assert [line.split() for line in lines] == [
        ["PH1_MAKE", "make-it", "team-a", "Does", "one", "thing"],
        ["GLOBAL_KEEP", "keep", "team-a", "Does", "one", "thing"],
    ]


def test_a_repository_without_packages_says_what_would_be_one(tmp_path: Path) -> None:
    done = run("check", "--repo", tmp_path)
    assert (done.exit_code, done.stdout) == (3, "")
    assert "E331" in done.stderr
    assert "folders with phase.manifest.json or service.manifest.json" in done.stderr
    assert "CONTRIBUTING.md, 'A phase of your own'" in done.stderr


def test_what_is_installed_is_listed() -> None:
    listed = json.loads(run("list", "--json").stdout)
    assert {"GLOBAL_UTIL", "GLOBAL_DOC_ID", "GLOBAL_CAPABILITIES"} <= {manifest["id"] for manifest in listed}


@pytest.mark.parametrize("name", ["PH1_MAKE", "make-it", "ph1-make"])
def test_a_package_is_shown_by_id_command_or_distribution(repo: Path, name: str) -> None:
    shown = run("show", name, "--repo", repo)
    assert shown.exit_code == 0
    assert ["writes", "thing.v1"] in [line.split() for line in shown.stdout.splitlines()]
    assert json.loads(run("show", name, "--repo", repo, "--json").stdout)["contracts"]["consumes"] == []


def test_the_modules_of_all_packages_are_listed(repo: Path) -> None:
    lines = run("list", "--modules", "--repo", repo).stdout.splitlines()
    assert [line.split() for line in lines] == [
        ["PH1_MAKE", "M001_WORK", "active", "Work"],
        ["GLOBAL_KEEP", "M001_WORK", "active", "Work"],
    ]


@pytest.mark.parametrize("name", ["PH1_MAKE/M001_WORK", "make-it/M001"])
def test_a_module_is_shown_by_its_package_and_id_or_number(repo: Path, name: str) -> None:
    shown = json.loads(run("show", name, "--repo", repo, "--json").stdout)
    assert (shown["package"], shown["status"], shown["version"]) == ("PH1_MAKE", "active", "1.2")
    assert shown["documents"][0] == "modules/M001_WORK/docs/MOD_SPEC.md"
    assert len(shown["documents"]) == 7


def test_a_module_that_several_packages_have_is_told(repo: Path) -> None:
    answer = run("show", "M001_WORK", "--repo", repo)
    assert answer.exit_code == 3
    assert "PH1_MAKE/M001_WORK, GLOBAL_KEEP/M001_WORK" in answer.stderr


@pytest.mark.parametrize("name", ["PH1_MAK", "", "nothing like it"])
def test_an_unknown_package_is_invalid_input(repo: Path, name: str) -> None:
    answer = run("show", name, "--repo", repo)
    assert (answer.exit_code, answer.stdout) == (3, "")


def test_a_near_miss_is_told_the_name(repo: Path) -> None:
    assert "did you mean PH1_MAKE?" in run("show", "PH1_MAK", "--repo", repo).stderr


def test_a_malformed_manifest_is_invalid_input(repo: Path) -> None:
    (repo / "PH1_MAKE" / "phase.manifest.json").write_text("{}", "utf-8")
    answer = run("list", "--repo", repo)
    assert answer.exit_code == 3
    assert "PH1_MAKE/phase.manifest.json: /: " in answer.stderr


def test_the_graph_tells_who_hands_what_to_whom(repo: Path) -> None:
    assert run("graph", "--repo", repo).stdout == "PH1_MAKE  --thing.v1-->  (end)\n"
    assert (
        run("graph", "--repo", repo, "--format", "mermaid").stdout == "flowchart LR\n  PH1_MAKE -->|thing.v1| result\n"
    )


def test_a_handover_is_one_line_in_each_drawing() -> None:
    flow = [Handover("PH1_MAKE", "PH2_USE", "thing.v1")]
    assert draw_text(flow) == "PH1_MAKE  --thing.v1-->  PH2_USE\n"
    assert draw_mermaid(flow).splitlines()[1:] == ["  PH1_MAKE -->|thing.v1| PH2_USE"]
    assert '  "PH1_MAKE" -> "PH2_USE" [label="thing.v1"];' in draw_dot(flow).splitlines()
