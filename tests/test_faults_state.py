"""A damaged state: what is damaged is told and never believed, and there is a way on without it."""

from __future__ import annotations

import os
import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING

import pytest

from tests.faults import RUN, Ground, at, began, call, ground, killed, outcome, resume, says

if TYPE_CHECKING:
    from pathlib import Path

    from tests.conftest import Desk

WAY = ("copy it and what lies beside it", "Without the state")


@pytest.fixture(scope="module")
def laid(tmp_path_factory: pytest.TempPathFactory) -> Ground:
    """What is run."""
    return ground(tmp_path_factory)


@pytest.fixture(scope="module")
def dead(laid: Ground) -> Desk:
    """A run that was killed with three confirmed calls; all of its state is in ``state.db``."""
    desk = killed(laid.copy("dead-with-state"), "phase_completed ph2")
    with closing(sqlite3.connect(state(desk))) as db:
        db.execute("pragma wal_checkpoint(truncate)")
    return desk


def state(desk: Desk) -> Path:
    """The database."""
    return desk.repo / ".git/phaseline/state.db"


def flip(place: Path, start: int, length: int = 48) -> None:
    """Turn some bytes over."""
    content = bytearray(place.read_bytes())
    content[start : start + length] = bytes(byte ^ 0xFF for byte in content[start : start + length])
    place.write_bytes(bytes(content))


def pages(desk: Desk, table: str) -> list[int]:
    """Where the pages of a table begin."""
    with closing(sqlite3.connect(state(desk))) as db:
        root = db.execute("select rootpage from sqlite_schema where name = ?", (table,)).fetchone()[0]
        return [(root - 1) * db.execute("pragma page_size").fetchone()[0]]


@pytest.mark.parametrize("table", ["sqlite_schema", "runs", "events"])
def test_the_head_of_a_page_is_damaged(dead: Desk, table: str) -> None:
    desk = dead.copy(f"page-{table}")
    flip(state(desk), 0 if table == "sqlite_schema" else pages(desk, table)[0], 12)
    says(resume(desk), "E430", str(state(desk)), *WAY)
    assert began(desk) == began(dead)
    assert outcome(desk) == outcome(dead)


def test_an_answer_that_was_changed_is_not_believed(dead: Desk) -> None:
    """One letter: still text, still JSON, and no page is malformed."""
    desk = dead.copy("answer")
    content = state(desk).read_bytes()
    place = content.find(b'{"answer":{"call":{"change"')
    changed = content.find(b'"exit_code":0', place) + len(b'"exit_code":')
    assert place > 0
    assert changed > place
    state(desk).write_bytes(content[:changed] + b"7" + content[changed + 1 :])
    says(resume(desk), "E430", "is damaged: its content does not match its hash", f"pipeline verify {RUN}", *WAY)
    assert outcome(desk) == outcome(dead)
    assert call(desk, "pipeline", "verify").returncode == 1


def test_text_that_cannot_be_read_is_told_in_short(dead: Desk) -> None:
    desk = dead.copy("text")
    content = state(desk).read_bytes()
    flip(state(desk), content.find(b'{"answer":{"item":') + 40)
    refused = resume(desk)
    says(refused, "E430", *WAY)
    assert len(refused.stderr.splitlines()[-2]) < 400


@pytest.mark.parametrize("size", [0, 40960])
def test_the_state_is_cut_off(dead: Desk, size: int) -> None:
    desk = dead.copy(f"cut-{size}")
    os.truncate(state(desk), size)
    says(resume(desk), "E430" if size else "E465", *WAY)
    assert outcome(desk) == outcome(dead)


def test_a_damaged_wal_takes_events_away_and_that_is_told(laid: Ground) -> None:
    desk = killed(laid.copy("wal"), "phase_completed ph2")
    flip(state(desk).with_name("state.db-wal"), 40, 16)
    assert b"events were cut off" in call(desk, "pipeline", "verify").stdout
    went_on = resume(desk)
    assert went_on.returncode == 0, went_on.stderr
    assert b"the state has lost events that an anchor names" in went_on.stderr
    assert outcome(desk) == laid.want


def test_without_the_state_it_goes_on_from_the_newest_artifact(dead: Desk, laid: Ground) -> None:
    """As the runbook says."""
    desk = dead.copy("without")
    for place in state(desk).parent.glob("state.db*"):
        place.rename(desk.folder / place.name)
    done = call(desk, "ph3", "run", "--in", str(at(desk, "artifacts/execution_result.v1.json")))
    for phase in ("ph4", "ph5", "ph6", "ph7"):
        assert done.returncode == 0, done.stderr
        done = desk.run(phase, "run", stdin=done.stdout)
    assert done.returncode == 0, done.stderr
    assert outcome(desk) == laid.want
    assert began(desk) == began(dead)
