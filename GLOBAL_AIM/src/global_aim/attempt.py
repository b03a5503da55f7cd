"""One try of one tool: prompt, run, look at what changed, enforce the scope, commit what is inside.

Work in progress is committed without clock and execution id (author nobody, date of the parent), so that the same change
gives the same commit in every run.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from tempfile import gettempdir
from typing import TYPE_CHECKING, cast

from global_util import disk, paths
from global_util.attempt import AttemptRequest, AttemptResult, Usage
from global_util.config import PLAY
from global_util.contracts.item import Call, CallOutcome, Change, Scope, ScopeReport, State, Violation
from global_util.contracts.phase_plan import PhasePlan, ToolProfile
from global_util.contracts.workstream import AcceptanceRun
from global_util.disk import DiskFault
from global_util.errors import Interrupted, InvalidInput
from global_util.files import write_atomically
from global_util.git import GitError
from global_util.process import End, ProcessResult, clean_environment, run_process

from global_aim import playing, profiles, snapshot, tries, usage, workspace
from global_aim.playing import Ended
from global_aim.project_tools import choose_interpreter, locate
from global_aim.prompt import build_prompt

if TYPE_CHECKING:
    from global_util.git import Repository
    from global_util.phase import Context

    from global_aim.workspace import Slot

NO_RECORDING = 66
"""Exit code of the ``replay`` tool when it has nothing to play for a call."""
_FAILED = ("failed", "timeout", "idle_timeout")


@dataclass(frozen=True)
class Seen:
    """What a tool left behind: the tree and the changes of all of it, what the scope allows, and what it does not."""

    tree: str
    found: tuple[Change, ...]
    inside: tuple[Change, ...]
    violations: tuple[Violation, ...]


def attempt(ctx: Context, request: AttemptRequest) -> AttemptResult:
    """Do what ``Context.attempt`` promises. Called by the harness, which journals it."""
    folder = _folder(ctx, request)
    tries.forget(folder)
    recordings = ctx.config.get(PLAY)
    if recordings and request.purpose != "fixer":
        return _play(ctx, request, folder, Path(recordings))
    with workspace.lease(ctx.repo, ctx.config, request.start.commit, ctx.execution_id) as slot:
        for note in slot.notes:
            ctx.emit("worktree_note", request.workstream_id, n=request.n, why=note)
        result = _run(ctx, request, slot, folder)
        if result.outcome == "interrupted":
            raise Interrupted(f"{request.workstream_id}: {request.tool} was stopped", "run the phase again to go on")
        return _conclude(ctx, request, slot, folder, result)


def recall(ctx: Context, request: AttemptRequest) -> AttemptResult | None:
    """What a try came to that was announced, and that a kill kept from being confirmed. None: it is to be made again.

    Called by the harness; to be followed by ``attempt`` where nothing is found. A try that had begun is told either way:
    ``attempt_found``, or ``attempt_paid_again`` with the reason.
    """
    folder = _folder(ctx, request)
    before = tries.begun(folder, request)
    if before is None:
        return None
    about = {"n": request.n, "purpose": request.purpose, "slot": before.slot}
    with workspace.reopen(ctx.repo, ctx.config, before, ctx.execution_id) as slot:
        found = None if before.outlived else _found(ctx, slot, before)
        if found is None:
            ctx.emit("attempt_paid_again", request.workstream_id, **about, why=_why_lost(slot, before))
            return None
        ctx.emit("attempt_found", request.workstream_id, **about)
        if isinstance(found, AttemptResult):
            if slot:
                slot.settle()
            return found
        assert slot is not None
        return _conclude(ctx, request, slot, folder, found)


def _found(ctx: Context, slot: Slot | None, before: tries.Try) -> AttemptResult | ProcessResult | None:
    """What was saved already, else how the tool ended in a slot that still holds what it left."""
    if before.result is not None:
        result = AttemptResult.model_validate_json(json.dumps(before.result))
        return result if ctx.repo.commit_of(result.head.commit) else None
    if slot is None:
        return None
    end = End(before.folder / tries.ENDED, before.token)
    return end.read(before.folder / "stdout.log", before.folder / "stderr.log")


def _why_lost(slot: Slot | None, before: tries.Try) -> str:
    if before.outlived:
        return "the machine was started anew: what lies in its worktree need not be whole"
    if slot is None:
        return "its worktree was used again, is held, or was removed"
    return "its tool had not ended by itself"


def _folder(ctx: Context, request: AttemptRequest) -> Path:
    return ctx.run_dir / "ws" / request.workstream_id / ctx.try_name(request)


def _conclude(ctx: Context, request: AttemptRequest, slot: Slot, folder: Path, result: ProcessResult) -> AttemptResult:
    """Look at what a tool left that has ended, and save it. Doing so twice gives the same."""
    tool = request.tool
    outcome = _outcome(result, tool, request.purpose)
    try:
        seen = _look(slot, request)
    except (GitError, OSError) as fault:
        disk.blame(fault)
        if place := _full(slot):
            raise DiskFault(f"{place}: the disk is full: {fault}") from None
        ctx.emit("worktree_unreadable", request.workstream_id, n=request.n, why=str(fault))
        seen, outcome = Seen(request.start.tree, (), (), ()), "failed"
    _require_room(slot, folder, tool, outcome)
    _keep_ignored(ctx, request, slot)
    used, wait_s = _told(ctx, request, result)
    if wait_s and (outcome in _FAILED or (outcome == "ok" and not seen.found)):
        outcome = "rate_limited"
    ended = Ended(outcome, result.exit_code, used)
    made = _saved(ctx, request, folder, ended, seen, _detail(result, outcome, tool))
    if outcome == "rate_limited":
        # It is no answer: the same call is made again later.
        tries.forget(folder)
        made = made.model_copy(update={"wait_s": wait_s})
    else:
        tries.finish(folder, made)
    slot.settle()
    return made


def _require_room(slot: Slot, folder: Path, tool: str, outcome: str) -> None:
    """A tool that failed where there was no room is called again once there is: what it answered says nothing.

    What it left stays in its slot, unsettled, and is kept before the slot is used again.
    """
    if outcome in _FAILED and (place := _full(slot)):
        tries.forget(folder)
        raise DiskFault(f"{place}: the disk is full, and {tool} ended with {outcome}")


def _full(slot: Slot) -> Path | None:
    """Where a tool writes, if there is no room."""
    return next(filter(disk.is_full, (slot.path, Path(gettempdir()))), None)


def _keep_ignored(ctx: Context, request: AttemptRequest, slot: Slot) -> None:
    """Files that git ignores are no change, and go when the slot is used again: those that ``keep.ignored`` names are kept."""
    name = f"refs/pipeline/keep/{ctx.execution_id}/{request.workstream_id}/{ctx.try_name(request)}"
    try:
        ref = snapshot.keep_ignored(slot, request.start, name, f"{request.workstream_id}: with files that git ignores")
    except (GitError, OSError) as fault:
        disk.blame(fault)
        ctx.emit("worktree_unreadable", request.workstream_id, n=request.n, why=str(fault))
        return
    if ref:
        ctx.emit("ignored_kept", request.workstream_id, n=request.n, ref=ref)


def _play(ctx: Context, request: AttemptRequest, folder: Path, recordings: Path) -> AttemptResult:
    """Take a call of an AI tool from its recording."""
    ctx.emit("tool_played", request.workstream_id, tool=request.tool, n=request.n, purpose=request.purpose)
    played = playing.play(ctx.repo, recordings, request)
    request = request.model_copy(update={"instead": played.instead})
    seen = _judged(ctx.repo, request, played.tree, played.unseen)
    return _saved(ctx, request, folder, played.ended, seen, played.detail)


def _saved(ctx: Context, request: AttemptRequest, folder: Path, ended: Ended, seen: Seen, detail: str) -> AttemptResult:
    head, report = _save(ctx, request, seen, ended.outcome)
    _write_traces(ctx, request, folder, ended, seen)
    call = Call(
        n=request.n,
        tool=request.tool,
        outcome=ended.outcome,
        exit_code=ended.exit_code,
        change=_change_id(ctx, request.start, head),
    )
    return AttemptResult(head=head, scope=report, call=call, detail=detail, usage=ended.usage)


def _told(ctx: Context, request: AttemptRequest, result: ProcessResult) -> tuple[Usage | None, int | None]:
    """What an AI tool's output says about its cost, and for how long its service wants no calls."""
    if request.purpose == "fixer":
        return None, None
    profile = _profile(ctx, request.tool)
    return usage.of_call(profile, result), usage.wait_of_call(profile, result)


