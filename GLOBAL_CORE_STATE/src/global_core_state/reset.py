"""A workstream of a run that did not land begins anew, with all that depends on it; the others keep their answers.

What is forgotten is forgotten by one event: the answers of calls and tries in the journal, and what the phases from PH2 on
came to, because their artifacts hold the old result. Nothing is removed: artifacts, files and events stay, and the commits
that the tries made are kept under ``refs/pipeline/keep/`` before the event is told.
"""

from __future__ import annotations

import difflib
import json
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from global_util.errors import Held, InvalidInput
from global_util.phase import LINE

from global_core_state import machine
from global_core_state.recovery import INSTANT_S, require_not_landed, take_over
from global_core_state.working import claimed

if TYPE_CHECKING:
    from global_util.git import Repository

    from global_core_state.folder import RunFolder
    from global_core_state.store import Store

_PAID = ("edit", "repair")
"""Purposes of the tries that are counted: a fixer's belongs to the one before it."""


class Plan(NamedTuple):
    """What begins anew: the workstream and then those that depend on it. ``keeps``: see ``Store.reset_workstreams``.

    ``head``: the commit of the last try that still stands, empty where none does. ``phases``: those that are forgotten.
    """

    names: tuple[str, ...]
    keeps: dict[str, int]
    phases: tuple[str, ...]
    head: str


def survey(store: Store, folder: RunFolder, ws: str, tries: int = 0) -> Plan:
    """What a reset would do. ``tries``: how many calls of the AI tool stay as they are, the edit being the first.

    Raises InvalidInput (E300) for a workstream or try that is not there, Held for a run or workstream that cannot begin
    anew (E511) or whose commits have landed (E510).
    """
    execution = folder.execution_id
    rows = {row["ws_id"]: row for row in store.workstreams(execution)}
    if ws not in rows:
        raise unknown(execution, ws, rows)
    _require_open(store, execution)
    require_not_landed(folder)
    names = (ws, *dependents(rows.values(), ws))
    _require_states(execution, {name: rows[name]["status"] for name in names})
    ended = {row["phase"] for row in store.table("phase_runs", execution)}
    cut, head = _standing(store, execution, ws, tries) if tries else (0, "")
    keeps = {name: cut if name == ws else 0 for name in names}
    return Plan(names, keeps, tuple(name for name in LINE[2:] if name in ended), head)


def reset(store: Store, folder: RunFolder, ws: str, why: str, tries: int = 0) -> tuple[Plan, tuple[str, ...]]:
    """Let a workstream begin anew, with what depends on it; what was done, and the refs that keep their commits.

    Raises what ``survey`` does, and Held (E502) while a process works on the run.
    """
    with folder.locked():
        survey(store, folder, ws, tries)
        with claimed(store, folder, INSTANT_S) as fence:
            fenced = store.behind(fence)
            take_over(fenced, folder)
            plan = survey(fenced, folder, ws, tries)
            kept = _keep(fenced, folder, plan.names)
            about = {"why": why, "kept": kept}
            if not fenced.reset_workstreams(folder.execution_id, ws, plan.keeps, plan.phases, about):
                raise Held(f"{folder.execution_id} {ws}: cannot begin anew", "see pipeline show-run", "E511")
            _let_go(folder, plan)
    return plan, kept


def dependents(rows: Iterable[Mapping[str, Any]], ws: str) -> tuple[str, ...]:
    """The workstreams that depend on one, directly or not, by id."""
    above = {row["ws_id"]: set(json.loads(row["depends_on"])) for row in rows}
    found, grown = {ws}, True
    while grown:
        more = {name for name, needs in above.items() if needs & found} - found
        found, grown = found | more, bool(more)
    return tuple(sorted(found - {ws}))


def unknown(execution: str, ws: str, known: Iterable[str]) -> InvalidInput:
    """What to tell about a workstream that a run does not have."""
    names = sorted(known)
    near = difflib.get_close_matches(ws, names, n=3)
    hint = f"near are: {', '.join(near)}" if near else f"it has: {', '.join(names[:10]) or 'none'}"
    return InvalidInput(f"{execution} has no workstream {ws!r}", hint, "E300")


def _require_open(store: Store, execution: str) -> None:
    run = store.run(execution)
    status = str(run["status"]) if run else ""
    ended = {row["phase"] for row in store.table("phase_runs", execution) if row["output_id"]}
    if status in ("completed", "partial"):
        raise Held(
            f"{execution} is {status}: some of its commits have landed, it does not go on",
            "let the workstream begin anew in a run of its own: pipeline run PLAN --workstream-id WS",
            "E511",
        )
    if status not in machine.RESET_RUN | {"running"} or "ph1" not in ended:
        raise Held(f"{execution} is {status}: nothing of it can begin anew", "begin with: pipeline run PLAN", "E511")


