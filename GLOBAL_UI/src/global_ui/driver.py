"""The whole line in one process: the same phases, the same artifacts, the same commits as the pipe."""

from __future__ import annotations

import json
import re
from collections import ChainMap
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

from global_core_state.claims_fence import Fence
from global_core_state.folder import RunFolder
from global_core_state.harness import Order, run_phase
from global_core_state.store import Store
from global_core_state.working import lease_seconds, working
from global_util import clock
from global_util.config import load_settings
from global_util.contracts import Artifact
from global_util.contracts.commit_plan import CommitPlan
from global_util.contracts.git_operation_log import GitOperationLog
from global_util.disk import disk_fault
from global_util.errors import EnvironmentFault, Held, Interrupted, Parked
from global_util.git import GitError, Repository
from global_util.phase import LINE, Phase, find
from global_util.progress import Event, Listener

_LOST = re.compile(r"bad object|is missing|not a valid object|unable to read")
_PASSING = ("E501", "E504", "E508", "E513")
"""What others hold for a while: the run goes on when they have let go of it."""


@dataclass(frozen=True)
class Choices:
    """What a person decides on the command line. ``options`` are PH1's, by name."""

    plan: Path
    plan_format: str | None = None
    options: Mapping[str, Any] = field(default_factory=dict)
    overrides: Mapping[str, Any] = field(default_factory=dict)
    dry_run: bool = False
    raised: Mapping[str, Any] = field(default_factory=dict)
    """Limits that hold from now on, for a run that goes on."""

    def settled(self) -> Choices:
        """The same with paths that mean the same from everywhere."""
        given = {key: value for key, value in self.options.items() if value is not None}
        if "recording" in given:
            given["recording"] = str(Path(given["recording"]).absolute())
        return Choices(self.plan.absolute(), self.plan_format, given, self.overrides, self.dry_run)

    def to_json(self) -> dict[str, Any]:
        """What the event ``line_began`` tells. What JSON does not know becomes text, which the phases then refuse."""
        fields = {
            "plan": str(self.plan),
            "plan_format": self.plan_format,
            "options": dict(self.options),
            "overrides": dict(self.overrides),
            "dry_run": self.dry_run,
        }
        told: dict[str, Any] = json.loads(json.dumps(fields, default=str))
        return told

    @classmethod
    def from_json(cls, told: Mapping[str, Any]) -> Choices:
        """What ``to_json`` told."""
        return cls(Path(told["plan"]), told["plan_format"], told["options"], told["overrides"], told["dry_run"])


@dataclass(frozen=True)
class Line:
    """The artifacts of a run by schema id (the commit plan that landed), and how long each phase took, in seconds."""

    artifacts: Mapping[str, Artifact]
    seconds: Mapping[str, float]


def run_line(repo: Repository, choices: Choices, listener: Listener) -> Line:
    """Run PH0 to PH7. Overrides are given where a pipe would give them: to PH0 what it reads, to PH1 the rest."""
    settled = choices.settled()
    early = _read_by_ph0(settled.overrides, _require_phases(repo, settled.overrides))
    began = clock.monotonic()
    order = Order(
        phase="ph0",
        repo=repo,
        where="the plan",
        overrides=early,
        options=_given({"plan": choices.plan, "plan_format": choices.plan_format}),
        listener=listener,
        line=settled.to_json(),
    )
    made = run_phase(order)
    seconds = clock.monotonic() - began
    _tell(listener, "ph0", made)
    lease = lease_seconds(load_settings(repo.cwd, settled.overrides))
    with (
        closing(Store(repo.state_dir / "state.db")) as store,
        working(store, RunFolder(repo, made.execution_id), lease) as fence,
    ):
        return go_on(repo, settled, {made.schema_id: made}, {"ph0": seconds}, listener, fence)