def _run(ctx: Context, request: AttemptRequest, slot: Slot, folder: Path) -> ProcessResult:
    folder.mkdir(parents=True, exist_ok=True)
    if request.purpose == "fixer":
        profile = None
        argv, env = _fixer(ctx, request, slot), dict[str, str]()
        limits: tuple[int, int | None] = (request.timeout_s, None)
    else:
        profile = _profile(ctx, request.tool)
        argv, env = _command(ctx, request, slot, folder, profile), profiles.environment(profile)
        limits = (profile.timeout_s, profile.idle_timeout_s)
    end = tries.begin(folder, request, slot, ctx.execution_id)
    ctx.emit("tool_started", request.workstream_id, tool=request.tool, n=request.n, purpose=request.purpose)
    return run_process(
        argv,
        cwd=slot.path,
        env=clean_environment({**env, **slot.variables}),
        timeout_s=limits[0],
        idle_timeout_s=limits[1],
        stdout_file=folder / "stdout.log",
        stderr_file=folder / "stderr.log",
        end=end,
    )


def _fixer(ctx: Context, request: AttemptRequest, slot: Slot) -> list[str]:
    """A fixer's arguments, run by the project's interpreter where it has the tool."""
    interpreter = choose_interpreter(ctx.config.get("checks.python") or "", ctx.repo.worktree)
    name, *rest = request.command
    path = clean_environment({})["PATH"]
    program = locate(name, request.python_module, slot.path, interpreter, path) or (name,)
    first = rest.index("--") + 1 if "--" in rest else 0
    return [*program, *rest[:first], *(os.fsdecode(paths.to_bytes(word)) for word in rest[first:])]


