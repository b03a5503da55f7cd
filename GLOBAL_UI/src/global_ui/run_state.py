"""The runs of a repository as its state knows them: finding one, and what it has recorded."""

from __future__ import annotations

import difflib
import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import takewhile
from pathlib import Path
from typing import Any

from global_core_state import machine
from global_core_state.folder import RunFolder
from global_core_state.recovery import is_dead, is_worked_on
from global_core_state.store import Store
from global_util.contracts import Artifact
from global_util.errors import EnvironmentFault, InvalidInput
from global_util.git import Repository
from global_util.phase import LINE

BEGAN, REHEARSED = "line_began", "dry_run_ended"


@dataclass(frozen=True)
class Runs:
    """One repository's runs."""

    repo: Repository
    store: Store

    def folder(self, execution: str) -> RunFolder:
        """Where a run's artifacts lie, with its lock."""
        return RunFolder(self.repo, execution)

    def find(self, execution: str) -> dict[str, Any]:
        """The row of a run. Raises InvalidInput (E465) when there is none of that id."""
        row = self.store.run(execution)
        if row is not None:
            return row
        known = [row["execution_id"] for row in self.store.runs()]
        near = difflib.get_close_matches(execution, known, n=3)
        hint = f"near are: {', '.join(near)}" if near else "see pipeline list"
        raise InvalidInput(f"there is no run {execution!r} in this repository", hint, "E465")

    def shown_state(self, row: dict[str, Any]) -> str:
        """The state; ``dead`` for a run that says that it is worked on, and nobody does."""
        return "dead" if is_dead(self.store, self.folder(row["execution_id"])) else str(row["status"])

    def is_worked_on(self, execution: str) -> bool:
        """Whether a process works on it right now."""
        return is_worked_on(self.folder(execution))

    def told(self, execution: str, kind: str) -> dict[str, Any] | None:
        """What the last event of a kind says, or None."""
        found = [row for row in self.store.events(execution) if row["type"] == kind]
        return dict(json.loads(found[-1]["payload"])) if found else None

    def recorded(self, execution: str) -> dict[str, str]:
        """The artifact of every phase that has ended. PH0 is known by its artifact, a rehearsal of PH7 by its event."""
        found = {row["phase"]: str(row["output_id"]) for row in self.phases(execution) if row["output_id"]}
        plan = self.folder(execution).path / "artifacts" / "workstream_set.v1.json"
        if plan.exists():
            found["ph0"] = f"sha256:{plan.resolve().stem}"
        if LINE[-1] not in found and (rehearsed := self._rehearsed(execution)):
            found[LINE[-1]] = rehearsed
        return found

    def _rehearsed(self, execution: str) -> str | None:
        """The artifact of the last rehearsal, unless a workstream began anew after it."""
        found = None
        for row in self.store.events(execution):
            if row["type"] == REHEARSED:
                found = str(json.loads(row["payload"])["artifact"])
            elif row["type"] == "workstream_reset":
                found = None
        return found

    def outputs(self, execution: str) -> dict[str, str]:
        """What is ``recorded``, in the order of the line, up to the first that is missing."""
        found = self.recorded(execution)
        return {name: found[name] for name in takewhile(found.__contains__, LINE)}

    def artifacts(self, execution: str) -> list[Artifact]:
        """What ``outputs`` names, read and proven. Raises InvalidInput (exit 3) for one that is missing or was edited."""
        return [self.folder(execution).load(artifact) for artifact in self.outputs(execution).values()]

    def phases(self, execution: str) -> list[dict[str, Any]]:
        """Phases that began, in the order of the line."""
        return [row for row in self.store.table("phase_runs") if row["execution_id"] == execution]

    def has_ended(self, execution: str) -> bool:
        """Whether nothing is left to do: a final state, or a rehearsal or an adopted run whose last phase has ended."""
        row = self.find(execution)
        return not machine.RUN[row["status"]] or (row["status"] == "idle" and LINE[-1] in self.recorded(execution))


@contextmanager
def open_runs(place: Path) -> Iterator[Runs]:
    """The runs of the repository that ``place`` lies in. Raises EnvironmentFault (E432) when there were none."""
    repo = Repository.discover(place.absolute())
    state = repo.state_dir / "state.db"
    if not state.exists():
        raise EnvironmentFault(f"{state}: no state yet", "run a plan first", "E432")
    store = Store(state)
    try:
        yield Runs(repo, store)
    finally:
        store.close()