def _require_states(execution: str, states: Mapping[str, str]) -> None:
    for name, state in states.items():
        if state not in machine.RESET_WORKSTREAM:
            raise Held(
                f"{execution} {name} is {state}: it cannot begin anew", f"see pipeline show-run {execution}", "E511"
            )


def _standing(store: Store, execution: str, ws: str, tries: int) -> tuple[int, str]:
    """The event that confirmed the try of that number, and the try's head."""
    confirmed = {row["confirmed"] for row in store.table("journal", execution)}
    steps: dict[int, str] = {}
    found: dict[int, tuple[int, str]] = {}
    for row in store.events(execution):
        if row["ws_id"] != ws or row["type"] not in ("step_began", "step_ended"):
            continue
        about = json.loads(row["payload"])
        if row["type"] == "step_began":
            steps[row["seq"]] = about["step"]
            continue
        purpose, _, number = steps.get(about["attempt"], "").partition(":")
        # A call is confirmed by the event after the one that tells its end, in one transaction with it.
        if purpose in _PAID and row["seq"] + 1 in confirmed:
            found[int(number)] = (row["seq"] + 1, about["head"])
    if tries not in found:
        has = ", ".join(map(str, sorted(found))) or "none"
        raise InvalidInput(f"{execution} {ws}: there is no answered try {tries}", f"it has: {has}", "E300")
    return found[tries]


def _keep(store: Store, folder: RunFolder, names: Sequence[str]) -> tuple[str, ...]:
    """Refs that hold what the tries of some workstreams made, and what was about to land."""
    repo, execution = folder.repo, folder.execution_id
    heads = _heads(store, execution, names)
    kept = []
    for name in names:
        head = repo.resolve(_head(execution, name))
        label = f"reset-{store.resets(execution, name) + 1}"
        for oid in _own(repo, [*heads[name], *([head] if head else [])]):
            kept.append(keep_under(repo, f"refs/pipeline/keep/{execution}/{name}/{label}", oid))
    landing = repo.resolve(_head(execution, "landing"))
    if landing:
        kept.append(keep_under(repo, f"refs/pipeline/keep/{execution}/landing/1", landing))
    return tuple(kept)


def _heads(store: Store, execution: str, names: Sequence[str]) -> dict[str, list[str]]:
    """The commits that tries of some workstreams came to."""
    heads: dict[str, list[str]] = {name: [] for name in names}
    for row in store.events(execution):
        if row["type"] == "step_ended" and row["ws_id"] in heads:
            head = json.loads(row["payload"]).get("head")
            heads[row["ws_id"]] += [head] if isinstance(head, str) else []
    return heads


def _own(repo: Repository, heads: Sequence[str]) -> list[str]:
    """Those that no other of them is made from, and that no branch and no kept ref holds. What git has lost is left out."""
    there = [oid for oid in dict.fromkeys(heads) if repo.commit_of(oid)]
    words = ("rev-list", *there, "--not", "--branches", "--glob=refs/pipeline/keep")
    fresh = repo.run(*words).decode().split() if there else []
    wanted = [oid for oid in there if oid in set(fresh)]
    return repo.run("merge-base", "--independent", *wanted).decode().split() if wanted else []


def keep_under(repo: Repository, ref: str, oid: str) -> str:
    """A ref of this name that holds a commit, with a number behind it when there is another one."""
    number, name = 1, ref
    while (found := repo.resolve(name)) not in (None, oid):
        number += 1
        name = f"{ref}-{number}"
    if found is None:
        repo.update_ref(name, oid, None, "phaseline: reset")
    return name


def _let_go(folder: RunFolder, plan: Plan) -> None:
    """The heads are no longer those of the run: their commits are kept elsewhere by now."""
    repo, execution = folder.repo, folder.execution_id
    for name in (*plan.names, "landing"):
        ref = _head(execution, name)
        before = repo.resolve(ref)
        if name == plan.names[0] and plan.head and before != plan.head:
            repo.update_ref(ref, plan.head, before, "phaseline: reset")
        elif before and not (name == plan.names[0] and plan.head):
            repo.delete_ref(ref, before)


def _head(execution: str, name: str) -> str:
    return f"refs/pipeline/runs/{execution}/{name}"
