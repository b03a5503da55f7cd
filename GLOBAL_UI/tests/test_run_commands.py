"""The commands that look at runs, on a state that was laid by hand."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from global_core_state.folder import RunFolder
from global_core_state.store import Error, Store
from global_ui.cli import main
from global_util.contracts.dag import DagGraph
from global_util.errors import Exit
from global_util.git import Repository

EXEC = "EXEC-2026-01-02-001"
NONE = "sha256:" + "0" * 64


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """An empty repository."""
    env = {**os.environ, "GIT_CONFIG_GLOBAL": os.devnull}
    subprocess.run(["git", "init", "-q", "--template=", str(tmp_path)], env=env, check=True)
    return tmp_path


@pytest.fixture
def state(place: Path) -> Iterator[Store]:
    """A run that was killed in PH2 while a tool worked on its second workstream."""
    store = Store(place / ".git/phaseline/state.db")
    store.create_run(EXEC, "2026-01-02T00:00:00Z", "plan \x1b[31m")
    store.move_run(EXEC, "running")
    for name in ("ws-one", "ws-two"):
        store.create_workstream(EXEC, name, ("ws-one",) if name == "ws-two" else ())
        store.move_workstream(EXEC, name, "ready")
        store.move_workstream(EXEC, name, "editing")
        store.intend(EXEC, f"attempt:{name}", "attempt", {"workstream_id": name, "n": 1})
        step = store.begin_step(EXEC, name, "edit:1")
        if name == "ws-one":
            errors = [Error("edit", "failed", "sha256:a"), Error("edit", "failed", "sha256:b")]
            store.end_step(step, EXEC, name, {"outcome": "failed"}, errors=errors)
            store.confirm(EXEC, f"attempt:{name}", {"head": "x"})
    store.begin_phase(EXEC, "ph1", NONE, NONE)
    store.end_phase(EXEC, "ph1", NONE)
    store.begin_phase(EXEC, "ph2", NONE, NONE)
    store.record_event(EXEC, None, "phase_failed", {"phase": "ph2", "code": "E440", "message": "no slots"})
    yield store
    store.close()


def call(place: Path, *words: str) -> Result:
    """``pipeline`` in that repository."""
    return CliRunner().invoke(main, [*words, "--repo", str(place)])


def read(place: Path, *words: str) -> Any:
    """What ``--json`` says."""
    told = call(place, *words, "--json")
    assert told.exit_code == 0, told.output
    return json.loads(told.stdout)


def test_a_run_that_nobody_works_on_is_listed_as_dead(place: Path, state: Store) -> None:
    told = call(place, "list")
    assert told.exit_code == 0, told.output
    assert told.stdout.startswith(f"{EXEC}  dead ")
    assert "\x1b" not in told.stdout
    with RunFolder(Repository.discover(place), EXEC).locked():
        assert read(place, "list")[0]["state"] == "running"
    assert (read(place, "list")[0]["state"], read(place, "list")[0]["status"]) == ("dead", "running")


def test_a_run_is_shown_with_what_is_in_flight(place: Path, state: Store) -> None:
    told = read(place, "show-run", EXEC)
    assert [(one["phase"], one["artifact"], one["here"]) for one in told["phases"]] == [
        ("ph1", NONE, False),
        ("ph2", None, False),
    ]
    assert [(one["id"], one["state"], one["attempts"]) for one in told["workstreams"]] == [
        ("ws-one", "editing", ["edit:1 failed"]),
        ("ws-two", "editing", ["edit:1 not ended"]),
    ]
    assert [(one["kind"], one["workstream"], one["n"]) for one in told["in_flight"]] == [("attempt", "ws-two", 1)]
    lines = call(place, "show-run", EXEC).stdout.splitlines()
    assert f"  ph1  {NONE}  MISSING" in lines
    assert "  ws-two  editing  edit:1 not ended" in lines
    assert any(line.startswith("  in flight: attempt 1 of ws-two since ") for line in lines)


def test_a_recovered_run_says_what_it_left_and_what_is_next(place: Path, state: Store) -> None:
    told = read(place, "recover-run", EXEC)
    assert (told["state"], told["interrupted"], told["confirmed"]) == ("interrupted", ["ws-one", "ws-two"], 1)
    assert told["next"] == f"pipeline abandon-run {EXEC}"
    assert (
        "  ws-two  interrupted (was editing)  edit:1 interrupted" in call(place, "show-run", EXEC).stdout.splitlines()
    )


def test_errors_are_counted_whatever_their_signature(place: Path, state: Store) -> None:
    assert call(place, "show-errors", EXEC).stdout.splitlines() == [
        "ws-one  edit  failed  2 times",
        "ph2  E440  no slots",
    ]
    assert len(read(place, "show-errors", EXEC)["errors"]) == 2


def test_events_are_chosen_by_workstream_and_type(place: Path, state: Store) -> None:
    assert len(read(place, "show-events", EXEC)) == len(state.events(EXEC))
    found = read(place, "show-events", EXEC, "--workstream", "ws-two", "--type", "workstream_moved")
    assert [one["payload"]["after"] for one in found] == ["ready", "editing"]
    assert len(call(place, "show-events", EXEC, "--type", "phase_failed").stdout.splitlines()) == 1


def draw(place: Path) -> None:
    """Two workstreams, one after the other."""
    nodes = [
        {"id": f"{name}:edit", "workstream_id": name, "step": "edit", "kind": "tool", "run": "tool"}
        for name in ("ws-one", "ws-two")
    ]
    made = DagGraph.seal(
        execution_id=EXEC,
        run_clock="2026-01-02T00:00:00Z",
        producer={"phase": "PH2", "distribution": "d", "version": "1"},
        config={},
        inputs=(),
        library=NONE,
        nodes=tuple(nodes),
        edges=({"before": "ws-one:edit", "after": "ws-two:edit"},),
        waves=(("ws-one:edit",), ("ws-two:edit",)),
    )
    RunFolder(Repository.discover(place), EXEC).save(made)


def test_the_graph_is_drawn_with_states(place: Path, state: Store) -> None:
    early = call(place, "show-dag", EXEC)
    assert early.exit_code == Exit.INVALID
    assert "E465" in early.output
    draw(place)
    text = call(place, "show-dag", EXEC).stdout.splitlines()
    assert text == ["wave 1", "  ws-one:edit  editing", "wave 2", "  ws-two:edit  editing  <- ws-one:edit"]
    mermaid = call(place, "show-dag", EXEC, "--format", "mermaid").stdout.splitlines()
    assert (mermaid[0], mermaid[-1]) == ("flowchart TD", "    n0 --> n1")
    dot = call(place, "show-dag", EXEC, "--format", "dot").stdout
    assert '"ws-one:edit" -> "ws-two:edit";' in dot


@pytest.mark.parametrize(
    "command", ["show-run", "show-dag", "show-errors", "show-events", "recover-run", "abandon-run"]
)
def test_a_run_that_is_not_there(place: Path, state: Store, command: str) -> None:
    told = call(place, command, "EXEC-2026-01-02-002")
    assert told.exit_code == Exit.INVALID
    assert "E465" in told.output
    assert EXEC in told.output


def test_a_repository_without_a_state(place: Path) -> None:
    told = call(place, "list")
    assert told.exit_code == Exit.ENVIRONMENT
    assert "E432" in told.output
    assert not (place / ".git/phaseline").exists()
