"""A wall clock that jumps, back or forth: nothing waits for ever, nothing is taken from who lives, nothing goes too early."""

from __future__ import annotations

import json
import sqlite3
import subprocess
import time
from contextlib import closing
from typing import TYPE_CHECKING

import pytest

from tests.faults import NAMES, RUN, Ground, began, call, fits, goes_on, ground, killed, outcome, resume, says, words

if TYPE_CHECKING:
    from tests.conftest import Desk

BACK, FORTH = -400 * 86400, 400 * 86400


@pytest.fixture(scope="module")
def laid(tmp_path_factory: pytest.TempPathFactory) -> Ground:
    """What is run."""
    return ground(tmp_path_factory)


def clock(desk: Desk, seconds: int = 0) -> dict[str, str]:
    """By how much the clock of a command is off; it may change while the command runs."""
    (desk.folder / "shift").write_text(str(seconds), "utf-8")
    return {"SHIFT": str(desk.folder / "shift")}


def stamps(desk: Desk) -> list[str]:
    """When the events were told, in their order."""
    with closing(sqlite3.connect(desk.repo / ".git/phaseline/state.db")) as db:
        return [row[0] for row in db.execute("select at from events where execution_id = ? order by seq", (RUN,))]


@pytest.mark.parametrize("jump", [BACK, FORTH])
def test_the_clock_jumps_in_the_middle_of_a_run(laid: Ground, jump: int) -> None:
    desk = laid.copy(f"jump{jump}")
    done = call(desk, *words(desk), AT="confirmed attempt", DO=f"echo {jump} > {desk.folder}/shift", **clock(desk))
    assert done.returncode == 0, done.stderr
    assert (stamps(desk) != sorted(stamps(desk))) == (jump == BACK)
    assert max(stamps(desk))[:4] != min(stamps(desk))[:4]
    assert outcome(desk) == laid.want
    fits(desk)
    assert call(desk, "core-state", "rebuild", "--check").returncode == 0


def test_it_goes_on_after_a_jump(laid: Ground) -> None:
    desk = killed(laid.copy("after"), "confirmed attempt")
    done = resume(desk, **clock(desk, BACK))
    assert done.returncode == 0, done.stderr
    assert (outcome(desk), began(desk)) == (laid.want, list(NAMES))
    fits(desk)


def test_nothing_is_taken_from_a_living_holder(laid: Ground) -> None:
    """Leases run on another clock; the lock of the run asks none."""
    desk = laid.copy("lease")
    (desk.folder / "do-ws-one").write_text('while [ -e "$desk/held" ]; do sleep 0.05; done\n', "utf-8")
    (desk.folder / "held").touch()
    (desk.folder / "ledger").touch()
    nowhere = subprocess.DEVNULL
    with subprocess.Popen(words(desk), cwd=desk.repo, env=desk.env, stderr=nowhere, stdout=nowhere) as run:
        try:
            while "ws-one" not in began(desk) and run.poll() is None:
                time.sleep(0.01)
            for jump in (FORTH, BACK):
                shift = clock(desk, jump)
                says(resume(desk, **shift), "E502", "by another process")
                (told,) = json.loads(call(desk, "pipeline", "status", RUN, "--json", **shift).stdout)
                assert (told["working"], 0 < told["claims"][0]["left"] <= 60) == (True, True), told
        finally:
            (desk.folder / "held").unlink()
    assert run.returncode == 0
    assert outcome(desk) == laid.want


def test_a_parked_run_does_not_wait_for_a_clock_that_went_back(laid: Ground) -> None:
    """The limit of the day: what was spent on a day that has not come yet is not spent today."""
    desk = laid.copy("parked")
    one = ("--set", "limits.day.attempts=1")
    says(call(desk, *words(desk, *one)), "E520", "attempts of the day: 1 of 1")
    says(resume(desk), "E520")
    again = call(desk, "pipeline", "run", "--resume", RUN, *one, **clock(desk, BACK))
    says(again, "E520", "attempts of the day: 1 of 1")
    assert len(began(desk)) == 2
    done = call(desk, "pipeline", "run", "--resume", RUN, "--set", "limits.day.attempts=9", **clock(desk, BACK))
    assert done.returncode == 0, done.stderr
    assert outcome(desk) == laid.want


def test_a_new_run_gets_a_number_of_its_own(laid: Ground) -> None:
    desk = laid.copy("numbers")
    del desk.env["SOURCE_DATE_EPOCH"]
    for jump in (0, BACK, 0):
        assert call(desk, "ph0", "run", str(desk.plan), **clock(desk, jump)).returncode == 0
    with closing(sqlite3.connect(desk.repo / ".git/phaseline/state.db")) as db:
        names = {row[0] for row in db.execute("select execution_id from runs")}
    assert len(names) == 3


def test_nothing_is_collected_too_early(laid: Ground) -> None:
    desk = laid.copy("collect")
    assert call(desk, *words(desk)).returncode == 0
    kept = desk.git("for-each-ref", "refs/pipeline/keep")
    assert kept
    for jump in (0, BACK):
        done = call(desk, "pipeline", "keep", "gc", **clock(desk, jump))
        assert done.returncode == 0, done.stderr
        assert desk.git("for-each-ref", "refs/pipeline/keep") == kept
    goes_on(desk, laid.want)
