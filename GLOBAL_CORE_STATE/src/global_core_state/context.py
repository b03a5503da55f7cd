"""What the harness hands to a phase: calls, attempts and effects, each announced and confirmed in the journal."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, suppress
from functools import lru_cache, partial
from pathlib import Path
from typing import Any, cast, get_args

from global_util import clock
from global_util.attempt import AttemptRequest, AttemptResult
from global_util.config import Settings
from global_util.contracts import ARTIFACTS, Artifact, content_id, parse
from global_util.contracts.base import Producer
from global_util.contracts.error_check_targets import TargetsItem
from global_util.contracts.error_report import ReportItem
from global_util.contracts.item import Call, Item
from global_util.errors import EnvironmentFault, Interrupted, Overspent, Parked, PipelineError
from global_util.git import Repository
from global_util.installed import registered
from global_util.phase import LINE, SERVICE_GROUP, A, ItemPhase, Phase, described, find, service
from global_util.process import STOP
from global_util.progress import Event, Listener

from global_core_state import audit
from global_core_state.folder import RunFolder
from global_core_state.spending import RESTING, Bounds, Ledger
from global_core_state.store import Error, Intent, Store

Attempt = Callable[["RunContext", AttemptRequest], AttemptResult]
"""The service that lets a tool work."""


class RunContext:
    """One phase's view of a run. Safe to use from several threads."""

    def __init__(
        self,
        *,
        repo: Repository,
        store: Store,
        folder: RunFolder,
        artifact: Artifact,
        config: Settings,
        options: Mapping[str, Any],
        listener: Listener,
        envelope: Mapping[str, Any],
    ) -> None:
        self.repo = repo
        self.store = store
        self.folder = folder
        self.artifact = artifact
        self.config = config
        self.options = options
        self.listener = listener
        self.envelope = envelope
        self.execution_id = folder.execution_id
        self.run_clock = artifact.run_clock
        self.run_dir: Path = folder.path
        self.observed: dict[str, Any] = {}
        self._guard = threading.Lock()

    def _nested(self) -> RunContext:
        """The same run for a call: what is observed there belongs to the call."""
        return RunContext(
            repo=self.repo,
            store=self.store,
            folder=self.folder,
            artifact=self.artifact,
            config=self.config,
            options={},
            listener=self.listener,
            envelope=self.envelope,
        )

    def ancestor(self, schema: str) -> Artifact:
        """The artifact of that schema that the current one descends from."""
        if self.artifact.schema_id == schema or not self.artifact.inputs:
            return self.folder.ancestor(self.artifact, schema)
        named, made = self.artifact.inputs[0].artifact_id, dict(zip(LINE, ARTIFACTS, strict=False))
        rows = {row["output_id"]: row for row in self.store.table("phase_runs", self.execution_id)}
        # Which phase made what from what stands in the state: what lies between is not read for that.
        while named in rows and made.get(rows[named]["phase"]) != schema:
            named = str(rows[named]["input_id"])
        written = self.store.written(self.execution_id).get(named, "")
        return self.folder.ancestor(self.folder.load(named, written), schema)

    def settled(self, phase: str) -> frozenset[str]:
        """Workstreams with a try on record, a call of ``phase`` as the last word, and nothing announced and never confirmed."""
        return self.store.settled(self.execution_id, phase)

    def publish(self, model: type[A], **fields: Any) -> A:
        """Write an artifact with this phase's envelope beside the line's own."""
        made = model.seal(**self.envelope, **fields)
        self.folder.save(made, pointer=not self.options.get("dry_run"))
        return made

    def observe(self, key: str, value: Any) -> None:
        """Add to what is recorded but never hashed."""
        with self._guard:
            self.observed[key] = value

    def emit(self, event: str, workstream_id: str | None = None, **payload: Any) -> None:
        """Record an event and tell the listener."""
        self.store.record_event(self.execution_id, workstream_id, event, payload)
        self.listener(Event(event, self.execution_id, workstream_id, payload))

    def move(self, workstream_id: str, state: str, why: str = "") -> None:
        """Change a workstream's state and tell the listener. What the machine refuses stays an event."""
        if self.store.move_workstream(self.execution_id, workstream_id, state, why):
            self.listener(Event("workstream_moved", self.execution_id, workstream_id, {"after": state, "why": why}))

    def effect(
        self,
        kind: str,
        key: Mapping[str, Any],
        do: Callable[[], dict[str, Any]],
        happened: Callable[[], dict[str, Any] | None] | None = None,
    ) -> dict[str, Any]:
        """Do something once per run and key: announced, done, confirmed; done before: the recorded answer.

        ``happened`` is the question for what was announced before and never confirmed: its answer if it did, else None.
        Without one, doing it twice has to be the same as doing it once.
        """
        name, (again, known) = self._announce(kind, key)
        if known is not None:
            return known
        answer = self._ask(kind, key.get("workstream_id"), happened) if again and happened else None
        if answer is None:
            answer = do()
        self.store.confirm(self.execution_id, name, answer)
        return answer

    def _ask(self, kind: str, workstream_id: str | None, happened: Callable[[], Any]) -> Any:
        """What the world says about something that was announced before a kill; recorded as event ``asked``."""
        answer = happened()
        self.emit("asked", workstream_id, kind=kind, happened=answer is not None)
        return answer

    def _announce(self, kind: str, key: Mapping[str, Any]) -> tuple[str, Intent]:
        """The name under which it is announced, and what is on record of it."""
        name = f"{kind}:{content_id(dict(key))}"
        if STOP.is_set():
            raise Interrupted(f"{self.execution_id}: stopped, {kind} is not begun", "run the phase again to go on")
        about = {field: key[field] for field in ("workstream_id", "n", "phase") if field in key}
        return name, self.store.intend(self.execution_id, name, kind, about)

    def call(self, phase: str, item: Item) -> Item:
        """Let an item phase work on an item, once per phase, version, configuration and input."""
        found, entry = find(phase, self.config.get(f"phases.{phase}") or "")
        if not isinstance(found, ItemPhase):
            raise PipelineError(f"{phase} ({entry.value}) works on whole artifacts: it cannot be called with an item")
        if isinstance(item, TargetsItem) and item.execution.status in ("edited", "no_change"):
            self._begin_check(item.workstream_id)
        key = {
            "phase": phase,
            "producer": producer(found, entry).to_json(),
            "config": {name: self.config.get(name) for name in found.reads},
            "input": item.item_id,
            "workstream_id": item.workstream_id,
        }
        name, (_, answered) = self._announce("call", key)
        if answered is None:
            made, answered = self._called(found, item)
            self.store.confirm(self.execution_id, name, answered, item.workstream_id, _errors(made))
        with self._guard:
            self.observed.setdefault(phase, {})[item.workstream_id] = answered["observed"]
        return parse(item_model(found.produces), json.dumps(answered["item"]), f"answer of {phase}")

    def _begin_check(self, workstream_id: str) -> None:
        """What was edited or repaired is checked, also where the answer is on record: after a kill the repair goes on from it."""
        if self.store.workstream_status(self.execution_id, workstream_id) in ("editing", "fixing"):
            self.move(workstream_id, "static_check")

    def _called(self, phase: ItemPhase, item: Item) -> tuple[Item, dict[str, Any]]:
        """What a phase makes of an item, and the answer to record."""
        inner = self._nested()
        began = clock.monotonic()
        made = phase.one(item, inner)
        expected = item_model(phase.produces)
        if not isinstance(made, expected):
            raise PipelineError(f"{phase.id} answered with {type(made).__name__}, expected {expected.__name__}")
        seconds = round(clock.monotonic() - began, 3)
        return made, {"item": made.to_json(), "observed": {**inner.observed, "seconds": seconds}}

    def attempt(self, request: AttemptRequest) -> AttemptResult:
        """Let a tool work in a worktree, once per request: a finished try is never paid twice."""
        run = service("attempt")
        key = {"workstream_id": request.workstream_id, "n": request.n, "request": request.to_json()}
        announced, (again, answer) = self._announce("attempt", key)
        if answer is None:
            answer = self._patiently(run, request, announced, again).to_json()
        result = parse(AttemptResult, json.dumps(answer), "journal")
        if result.usage:
            with self._guard:
                used = self.observed.setdefault("usage", {}).setdefault(request.workstream_id, {})
                used[str(request.n)] = result.usage.to_json()
        return result

    def _patiently(self, run: Attempt, request: AttemptRequest, announced: str, again: bool) -> AttemptResult:
        """Try until it is no longer put off; what would take longer than ``limits.wait_s`` is parked."""
        patience = self.config.get("limits.wait_s") or 0
        while True:
            try:
                return self._by_any(run, request, announced, again)
            except Overspent as fault:
                self.emit("limit_reached", request.workstream_id, why=fault.message)
                raise
            except Parked as fault:
                left = clock.epoch_of(fault.until) - clock.epoch_of(clock.now()) if fault.until else patience + 1
                if left > patience:
                    self.emit("limit_reached", request.workstream_id, why=fault.message, until=fault.until)
                    self.move(request.workstream_id, "parked", fault.message)
                    raise
                self.emit("waiting", request.workstream_id, why=fault.message, until=fault.until)
                patience, again = patience - left, False
                if STOP.wait(left):
                    raise Interrupted(
                        f"{request.workstream_id}: stopped while it waited", "run the phase again to go on"
                    ) from None

    def _by_any(self, run: Attempt, request: AttemptRequest, announced: str, again: bool) -> AttemptResult:
        """By the workstream's own tool, else by the first that may take over while services want no calls."""
        instead = () if request.purpose == "fixer" else request.work.instead or ()
        requests = [request, *(request.model_copy(update={"instead": name}) for name in instead)]
        for one in requests if again else ():
            recalled = self._ask("attempt", one.workstream_id, partial(self._recall, one))
            if recalled:
                step, result = recalled
                # A call that was refused is no answer: it is on record now, and asked for below.
                with suppress(Parked):
                    return self._ended(step, result, one, announced)
        refused: list[Parked] = []
        for one in requests:
            if refused:
                self.emit("failed_over", one.workstream_id, n=one.n, tool=one.tool, why=refused[-1].message)
            try:
                step, result = self._attempted(run, one)
                return self._ended(step, result, one, announced)
            except Parked as fault:
                if fault.code != RESTING:
                    raise
                refused.append(fault)
        raise min(refused, key=lambda fault: fault.until)

    def _begin_step(self, request: AttemptRequest) -> int:
        """A fixer costs nothing; an AI tool only starts when the limits let it."""
        step = f"{request.purpose}:{request.n}"
        if request.purpose == "fixer":
            return self.store.begin_step(self.execution_id, request.workstream_id, step)
        bounds = Bounds.of(self.config, request.work.budget)
        return Ledger(self.store).begin(self.execution_id, request.workstream_id, step, request.tool, bounds)

    def _recall(self, request: AttemptRequest) -> tuple[int, AttemptResult] | None:
        """A try that had ended before a kill, with the step that was taken for interrupted: nothing is paid for it again."""
        for entry in registered(SERVICE_GROUP):
            result = entry.load()(self, request) if entry.name == "recall" else None
            if result is not None:
                step = f"{request.purpose}:{request.n}"
                found = self.store.last_step(self.execution_id, request.workstream_id, step)
                return found or self.store.begin_step(self.execution_id, request.workstream_id, step), result
        return None

    def _attempted(self, run: Attempt, request: AttemptRequest) -> tuple[int, AttemptResult]:
        name = request.workstream_id
        step = self._begin_step(request)
        began = clock.monotonic()
        try:
            result = run(self, request)
        except (KeyboardInterrupt, Interrupted, EnvironmentFault, OSError):
            used = {"milliseconds": int((clock.monotonic() - began) * 1_000)}
            files = audit.traces(self.run_dir, request, self.try_name(request))
            self.store.end_step(
                step, self.execution_id, name, {"outcome": "interrupted", "files": files, "usage": used}
            )
            raise
        return step, result

    def _ended(self, step: int, result: AttemptResult, request: AttemptRequest, announced: str) -> AttemptResult:
        """Confirm a try, in the transaction that tells how its step ended."""
        name = request.workstream_id
        ended = {
            "outcome": result.call.outcome,
            "head": result.head.commit,
            "scope": result.scope.verdict,
            "files": audit.traces(self.run_dir, request, self.try_name(request)),
        }
        if result.usage:
            ended["usage"] = result.usage.to_json()
        if result.call.outcome == "rate_limited":
            self.store.end_step(step, self.execution_id, name, {**ended, "wait_s": result.wait_s})
            raise self._put_off(request, result)
        errors = () if result.call.outcome == "ok" else (_failed(request, result.call),)
        self.store.end_step(step, self.execution_id, name, ended, (announced, result.to_json()), errors)
        return result

    def _put_off(self, request: AttemptRequest, result: AttemptResult) -> Parked:
        """A service wants no more calls for now: the call is not answered, and made again later under the same number."""
        longest = Bounds.of(self.config, None).longest_park_s
        until = clock.stamp(clock.epoch_of(clock.now()) + min(result.wait_s or 0, longest))
        tool = result.call.tool
        self.emit("rate_limited", request.workstream_id, tool=tool, n=request.n, until=until, detail=result.detail)
        return Parked(f"{tool}: its service wants no more calls for now", f"wait until {until}", RESTING, until)

    def try_name(self, request: AttemptRequest) -> str:
        """The name of a try's folder, and of what is kept of it. No try before a reset of the workstream had it."""
        resets = self.store.resets(self.execution_id, request.workstream_id)
        return f"again-{resets}-{request.name}" if resets else request.name

    def checkout(self, commit: str) -> AbstractContextManager[Path]:
        """A clean worktree at a commit."""
        return cast("AbstractContextManager[Path]", service("checkout")(self.repo, self.config, commit))


def _failed(request: AttemptRequest, call: Call) -> Error:
    """A call that failed, by how it ended: what a tool prints differs from try to try."""
    signature = content_id({"tool": call.tool, "outcome": call.outcome, "exit_code": call.exit_code})
    return Error(request.purpose, call.outcome, signature)


def _errors(item: Item) -> Iterator[Error]:
    """New findings of a report by their signature, so that it can be told how often one came back."""
    for check in item.checks if isinstance(item, ReportItem) else ():
        for finding in check.findings:
            if finding.baseline == "new":
                yield Error(check.check_id, finding.rule, finding.fingerprint)


def producer(phase: Phase, entry: Any) -> Producer:
    """Which distribution stands behind a phase."""
    distribution, version = described(entry.dist)
    return Producer(phase=phase.id, distribution=distribution, version=version)


@lru_cache
def item_model(schema: str) -> type[Item]:
    """The item model of an artifact that is a list of items."""
    annotation = ARTIFACTS[schema].model_fields["items"].annotation
    return cast("type[Item]", get_args(annotation)[0])
