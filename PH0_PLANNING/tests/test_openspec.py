"""OpenSpec changes: groups, tasks, scope, acceptance, and what is said about the rest."""

from __future__ import annotations

from collections.abc import Callable
from graphlib import TopologicalSorter
from pathlib import Path

import pytest
from global_util.contracts.workstream import AcceptanceDescribe
from global_util.plan_formats import Granularity, Reading
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from ph0_planning.formats.openspec import FORMAT
from ph0_planning.markdown import box, label

WritePlan = Callable[..., Path]

PROPOSAL = """# Change: Faster search

## Why
Search is slow.

## What Changes
- An index.

## Impact
- Affected specs: `specs/search/spec.md`
- Affected code:
  - `src/search/query.py:10` - use the index
"""
TASKS = """# Tasks

## 1. Index
- [x] 1.1 Choose a library
- [ ] 1.2 Write `src/search/index.py` and verify `pytest tests/test_index.py` passes
  in the style of the rest
- [ ] 1.3 Cover deletions and verify no stale entry is found
  - keep it small

## 2. Done already
- [X] 2.1 Nothing

## 3. Query
- [ ] 3.1 Use the index
"""
DELTA = """## ADDED Requirements
### Requirement: Fast search
The system SHALL answer soon.

#### Scenario: A word
- **WHEN** a word is searched
- **THEN** the answer comes within a second

## REMOVED Requirements
### Requirement: Slow search
"""
BASE = {"proposal.md": PROPOSAL, "specs/search/spec.md": DELTA}


def _read(
    write_plan: WritePlan, root: Path, tasks: str | bytes, granularity: Granularity = "group", **more: str
) -> Reading:
    files = {**BASE, **{name.replace("__", "/").replace("_md", ".md"): text for name, text in more.items()}}
    return FORMAT.read(write_plan("openspec/changes/fast-search", {**files, "tasks.md": tasks}), root, granularity)


def _whys(reading: Reading, kind: str) -> list[tuple[int | None, str]]:
    return [(note.line, note.why) for note in reading.notes if note.kind == kind]


def test_a_group_is_a_workstream_and_waits_for_the_one_before(write_plan: WritePlan, tmp_path: Path) -> None:
    reading = _read(write_plan, tmp_path, TASKS)
    first, second = reading.workstreams
    assert (first.id, first.title, first.depends_on) == ("ws-fast-search-01", "Index", ())
    assert (second.id, second.depends_on) == ("ws-fast-search-03", ("ws-fast-search-01",))
    assert first.source is not None
    assert first.source.items == ("1.2", "1.3")
    assert first.source.path == "openspec/changes/fast-search/tasks.md"
    assert first.openspec_change == "fast-search"
    assert first.tasks[1] == "1.3 Cover deletions and verify no stale entry is found\n- keep it small"
    assert (reading.plan.id, reading.plan.title) == ("fast-search", "Change: Faster search")
    assert [file.path for file in reading.plan.files] == ["proposal.md", "specs/search/spec.md", "tasks.md"]


def test_done_tasks_are_skipped_with_a_note(write_plan: WritePlan, tmp_path: Path) -> None:
    assert _whys(_read(write_plan, tmp_path, TASKS), "skipped") == [
        (3, "1 of 3 tasks are done"),
        (10, "1 of 1 tasks are done; no workstream"),
    ]


def test_scope_comes_from_the_tasks_else_from_the_impact(write_plan: WritePlan, tmp_path: Path) -> None:
    reading = _read(write_plan, tmp_path, TASKS)
    assert [stream.files_scope for stream in reading.workstreams] == [
        ("src/search/index.py",),
        ("src/search/query.py",),
    ]
    assert (14, "taken from the proposal's Impact section: the tasks name no path") in _whys(reading, "inferred")
    assert not reading.questions


def test_an_unknown_scope_is_a_question(write_plan: WritePlan, tmp_path: Path) -> None:
    reading = _read(write_plan, tmp_path, "## 1. A\n- [ ] 1.1 Think\n", proposal_md="## Why\nx\n")
    (question,) = reading.questions
    assert (question.kind, question.workstream_id, question.line) == ("scope", "ws-fast-search-01", 2)
    assert reading.workstreams[0].files_scope == ()


