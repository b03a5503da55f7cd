"""Anchors: commits under ``refs/pipeline/audit/<execution>`` that say how far the chain of a run has come, and its refs.

They stand outside the database, so that a chain whose tail was cut off is seen. Every anchor is announced by an event of
the chain, which names the anchor before it: one that is taken away is missed by the chain.
"""

from __future__ import annotations

import hashlib
import json
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any, NamedTuple

from global_util import clock
from global_util.errors import EnvironmentFault, Held, PipelineError
from global_util.git.repository import Person

from global_core_state.chain import canonical

if TYPE_CHECKING:
    from pathlib import Path

    from global_util.attempt import AttemptRequest
    from global_util.git import Repository

    from global_core_state.chain import Event
    from global_core_state.store import Store

KIND = "anchor"
"""The event that announces an anchor."""
RELEASED = "anchors_released"
"""The event that says that a run has no anchors any more, because nothing came of it."""
FILE = "head.json"
_NOBODY = Person("nobody", "nobody@localhost")
_FILES_MOST = 100
"""Files of one try that are named; a try of ours writes six."""


class Anchor(NamedTuple):
    """An anchor, and what its file says. An anchor that cannot be read says nothing."""

    commit: str
    head: dict[str, Any]

    @property
    def point(self) -> tuple[Any, Any]:
        """Number and hash of the event that it names."""
        return self.head.get("seq"), self.head.get("hash")

    @property
    def refs(self) -> dict[str, str]:
        """The refs of the run when it was made."""
        found = self.head.get("refs")
        return {str(ref): str(oid) for ref, oid in found.items()} if isinstance(found, dict) else {}


def ref(execution: str) -> str:
    """Where the anchors of a run hang."""
    return f"refs/pipeline/audit/{execution}"


def refs(repo: Repository, execution: str) -> tuple[str | None, dict[str, str]]:
    """The last anchor of a run, and the refs that the run has now."""
    prefixes = (f"refs/pipeline/runs/{execution}/", f"refs/pipeline/keep/{execution}/")
    rows = repo.run("for-each-ref", "--format=%(objectname) %(refname)", ref(execution), *prefixes).splitlines()
    found = {os.fsdecode(name): oid.decode() for oid, _, name in (row.partition(b" ") for row in rows)}
    return found.pop(ref(execution), None), dict(sorted(found.items()))


def anchor(repo: Repository, store: Store, execution: str) -> str | None:
    """Anchor the chain of a run as it is; None when nothing happened since the last anchor.

    Whoever tells something of the same run meanwhile anchors it too: they go one after the other. Raises Held (exit 5)
    when the ref cannot be locked, EnvironmentFault (exit 4) when git cannot write.
    """
    tail = store.tail(execution)
    while tail is not None and tail.type != RELEASED:
        last, held = refs(repo, execution)
        if tail.type == KIND and last and head(repo, last).point == (tail.seq, tail.hash):
            return None
        try:
            return _anchor(repo, store, tail, last, held)
        except Held:
            if repo.resolve(ref(execution)) == last:
                raise
        tail = store.tail(execution)
    return None


def _anchor(repo: Repository, store: Store, tail: Event, last: str | None, held: dict[str, str]) -> str:
    execution = tail.execution_id
    if tail.type != KIND:
        store.record_event(execution, None, KIND, {"previous": last})
        tail = store.tail(execution) or tail
    about = {"execution_id": execution, "seq": tail.seq, "hash": tail.hash, "refs": held}
    try:
        made = _commit(repo, (canonical(about) + "\n").encode(), last, f"{execution}: {tail.seq} {tail.hash}\n")
        repo.update_ref(ref(execution), made, last, f"phaseline: event {tail.seq}")
    except OSError as fault:
        told = f"{ref(execution)}: cannot be written: {fault}"
        raise EnvironmentFault(told, "make room, or make it writable, then run the phase again", "E409") from None
    return made


