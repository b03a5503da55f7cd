"""``pipeline run --resume``: which run, from where, and on with the line. What is recorded is read, never done again."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import replace
from typing import Any

from global_core_state import audit
from global_core_state.harness import remove_slots
from global_core_state.recovery import take_over, tidy
from global_core_state.working import forsake, lease_seconds, working
from global_util.config import Settings, load_settings
from global_util.errors import Held, InvalidInput
from global_util.phase import LINE
from global_util.progress import Listener

from global_ui.driver import Choices, Line, go_on, with_the_plan_that_landed
from global_ui.run_state import BEGAN, Runs

Say = Callable[[str], None]


def choose(runs: Runs, say: Say) -> str:
    """The newest run that did not end; rather one that nobody works on, and that began with ``pipeline run``.

    Raises InvalidInput (E465) when every run has ended, or none began.
    """
    rows = [str(row["execution_id"]) for row in runs.store.runs()]
    waiting = [name for name in reversed(rows) if not runs.has_ended(name)]
    if not waiting:
        if rows:
            put_in_order(runs, rows[-1])
        raise InvalidInput(
            "no run is waiting to go on: all have ended, or the last was killed while its plan was read",
            f"the table of the newest: pipeline run --resume {rows[-1]}" if rows else "begin with: pipeline run PLAN",
            "E465",
        )
    best = sorted(waiting, key=lambda name: (runs.is_worked_on(name), runs.told(name, BEGAN) is None))
    if len(waiting) > 1:
        say(f"{len(waiting)} runs did not end ({', '.join(waiting)}): taking {best[0]}")
    return best[0]


def resume(runs: Runs, execution: str, listener: Listener, say: Say, raised: Mapping[str, Any] | None = None) -> Line:
    """Go on with a run; of one that has ended, what it came to. ``raised``: limits that hold from now on.

    Raises Held (E502) when somebody works on it, InvalidInput (E464) when it cannot go on.
    """
    runs.find(execution)
    if runs.has_ended(execution):
        put_in_order(runs, execution)
        return recall(runs, execution)
    folder = runs.folder(execution)
    lease = lease_seconds(_settings(runs, execution))
    with working(runs.store, folder, lease) as fence:
        if runs.has_ended(execution):
            return recall(runs, execution)
        if runs.find(execution)["status"] != "running":
            # Else ``take_over`` does so.
            tidy(folder)
        if audit.is_cut(runs.repo, runs.store, execution):
            say(f"{execution}: the state has lost events that an anchor names; what they told is done again")
            say(f"  see pipeline verify {execution}")
        began = runs.told(execution, BEGAN)
        if began is None:
            raise _unknown_beginning(runs, execution)
        stopped = take_over(runs.store.behind(fence), folder)
        # A kill between the last artifact and the verdict on the run: PH7 is asked once more, and only recalls.
        known = runs.shelf(execution, len(LINE) - 1)
        say(_where(execution, LINE[len(known)], stopped))
        choices = replace(Choices.from_json(began), raised=raised or {})
        return go_on(runs.repo, choices, known, _seconds(runs, execution, len(known)), listener, fence)


def _settings(runs: Runs, execution: str) -> Settings:
    """What the run was told when it began lies over what is configured now."""
    told = (runs.told(execution, BEGAN) or {}).get("overrides")
    return load_settings(runs.repo.cwd, told if isinstance(told, dict) else {})


def put_in_order(runs: Runs, execution: str) -> None:
    """What a kill after the last word of a run prevented: its anchor, and that its lock, claim, slots and temporary files go.

    Whoever holds the lock is about to do so.
    """
    with suppress(Held), runs.folder(execution).locked():
        tidy(runs.folder(execution))
        forsake(runs.store, execution)
        audit.anchor(runs.repo, runs.store, execution)
        remove_slots(runs.repo, _settings(runs, execution))


def recall(runs: Runs, execution: str) -> Line:
    """The line of a run that has ended. Raises InvalidInput (E464) when it has no outcome."""
    known = runs.shelf(execution)
    if len(known) < len(LINE):
        state = runs.find(execution)["status"]
        refused = runs.told(execution, "phase_failed") or {}
        why = f": {refused['message']}" if state == "failed" and refused else ""
        raise InvalidInput(
            f"{execution} is {state}{why}: it has no outcome and does not go on",
            "begin with: pipeline run PLAN",
            "E464",
        )
    return Line(with_the_plan_that_landed(runs.repo, known), _seconds(runs, execution, len(LINE)))


def next_command(runs: Runs, execution: str) -> str:
    """What a person types to go on with a run of the pipe; empty when it has no artifact yet, or all of them."""
    outputs = runs.outputs(execution)
    if not 0 < len(outputs) < len(LINE):
        return ""
    place = runs.folder(execution).artifact_file(list(outputs.values())[-1])
    return f"{LINE[len(outputs)]} run --in {place}"


def _unknown_beginning(runs: Runs, execution: str) -> InvalidInput:
    if runs.find(execution)["status"] == "created":
        return InvalidInput(
            f"{execution} was killed while its plan was read: nothing was done yet",
            f"begin again with: pipeline run PLAN; and: pipeline abandon-run {execution}",
            "E464",
        )
    command = next_command(runs, execution)
    way = f"go on, with the same options, with: {command}" if command else f"pipeline abandon-run {execution}"
    return InvalidInput(f"{execution} did not begin with pipeline run: how it goes on is not recorded", way, "E464")


def _where(execution: str, name: str, stopped: tuple[str, ...]) -> str:
    """One line for people."""
    more = f"; was killed at work on {', '.join(stopped)}" if stopped else ""
    return f"{execution} goes on with {name}{more}"


def _seconds(runs: Runs, execution: str, count: int) -> dict[str, float]:
    """How long the first phases of the line took, as recorded."""
    taken = runs.seconds(execution)
    return {name: taken.get(name, 0.0) for name in LINE[:count]}
