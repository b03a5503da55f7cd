"""Taking back what a workstream landed: one more commit on the target branch, which undoes its change and nothing else.

History is never rewritten. The commit is made first and anchored, then the branch moves by compare-and-swap.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, cast

from global_util import clock
from global_util.contracts.commit_plan import CommitGroup, CommitPlan
from global_util.contracts.git_operation_log import GitOperationLog
from global_util.contracts.item import Change
from global_util.errors import Held
from global_util.merge import join

from global_core_state.recovery import INSTANT_S
from global_core_state.reset import keep_under, unknown
from global_core_state.working import claimed

if TYPE_CHECKING:
    from global_core_state.folder import RunFolder
    from global_core_state.store import Store

_CODE = "E512"


class Revert(NamedTuple):
    """What takes a workstream back. ``landed``: its commit on the branch. ``changes``: the paths that differ from ``before``."""

    branch: str
    before: str
    landed: str
    commit: str
    changes: tuple[Change, ...]


def prepare(store: Store, folder: RunFolder, ws: str) -> Revert:
    """Make the commit that takes a workstream back; no ref is touched.

    Raises InvalidInput (E300) for an unknown workstream, Held (E512) when it did not land, when what landed after it needs
    it, or when its change cannot be taken out of what the branch holds now.
    """
    _require_landed(store, folder.execution_id, ws)
    log, plan = _outcome(store, folder, ws)
    group = next(group for group in plan.commit_groups if ws in group.workstreams)
    landed = next(one.merge or one.commit for one in log.commits if one.group_id == group.group_id)
    repo, before = folder.repo, folder.repo.resolve(f"refs/heads/{log.target_branch}")
    if before is None or not repo.is_ancestor(landed, before):
        raise Held(f"{ws}: {log.target_branch} does not hold {landed} any more", "there is nothing to take back", _CODE)
    _require_unused(store, folder.execution_id, ws, plan, group)
    parent = repo.resolve(f"{landed}^1")
    assert parent is not None
    tip = repo.tree_of(before)
    joined = join(repo, tip, repo.tree_of(landed), repo.tree_of(parent))
    if joined.tree is None:
        where = ", ".join(joined.conflicts[:3])
        raise Held(
            f"{ws}: what was changed after it conflicts with taking it back, in {where}",
            f"by hand: git revert {'-m 1 ' if _is_merge(folder, landed) else ''}{landed}",
            _CODE,
        )
    if joined.tree == tip:
        raise Held(f"{ws}: {log.target_branch} holds nothing of its change any more", "somebody took it back", _CODE)
    epoch = max(clock.run_epoch(), repo.date_of(before))
    commit = repo.commit(joined.tree, (before,), _message(folder.execution_id, ws, group, landed), repo.user(), epoch)
    return Revert(log.target_branch, before, landed, commit, repo.diff(tip, joined.tree))


def rollback(store: Store, folder: RunFolder, ws: str, why: str) -> str:
    """Take a workstream back; the commit that does it. Told again after a kill, it is not done twice.

    Raises what ``prepare`` does; Held also while a process works on the run (E502) or when the branch is moved meanwhile
    (E501); EnvironmentFault (exit 4) when a checkout of the branch has changes or cannot follow.
    """
    execution, key = folder.execution_id, f"rollback:{ws}"
    with folder.locked():
        _require_landed(store, execution, ws)
        with claimed(store, folder, INSTANT_S) as fence:
            fenced = store.behind(fence)
            done = fenced.intend(execution, key, "rollback", {"workstream_id": ws}).answer
            if done is None:
                done = {"commit": _landed_before(fenced, folder, ws) or _land(folder, ws, prepare(fenced, folder, ws))}
                fenced.confirm(execution, key, done)
            fenced.move_workstream(execution, ws, "rolled_back", why)
    return str(done["commit"])


def _require_landed(store: Store, execution: str, ws: str) -> None:
    states = {row["ws_id"]: str(row["status"]) for row in store.workstreams(execution)}
    if ws not in states:
        raise unknown(execution, ws, states)
    if states[ws] == "rolled_back":
        raise Held(f"{execution} {ws} was taken back already", f"see pipeline show-run {execution}", _CODE)
    if states[ws] != "landed":
        way = f"pipeline reset-workstream {ws} --run {execution} lets it begin anew"
        raise Held(f"{execution} {ws} is {states[ws]}: nothing of it has landed", way, _CODE)


def _outcome(store: Store, folder: RunFolder, ws: str) -> tuple[GitOperationLog, CommitPlan]:
    rows = store.table("phase_runs", folder.execution_id)
    output = next((row["output_id"] for row in rows if row["phase"] == "ph7"), None)
    if output is None:
        hint = f"let it end: pipeline run --resume {folder.execution_id}"
        raise Held(f"{folder.execution_id}: {ws} has landed, but the run has not ended", hint, _CODE)
    log = cast("GitOperationLog", folder.load(output))
    return log, cast("CommitPlan", folder.load(log.commit_plan))


def _require_unused(store: Store, execution: str, ws: str, plan: CommitPlan, group: CommitGroup) -> None:
    """What landed on top of it, and was not taken back, would stand on nothing."""
    states = {row["ws_id"]: row["status"] for row in store.workstreams(execution)}
    needed = {group.group_id}
    above: list[str] = []
    for other in plan.commit_groups:
        if needed & set(other.depends_on):
            needed.add(other.group_id)
            above += [name for name in other.workstreams if states.get(name) != "rolled_back"]
    if above:
        raise Held(
            f"{execution} {ws}: {', '.join(above)} landed on top of it",
            f"take that back first: pipeline rollback-workstream {above[-1]} --run {execution}",
            _CODE,
        )


def _is_merge(folder: RunFolder, commit: str) -> bool:
    return folder.repo.resolve(f"{commit}^2") is not None


def _message(execution: str, ws: str, group: CommitGroup, landed: str) -> str:
    subject = next(iter(group.commit_message.splitlines()), ws)
    trailers = f"Execution-Id: {execution}\nWorkstream-Id: {ws}\nReverts: {landed}\n"
    return f'Revert "{subject}"\n\nTakes back what {ws} landed.\n\n{trailers}'


def _ref(execution: str, ws: str) -> str:
    return f"refs/pipeline/runs/{execution}/rollback/{ws}"


def _landed_before(store: Store, folder: RunFolder, ws: str) -> str | None:
    """An earlier try was killed between moving the branch and telling so: the branch holds what it anchored."""
    anchored = folder.repo.resolve(_ref(folder.execution_id, ws))
    log, _ = _outcome(store, folder, ws)
    tip = folder.repo.resolve(f"refs/heads/{log.target_branch}")
    return anchored if anchored and tip and folder.repo.is_ancestor(anchored, tip) else None


def _land(folder: RunFolder, ws: str, revert: Revert) -> str:
    repo, execution = folder.repo, folder.execution_id
    ref = _ref(execution, ws)
    repo.require_clean(revert.branch)
    keep_under(repo, f"refs/pipeline/keep/{execution}/target/rollback-{ws}", revert.before)
    repo.update_ref(ref, revert.commit, repo.resolve(ref), "phaseline: rollback")
    again = f"pipeline rollback-workstream {ws} --run {execution}"
    repo.advance(revert.branch, revert.commit, revert.before, f"phaseline: take back {ws}", again)
    return revert.commit
