"""spec-kit features: task lines, phases, stories, order, and what is said about the rest."""

from __future__ import annotations

from collections.abc import Callable
from graphlib import TopologicalSorter
from pathlib import Path

import pytest
from global_util.contracts.workstream import AcceptanceDescribe
from global_util.plan_formats import Granularity, Reading
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from ph0_planning.formats.spec_kit import FORMAT
from ph0_planning.markdown import box
from ph0_planning.speckit_lines import Reference, precedences, task_line

WritePlan = Callable[..., Path]

SPEC = """# Feature Specification: Notes

### User Story 1 - Write a note (Priority: P1)
A person writes.

**Acceptance Scenarios**:

1. **Given** an empty page, **When** a word is typed, **Then** it is kept
2. **Given** a note, **When** it is
   opened, **Then** it shows

### User Story 2 - Share a note (Priority: P2)
**Acceptance Scenarios**:
1. **Given** a note, **When** shared, **Then** others see it [NEEDS CLARIFICATION: which others?]
"""
PLAN = """# Plan
## Summary
Notes for all.
## Project Structure
### Source Code
```text
# Option 1: One project (DEFAULT)
src/
\u251c\u2500\u2500 notes/
\u2514\u2500\u2500 share.py
tests/

# Option 2: Two projects
backend/
```
"""
TASKS = """# Tasks: Notes

## Format: `[ID] [P?] [Story]`
- **[P]**: may run side by side

## Phase 1: Setup
- [x] T001 Create `src/notes/`

## Phase 2: Foundational (Blocking)
- [ ] T002 Add a store in src/notes/store.py
  - keep it small
  - [ ] with a lock

## Phase 3: User Story 1 - Write a note (Priority: P1)
**Goal**: writing
**Independent Test**: Type a word, reload
- [ ] T003 [P] [US1] Page in src/notes/page.py
- [ ] T004 [P] [US1] Style in src/notes/page.py
- [ ] T005 [US1] Join both

## Phase 4: User Story 2 - Share a note (Priority: P2)
- [ ] [P] [US2] T006 Share in src/share.py

## Phase 5: Polish
- [ ] T007 Tidy up

## Dependencies & Execution Order
- Setup before everything
- T003-T005 can be reviewed after lunch
- **User Story 2**: Depends on US1 - nice to have
- T002 waits for T007

## Notes
- [P] tasks = different files
- T003 is large
"""


def _read(
    write_plan: WritePlan, root: Path, tasks: str | bytes, granularity: Granularity = "group", spec: str = SPEC
) -> Reading:
    plan = write_plan("specs/001-notes", {"spec.md": spec, "plan.md": PLAN, "tasks.md": tasks})
    return FORMAT.read(plan, root, granularity)


def _has_note(reading: Reading, kind: str, line: int | None, part: str) -> bool:
    return any(note.kind == kind and note.line == line and part in note.why for note in reading.notes)


def test_a_phase_is_a_workstream_and_a_story_phase_is_its_story(write_plan: WritePlan, tmp_path: Path) -> None:
    reading = _read(write_plan, tmp_path, TASKS)
    assert [(stream.id, stream.source.items if stream.source else ()) for stream in reading.workstreams] == [
        ("ws-001-notes-02", ("T002",)),
        ("ws-001-notes-05", ("T007",)),
        ("ws-001-notes-us1", ("T003", "T004", "T005")),
        ("ws-001-notes-us2", ("T006",)),
    ]
    assert [stream.priority for stream in reading.workstreams] == [0, 0, 3, 2]
    assert (reading.plan.id, reading.plan.title) == ("001-notes", "Notes")


def test_order_is_that_of_the_phases_and_of_the_text(write_plan: WritePlan, tmp_path: Path) -> None:
    reading = _read(write_plan, tmp_path, TASKS)
    order = {stream.id.removeprefix("ws-001-notes-"): stream.depends_on for stream in reading.workstreams}
    assert order == {
        "02": (),
        "us1": ("ws-001-notes-02",),
        "us2": ("ws-001-notes-02", "ws-001-notes-us1"),
        "05": ("ws-001-notes-us1", "ws-001-notes-us2"),
    }
    assert [question.kind for question in reading.questions if question.line == 31] == ["dependency"]
    assert _has_note(reading, "not_understood", 29, "free words")


def test_scope_comes_from_the_tasks_else_from_the_plan(write_plan: WritePlan, tmp_path: Path) -> None:
    scopes = {stream.id: stream.files_scope for stream in _read(write_plan, tmp_path, TASKS).workstreams}
    assert scopes["ws-001-notes-02"] == ("src/notes/store.py",)
    assert scopes["ws-001-notes-05"] == ("src/notes/", "src/share.py", "tests/")


