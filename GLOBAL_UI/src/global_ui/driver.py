"""The whole line in one process: the same phases, the same artifacts, the same commits as the pipe."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

from global_core_state.folder import RunFolder
from global_core_state.harness import Order, run_phase
from global_util import clock
from global_util.config import load_settings
from global_util.contracts import Artifact
from global_util.contracts.commit_plan import CommitPlan
from global_util.contracts.git_operation_log import GitOperationLog
from global_util.git import Repository
from global_util.phase import LINE, Phase, find
from global_util.progress import Event, Listener


@dataclass(frozen=True)
class Choices:
    """What a person decides on the command line. ``options`` are PH1's, by name."""

    plan: Path
    plan_format: str | None = None
    options: Mapping[str, Any] = field(default_factory=dict)
    overrides: Mapping[str, Any] = field(default_factory=dict)
    dry_run: bool = False


@dataclass(frozen=True)
class Line:
    """The artifacts of a run by schema id (the commit plan that landed), and how long each phase took, in seconds."""

    artifacts: Mapping[str, Artifact]
    seconds: Mapping[str, float]


def run_line(repo: Repository, choices: Choices, listener: Listener) -> Line:
    """Run PH0 to PH7. Overrides are given where a pipe would give them: to PH0 what it reads, to PH1 the rest."""
    early = _read_by_ph0(choices.overrides, _require_phases(repo, choices.overrides))
    late = {key: value for key, value in choices.overrides.items() if key not in early or key.startswith("phases.")}
    given = {
        "ph0": ({"plan": choices.plan, "plan_format": choices.plan_format}, early),
        "ph1": (dict(choices.options), late),
        "ph7": ({"dry_run": True} if choices.dry_run else {}, {}),
    }
    artifacts: dict[str, Artifact] = {}
    seconds: dict[str, float] = {}
    text = b""
    for name in LINE:
        options, overrides = given.get(name, ({}, {}))
        began = clock.monotonic()
        order = Order(
            phase=name,
            repo=repo,
            text=text,
            where=f"the artifact for {name}",
            overrides=overrides,
            options={key: value for key, value in options.items() if value is not None},
            listener=listener,
        )
        made = run_phase(order)
        seconds[name] = clock.monotonic() - began
        artifacts[made.schema_id] = made
        text = made.dumps().encode()
        listener(Event("phase_done", made.execution_id, None, {"phase": name, "artifact": made.artifact_id}))
    log = cast("GitOperationLog", artifacts[GitOperationLog.SCHEMA])
    artifacts[CommitPlan.SCHEMA] = RunFolder(repo, log.execution_id).load(log.commit_plan)
    return Line(artifacts, seconds)


def _require_phases(repo: Repository, overrides: Mapping[str, Any]) -> Phase:
    """Every key is known and every phase is there, before a run begins. Returns PH0."""
    settings = load_settings(repo.cwd, overrides)
    found = [find(name, settings.get(f"phases.{name}") or "")[0] for name in LINE]
    return found[0]


def _read_by_ph0(overrides: Mapping[str, Any], ph0: Phase) -> dict[str, Any]:
    reads = ph0.reads
    return {key: value for key, value in overrides.items() if key in reads or key.startswith("phases.")}