def _profile(ctx: Context, tool: str) -> ToolProfile:
    plan = cast("PhasePlan", ctx.ancestor(PhasePlan.SCHEMA))
    for profile in plan.tools:
        if profile.id == tool:
            return profile
    raise InvalidInput(
        f"phase plan {plan.artifact_id}: no tool {tool!r} in /tools", "run ph1 again with --tool", "E422"
    )


def _command(ctx: Context, request: AttemptRequest, slot: Slot, folder: Path, profile: ToolProfile) -> list[str]:
    prompt = folder / "prompt.txt"
    commands = tuple(test.run for test in request.work.acceptance if isinstance(test, AcceptanceRun))
    text = build_prompt(request.work, request.workstream_id, request.purpose, request.findings, commands)
    write_atomically(prompt, text.encode("utf-8", "surrogateescape"))
    values = {
        "prompt_file": str(prompt),
        "worktree": str(slot.path),
        "attempt": str(request.n),
        "workstream_id": request.workstream_id,
        "recording": str(ctx.run_dir / "replay"),
    }
    return profiles.render(profile, values, _files(request.work.scope))


def _files(scope: Scope) -> list[str]:
    """The single files that the scope names; folders and globs are for the tool to explore."""
    entries = (*scope.files_scope, *scope.files_create)
    names = [paths.entry_path(one) for one in entries if not isinstance(one, str) or not any(m in one for m in "*?[")]
    plain = [name for name in names if not name.endswith("/")]
    return [os.fsdecode(paths.to_bytes(name)) for name in plain]


def _look(slot: Slot, request: AttemptRequest) -> Seen:
    scope = request.work.scope
    left = snapshot.look(slot, request.start, (*scope.files_scope, *scope.files_create))
    unseen = [Violation(path=path, kind="submodule") for path in left.repositories]
    unseen += [Violation(path=path, kind="git_dir") for path in left.refused]
    return _judged(slot.repo, request, left.tree, unseen)


