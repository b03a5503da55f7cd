"""The artifacts that a run's events name, those that they were made from, and the files of its tries."""

from __future__ import annotations

import hashlib
import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from global_util.contracts import Artifact, content_id, load_artifact
from global_util.contracts.commit_plan import CommitPlan
from global_util.contracts.execution_result import ExecutionResult
from global_util.contracts.git_operation_log import GitOperationLog
from global_util.contracts.phase_plan import PhasePlan
from global_util.errors import InvalidInput

from global_core_state import audit
from global_core_state.verify_case import RESTORE, Case, Fault

_ID = re.compile(r"sha256:[0-9a-f]{64}")
_NAMING = {
    "phase_began": "input",
    "phase_completed": "output",
    "dry_run_ended": "artifact",
    "artifact_adopted": "artifact",
    "line_began": "artifact",
}
"""Events that name an artifact, and where."""


class Shelf:
    """The artifacts of a run, each read once. ``faults``: what was wrong with those that were asked for."""

    def __init__(self, case: Case) -> None:
        self.case = case
        self.faults: list[Fault] = []
        self.known: dict[str, Artifact] = {}
        self._asked: set[str] = set()
        self._files = {
            about.get(_NAMING[event.type]): about.get("sha256")
            for event, about in case.told(*_NAMING)
            if "sha256" in about
        }

    def take(self, artifact_id: str, named_by: str) -> Artifact | None:
        """An artifact, proven; None after telling why not."""
        if artifact_id not in self._asked:
            self._asked.add(artifact_id)
            found = self._proven(artifact_id, named_by)
            if found:
                self.case.counted["artifacts"] += 1
                self.known[artifact_id] = found
        return self.known.get(artifact_id)

    def _proven(self, artifact_id: str, named_by: str) -> Artifact | None:
        place = self.case.folder.artifact_file(artifact_id)
        where = f"artifact {place.name}"
        try:
            content = place.read_bytes()
            found = load_artifact(content, place.name)
        except FileNotFoundError:
            self.faults.append(Fault(where, f"is missing; {named_by} names it", RESTORE))
        except OSError as fault:
            self.faults.append(Fault(where, f"cannot be read: {fault.strerror}", "see its permissions"))
        except InvalidInput as fault:
            self.faults.append(Fault(where, fault.message, RESTORE))
        else:
            unfit = self._unfit(artifact_id, found, content)
            if not unfit:
                return found
            self.faults.append(Fault(where, unfit, RESTORE))
        return None

    def _unfit(self, artifact_id: str, found: Artifact, content: bytes) -> str:
        if found.artifact_id != artifact_id:
            return f"holds {found.artifact_id}, another artifact than its name says"
        if found.execution_id != self.case.execution:
            return f"is of {found.execution_id}, another run"
        recorded = self._files.get(artifact_id)
        same = hashlib.sha256(content).hexdigest() == recorded if recorded else content == found.dumps().encode()
        return "" if same else "was changed after it was written, in what its id does not cover"


def artifacts(case: Case, shelf: Shelf) -> Iterator[Fault]:
    """All artifacts that events name, with all that they were made from, and the names that lead to them."""
    for event, about in case.told(*_NAMING):
        artifact_id = about.get(_NAMING[event.type])
        if isinstance(artifact_id, str) and _ID.fullmatch(artifact_id):
            shelf.take(artifact_id, f"event {event.seq} ({event.type})")
    _ancestors(shelf, _brought(case))
    yield from shelf.faults
    yield from _others(case, shelf)
    yield from _links(case, shelf)


def _brought(case: Case) -> set[str]:
    """Artifacts that came from another clone: what they were made from stayed there."""
    return {str(about.get("artifact")) for _, about in case.told("artifact_adopted")}


def _ancestors(shelf: Shelf, brought: set[str]) -> None:
    waiting = [found for artifact_id, found in shelf.known.items() if artifact_id not in brought]
    seen = set(shelf.known)
    while waiting:
        current = waiting.pop()
        for artifact_id in _made_from(current):
            found = shelf.take(artifact_id, f"artifact {current.schema_id}")
            if found and artifact_id not in seen:
                seen.add(artifact_id)
                waiting.append(found)


def _made_from(artifact: Artifact) -> list[str]:
    named = [ref.artifact_id for ref in artifact.inputs]
    if isinstance(artifact, GitOperationLog):
        named.append(artifact.commit_plan)
    if isinstance(artifact, ExecutionResult):
        named.append(artifact.graph)
    if isinstance(artifact, CommitPlan) and artifact.supersedes:
        named.append(artifact.supersedes)
    return named


def _others(case: Case, shelf: Shelf) -> Iterator[Fault]:
    """Artifacts that nobody names, such as those of a phase that was killed: they are what their names say."""
    before = len(shelf.faults)
    for place in sorted(case.folder.artifact_file("").parent.glob("*.json")):
        if re.fullmatch(r"[0-9a-f]{64}", place.stem) and not place.is_symlink():
            shelf.take(f"sha256:{place.stem}", "its own name")
    yield from shelf.faults[before:]


