"""Calls of AI tools that are played and not made: what a recording tells is taken for what the tool did.

No program starts and no worktree is needed: the recorded change becomes git objects as it is. ``pipeline replay`` asks for
it with the setting ``executor.play``; the tool ``replay`` plays the same recordings as a program in a worktree.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, cast, get_args

from global_util.attempt import Usage
from global_util.contracts.item import CallOutcome, Violation
from global_util.errors import InvalidInput
from global_util.git import GitError

from global_aim.replay import DATA_FAULT, NO_RECORDING
from global_aim.usage import JSON_LINES, read_usage, recorded

if TYPE_CHECKING:
    from global_util.attempt import AttemptRequest
    from global_util.git import Repository

CALL = "call"
"""Where a recording says what became of the call, beside what the tool ``replay`` reads."""
UNSEEN = ("submodule", "git_dir")
"""Kinds of violations that no patch can hold: nested repositories, and names that git takes nowhere."""
_OUTCOMES = {0: "ok", NO_RECORDING: "no_recording"}


class Ended(NamedTuple):
    """How a call ended."""

    outcome: CallOutcome
    exit_code: int | None
    usage: Usage | None = None


class Played(NamedTuple):
    """What a recording holds: how the call ended, and the tree that it left. ``unseen``: violations that its patch cannot
    tell; ``detail``: one line when it does not fit.
    """

    ended: Ended
    tree: str
    unseen: tuple[Violation, ...]
    detail: str = ""
    instead: str | None = None


def script(ended: Ended, violations: Iterable[Violation], with_time: bool, instead: str | None = None) -> bytes:
    """What is recorded of a call beside its patch. ``with_time``: its seconds count against a budget; ``instead``: the tool
    that took it over."""
    code = ended.exit_code
    call: dict[str, Any] = {"outcome": ended.outcome, "exit_code": code}
    if instead:
        call["instead"] = instead
    unseen = [one.to_json() for one in violations if one.kind in UNSEEN]
    told: dict[str, Any] = {"exit_code": code if code is not None and 0 <= code <= 255 else 1}
    if ended.usage and (used := recorded(ended.usage, with_time=with_time)):
        told["usage"] = used
    return (json.dumps({**told, CALL: {**call, "unseen": unseen} if unseen else call}) + "\n").encode()


def play(repo: Repository, folder: Path, request: AttemptRequest) -> Played:
    """What the recording in ``folder`` tells of a call. One that was never recorded, or does not fit where the call starts
    now, is a call that failed. Raises InvalidInput (E466) for a recording that cannot be read.
    """
    patch, about = (folder / request.workstream_id / f"{request.n}.{form}" for form in ("patch", "json"))
    if not patch.exists():
        return Played(Ended("no_recording", NO_RECORDING), request.start.tree, (), f"no recording of call {request.n}")
    told = _read(about) if about.exists() else {}
    try:
        tree = _applied(repo, request.start.tree, patch.read_bytes())
        call = told.get(CALL) or {}
        unseen = tuple(map(_violation, call.get("unseen") or ()))
        return Played(_ended(told, call), tree, unseen, instead=call.get("instead"))
    except GitError as fault:
        return Played(
            Ended("failed", DATA_FAULT), request.start.tree, (), f"its recording does not fit: {fault.message}"
        )
    except (OSError, ValueError, TypeError, AttributeError) as fault:
        raise _unread(about, fault) from None


def _applied(repo: Repository, tree: str, patch: bytes) -> str:
    """The tree after a patch."""
    if not patch:
        return tree
    with repo.scratch_index(tree) as env:
        repo.sealed("apply", "--cached", "--whitespace=nowarn", "-", stdin=patch, env=env)
        return repo.sealed("write-tree", env=env).stdout.decode().strip()


def _ended(told: dict[str, Any], call: dict[str, Any]) -> Ended:
    """Recordings of an older version, and those made by hand, know an exit code only."""
    code = call.get("exit_code") if call else told.get("exit_code", 0)
    outcome = call.get("outcome") or _OUTCOMES.get(int(code or 0), "failed")
    if outcome not in get_args(CallOutcome):
        raise ValueError(f"/{CALL}/outcome: {outcome!r} is none")
    if code is not None and (isinstance(code, bool) or not isinstance(code, int)):
        raise ValueError(f"/{CALL}/exit_code: {code!r} is none")
    line = json.dumps({"usage": told.get("usage") or {}}).encode()
    return Ended(cast("CallOutcome", outcome), code, read_usage(JSON_LINES, line))


def _violation(told: dict[str, Any]) -> Violation:
    return Violation.model_validate(told)


def _read(place: Path) -> dict[str, Any]:
    try:
        told = json.loads(place.read_bytes())
    except (OSError, ValueError) as fault:
        raise _unread(place, fault) from None
    if not isinstance(told, dict):
        raise _unread(place, "is no object")
    return told


def _unread(place: Path, why: object) -> InvalidInput:
    return InvalidInput(f"{place}: this recording cannot be read: {why}", "restore it from a copy", "E466")