def _judged(repo: Repository, request: AttemptRequest, tree: str, unseen: Sequence[Violation]) -> Seen:
    """What was found by the scope. ``unseen``: violations that git cannot hold as changes."""
    scope, found = request.work.scope, repo.diff(request.start.tree, tree)
    known = frozenset(repo.paths_of(request.base.tree)) if scope.files_create else frozenset()
    judged = [(change, paths.judge(scope, change.path, change.path in known)) for change in found]
    violations = [Violation.model_validate({"path": change.path, "kind": kind}) for change, kind in judged if kind]
    return Seen(tree, found, tuple(change for change, kind in judged if not kind), (*violations, *unseen))


def _save(ctx: Context, request: AttemptRequest, seen: Seen, outcome: str) -> tuple[State, ScopeReport]:
    """Commit what is inside the scope. What is not, and what a failed tool left half done, is anchored elsewhere."""
    kept = None
    if seen.found and (seen.violations or outcome != "ok"):
        ref = f"refs/pipeline/keep/{ctx.execution_id}/{request.workstream_id}/{ctx.try_name(request)}"
        if outcome == "rate_limited":
            # The next try has the same number: what this one left must not give way to it.
            ref = f"refs/pipeline/keep/orphans/{seen.tree}"
        why = "left its scope" if seen.violations else f"its tool ended with {outcome}"
        kept = snapshot.keep(ctx.repo, request.start, seen.tree, ref, f"{request.workstream_id}: {why}")
    report = ScopeReport(
        verdict="violated" if seen.violations else "inside", violations=seen.violations, kept_under=kept
    )
    head = _commit(ctx, request, seen) if outcome == "ok" else request.start
    ref = f"refs/pipeline/runs/{ctx.execution_id}/{request.workstream_id}"
    before = request.start.commit if request.n > 1 else None
    ctx.repo.move_ref(ref, head.commit, f"phaseline: {request.purpose} {request.n}", before)
    return head, report


def _commit(ctx: Context, request: AttemptRequest, seen: Seen) -> State:
    if not seen.inside:
        return request.start
    tree = seen.tree if seen.inside == seen.found else ctx.repo.overlay(request.start.tree, seen.inside)
    if ctx.repo.diff(request.start.tree, tree) != seen.inside:
        # Half of a change that turns a file into a folder lies outside the scope: nothing of it can stand alone.
        return request.start
    message = f"{request.workstream_id}: {request.purpose} {request.n}\n"
    commit = ctx.repo.commit(
        tree, (request.start.commit,), message, workspace.NOBODY, ctx.repo.date_of(request.start.commit)
    )
    return State(commit=commit, tree=tree)


def _write_traces(ctx: Context, request: AttemptRequest, folder: Path, ended: Ended, seen: Seen) -> None:
    """The patch of the try, and for AI calls the recording that the ``replay`` tool can play."""
    patch = ctx.repo.patch(request.start.tree, seen.tree)
    write_atomically(folder / "change.patch", patch)
    if request.purpose == "fixer" or ended.outcome == "rate_limited":
        return
    recording = ctx.run_dir / "recording" / request.workstream_id
    write_atomically(recording / f"{request.n}.patch", patch)
    timed = bool(request.work.budget and request.work.budget.seconds)
    write_atomically(recording / f"{request.n}.json", playing.script(ended, seen.violations, timed, request.instead))


def _change_id(ctx: Context, start: State, head: State) -> str:
    return "sha256:" + hashlib.sha256(ctx.repo.patch(start.tree, head.tree)).hexdigest()


def _outcome(result: ProcessResult, tool: str, purpose: str) -> CallOutcome:
    if result.outcome == "not_found":
        return "tool_missing"
    if result.outcome in ("timeout", "idle_timeout", "interrupted"):
        return result.outcome
    if tool == "replay" and result.exit_code == NO_RECORDING:
        return "no_recording"
    if purpose == "fixer" and result.exit_code is not None:
        # Fixers exit with 1 when something is left that they cannot mend; the checks that follow judge what they did.
        return "ok"
    return "ok" if result.exit_code == 0 else "failed"


def _detail(result: ProcessResult, outcome: str, tool: str) -> str:
    if outcome == "ok":
        return ""
    last = ""
    with suppress(IndexError):
        last = (result.stderr or result.stdout).decode("utf-8", "replace").strip().splitlines()[-1][:300]
    how = f"exit {result.exit_code}" if result.exit_code is not None else outcome
    return f"{tool}: {how}" + (f": {last}" if last else "")