def test_acceptance_is_the_verify_tails_and_for_the_last_workstream_the_scenarios(
    write_plan: WritePlan, tmp_path: Path
) -> None:
    first, second = _read(write_plan, tmp_path, TASKS).workstreams
    assert first.acceptance_tests == (
        AcceptanceDescribe(describe="`pytest tests/test_index.py` passes in the style of the rest"),
        AcceptanceDescribe(describe="no stale entry is found"),
    )
    assert second.acceptance_tests == (
        AcceptanceDescribe(
            describe="Fast search / A word: WHEN a word is searched THEN the answer comes within a second"
        ),
    )


def test_the_tool_is_given_why_and_what(write_plan: WritePlan, tmp_path: Path) -> None:
    long = PROPOSAL.replace("Search is slow.", "slow " * 2_000)
    reading = _read(write_plan, tmp_path, TASKS, proposal_md=long)
    texts = [piece.text for piece in reading.workstreams[0].context]
    assert [text.split("\n")[0] for text in texts] == ["## Why", "## What Changes"]
    assert len(texts[0]) <= 4_003
    assert (3, "context for the tool is cut at 4000 characters") in _whys(reading, "skipped")


def test_granularity_task_makes_one_workstream_per_open_task(write_plan: WritePlan, tmp_path: Path) -> None:
    reading = _read(write_plan, tmp_path, TASKS, "task")
    assert [(stream.id, stream.depends_on) for stream in reading.workstreams] == [
        ("ws-fast-search-01-02", ()),
        ("ws-fast-search-01-03", ("ws-fast-search-01-02",)),
        ("ws-fast-search-03-01", ("ws-fast-search-01-03",)),
    ]


def test_tasks_outside_of_numbered_groups_are_kept(write_plan: WritePlan, tmp_path: Path) -> None:
    tasks = "- [ ] First `a/b.py`\n## \u6d4b\u8bd5\n- [ ] `a/c.py`\n## 1. A\n- [ ] 1.1 `a/d.py`\n## 1. B\n* [ ] 1.1 `a/e.py`\n"
    reading = _read(write_plan, tmp_path, tasks)
    assert sorted(stream.title for stream in reading.workstreams) == ["A", "B", "Tasks", "\u6d4b\u8bd5"]
    assert [item for stream in reading.workstreams if stream.source for item in stream.source.items].count("1.1") == 2
    assert sum(len(stream.depends_on) for stream in reading.workstreams) == 3
    assert "WARNING tasks.md:7: task id 1.1 was used on line 5 already" in reading.officially_valid.reasons


@pytest.mark.parametrize(
    ("line", "is_task", "kind"),
    [
        pytest.param("- [~] 1.1 `a/b.py`", True, "not_understood", id="unknown mark is open"),
        pytest.param("- [\u2705] 1.1 `a/b.py`", True, "not_understood", id="emoji is open"),
        pytest.param("- [ ] ~~1.1 `a/b.py`~~", True, "conflict", id="struck out but open"),
        pytest.param("- [WIP] 1.1 `a/b.py`", False, "not_understood", id="a word in the box"),
        pytest.param("> - [ ] 1.1 `a/b.py`", False, "not_understood", id="quoted"),
        pytest.param("### [ ] 1.1", False, "not_understood", id="box in a heading"),
        pytest.param("- 1.1 `a/b.py`", False, "not_understood", id="list item without a box"),
        pytest.param("- [ ]", False, "not_understood", id="box without text"),
        pytest.param("```\n- [ ] 1.1 `a/b.py`\n```", True, "inferred", id="inside a fence counts, as OpenSpec does"),
    ],
)
def test_unusual_lines_are_never_silent(
    write_plan: WritePlan, tmp_path: Path, line: str, is_task: bool, kind: str
) -> None:
    reading = _read(write_plan, tmp_path, f"## 1. A\n\n- [ ] 1.0 `a/a.py`\n\n{line}\n")
    (stream,) = reading.workstreams
    assert len(stream.tasks) == 1 + is_task
    assert any(note.kind == kind and note.line in (5, 6) for note in reading.notes)


def test_a_nested_task_says_what_it_is_a_part_of(write_plan: WritePlan, tmp_path: Path) -> None:
    tasks = "## 1. A\n- [x] Write `tests/a.py` with:\n  - [ ] no input\n  - [x] much input\n"
    (stream,) = _read(write_plan, tmp_path, tasks).workstreams
    assert stream.tasks == ("Write `tests/a.py` with: > no input",)
    assert stream.files_scope == ("tests/a.py",)


