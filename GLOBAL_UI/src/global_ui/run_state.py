"""The runs of a repository as its state knows them: finding one, and what it has recorded."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import takewhile
from pathlib import Path
from typing import Any

from global_core_state import audit, machine
from global_core_state.chain import proven
from global_core_state.folder import RunFolder
from global_core_state.recovery import is_dead, is_worked_on
from global_core_state.schema import DAMAGED
from global_core_state.store import Store
from global_util.contracts import ARTIFACTS, Artifact
from global_util.errors import EnvironmentFault, InvalidInput
from global_util.git import Repository
from global_util.phase import LINE

BEGAN, REHEARSED = "line_began", "dry_run_ended"


class Shelf(Mapping[str, Artifact]):
    """Artifacts of a run by schema id. Each is proven at once, and read when it is asked for."""

    def __init__(self, folder: RunFolder, ids: Iterable[str], written: Mapping[str, str]) -> None:
        self._folder, self._written = folder, written
        self._ids = dict(zip(ARTIFACTS, ids, strict=False))
        for artifact in self._ids.values():
            folder.prove(artifact, written.get(artifact, ""))

    def __getitem__(self, schema: str) -> Artifact:
        return self._folder.load(self._ids[schema], self._written.get(self._ids[schema], ""))

    def __iter__(self) -> Iterator[str]:
        return iter(self._ids)

    def __len__(self) -> int:
        return len(self._ids)


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
        if self.repo.resolve(audit.ref(execution)):
            hint = f"its anchors are there, so the state has lost it: {DAMAGED}"
        raise InvalidInput(f"there is no run {execution!r} in this repository", hint, "E465")

    def shown_state(self, row: dict[str, Any]) -> str:
        """The state; ``dead`` for a run that says that it is worked on, and nobody does."""
        return "dead" if is_dead(self.store, self.folder(row["execution_id"])) else str(row["status"])

    def is_worked_on(self, execution: str) -> bool:
        """Whether a process works on it right now."""
        return is_worked_on(self.folder(execution))

    def told(self, execution: str, kind: str) -> dict[str, Any] | None:
        """What the last event of a kind says, or None."""
        found = self.store.milestones(execution, kind)
        return proven(found[-1]).about if found else None

    def recorded(self, execution: str) -> dict[str, str]:
        """The artifact of every phase that has ended. PH0 is known by its artifact, a rehearsal of PH7 by its event."""
        found = {row["phase"]: str(row["output_id"]) for row in self.phases(execution) if row["output_id"]}
        plan = self.folder(execution).path / "artifacts" / "workstream_set.v1.json"
        if plan.is_symlink():
            # Also where it leads nowhere any more: that PH0 has ended does not depend on its artifact.
            found["ph0"] = f"sha256:{plan.readlink().stem}"
        elif began := self.told(execution, BEGAN):
            found["ph0"] = str(began["artifact"])
        if LINE[-1] not in found and (rehearsed := self._rehearsed(execution)):
            found[LINE[-1]] = rehearsed
        return found

    def _rehearsed(self, execution: str) -> str | None:
        """The artifact of the last rehearsal, unless a workstream began anew after it."""
        told = self.store.milestones(execution, REHEARSED, "workstream_reset")
        return str(told[-1].about["artifact"]) if told and told[-1].type == REHEARSED else None

    def outputs(self, execution: str) -> dict[str, str]:
        """What is ``recorded``, in the order of the line, up to the first that is missing."""
        found = self.recorded(execution)
        return {name: found[name] for name in takewhile(found.__contains__, LINE)}

    def artifacts(self, execution: str) -> list[Artifact]:
        """What ``outputs`` names, read and proven. Raises InvalidInput (exit 3) for one that is missing or was edited."""
        return list(self.shelf(execution).values())

    def shelf(self, execution: str, most: int = len(LINE)) -> Shelf:
        """The same by schema id, of the first phases of the line; proven now, and read when somebody asks for one."""
        outputs = list(self.outputs(execution).values())[:most]
        return Shelf(self.folder(execution), outputs, self.store.written(execution))

    def seconds(self, execution: str) -> dict[str, float]:
        """How long the phases took that have ended and told so."""
        told = [event.about for event in self.store.milestones(execution, "phase_completed", REHEARSED)]
        return {about["phase"]: float(about["seconds"]) for about in told if about.get("seconds") is not None}

    def phases(self, execution: str) -> list[dict[str, Any]]:
        """Phases that began, in the order of the line."""
        return self.store.table("phase_runs", execution)

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