def test_acceptance_is_the_independent_test_and_the_scenarios(write_plan: WritePlan, tmp_path: Path) -> None:
    streams = {stream.id: stream for stream in _read(write_plan, tmp_path, TASKS).workstreams}
    assert streams["ws-001-notes-us1"].acceptance_tests == (
        AcceptanceDescribe(describe="Type a word, reload"),
        AcceptanceDescribe(describe="Given an empty page, When a word is typed, Then it is kept"),
        AcceptanceDescribe(describe="Given a note, When it is opened, Then it shows"),
    )
    assert [piece.text.split("\n")[0] for piece in streams["ws-001-notes-us1"].context] == [
        "User Story 1 - Write a note (Priority: P1)",
        "## Summary",
    ]


def test_open_questions_of_the_documents_are_questions(write_plan: WritePlan, tmp_path: Path) -> None:
    asked = [each for each in _read(write_plan, tmp_path, TASKS).questions if each.kind == "clarification"]
    assert [(each.text, each.path, each.line) for each in asked] == [("which others?", "specs/001-notes/spec.md", 14)]


def test_steps_belong_to_their_task(write_plan: WritePlan, tmp_path: Path) -> None:
    (stream, *_) = _read(write_plan, tmp_path, TASKS).workstreams
    assert stream.tasks == ("Add a store in src/notes/store.py\n- keep it small\n- [ ] with a lock",)


def test_parallel_tasks_on_one_path_are_a_conflict(write_plan: WritePlan, tmp_path: Path) -> None:
    assert _has_note(_read(write_plan, tmp_path, TASKS), "conflict", 17, "T003, T004 are marked as parallel")


def test_granularity_task_runs_marked_tasks_side_by_side(write_plan: WritePlan, tmp_path: Path) -> None:
    streams = _read(write_plan, tmp_path, TASKS, "task").workstreams
    order = {stream.id: stream.depends_on for stream in streams}
    assert order["ws-001-notes-us1-t003"] == order["ws-001-notes-us1-t004"] == ("ws-001-notes-02-t002",)
    assert order["ws-001-notes-us1-t005"] == ("ws-001-notes-us1-t003", "ws-001-notes-us1-t004")


def test_a_phase_with_several_stories_becomes_several_workstreams(write_plan: WritePlan, tmp_path: Path) -> None:
    tasks = "## Phase 1: P1 stories\n- [ ] T001 [US1] a/a.py\n- [ ] T002 [US2] a/b.py\n- [ ] T003 both a/c.py\n"
    streams = _read(write_plan, tmp_path, tasks).workstreams
    assert [(stream.id, len(stream.tasks), stream.depends_on) for stream in streams] == [
        ("ws-001-notes-us1", 1, ()),
        ("ws-001-notes-us2", 2, ()),
    ]


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        pytest.param("- [ ] T001 [P] [US1] Do it", ("T001", False, ("P", "US1"), "Do it"), id="template"),
        pytest.param("- [X] T001a Do it", ("T001a", True, (), "Do it"), id="done, letter"),
        pytest.param("* [ ] [P] [US2] T020 Do it", ("T020", False, ("P", "US2"), "Do it"), id="labels first"),
        pytest.param("- [ ] **T001**: Do it", ("T001", False, (), "Do it"), id="bold"),
        pytest.param("1. [ ] T0001 Do it", ("T0001", False, (), "Do it"), id="numbered"),
        pytest.param("- T001 [P] Do it", ("T001", False, ("P",), "Do it"), id="no box"),
        pytest.param("- [P] T002 Do it", ("T002", False, ("P",), "Do it"), id="label in the place of the box"),
        pytest.param("- \u2705 T001 [P] Do it", ("T001", True, ("P",), "Do it"), id="done mark"),
        pytest.param("- \u274c T001 Do it", ("T001", False, (), "Do it"), id="other mark"),
        pytest.param("- [018] [P] Do it", ("018", False, ("P",), "Do it"), id="id in the box"),
        pytest.param("- [~~T48~~] ~~Do it~~", ("T48", True, (), "~~Do it~~"), id="struck out"),
        pytest.param("- [~] T001 Do it", ("T001", False, (), "Do it"), id="unknown mark"),
        pytest.param("- [ ] Do it", ("", False, (), "Do it"), id="no id"),
        pytest.param("- [P] tasks = different files", None, id="legend"),
        pytest.param("- [Story] label", None, id="other legend"),
        pytest.param("- T001-T003: must be first", None, id="range"),
        pytest.param("- Text about T001", None, id="prose"),
        pytest.param("T001 Do it", None, id="no list item"),
    ],
)
def test_task_lines(line: str, expected: tuple[str, bool, tuple[str, ...], str] | None) -> None:
    task = task_line(1, line)
    assert (None if task is None else (task.id, task.done, task.labels, task.text)) == expected


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        pytest.param("T016 blocks T020", [("T016", "T020")], id="blocks"),
        pytest.param("**Setup (T001-T005)** before tests (T006)", [("T001-005", "T006")], id="range"),
        pytest.param("T003\u2013T006 can run in parallel after T001 to T002", [("T001-002", "T003-006")], id="after"),
        pytest.param("US1 -> US2 \u2192 US3", [("1", "2"), ("2", "3")], id="chain"),
        pytest.param("T005 -.-> T013", [("T005", "T013")], id="graph"),
        pytest.param("Phase 5 (P3): Depends on Phase 3 (not Phase 4)", [("3", "5")], id="not"),
        pytest.param("Phase 3: depends on Phase 2 - may join Phase 1", [("2", "3")], id="aside"),
        pytest.param("US4: Independent of US2/US3 (can be done after US1)", [("1", "4")], id="independent"),
        pytest.param("All [P] tasks can run in parallel", [], id="no order"),
        pytest.param("Models come early", None, id="free words"),
    ],
)
def test_statements_about_order(line: str, expected: list[tuple[str, str]] | None) -> None:
    def shown(found: tuple[Reference, ...]) -> str:
        return ",".join(each.first + (f"-{each.last}" if each.last else "") for each in found if each.kind != "name")

    said = precedences(line)
    assert (None if said is None else [(shown(each.earlier), shown(each.later)) for each in said]) == expected