def test_a_reference_to_a_later_task_is_a_question(write_plan: WritePlan, tmp_path: Path) -> None:
    reading = _read(
        write_plan, tmp_path, "## 1. A\n- [ ] 1.1 `a/b.py` after 2.1\n## 2. B\n- [ ] 2.1 `a/c.py` after 1.1\n"
    )
    assert [question.kind for question in reading.questions] == ["dependency"]
    assert reading.workstreams[0].depends_on == ()


def test_files_of_the_change_that_tasks_link_are_given_to_the_tool(write_plan: WritePlan, tmp_path: Path) -> None:
    tasks = "- [ ] Ledger (`tasks/ledger.md`)\n"
    reading = _read(write_plan, tmp_path, tasks, tasks__ledger_md="# Ledger\nWrite `src/ledger.py`.\n")
    (stream,) = reading.workstreams
    assert stream.files_scope == ("src/ledger.py",)
    assert stream.context[-1].path.endswith("tasks/ledger.md")


@pytest.mark.parametrize(
    ("tasks", "count"),
    [
        pytest.param(
            "## A\n### \u4efb\u52a1 1.1: `a/b.py`\n- x\n### \u4efb\u52a1 1.2: y\n### Order\n", 2, id="numbered headings"
        ),
        pytest.param("## A\n### One `a/b.py`\n### Two\n", 2, id="headings"),
        pytest.param("- one `a/b.py`\n- two\n- three\n", 3, id="list items"),
        pytest.param("Do it.\n", 0, id="nothing"),
    ],
)
def test_without_a_box_the_tasks_are_guessed_and_asked_for(
    write_plan: WritePlan, tmp_path: Path, tasks: str, count: int
) -> None:
    reading = _read(write_plan, tmp_path, tasks)
    assert sum(len(stream.tasks) for stream in reading.workstreams) == count
    assert len([why for _, why in _whys(reading, "inferred") if "no checkbox" in why]) == count
    assert [question.kind for question in reading.questions] == ["plan"]


def test_line_ends_and_byte_order_marks_change_nothing(write_plan: WritePlan, tmp_path: Path) -> None:
    plain = _read(write_plan, tmp_path, TASKS)
    other = _read(write_plan, tmp_path, b"\xef\xbb\xbf" + TASKS.replace("\n", "\r\n").encode())
    assert [stream.model_copy(update={"source": None}) for stream in plain.workstreams] == [
        stream.model_copy(update={"source": None}) for stream in other.workstreams
    ]
    assert (plain.notes, plain.questions) == (other.notes, other.questions)


def _assert_sound(reading: Reading) -> None:
    """Ids are unique and sorted, dependencies known and without a cycle."""
    waiting = {stream.id: set(stream.depends_on) for stream in reading.workstreams}
    assert list(waiting) == sorted(waiting)
    assert len(waiting) == len(reading.workstreams)
    TopologicalSorter(waiting).prepare()
    assert all(before <= set(waiting) for before in waiting.values())


_WORDS = """- * + 1. 12) > # ## ### [ ] [x] [~] [] [\u2705] [WIP] ``` ~~~ ** 1.1 2.1 a/b.py `src/x.ts` \u4efb\u52a1 T001 verify | <!--"""
_PIECES = st.sampled_from([*_WORDS.split(), " ", "  ", "\n", "\n", "\n", "\r\n", "- [ ] ", "## 1. ", "\t"])


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.one_of(st.text(), st.lists(_PIECES, max_size=60).map("".join)), st.sampled_from(("group", "task")))
def test_any_text_is_read_and_no_box_is_lost(
    write_plan: WritePlan, tmp_path: Path, text: str, granularity: Granularity
) -> None:
    tasks = "## 1. A\n" + text
    reading = _read(write_plan, tmp_path, tasks)
    found = [
        item
        for line in tasks.removeprefix("\ufeff").replace("\r\n", "\n").replace("\r", "\n").split("\n")
        if (item := box(line))
    ]
    named = sum(not item.done and bool(item.text) for item in found)
    imported = sum(len(stream.tasks) for stream in reading.workstreams)
    assert not found or named <= imported <= sum(not item.done for item in found)
    noted = {note.line for note in reading.notes}
    for number, line in enumerate(tasks.replace("\r\n", "\n").replace("\r", "\n").split("\n"), 1):
        if box(line) is None and label(line) is not None and "```" not in tasks and "~~~" not in tasks:
            assert number in noted