def is_cut(repo: Repository, store: Store, execution: str) -> bool:
    """Does the last anchor of a run name an event that its chain does not have? A damaged ``-wal`` takes the last ones away."""
    last, _ = refs(repo, execution)
    seq, seen = head(repo, last).point if last else (None, None)
    if not isinstance(seq, int):
        return False
    found = store.rows("select hash from events where execution_id = ? and seq = ?", execution, seq)
    return not found or found[0]["hash"] != seen


def release(repo: Repository, store: Store, execution: str) -> None:
    """Remove the anchors of a run that was refused before it did anything, and say so as its last event.

    Anchors that git cannot remove stay: the refusal is what is told.
    """
    store.record_event(execution, None, RELEASED, {})
    with suppress(PipelineError, OSError):
        last, _ = refs(repo, execution)
        if last:
            repo.delete_ref(ref(execution), last)


@contextmanager
def anchored(repo: Repository, store: Store, execution: str) -> Iterator[None]:
    """Anchor the chain when what is done here ends. If it ends with a fault, that is the one that is told."""
    try:
        yield
    except BaseException:
        with suppress(PipelineError, OSError):
            anchor(repo, store, execution)
        raise
    anchor(repo, store, execution)


def _commit(repo: Repository, content: bytes, parent: str | None, message: str) -> str:
    blob = repo.sealed("hash-object", "-w", "--stdin", stdin=content).stdout.decode().strip()
    tree = repo.sealed("mktree", stdin=f"100644 blob {blob}\t{FILE}\n".encode()).stdout.decode().strip()
    return repo.commit(tree, (parent,) if parent else (), message, _NOBODY, clock.epoch_of(clock.now()))


def history(repo: Repository, last: str | None) -> list[Anchor]:
    """The anchor ``last`` and those before it, youngest first. Raises GitError when git cannot read them."""
    if last is None:
        return []
    words = ("-c", "core.commitGraph=false", "rev-list", "--first-parent", "--end-of-options", last)
    commits = repo.sealed(*words).stdout.decode().split()
    raw = repo.sealed("cat-file", "--batch", stdin="".join(f"{oid}:{FILE}\n" for oid in commits).encode()).stdout
    found, place = [], 0
    for commit in commits:
        end = raw.index(b"\n", place)
        words_of = raw[place:end].split(b" ")
        size = int(words_of[2]) if len(words_of) == 3 and words_of[2].isdigit() else -1
        found.append(Anchor(commit, _read(raw[end + 1 : end + 1 + size]) if size >= 0 else {}))
        place = end + 1 + (size + 1 if size >= 0 else 0)
    return found


def head(repo: Repository, commit: str) -> Anchor:
    """The anchor that a commit is."""
    done = repo.sealed("cat-file", "blob", f"{commit}:{FILE}", ok=(0, 128))
    return Anchor(commit, {} if done.returncode else _read(done.stdout))


def _read(content: bytes) -> dict[str, Any]:
    with suppress(ValueError, RecursionError):
        read = json.loads(content)
        if isinstance(read, dict):
            return read
    return {}


def traces(run: Path, request: AttemptRequest, name: str) -> dict[str, str]:
    """What a try wrote into the folder of its run: path relative to it, and SHA-256 of the content."""
    places = sorted((run / "ws" / request.workstream_id / name).glob("*"))[:_FILES_MOST]
    if request.purpose != "fixer":
        recorded = run / "recording" / request.workstream_id
        places += [recorded / f"{request.n}.{form}" for form in ("json", "patch")]
    found = {}
    for place in places:
        with suppress(OSError):
            found[place.relative_to(run).as_posix()] = file_hash(place)
    return found


def file_hash(place: Path) -> str:
    """SHA-256 of a file of ours as hexadecimal text. Raises OSError, also for what is no regular file."""
    with open(os.open(place, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK | os.O_NOFOLLOW), "rb") as handle:
        if not stat.S_ISREG(os.fstat(handle.fileno()).st_mode):
            raise OSError(f"{place} is no regular file")
        return hashlib.file_digest(handle, "sha256").hexdigest()
