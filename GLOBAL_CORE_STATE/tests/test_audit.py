"""Anchors stand outside the database and say how far a chain has come."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from global_core_state import audit
from global_core_state.store import Store
from global_util.errors import Held, InvalidInput, PipelineError
from global_util.testing import FILE, Sandbox

RUN = "EXEC-2026-01-02-001"
REF = f"refs/pipeline/audit/{RUN}"


@pytest.fixture
def store(repo: Sandbox) -> Iterator[Store]:
    """A run that began."""
    store = Store(repo.repo.state_dir / "state.db")
    store.create_run(RUN, "2026-01-02T00:00:00Z", "plan")
    yield store
    store.close()


def head(box: Sandbox, commit: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(box.git("cat-file", "blob", f"{commit}:head.json"))
    return found


def test_an_anchor_names_the_last_event_and_the_refs_of_the_run(repo: Sandbox, store: Store) -> None:
    commit = repo.git("rev-parse", "main")
    for name in (f"runs/{RUN}/ws-a", f"keep/{RUN}/ws-a/1", f"runs/{RUN}0/ws-b", "keep/orphans/x"):
        repo.git("update-ref", f"refs/pipeline/{name}", commit)
    made = audit.anchor(repo.repo, store, RUN)
    assert made == repo.git("rev-parse", REF)
    last = store.tail(RUN)
    assert last is not None
    assert last.type == "anchor"
    held = {f"refs/pipeline/keep/{RUN}/ws-a/1": commit, f"refs/pipeline/runs/{RUN}/ws-a": commit}
    assert head(repo, made) == {"execution_id": RUN, "seq": last.seq, "hash": last.hash, "refs": held}
    assert repo.git("log", "--format=%an %s", made) == f"nobody {RUN}: {last.seq} {last.hash}"
    assert repo.git("ls-tree", "--name-only", made) == "head.json"


def test_anchors_form_a_history_and_nothing_new_makes_none(repo: Sandbox, store: Store) -> None:
    first = audit.anchor(repo.repo, store, RUN)
    assert [audit.anchor(repo.repo, store, RUN) for _ in range(2)] == [None, None]
    store.record_event(RUN, None, "told", {})
    second = audit.anchor(repo.repo, store, RUN)
    assert repo.git("rev-parse", f"{second}^") == first
    assert [anchor.commit for anchor in audit.history(repo.repo, second)] == [second, first]
    told = [json.loads(row["payload"]) for row in store.events(RUN) if row["type"] == "anchor"]
    assert [about["previous"] for about in told] == [None, first]


def test_a_run_without_events_is_not_anchored(repo: Sandbox, store: Store) -> None:
    assert audit.anchor(repo.repo, store, "EXEC-2026-01-02-002") is None
    assert audit.history(repo.repo, None) == []


def test_an_announced_anchor_that_a_kill_prevented_is_made_without_another_event(repo: Sandbox, store: Store) -> None:
    store.record_event(RUN, None, "anchor", {"previous": None})
    before = len(store.events(RUN))
    made = audit.anchor(repo.repo, store, RUN)
    assert made
    assert len(store.events(RUN)) == before == head(repo, made)["seq"]


def test_an_anchor_that_cannot_be_written_is_told_but_hides_no_other_fault(repo: Sandbox, store: Store) -> None:
    lock = repo.repo.common_dir / f"{REF}.lock"
    lock.parent.mkdir(parents=True)
    lock.touch()
    with pytest.raises(Held, match=REF):
        audit.anchor(repo.repo, store, RUN)
    with pytest.raises(InvalidInput, match="its own"), audit.anchored(repo.repo, store, RUN):
        raise InvalidInput("its own")
    with pytest.raises(KeyboardInterrupt), audit.anchored(repo.repo, store, RUN):
        raise KeyboardInterrupt
    with pytest.raises(PipelineError), audit.anchored(repo.repo, store, RUN):
        pass
    lock.unlink()
    with audit.anchored(repo.repo, store, RUN):
        pass
    assert repo.git("rev-parse", REF)


def test_a_phase_that_fails_is_anchored_too(repo: Sandbox, store: Store) -> None:
    store.record_event(RUN, None, "phase_failed", {})
    with pytest.raises(InvalidInput), audit.anchored(repo.repo, store, RUN):
        raise InvalidInput("its own")
    assert head(repo, REF)["seq"] == 3


def test_what_is_no_anchor_says_nothing(repo: Sandbox, store: Store) -> None:
    odd = [repo.commit({b"head.json": (FILE, content)}) for content in (b"", b"[]", b"{", b"\xff", b'{"refs": 1}')]
    odd.append(repo.commit({b"else": (FILE, b"{}")}))
    for commit in odd:
        (found,) = audit.history(repo.repo, commit)
        assert (found.point, found.refs) == ((None, None), {})


def test_only_regular_files_are_hashed(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    assert audit.file_hash(tmp_path / "file").startswith("e3b0c442")
    (tmp_path / "link").symlink_to("file")
    os.mkfifo(tmp_path / "pipe")
    for name in ("link", "pipe", "none"):
        with pytest.raises(OSError, match=name):
            audit.file_hash(tmp_path / name)


def test_several_who_tell_at_once_all_anchor_what_they_told(repo: Sandbox, store: Store) -> None:
    def tell(number: int) -> None:
        with closing(Store(store.path)) as own:
            for n in range(3):
                own.record_event(RUN, None, "told", {"by": number, "n": n})
                audit.anchor(repo.repo, own, RUN)

    with ThreadPoolExecutor(4) as pool:
        for done in [pool.submit(tell, number) for number in range(4)]:
            done.result()
    last = store.tail(RUN)
    assert last is not None
    assert audit.head(repo.repo, repo.git("rev-parse", REF)).point[0] >= last.seq - 1
    told = [row["seq"] for row in store.events(RUN) if row["type"] == "told"]
    assert len(told) == 12
    points = [one.point for one in audit.history(repo.repo, repo.git("rev-parse", REF))]
    chain = {row["seq"]: row["hash"] for row in store.events(RUN)}
    assert all(chain[seq] == named for seq, named in points)
    assert points[0][0] > told[-1]
