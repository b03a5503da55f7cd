"""What the harness hands to a phase: calls, attempts and effects, each announced and confirmed in the journal."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from functools import lru_cache
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
from global_util.errors import Interrupted, PipelineError
from global_util.git import Repository
from global_util.phase import A, ItemPhase, Phase, find, service
from global_util.progress import Event, Listener

from global_core_state import audit
from global_core_state.folder import RunFolder
from global_core_state.store import Store


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
        return self.folder.ancestor(self.artifact, schema)

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

    def effect(self, kind: str, key: Mapping[str, Any], do: Callable[[], dict[str, Any]]) -> dict[str, Any]:
        """Do something once per run and key: announced, done, confirmed; done before: the recorded answer."""
        name, known = self._announce(kind, key)
        if known is not None:
            return known
        answer = do()
        self.store.confirm(self.execution_id, name, answer)
        return answer

    def _announce(self, kind: str, key: Mapping[str, Any]) -> tuple[str, dict[str, Any] | None]:
        """The name under which it is announced, and the recorded answer if it was done before."""
        name = f"{kind}:{content_id(dict(key))}"
        about = {field: key[field] for field in ("workstream_id", "n", "phase") if field in key}
        return name, self.store.intend(self.execution_id, name, kind, about)

    def call(self, phase: str, item: Item) -> Item:
        """Let an item phase work on an item, once per phase, version, configuration and input."""
        found, entry = find(phase, self.config.get(f"phases.{phase}") or "")
        if not isinstance(found, ItemPhase):
            raise PipelineError(f"{phase} ({entry.value}) works on whole artifacts: it cannot be called with an item")
        answered = self.effect(
            "call",
            {
                "phase": phase,
                "producer": producer(found, entry).to_json(),
                "config": {name: self.config.get(name) for name in found.reads},
                "input": item.item_id,
                "workstream_id": item.workstream_id,
            },
            lambda: self._called(found, item),
        )
        with self._guard:
            self.observed.setdefault(phase, {})[item.workstream_id] = answered["observed"]
        return parse(item_model(found.produces), json.dumps(answered["item"]), f"answer of {phase}")

    def _called(self, phase: ItemPhase, item: Item) -> dict[str, Any]:
        inner = self._nested()
        began = clock.monotonic()
        if isinstance(item, TargetsItem) and item.execution.status in ("edited", "no_change"):
            self.move(item.workstream_id, "static_check")
        made = phase.one(item, inner)
        expected = item_model(phase.produces)
        if not isinstance(made, expected):
            raise PipelineError(f"{phase.id} answered with {type(made).__name__}, expected {expected.__name__}")
        if isinstance(made, ReportItem):
            self._count_errors(made)
        seconds = round(clock.monotonic() - began, 3)
        return {"item": made.to_json(), "observed": {**inner.observed, "seconds": seconds}}

    def _count_errors(self, item: ReportItem) -> None:
        """New findings by their signature, so that it can be told how often one came back."""
        for check in item.checks:
            for finding in check.findings:
                if finding.baseline == "new":
                    self.store.record_error(
                        self.execution_id, item.workstream_id, check.check_id, finding.rule, finding.fingerprint
                    )

    def attempt(self, request: AttemptRequest) -> AttemptResult:
        """Let a tool work in a worktree, once per request: a finished try is never paid twice."""
        run = service("attempt")
        key = {"workstream_id": request.workstream_id, "n": request.n, "request": request.to_json()}
        announced, answer = self._announce("attempt", key)
        if answer is None:
            answer = self._attempted(run, request, announced).to_json()
        return parse(AttemptResult, json.dumps(answer), "journal")

    def _attempted(
        self, run: Callable[[RunContext, AttemptRequest], AttemptResult], request: AttemptRequest, announced: str
    ) -> AttemptResult:
        name = request.workstream_id
        step = self.store.begin_step(self.execution_id, name, f"{request.purpose}:{request.n}")
        try:
            result = run(self, request)
        except (KeyboardInterrupt, Interrupted):
            files = audit.traces(self.run_dir, request)
            self.store.end_step(step, self.execution_id, name, {"outcome": "interrupted", "files": files})
            raise
        ended = {
            "outcome": result.call.outcome,
            "head": result.head.commit,
            "scope": result.scope.verdict,
            "files": audit.traces(self.run_dir, request),
        }
        self.store.end_step(step, self.execution_id, name, ended, confirms=(announced, result.to_json()))
        if result.call.outcome != "ok":
            self._count_failure(request, result.call)
        return result

    def _count_failure(self, request: AttemptRequest, call: Call) -> None:
        """A call that failed, by how it ended: what a tool prints differs from try to try."""
        signature = content_id({"tool": call.tool, "outcome": call.outcome, "exit_code": call.exit_code})
        self.store.record_error(self.execution_id, request.workstream_id, request.purpose, call.outcome, signature)

    def checkout(self, commit: str) -> AbstractContextManager[Path]:
        """A clean worktree at a commit."""
        return cast("AbstractContextManager[Path]", service("checkout")(self.repo, self.config, commit))


def producer(phase: Phase, entry: Any) -> Producer:
    """Which distribution stands behind a phase."""
    dist = entry.dist
    return Producer(phase=phase.id, distribution=dist.name if dist else "", version=dist.version if dist else "")


@lru_cache
def item_model(schema: str) -> type[Item]:
    """The item model of an artifact that is a list of items."""
    annotation = ARTIFACTS[schema].model_fields["items"].annotation
    return cast("type[Item]", get_args(annotation)[0])
