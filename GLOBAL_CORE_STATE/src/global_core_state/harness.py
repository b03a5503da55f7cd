"""The harness behind every ``phN run``: read, validate, lock, journal, run, write."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import nullcontext
from dataclasses import dataclass, field
from importlib.metadata import EntryPoint, entry_points
from typing import Any, cast

from global_util import clock
from global_util.config import LOCAL_KEYS, Settings, load_settings
from global_util.contracts import ARTIFACTS, Artifact, content_id, load_artifact, require_schema
from global_util.errors import EnvironmentFault, Held, Interrupted, PipelineError
from global_util.git import Repository
from global_util.phase import SERVICE_GROUP, ItemPhase, LinePhase, Phase, find
from global_util.progress import Listener, silent

from global_core_state import audit, recovery, run_id
from global_core_state.claims_fence import Fence
from global_core_state.context import RunContext, item_model, producer
from global_core_state.folder import RunFolder, link_into_worktree
from global_core_state.store import Store
from global_core_state.working import lease_seconds, working


@dataclass(frozen=True)
class Order:
    """What to run on what. ``text`` is the artifact as read; PH0 has none, its plan is in ``options``.

    ``artifact``: in place of the text, what this process wrote itself or has proven.

    ``line`` is what a run of the whole line began with: PH0 tells it, so that the line can go on after a kill. ``held``:
    who orders works on the run for the whole line, and this is its claim.
    """

    phase: str
    repo: Repository
    text: bytes = b""
    artifact: Artifact | None = None
    where: str = "standard input"
    overrides: Mapping[str, Any] = field(default_factory=dict)
    options: Mapping[str, Any] = field(default_factory=dict)
    listener: Listener = silent
    line: Mapping[str, Any] = field(default_factory=dict)
    held: Fence | None = None


def run_phase(order: Order) -> Artifact:
    """Run one phase of the line. The same input gives the recorded answer; another one for the same run is exit 5."""
    order.repo.require_version()
    if order.phase == "ph0":
        return _begin(order)
    artifact = order.artifact or load_artifact(order.text, order.where)
    settings = _settings(order, artifact)
    phase, entry = find(order.phase, settings.get(f"phases.{order.phase}") or "")
    require_schema(artifact, phase.consumes, order.where)
    folder = RunFolder(order.repo, artifact.execution_id)
    store = Store(order.repo.state_dir / "state.db")
    try:
        fresh = store.create_run(folder.execution_id, artifact.run_clock, getattr(artifact, "plan_id", ""))
        with nullcontext(order.held) if order.held else working(store, folder, lease_seconds(settings)) as fence:
            fenced = store.behind(fence)
            recovery.take_over(fenced, folder)
            with audit.anchored(order.repo, fenced, folder.execution_id) if order.held else nullcontext():
                _adopt(artifact, folder, fenced, fresh=fresh)
                made = _continue(order, phase, entry, artifact, settings, folder, fenced)
    except BaseException:
        remove_slots(order.repo, settings)
        raise
    finally:
        store.close()
    if order.phase == "ph7":
        remove_slots(order.repo, settings)
    return made


def remove_slots(repo: Repository, settings: Settings) -> None:
    """Worktrees are pooled while a run goes on, and given up when it ends or fails."""
    for entry in entry_points(group=SERVICE_GROUP, name="remove_slots"):
        entry.load()(repo, settings)


def _settings(order: Order, artifact: Artifact | None) -> Settings:
    return load_settings(order.repo.cwd, order.overrides, {**_local(artifact), **artifact.config} if artifact else {})


def _local(artifact: Artifact | None) -> dict[str, Any]:
    """Overrides that only concern the machine, as the phases before this one were given them."""
    given = artifact.observed.get("config") if artifact else None
    return given if isinstance(given, dict) else {}


def _recorded(phase: Phase, settings: Settings, artifact: Artifact | None, order: Order) -> dict[str, Any]:
    """The configuration that goes into the artifact: what was inherited, what is read here, what was overridden."""
    inherited = dict(artifact.config) if artifact else {}
    values = {**inherited, **{key: settings.get(key) for key in phase.reads}, **order.overrides}
    return {key: value for key, value in values.items() if key not in LOCAL_KEYS}


def _observed(order: Order, artifact: Artifact | None) -> dict[str, Any]:
    """What is carried on without being hashed."""
    given = {key: value for key, value in order.overrides.items() if key in LOCAL_KEYS}
    local = {**_local(artifact), **given}
    return {"config": local} if local else {}


def _begin(order: Order) -> Artifact:
    """PH0: the plan is read before the run exists, so that a plan that cannot be read leaves nothing behind."""
    if order.repo.commit_of("HEAD") is None:
        raise EnvironmentFault(f"{order.repo.cwd}: the repository has no commits yet", "commit something first", "E405")
    settings = _settings(order, None)
    phase, entry = find(order.phase, settings.get(f"phases.{order.phase}") or "")
    run_clock = clock.stamp(clock.run_epoch())
    fields = cast("LinePhase", phase).run(None, _Unstarted(order, settings))  # type: ignore[arg-type]
    store = Store(order.repo.state_dir / "state.db")
    try:
        execution = run_id.mint(order.repo, store, run_clock[:10])
        store.create_run(execution, run_clock, fields["plan"].id)
        made = ARTIFACTS[phase.produces].seal(
            execution_id=execution,
            run_clock=run_clock,
            producer=producer(phase, entry),
            config=_recorded(phase, settings, None, order),
            inputs=(),
            observed=_observed(order, None),
            **fields,
        )
        place = RunFolder(order.repo, execution).save(made)
        for workstream in fields["workstreams"]:
            store.create_workstream(execution, workstream.id, workstream.depends_on)
        if order.line:
            store.record_event(execution, None, "line_began", {**order.line, "artifact": made.artifact_id})
        store.move_run(execution, "running", order.phase)
        store.end_phase(execution, order.phase, made.artifact_id, audit.file_hash(place))
        store.move_run(execution, "idle", order.phase)
        audit.anchor(order.repo, store, execution)
        return made
    finally:
        store.close()


class _Unstarted:
    """What PH0 may see before its run has an id."""

    def __init__(self, order: Order, settings: Settings) -> None:
        self.repo = order.repo
        self.config = settings
        self.options = order.options


def _continue(
    order: Order,
    phase: Phase,
    entry: EntryPoint,
    artifact: Artifact,
    settings: Settings,
    folder: RunFolder,
    store: Store,
) -> Artifact:
    envelope = {
        "execution_id": artifact.execution_id,
        "run_clock": artifact.run_clock,
        "producer": producer(phase, entry),
        "config": _recorded(phase, settings, artifact, order),
        "inputs": ({"schema": artifact.schema_id, "artifact_id": artifact.artifact_id},),
    }
    recorded = _recall(order, artifact, envelope["config"], folder, store)
    if recorded is not None:
        _end(order, folder, store)
        return recorded
    context = recovery.RepeatableContext(
        repo=order.repo,
        store=store,
        folder=folder,
        artifact=artifact,
        config=settings,
        options=order.options,
        listener=order.listener,
        envelope=envelope,
    )
    made = _work(order, phase, artifact, context)
    dry = bool(order.options.get("dry_run"))
    seen = audit.file_hash(folder.save(made, pointer=not dry))
    if dry:
        taken = made.observed["seconds"]
        context.emit("dry_run_ended", phase=order.phase, artifact=made.artifact_id, sha256=seen, seconds=taken)
    else:
        store.end_phase(
            folder.execution_id, order.phase, made.artifact_id, seen, cast("float", made.observed["seconds"])
        )
    after = "idle" if order.phase != "ph7" or dry else _verdict(store, folder.execution_id)
    store.move_run(folder.execution_id, after, order.phase)
    return made


def _end(order: Order, folder: RunFolder, store: Store) -> None:
    """A kill right after PH7 was recorded: the run still has to be given its verdict."""
    run = store.run(folder.execution_id)
    if order.phase == "ph7" and run and run["status"] == "interrupted":
        store.move_run(folder.execution_id, "running", order.phase)
        store.move_run(folder.execution_id, _verdict(store, folder.execution_id), order.phase)


def _recall(order: Order, artifact: Artifact, config: Any, folder: RunFolder, store: Store) -> Artifact | None:
    """What this phase wrote for this input before, or None. A dry run is neither recorded nor recalled.

    Raises Held (exit 5) when the phase already worked on another input, or was told something else.
    """
    if order.options.get("dry_run"):
        return None
    options = {key: str(value) for key, value in sorted(order.options.items()) if key != "jobs"}
    decided = content_id({"config": config, "options": options})
    before = store.begin_phase(folder.execution_id, order.phase, artifact.artifact_id, decided)
    if before is None:
        return None
    if (before["input_id"], before["decided"]) != (artifact.artifact_id, decided):
        raise Held(
            f"{folder.execution_id}: {order.phase} already works on another input ({before['input_id'][:19]}...) or other settings",
            "start a new run with ph0 run",
            "E503",
        )
    made = before["output_id"]
    return folder.load(made, store.written(folder.execution_id).get(made, "")) if made else None


def _work(order: Order, phase: Phase, artifact: Artifact, context: RunContext) -> Artifact:
    """Let the phase work, and seal what it answers. A run that fails or is stopped says so in its state."""
    store, folder = context.store, context.folder
    store.move_run(folder.execution_id, "running", order.phase)
    recovery.go_on(store, folder.execution_id)
    if order.phase == "ph2":
        link_into_worktree(order.repo)
    began = clock.monotonic()
    try:
        fields = _run(order.phase, phase, artifact, context)
    except (KeyboardInterrupt, Interrupted):
        recovery.mark_interrupted(store, folder, f"{order.phase} was stopped")
        raise
    except PipelineError as fault:
        _refused(order, folder, store, fault)
        raise
    seconds = round(clock.monotonic() - began, 3)
    observed = {**_observed(order, artifact), **context.observed, "ended_at": clock.now(), "seconds": seconds}
    return ARTIFACTS[phase.produces].seal(**context.envelope, observed=observed, **fields)


def _run(name: str, phase: Phase, artifact: Artifact, context: RunContext) -> dict[str, Any]:
    if isinstance(phase, ItemPhase):
        item_model(phase.produces)
        items = [context.call(name, item) for item in getattr(artifact, "items", ())]
        finish = getattr(phase, "finish", None)
        if finish is not None:
            finish(items, context)
        return {"items": tuple(items)}
    return cast("LinePhase", phase).run(artifact, context)


def _adopt(artifact: Artifact, folder: RunFolder, store: Store, *, fresh: bool) -> None:
    """An artifact from another clone or state. ``fresh``: its run was not known here."""
    if fresh:
        store.move_run(folder.execution_id, "running", "adopted")
        store.move_run(folder.execution_id, "idle", "adopted")
    if not folder.artifact_file(artifact.artifact_id).exists():
        seen = audit.file_hash(folder.save(artifact))
        about = {"artifact": artifact.artifact_id, "sha256": seen}
        store.record_event(folder.execution_id, None, "artifact_adopted", about)


def _refused(order: Order, folder: RunFolder, store: Store, fault: PipelineError) -> None:
    """A plan that PH1 refuses is over: its number stays used, its ref does not stay behind."""
    store.record_event(
        folder.execution_id, None, "phase_failed", {"phase": order.phase, "code": fault.code, "message": fault.message}
    )
    if order.phase == "ph1":
        run_id.release(order.repo, folder.execution_id)
        store.move_run(folder.execution_id, "failed", fault.message)
        audit.release(order.repo, store, folder.execution_id)
    else:
        store.move_run(folder.execution_id, "idle", fault.message)


def _verdict(store: Store, execution: str) -> str:
    """What became of a run; ``idle`` of one whose workstreams another clone worked on: this state knows nothing of them."""
    states = {row["status"] for row in store.workstreams(execution)}
    if not states:
        return "idle"
    if states <= {"landed", "done"}:
        return "completed"
    return "partial" if states & {"landed", "done"} else "failed"
