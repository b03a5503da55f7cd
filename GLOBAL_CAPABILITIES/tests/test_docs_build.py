"""``capabilities docs build``: blocks are written and compared, everything outside of them stays as it is."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from global_capabilities.cli import main
from global_capabilities.derived import PLACES, build
from global_capabilities.derived.blocks import END, fill, marker, read_blocks
from hypothesis import given
from hypothesis import strategies as st

MODULE = "PH1_MAKE/modules/M001_WORK/docs"
TESTS = f"{MODULE}/MOD_TEST_PLAN.md"
CONTRACTS = f"{MODULE}/MOD_CONTRACTS.md"
KEPT = "GLOBAL_KEEP/modules/M001_WORK/docs/MOD_TEST_PLAN.md"
TABLE = "| file | tests | about |\n|---|---|---|\n| `tests/test_a.py` | 1 | One thing. |\n"


def write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(text.encode())


def block(name: str, content: str = "") -> str:
    return f"<!-- derived: {name} -->\n{content}{END}\n"


@pytest.fixture
def tested(repo: Path) -> Path:
    """PH1_MAKE with one test file, and a test plan that shows it and is up to date."""
    write(repo / "PH1_MAKE/tests/test_a.py", '"""One thing. More of it."""\n\ndef test_it(): ...\n')
    write(repo / TESTS, f"# Tests\n\nBefore.\n\n{block('tests')}\nAfter.\n")
    assert build(repo, check=False) == []
    return repo


def docs(repo: Path, *arguments: str) -> Result:
    return CliRunner().invoke(main, ["docs", "build", "--repo", str(repo), *arguments])


def said(repo: Path, name: str = TESTS) -> str:
    return (repo / name).read_bytes().decode()


def test_documents_that_are_up_to_date_are_passed_over_in_silence(tested: Path) -> None:
    answer = docs(tested, "--check")
    assert (answer.exit_code, answer.output) == (0, "")


def test_a_block_is_written_and_hand_written_text_is_kept(tested: Path) -> None:
    assert said(tested) == f"# Tests\n\nBefore.\n\n{marker('tests')}\n\n{TABLE}\n{END}\n\nAfter.\n"


def test_the_opening_marker_tells_the_command(tested: Path) -> None:
    assert "<!-- derived: tests (capabilities docs build) -->\n" in said(tested)


def test_drift_is_told_with_line_and_mend_and_nothing_is_changed(tested: Path) -> None:
    write(tested / "PH1_MAKE/tests/test_a.py", '"""One thing."""\n\ndef test_it(): ...\n\n\ndef test_more(): ...\n')
    before = said(tested)
    answer = docs(tested, "--check")
    told = "block 'tests' drifted: '| `tests/test_a.py` | 1 | One thing. |' is there, "
    assert answer.exit_code == 1
    assert answer.output.startswith(f"{TESTS}:9: {told}")
    assert answer.output.endswith("; mend with: capabilities docs build\n")
    assert said(tested) == before
    assert docs(tested).output == f"{TESTS}: written\n"
    assert docs(tested, "--check").exit_code == 0


@pytest.mark.parametrize(
    "edit",
    [
        ("| 1 |", "| 2 |"),
        (TABLE, ""),
        (END, f"more\n{END}"),
        ("(capabilities docs build) ", ""),
        ("| 1 |", "| 1 |\r"),
        ("---|\n", "---|\r\n"),
    ],
)
def test_an_edit_inside_a_block_is_drift(tested: Path, edit: tuple[str, str]) -> None:
    write(tested / TESTS, said(tested).replace(*edit))
    assert [finding.file for finding in build(tested, check=True)] == [TESTS]


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (block("nothing"), "1: no block is called 'nothing'; name one of: cli, config, deliverables"),
        (block("cli"), "1: block 'cli' belongs in MOD_CONTRACTS.md; move it"),
        (f"a\n\n{marker('tests')}\n", f"3: block 'tests' is not closed; write {END} below it"),
        (f"{marker('tests')}\n{block('tests')}", "1: block 'tests' is not closed"),
        (f"a\n{END}\n", f"2: {END} closes no block"),
        ("<!-- derived tests -->\n", "1: no marker: '<!-- derived tests -->'; write <!-- derived: NAME"),
        ("<!-- derived: -->\n", "1: no marker"),
    ],
)
@pytest.mark.parametrize("check", ["--check", "--json"])
def test_a_marker_that_makes_no_block_is_told_and_the_document_is_left_alone(
    tested: Path, text: str, told: str, check: str
) -> None:
    write(tested / TESTS, text)
    answer = docs(tested, check)
    assert answer.exit_code == 1
    lines = [f"{one['file']}:{one['line']}: {one['what']}; {one['mend']}" for one in build_json(tested)]
    assert [line for line in lines if line.startswith(f"{TESTS}:{told}")], lines
    assert said(tested) == text


def build_json(repo: Path) -> list[dict[str, str]]:
    found: list[dict[str, str]] = json.loads(docs(repo, "--json").stdout)["findings"]
    return found


def test_a_block_outside_of_a_module_is_in_the_wrong_document(tested: Path) -> None:
    write(tested / "PH1_MAKE/docs/OVERVIEW.md", block("tests"))
    write(tested / "PH1_MAKE/MOD_TEST_PLAN.md", block("tests"))
    assert [(one.file, one.line) for one in build(tested, check=False)] == [
        ("PH1_MAKE/MOD_TEST_PLAN.md", 1),
        ("PH1_MAKE/docs/OVERVIEW.md", 1),
    ]


@pytest.mark.parametrize("fence", ["```", "````markdown", "~~~"])
def test_markers_in_code_are_text(tested: Path, fence: str) -> None:
    text = f"{fence}\n{block('nothing')}```{fence}\n\n    {marker('nothing')}\n\nInline `{END}` too.\n"
    close = fence.strip("markdown")
    write(tested / TESTS, text.replace(f"```{fence}", close))
    assert build(tested, check=True) == []


def test_line_endings_and_byte_order_mark_stay(tested: Path) -> None:
    expected = said(tested)
    write(tested / TESTS, "\ufeff" + f"# Tests\n\nBefore.\n\n{block('tests')}\nAfter.\n".replace("\n", "\r\n"))
    assert docs(tested).exit_code == 0
    assert said(tested) == "\ufeff" + expected.replace("\n", "\r\n")
    assert docs(tested, "--check").exit_code == 0


def test_names_limit_what_is_built(tested: Path) -> None:
    write(tested / "GLOBAL_KEEP/tests/test_b.py", "")
    for name in (TESTS, KEPT):
        write(tested / name, block("tests"))
    assert docs(tested, "keep").output == f"{KEPT}: written\n"
    assert docs(tested, "--check", "GLOBAL_KEEP").exit_code == 0
    assert docs(tested, "--check").exit_code == 1
    assert docs(tested, "PH1_MAKE/M001_WORK").output == f"{TESTS}: written\n"


def test_an_unknown_name_is_told_the_nearest(tested: Path) -> None:
    answer = docs(tested, "PH1_MAK")
    assert answer.exit_code == 3
    assert "did you mean PH1_MAKE?" in answer.stderr


def test_a_malformed_manifest_is_invalid_input_here_and_passed_over_by_build(tested: Path) -> None:
    write(tested / "GLOBAL_KEEP/service.manifest.json", "{}")
    assert docs(tested).exit_code == 3
    assert build(tested, check=True) == []
    assert docs(tested.parent / "missing").exit_code == 3


def test_a_document_that_cannot_be_read_or_written_through_is_told(tested: Path) -> None:
    (tested / TESTS).unlink()
    (tested / TESTS).write_bytes(marker("tests").encode() + b"\n\xff\n" + END.encode())
    write(tested / "elsewhere.md", block("tests"))
    (tested / KEPT).unlink()
    (tested / KEPT).symlink_to(tested / "elsewhere.md")
    assert [(one.file, one.what) for one in build(tested, check=False)] == [
        (KEPT, "is a link, and is not written through"),
        (TESTS, "not UTF-8"),
    ]
    assert said(tested, "elsewhere.md") == block("tests")


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_folder_that_cannot_be_written_is_an_environment_fault(tested: Path) -> None:
    write(tested / TESTS, block("tests"))
    (tested / MODULE).chmod(0o500)
    answer = docs(tested)
    (tested / MODULE).chmod(0o700)
    assert answer.exit_code == 4
    assert "E481" in answer.stderr


def test_a_fifo_among_the_documents_is_not_waited_for(tested: Path) -> None:
    os.mkfifo(tested / MODULE / "MOD_MORE.md")
    assert build(tested, check=True) == []


def test_every_module_has_the_blocks_that_its_documents_ask_for(tested: Path) -> None:
    write(tested / "PH1_MAKE/modules/M002_MORE/docs/MOD_TEST_PLAN.md", block("tests"))
    assert build(tested, check=False) == []
    assert said(tested, "PH1_MAKE/modules/M002_MORE/docs/MOD_TEST_PLAN.md") == f"{marker('tests')}\n\n{TABLE}\n{END}\n"


_LINES = st.sampled_from(
    ["", "text", "```", "~~~~", "    code", END, f"  {END}  ", "<!-- /derived", "---", "| a | b |", "\ufeff", "x\r"]
    + [marker(name) for name in PLACES]
    + [f"<!-- derived: {name} -->" for name in (*PLACES, "nothing")]
)
_TEXTS = st.tuples(st.lists(_LINES | st.text(max_size=20), max_size=12), st.sampled_from(["\n", "\r\n"]))
_CONTENTS = st.dictionaries(st.sampled_from(sorted(PLACES)), st.sampled_from(["", "one", "a\n\n| b |\n|---|", "``` c"]))


@given(_TEXTS, _CONTENTS)
def test_building_twice_is_building_once(text: tuple[list[str], str], contents: dict[str, str]) -> None:
    first = text[1].join(text[0])
    blocks, faults = read_blocks(first)
    once = fill(first, blocks, contents)
    again, faults_then = read_blocks(once)
    assert fill(once, again, contents) == once
    assert [one.name for one in again] == [one.name for one in blocks]
    assert [fault.what for fault in faults_then] == [fault.what for fault in faults]


@given(_TEXTS, _CONTENTS)
def test_what_stands_outside_of_blocks_is_never_touched(text: tuple[list[str], str], contents: dict[str, str]) -> None:
    first = text[1].join(text[0])
    assert outside(fill(first, read_blocks(first)[0], contents)) == outside(first)


def outside(text: str) -> list[str]:
    lines = text.split("\n")
    inner = {number for one in read_blocks(text)[0] for number in range(one.first, one.last + 1)}
    return [line for number, line in enumerate(lines) if number not in inner]
