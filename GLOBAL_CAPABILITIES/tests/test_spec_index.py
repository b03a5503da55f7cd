"""The map of the specification, with one mistake each."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from global_capabilities.checks import check
from global_capabilities.checks.finding import Finding
from global_capabilities.checks.spec_targets import Targets
from global_capabilities.cli import main
from hypothesis import given
from hypothesis import strategies as st

REQUIREMENTS = "docs/requirements/002_plan.md"
MAP = "docs/spec_index_map.md"
THINGS = "PH1_MAKE/src/ph1_make/things.py"
TESTS = "PH1_MAKE/tests/test_things.py"
MORE = "PH1_MAKE/tests/test_more.py"
TAGS = ["IDX-002-PH00-MT-1", "IDX-002-PH00-EX-1", "IDX-002-PH03.5-AC-1", "IDX-002-PH03.5-FI-1"]
HEAD = "| IDX | Description | Package | Module | Function/Class | Phase | Version | Test | State | Note |\n|---|"
DONE = f"| {TAGS[0]} | Make | PH1_MAKE | `{THINGS}` | `Maker.make`, LIMIT | PH-00 | v0.1 | `{TESTS}::test_made` | done | - |"
PARTIAL = f"| [{TAGS[1]}] | Stop | PH1_MAKE | PH1_MAKE/docs | - | PH-00 | v1.0 | - | partial | only half |"
FUTURE = f"| {TAGS[2]} | Fly | - | - | - | PH-03.5 | v2.0 | - | future | waits for wings |"
DEPARTURE = f"| {TAGS[3]} | Log | repository | {MAP} | - | PH-07b | v0.1 | {MORE} | departure | a map is enough |"
COUNTS = "done 1, partial 1, future 1, departure 1, unmapped 0"

Change = Callable[[Path], object]


def write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, "utf-8")


def replace(name: str, old: str, new: str) -> Change:
    def change(root: Path) -> None:
        text = (root / name).read_text("utf-8")
        assert old in text
        (root / name).write_text(text.replace(old, new), "utf-8")

    return change


@pytest.fixture
def mapped(repo: Path) -> Path:
    """The small repository with four requirements and the map of them."""
    write(repo / REQUIREMENTS, "# Plan\n\n" + "".join(f"- [{tag}] Something\n" for tag in TAGS))
    write(repo / MAP, "\n".join(["# Map", "", COUNTS, "", HEAD, DONE, PARTIAL, FUTURE, DEPARTURE, ""]))
    write(repo / THINGS, "LIMIT: int = 3\n\n\nclass Maker:\n    def make(self): ...\n")
    write(repo / TESTS, "def test_made(): ...\n\n\nclass TestMore:\n    def test_it(self): ...\n")
    write(repo / MORE, "def test_more(): ...\n")
    return repo


def about_the_map(root: Path) -> list[Finding]:
    return [finding for finding in check(root) if finding.file.startswith("docs/")]


def test_a_map_that_is_right_is_passed_over_in_silence(mapped: Path) -> None:
    assert about_the_map(mapped) == []


def test_without_requirements_nobody_needs_a_map(repo: Path) -> None:
    assert about_the_map(repo) == []


@pytest.mark.parametrize(
    ("mistake", "place", "told"),
    [
        (lambda root: (root / MAP).unlink(), f"{MAP}:1", "missing"),
        (replace(MAP, FUTURE + "\n", ""), f"{REQUIREMENTS}:5", f"{TAGS[2]} has no row"),
        (replace(MAP, FUTURE, f"{FUTURE}\n{FUTURE}"), f"{MAP}:10", f"{TAGS[2]} has a row in line 9 already"),
        (replace(REQUIREMENTS, f"- [{TAGS[2]}] Something\n", ""), f"{MAP}:9", f"no requirement has the tag {TAGS[2]}"),
        (replace(REQUIREMENTS, TAGS[2], TAGS[1]), f"{REQUIREMENTS}:5", f"given at {REQUIREMENTS}:4 already"),
        (replace(REQUIREMENTS, TAGS[2], "IDX-2-XX-1"), f"{REQUIREMENTS}:5", "[IDX-2-XX-1] is no requirement"),
        (replace(REQUIREMENTS, f"{TAGS[2]}] Something", f"{TAGS[2]}]"), f"{REQUIREMENTS}:5", "is no requirement"),
        (replace(MAP, "| Fly |", "|"), f"{MAP}:9", "9 cells in the row of"),
        (replace(MAP, "| done |", "| finished |"), f"{MAP}:7", "state 'finished'"),
        (replace(MAP, f"`{TESTS}::test_made`", "-"), f"{MAP}:7", "done without a module and a test"),
        (replace(MAP, "PH1_MAKE/docs", "-"), f"{MAP}:8", "partial without a module"),
        (replace(MAP, "only half", "-"), f"{MAP}:8", "partial without a reason"),
        (replace(MAP, "waits for wings", ""), f"{MAP}:9", "future without a reason"),
        (replace(MAP, "a map is enough", "-"), f"{MAP}:10", "departure without a reason"),
        (replace(MAP, "PH-07b", "PH7"), f"{MAP}:10", "phase 'PH7'"),
        (replace(MAP, "v2.0", "later"), f"{MAP}:9", "version 'later'"),
        (replace(MAP, "| PH1_MAKE | `", "| PH1_MADE | `"), f"{MAP}:7", "no package PH1_MADE"),
        (replace(MAP, "| PH1_MAKE | `", "| GLOBAL_KEEP | `"), f"{MAP}:7", f"{THINGS} is not in GLOBAL_KEEP"),
        (lambda root: (root / THINGS).unlink(), f"{MAP}:7", f"no file {THINGS}"),
        (replace(MAP, THINGS, f"PH1_MAKE/../{THINGS}"), f"{MAP}:7", f"no file PH1_MAKE/../{THINGS}"),
        (replace(THINGS, "def make", "def unmake"), f"{MAP}:7", f"no Maker.make in {THINGS}"),
        (replace(THINGS, "LIMIT", "LIMITS"), f"{MAP}:7", f"no LIMIT in {THINGS}"),
        (replace(THINGS, "class Maker:", "class Maker"), f"{MAP}:7", f"no Maker.make in {THINGS}"),
        (lambda root: (root / MORE).unlink(), f"{MAP}:10", f"no test file {MORE}"),
        (replace(TESTS, "test_made", "test_unmade"), f"{MAP}:7", f"no test test_made in {TESTS}"),
        (replace(MAP, "unmapped 0", "unmapped 1"), f"{MAP}:3", "the counts are not right"),
        (replace(MAP, COUNTS, "All is well"), f"{MAP}:1", "no line with the counts"),
    ],
)
def test_a_mistake_is_told_with_line_and_mend(mapped: Path, mistake: Change, place: str, told: str) -> None:
    mistake(mapped)
    findings = [finding for finding in about_the_map(mapped) if told in finding.what]
    assert [f"{finding.file}:{finding.line}" for finding in findings] == [place]
    assert all(finding.mend for finding in findings)
    answer = CliRunner().invoke(main, ["check", "--repo", str(mapped)])
    assert answer.exit_code == 1
    assert f"{place}: " in answer.stdout


def test_a_test_that_only_a_text_holds_is_none(mapped: Path) -> None:
    replace(TESTS, "def test_made(): ...", 'TEXT = """\ndef test_made(): ...\n"""')(mapped)
    assert [finding.what for finding in about_the_map(mapped)] == [f"{TAGS[0]}: no test test_made in {TESTS}"]


def test_the_right_counts_are_told(mapped: Path) -> None:
    replace(MAP, FUTURE + "\n", "")(mapped)
    [finding] = [finding for finding in about_the_map(mapped) if "counts" in finding.what]
    assert finding.mend == "write: done 1, partial 1, future 0, departure 1, unmapped 1"


def test_a_test_in_a_class_is_named_like_pytest_names_it(mapped: Path) -> None:
    replace(MAP, "::test_made", "::TestMore::test_it")(mapped)
    assert about_the_map(mapped) == []


@given(package=st.text(), names=st.lists(st.text(), max_size=3), tests=st.lists(st.text(), max_size=3))
def test_no_cell_breaks_the_check(tmp_path_factory: Any, package: str, names: list[str], tests: list[str]) -> None:
    targets = Targets(tmp_path_factory.getbasetemp())
    assert all(what and mend for what, mend in targets.judge(package, names, names, tests))
