"""The folder of a run: its artifacts by content id, the line's own beside them by schema id, and the run's lock."""

from __future__ import annotations

import fcntl
import hashlib
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from global_util import clock
from global_util.contracts import load_artifact, read_artifact
from global_util.contracts.base import Artifact
from global_util.errors import Held, InvalidInput
from global_util.files import partial_beside, write_atomically
from global_util.git import Repository

PATIENCE_S = 0.2
"""Seconds to wait for a lock: who only asks whether a run is worked on has it for an instant."""
_RESTORE = "bring it back from a copy of the run's folder; else begin again with: pipeline run PLAN"


class RunFolder:
    """``<git common dir>/phaseline/runs/<execution id>/``."""

    def __init__(self, repo: Repository, execution_id: str) -> None:
        self.repo = repo
        self.execution_id = execution_id
        self.path = repo.state_dir / "runs" / execution_id

    def artifact_file(self, artifact_id: str) -> Path:
        """Where an artifact lies."""
        return self.path / "artifacts" / f"{artifact_id.removeprefix('sha256:')}.json"

    def save(self, artifact: Artifact, *, pointer: bool = True) -> Path:
        """Write an artifact, and point the line's own name at it."""
        target = self.artifact_file(artifact.artifact_id)
        if not target.exists():
            write_atomically(target, artifact.dumps().encode())
        if pointer:
            link = target.parent / f"{artifact.schema_id}.json"
            fresh = partial_beside(link)
            fresh.symlink_to(target.name)
            fresh.replace(link)
        return target

    def prove(self, artifact_id: str, sha256: str) -> None:
        """See that an artifact is there as it was written: by the hash of its file, else by its own id, as ``load`` does."""
        if not sha256 or self._hash(artifact_id) != sha256:
            self.load(artifact_id)

    def _hash(self, artifact_id: str) -> str:
        with suppress(OSError), self.artifact_file(artifact_id).open("rb") as handle:
            return hashlib.file_digest(handle, "sha256").hexdigest()
        return ""

    def load(self, artifact_id: str, sha256: str = "") -> Artifact:
        """Read an artifact of this run. Raises InvalidInput (exit 3) with its id and place when it is missing or was edited.

        ``sha256``: of the file, as it was recorded together with the id. Content that has it needs no other proof.
        """
        place = self.artifact_file(artifact_id)
        try:
            text = place.read_bytes()
        except OSError:
            raise InvalidInput(f"artifact {artifact_id} is missing: no {place}", _RESTORE, "E308") from None
        try:
            if sha256 and hashlib.sha256(text).hexdigest() == sha256:
                return read_artifact(text, str(place))
            return load_artifact(text, str(place))
        except InvalidInput as fault:
            fault.hint = _RESTORE
            raise

    def ancestor(self, artifact: Artifact, schema: str) -> Artifact:
        """The nearest ancestor of that schema, the artifact itself included. Raises InvalidInput (exit 3)."""
        waiting = [artifact]
        while waiting:
            current = waiting.pop(0)
            if current.schema_id == schema:
                return current
            waiting += [self.load(ref.artifact_id) for ref in current.inputs]
        raise InvalidInput(f"artifact {artifact.artifact_id} has no ancestor of schema {schema!r}", "", "E308")

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Be the only process that works on this run. Raises Held (exit 5) when another one does."""
        place = self.repo.state_dir / "locks" / f"{self.execution_id}.lock"
        place.parent.mkdir(parents=True, exist_ok=True)
        handle = _lock(place)
        if handle is None:
            raise Held(f"{self.execution_id} is being worked on by another process", "wait for it to end", "E502")
        try:
            yield
        finally:
            # The file does no harm, the lock goes with the handle: where it cannot be removed, the next one does.
            with suppress(OSError):
                if _is_at(handle, place):
                    place.unlink(missing_ok=True)
            os.close(handle)


def _lock(place: Path) -> int | None:
    """A file descriptor that holds the lock, or None. The file may be replaced between opening and locking."""
    patience = clock.monotonic() + PATIENCE_S
    while True:
        handle = os.open(place, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            os.close(handle)
            if clock.monotonic() > patience:
                return None
            time.sleep(0.01)
            continue
        if _is_at(handle, place):
            return handle
        os.close(handle)


def _is_at(handle: int, place: Path) -> bool:
    """Is the open file still the one of that name?"""
    with suppress(FileNotFoundError):
        return os.fstat(handle).st_ino == place.stat().st_ino
    return False


def link_into_worktree(repo: Repository) -> None:
    """Make ``.pipeline`` in the main worktree a link to our folder, ignored through ``info/exclude``."""
    if repo.worktree is None or not repo.worktree.is_dir():
        return
    exclude = repo.common_dir / "info" / "exclude"
    known = exclude.read_text("utf-8", "surrogateescape") if exclude.exists() else ""
    if "/.pipeline" not in known.splitlines():
        text = known + ("\n" if known and not known.endswith("\n") else "") + "/.pipeline\n"
        write_atomically(exclude, text.encode("utf-8", "surrogateescape"))
    link = repo.worktree / ".pipeline"
    if not link.is_symlink() and not link.exists():
        link.symlink_to(os.path.relpath(repo.state_dir, repo.worktree))