def _links(case: Case, shelf: Shelf) -> Iterator[Fault]:
    last: dict[str, str] = {}
    for _, about in case.told("phase_completed"):
        found = shelf.known.get(str(about.get("output")))
        if found:
            last[found.schema_id] = found.artifact_id
    folder = case.folder.artifact_file("").parent
    names = {place.name for place in folder.glob("*.json") if place.is_symlink()}
    for name in sorted(names | {f"{schema}.json" for schema in last}):
        what = _unlike(folder / name, last.get(name.removesuffix(".json")), shelf)
        if what:
            yield Fault(f"artifact {name}", what, "let it lead to the artifact that the events name")


def _unlike(link: Path, wanted: str | None, shelf: Shelf) -> str:
    """What is wrong with the line's own name for an artifact, or an empty text."""
    if not link.is_symlink():
        return f"is no link to {wanted}"
    artifact_id = f"sha256:{Path(link.readlink()).stem}"
    found = shelf.known.get(artifact_id)
    if found is None or link.readlink() != Path(shelf.case.folder.artifact_file(artifact_id).name):
        return f"leads to {link.readlink()}, no artifact that fits"
    if link.name != f"{found.schema_id}.json":
        return f"leads to an artifact of schema {found.schema_id}"
    return "" if wanted in (None, *_line(found, shelf)) else f"leads to {artifact_id}, but the events name {wanted}"


def _line(found: Artifact, shelf: Shelf) -> list[str]:
    """An artifact and those whose place it took."""
    line = [found.artifact_id]
    while isinstance(found, CommitPlan) and found.supersedes and found.supersedes not in line:
        line.append(found.supersedes)
        above = shelf.known.get(found.supersedes)
        if above is None:
            break
        found = above
    return line


def files(case: Case, shelf: Shelf) -> Iterator[Fault]:
    """Prompts, logs, changes, recordings and reports are as they were when they were told."""
    for path, (wanted, event) in sorted({**_written(case), **_beside(case)}.items()):
        case.counted["files"] += 1
        try:
            found = audit.file_hash(case.folder.path / path)
        except FileNotFoundError:
            yield Fault(path, f"is missing; event {event} names it", RESTORE)
        except OSError as fault:
            yield Fault(path, f"cannot be read: {fault.strerror or fault}", "see what lies there, and its permissions")
        else:
            if found != wanted:
                yield Fault(path, f"was changed after event {event} recorded it", RESTORE)
    yield from _played(case, shelf)


def _written(case: Case) -> dict[str, tuple[str, int]]:
    """The files that must be there: what a try recorded, unless the same try began again and has not ended.

    After a reset of its workstream a try has a folder of its own; what it records takes the place of what was there.
    """
    steps: dict[Any, Any] = {}
    found: dict[Any, dict[str, tuple[str, int]]] = {}
    resets: Counter[str | None] = Counter()
    for event, about in case.told("workstream_reset", "step_began", "step_ended"):
        if event.type == "workstream_reset":
            resets.update(about.get("keeps") or ())
        elif event.type == "step_began":
            step = (event.ws_id, about.get("step"))
            for before in range(resets[event.ws_id]):
                kept = found.get((*step, before), {})
                found[(*step, before)] = {path: row for path, row in kept.items() if not path.startswith("recording/")}
            steps[event.seq] = (*step, resets[event.ws_id])
            found[steps[event.seq]] = {}
        elif isinstance(about.get("files"), dict):
            rows = {str(path): (str(value), event.seq) for path, value in about["files"].items()}
            found[steps.get(about.get("attempt"))] = rows
    return {path: row for rows in found.values() for path, row in rows.items()}


def _beside(case: Case) -> dict[str, tuple[str, int]]:
    """Files that phases wrote beside their artifacts. After a reset they are written, and told, again."""
    found: dict[str, tuple[str, int]] = {}
    for event, about in case.told("workstream_reset", "file_written"):
        if event.type == "workstream_reset":
            found.clear()
        else:
            found[str(about.get("path"))] = (str(about.get("sha256")), event.seq)
    return found


def _played(case: Case, shelf: Shelf) -> Iterator[Fault]:
    """The recordings that the run plays have the hash that its phase plan names."""
    for plan in [one for one in shelf.known.values() if isinstance(one, PhasePlan)]:
        folder = case.folder.path / "replay"
        if plan.recording is None or plan.artifact_id in _brought(case):
            continue
        try:
            places = sorted(place for place in folder.glob("*/*") if not place.is_dir())
            listing = {place.relative_to(folder).as_posix(): audit.file_hash(place) for place in places}
        except OSError as fault:
            yield Fault("replay/", f"cannot be read: {fault}", RESTORE)
            continue
        case.counted["files"] += len(listing)
        if content_id(listing) != plan.recording:
            yield Fault("replay/", "the recordings are not those that the phase plan names", RESTORE)