@pytest.mark.parametrize(
    ("text", "tasks", "kind", "line"),
    [
        pytest.param("- [ ] Do `a/b.py`", 1, "inferred", 2, id="no id"),
        pytest.param("- T001 Do `a/b.py`", 1, "inferred", 2, id="no box"),
        pytest.param("- [-] T001 Do `a/b.py`", 1, "not_understood", 2, id="unknown mark"),
        pytest.param("- [ ] T001 a/b.py\n- [ ] T001 a/c.py", 2, "conflict", 3, id="id twice"),
        pytest.param("- [x] T001 a/b.py\n  - [ ] step", 0, "conflict", 3, id="open step of a done task"),
        pytest.param("- Do something", 0, "not_understood", 2, id="list item"),
        pytest.param("```\n- [ ] T001 a/b.py\n```", 0, "skipped", 3, id="inside a fence"),
        pytest.param("## Checklist\n- [ ] All is well", 0, "skipped", 3, id="checklist"),
        pytest.param("## Dependencies\n- T001 needs care", 0, "not_understood", 3, id="an id among dependencies"),
    ],
)
def test_unusual_lines_are_never_silent(
    write_plan: WritePlan, tmp_path: Path, text: str, tasks: int, kind: str, line: int
) -> None:
    reading = _read(write_plan, tmp_path, f"## Phase 1: A\n{text}\n")
    assert sum(len(stream.tasks) for stream in reading.workstreams) == tasks
    assert any(note.kind == kind and note.line == line for note in reading.notes)


def test_the_formats_own_rules(write_plan: WritePlan, tmp_path: Path) -> None:
    good = "## Phase 1: Setup\n- [ ] T001 Write a/b.py\n"
    assert _read(write_plan, tmp_path, good).officially_valid.verdict == "valid"
    bad = _read(write_plan, tmp_path, "## Phase 1: User Story 1\n- [ ] T001 Write it\n").officially_valid
    assert bad.verdict == "invalid"
    assert [reason.split(" ")[0] for reason in bad.reasons] == ["ERROR", "WARNING"]


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


_WORDS = """- * 1. > # ## [ ] [x] [~] [] [P] [US1] T001 T002 T003-T009 -> blocks after ``` a/b.py \u2705 Phase 1: Dependencies |"""
_PIECES = st.sampled_from(
    [*_WORDS.split(), " ", "  ", "\n", "\n", "\n", "\r\n", "- [ ] ", "- [ ] T004 ", "## Phase 2: ", "## Dependencies\n"]
)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.one_of(st.text(), st.lists(_PIECES, max_size=60).map("".join)), st.sampled_from(("group", "task")))
def test_any_text_is_read_and_no_box_is_lost(
    write_plan: WritePlan, tmp_path: Path, text: str, granularity: Granularity
) -> None:
    tasks = "## Phase 1: A\n" + text
    reading = _read(write_plan, tmp_path, tasks, granularity)
    _assert_sound(reading)
    noted = {note.line for note in reading.notes}
    imported = "\n".join(task for stream in reading.workstreams for task in stream.tasks)
    for number, line in enumerate(tasks.replace("\r\n", "\n").replace("\r", "\n").split("\n"), 1):
        item = box(line)
        if item is not None and not item.done:
            task = task_line(number, line)
            assert number in noted or (task or item).text in imported