def go_on(
    repo: Repository,
    choices: Choices,
    known: Mapping[str, Artifact],
    seconds: Mapping[str, float],
    listener: Listener,
    fence: Fence,
) -> Line:
    """Run the phases after those whose artifacts are ``known``, in the order of the line, under the claim on the run."""
    made, taken = dict[str, Artifact](), dict(seconds)
    last = known[list(known)[-1]]
    for name in LINE[len(known) :]:
        began = clock.monotonic()
        with _told_how_to_go_on(last.execution_id, name):
            last = run_phase(_order(repo, choices, name, last, listener, fence))
        taken[name] = clock.monotonic() - began
        made[last.schema_id] = last
        _tell(listener, name, last)
    return Line(with_the_plan_that_landed(repo, ChainMap(made, known)), taken)  # type: ignore[arg-type]


def with_the_plan_that_landed(repo: Repository, artifacts: Mapping[str, Artifact]) -> Mapping[str, Artifact]:
    """The commit plan that the operation log names can have taken the place of PH6's own."""
    log = cast("GitOperationLog", artifacts[GitOperationLog.SCHEMA])
    plan = artifacts[CommitPlan.SCHEMA]
    if plan.artifact_id == log.commit_plan:
        return ChainMap({plan.schema_id: plan, log.schema_id: log}, artifacts)  # type: ignore[arg-type]
    return ChainMap({plan.schema_id: RunFolder(repo, log.execution_id).load(log.commit_plan)}, artifacts)  # type: ignore[arg-type]


def _order(repo: Repository, choices: Choices, name: str, last: Artifact, listener: Listener, fence: Fence) -> Order:
    options, overrides = {
        "ph1": (choices.options, _read_later(repo, choices.overrides)),
        "ph7": ({"dry_run": True} if choices.dry_run else {}, {}),
    }.get(name, ({}, {}))
    return Order(
        phase=name,
        repo=repo,
        artifact=last,
        where=f"the artifact for {name}",
        overrides={**overrides, **choices.raised},
        options=_given(options),
        listener=listener,
        held=fence,
    )


def _given(options: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in options.items() if value is not None}


def _tell(listener: Listener, name: str, made: Artifact) -> None:
    listener(Event("phase_done", made.execution_id, None, {"phase": name, "artifact": made.artifact_id}))


@contextmanager
def _told_how_to_go_on(execution: str, name: str) -> Iterator[None]:
    """Whoever is stopped learns how the run goes on, unless it is told already; a run that PH1 refuses is over."""
    way = f"go on with: pipeline run --resume {execution}"
    try:
        yield
    except (KeyboardInterrupt, Interrupted):
        raise Interrupted(f"{execution} was interrupted in {name}", way) from None
    except Held as fault:
        if isinstance(fault, Parked) or fault.code in _PASSING:
            fault.hint = _then(fault.hint, way)
        raise
    except OSError as fault:
        found = disk_fault(fault)
        if found is None:
            raise
        found.hint = _then(found.hint, way)
        raise found from None
    except EnvironmentFault as fault:
        if isinstance(fault, GitError) and _LOST.search(fault.message):
            fault.hint = "objects of the run were removed from this clone: bring them back from a copy, or begin again"
        if name != "ph1" and " run --in " not in fault.hint:
            fault.hint = _then(fault.hint, way)
        raise


def _then(hint: str, way: str) -> str:
    """A hint with the command that goes on, in place of one that only says that something is to be run again."""
    first = re.sub(r",? then run (it |the phase )?again$", "", hint)
    return f"{first}; then {way}" if first else way


def _require_phases(repo: Repository, overrides: Mapping[str, Any]) -> Phase:
    """Every key is known and every phase is there, before a run begins. Returns PH0."""
    settings = load_settings(repo.cwd, overrides)
    found = [find(name, settings.get(f"phases.{name}") or "")[0] for name in LINE]
    return found[0]


def _read_by_ph0(overrides: Mapping[str, Any], ph0: Phase) -> dict[str, Any]:
    reads = ph0.reads
    return {key: value for key, value in overrides.items() if key in reads or key.startswith("phases.")}


def _read_later(repo: Repository, overrides: Mapping[str, Any]) -> dict[str, Any]:
    early = _read_by_ph0(overrides, _require_phases(repo, overrides))
    return {key: value for key, value in overrides.items() if key not in early or key.startswith("phases.")}
