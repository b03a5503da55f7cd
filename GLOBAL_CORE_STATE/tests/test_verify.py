"""Whatever is changed in what a run left is found and named, and nothing else is."""

from __future__ import annotations

import json
import os
import sqlite3
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from global_core_state import audit, cli, rebuild, verify_objects
from global_core_state.chain import Event, link
from global_core_state.folder import RunFolder
from global_core_state.harness import Order, run_phase
from global_core_state.store import Store
from global_core_state.verify import Fault, known, verify
from global_util.attempt import AttemptRequest, AttemptResult
from global_util.contracts.dag import DagGraph
from global_util.contracts.execution_result import ExecutionItem
from global_util.contracts.item import Base, Call, ScopeReport, State, Work
from global_util.contracts.workstream import Workstream
from global_util.contracts.workstream_set import Plan, Validity
from global_util.errors import EnvironmentFault, InvalidInput
from global_util.testing import Sandbox
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

RUN = "EXEC-2026-01-02-001"
ZERO = "sha256:" + "0" * 64
WORK = {
    "title": "t",
    "tasks": [],
    "scope": {"files_scope": ["src/"]},
    "acceptance": [],
    "context": [],
    "tool": "none",
    "limits": {"max_attempts": 1, "max_error_repeats": 2, "oscillation_threshold": 3},
    "plan_source": "p",
}
FAILING: list[str] = []
"""Phases that are to fail, in order; each fails once."""


class Planner:
    id, consumes, produces, reads = "fake.ph0", "", "workstream_set.v1", ()

    def run(self, artifact: None, ctx: Any) -> dict[str, Any]:
        return {
            "plan": Plan(id="plan", title="t", format="fake", root=".", files=()),
            "workstreams": (Workstream(id="ws-a", files_scope=("src/",), tasks=("do",)),),
            "notes": (),
            "questions": (),
            "officially_valid": Validity(verdict="valid"),
        }


class Runner:
    """One try that writes a prompt, a log and a recording, and commits; beside it a graph."""

    id, consumes, produces, reads = "fake.ph2", "workstream_set.v1", "execution_result.v1", ()

    def run(self, artifact: Any, ctx: Any) -> dict[str, Any]:
        graph = ctx.publish(DagGraph, library=ZERO, nodes=(), edges=(), waves=())
        start = ctx.repo.commit_of("refs/heads/main")
        request = AttemptRequest(
            workstream_id="ws-a",
            n=1,
            purpose="edit",
            work=Work.model_validate_json(json.dumps(WORK)),
            base=Base(**start.model_dump()),
            start=start,
        )
        made = ctx._ended(*ctx._attempted(attempt, request), request, "attempt:1")
        ctx.observe("seconds", 1)
        state = {"base": start.model_dump(), "head": made.head.model_dump()}
        item = ExecutionItem.seal(
            workstream_id="ws-a",
            inputs=(),
            work=WORK,
            status="no_change",
            changes=(),
            changes_total=0,
            scope={"verdict": "inside"},
            calls=(),
            **state,
        )
        return {"graph": graph.artifact_id, "items": (item,)}


def attempt(ctx: Any, request: AttemptRequest) -> AttemptResult:
    for name in ("ws/ws-a/1/prompt.txt", "ws/ws-a/1/stdout.log", "recording/ws-a/1.patch", "recording/ws-a/1.json"):
        place = ctx.run_dir / name
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(f"{len(FAILING)} {name}", "utf-8")
    if FAILING:
        raise FAULTS[FAILING.pop()]
    blob = ctx.repo.sealed("hash-object", "-w", "--stdin", stdin=b"made " * 99).stdout.decode().strip()
    tree = ctx.repo.sealed("mktree", stdin=f"100644 blob {blob}\tmade\n".encode()).stdout.decode().strip()
    commit = ctx.repo.commit(tree, (request.start.commit,), "made\n", audit._NOBODY, 1)
    ref = f"refs/pipeline/runs/{ctx.execution_id}/ws-a"
    if ctx.repo.resolve(ref) is None:
        ctx.repo.update_ref(ref, commit, None, "made")
        ctx.repo.update_ref(f"refs/pipeline/keep/{ctx.execution_id}/ws-a/1", commit, None, "kept")
    return AttemptResult(
        head=State(commit=commit, tree=tree),
        scope=ScopeReport(verdict="inside"),
        call=Call(n=1, tool="none", outcome="ok", change=ZERO),
    )


FAULTS: dict[str, BaseException] = {"interrupt": KeyboardInterrupt(), "fail": InvalidInput("refused")}
PH0, PH2 = Planner(), Runner()


@pytest.fixture(autouse=True)
def fakes(install: Callable[[str, str], None], monkeypatch: pytest.MonkeyPatch) -> None:
    FAILING.clear()
    monkeypatch.setitem(sys.modules, "verified_phases", sys.modules[__name__])
    install("fake-phases", "[pipeline.phases]\nph0 = verified_phases:PH0\nph2 = verified_phases:PH2\n")


@pytest.fixture
def done(repo: Sandbox) -> Sandbox:
    """A repository with a run that ended."""
    run(repo, "ph2", run(repo, "ph0"))
    assert faults(repo) == []
    return repo


def run(box: Sandbox, phase: str, before: Any = None, **options: Any) -> Any:
    return run_phase(
        Order(phase=phase, repo=box.repo, text=before.dumps().encode() if before else b"", options=options)
    )


def faults(box: Sandbox, counted: Counter[str] | None = None, notes: bool = False) -> list[Fault]:
    with closing(Store(box.repo.state_dir / "state.db")) as store:
        return [fault for fault in verify(box.repo, store, RUN, counted) if notes or not fault.note]


def folder(box: Sandbox) -> Path:
    return RunFolder(box.repo, RUN).path


def change(box: Sandbox, *sql: str) -> None:
    """Change the database behind the store's back."""
    with closing(sqlite3.connect(box.repo.state_dir / "state.db", isolation_level=None)) as db:
        for statement in sql:
            db.execute(statement)


def flip(place: Path, at: int = -1) -> None:
    content = bytearray(place.read_bytes())
    content[at if at >= 0 else len(content) // 2] ^= 1
    place.chmod(0o644)
    place.write_bytes(content)


def assert_named(found: list[Fault], where: str, what: str) -> None:
    assert any(where in fault.where and what in fault.what for fault in found), found
    assert all(fault.mend for fault in found)


def test_a_run_that_nobody_touched_fits(done: Sandbox) -> None:
    counted: Counter[str] = Counter()
    assert faults(done, counted, notes=True) == []
    with closing(Store(done.repo.state_dir / "state.db")) as store:
        events = len(store.events(RUN))
        assert known(done.repo, store) == [RUN]
    assert counted == {"events": events, "anchors": 2, "artifacts": 3, "files": 4, "objects": 3 + 2 * 3}


def test_a_run_that_failed_or_was_stopped_and_went_on_fits_at_every_stage(repo: Sandbox) -> None:
    planned = run(repo, "ph0")
    assert faults(repo) == []
    FAILING.extend(["fail", "interrupt", "fail"])
    for expected in (InvalidInput, KeyboardInterrupt, InvalidInput):
        with pytest.raises(expected):
            run(repo, "ph2", planned)
        assert faults(repo) == []
    for _ in range(2):
        run(repo, "ph2", planned)
        assert faults(repo) == []


def test_a_dry_run_and_an_artifact_from_another_clone_fit(repo: Sandbox, tmp_path: Path) -> None:
    planned = run(repo, "ph0")
    run(repo, "ph2", planned, dry_run=True)
    assert faults(repo) == []
    other = Sandbox(tmp_path / "other")
    other.start(repo.content("main"))
    executed = run(repo, "ph2", planned)
    run(other, "ph2", planned)
    assert faults(other) == []
    assert executed.inputs[0].artifact_id == planned.artifact_id


COLUMNS = ("execution_id", "seq", "ws_id", "at", "type", "payload", "previous", "hash")


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_any_byte_of_any_event_that_is_changed_is_found(done: Sandbox, data: st.DataObject) -> None:
    place = done.repo.state_dir / "state.db"
    with closing(sqlite3.connect(place, isolation_level=None)) as db:
        rows = db.execute("select rowid, * from events order by seq").fetchall()
        row = data.draw(st.sampled_from(rows))
        column = data.draw(st.sampled_from(COLUMNS))
        value = row[1 + COLUMNS.index(column)]
        mask = data.draw(st.integers(1, 255))
        if column == "seq":
            fresh: Any = value ^ mask
            assume(fresh not in {other[2] for other in rows})
        elif value is None:
            fresh = chr(mask)
        else:
            raw = bytearray(value.encode())
            raw[data.draw(st.integers(0, len(raw) - 1))] ^= mask
            fresh = bytes(raw)
        text = f"update events set {column} = {'?' if column == 'seq' else 'cast(? as text)'} where rowid = ?"
        db.execute(text, (fresh, row[0]))
        try:
            assert faults(done)
        finally:
            db.execute(f"update events set {column} = ? where rowid = ?", (value, row[0]))
    assert faults(done) == []


def test_the_changed_event_is_named_first(done: Sandbox) -> None:
    change(done, "update events set at = '2026-01-02T00:00:00Z' where seq = 4")
    assert faults(done)[0].where.startswith("event 4 (")
    change(done, "update events set payload = cast(x'ff' as text) where seq = 3")
    assert faults(done)[0].where.startswith("event 3 (")


def test_events_that_change_places_are_found(done: Sandbox) -> None:
    change(
        done,
        "update events set seq = 1000 where seq = 3",
        "update events set seq = 3 where seq = 4",
        "update events set seq = 4 where seq = 1000",
    )
    assert faults(done)[0].where.startswith("event 3 (")


@pytest.mark.parametrize("kept", [0, 1, 5, -1])
def test_a_tail_that_was_cut_off_is_found_though_the_tables_were_made_again(done: Sandbox, kept: int) -> None:
    with closing(Store(done.repo.state_dir / "state.db")) as store:
        last = len(store.events(RUN)) + kept if kept < 0 else kept
    change(done, f"delete from events where seq > {last}")
    rebuild.tell_again(done.repo.state_dir / "state.db")
    found = faults(done)
    assert_named(found, "anchor ", f"but the chain ends at {last}: events were cut off")
    assert not any(fault.where.startswith("table") for fault in found)


def test_a_chain_that_was_made_anew_is_found(done: Sandbox) -> None:
    with closing(Store(done.repo.state_dir / "state.db")) as store:
        events = [Event(**row) for row in store.events(RUN)]
    previous = events[1].hash
    for event in events[2:]:
        about = {**event.about, "forged": 1} if event.seq == 3 else event.about
        made = link(RUN, event.seq, event.ws_id, event.at, event.type, about, previous)
        previous = made.hash
        with closing(sqlite3.connect(done.repo.state_dir / "state.db", isolation_level=None)) as db:
            db.execute("delete from events where seq = ?", (event.seq,))
            db.execute("insert into events values (?, ?, ?, ?, ?, ?, ?, ?)", made)
    assert "made anew" in faults(done)[0].what


def test_an_anchor_that_was_taken_away_is_found(done: Sandbox) -> None:
    ref = f"refs/pipeline/audit/{RUN}"
    last, first = done.git("rev-list", ref).split()
    for words in (("update-ref", ref, first), ("update-ref", "-d", ref)):
        done.git(*words)
        assert faults(done)[0].where == ref
    orphan = done.git("commit-tree", f"{last}^{{tree}}", "-m", "made")
    done.git("update-ref", ref, orphan)
    assert f"{first} that event" in faults(done)[0].what
    done.git("update-ref", ref, done.git("commit-tree", done.git("mktree"), "-m", "odd"))
    assert "head.json cannot be read" in faults(done)[0].what
    done.git("update-ref", ref, last)
    assert faults(done) == []


def test_an_anchor_that_a_kill_prevented_is_told_as_such_and_made_when_the_run_goes_on(done: Sandbox) -> None:
    ref = f"refs/pipeline/audit/{RUN}"
    with closing(Store(done.repo.state_dir / "state.db")) as store:
        store.record_event(RUN, None, "told", {})
        store.record_event(RUN, None, audit.KIND, {"previous": done.git("rev-parse", ref)})
    assert faults(done) == []
    (note,) = faults(done, notes=True)
    assert (note.where, note.what.endswith("is not anchored yet: an interrupted run")) == (ref, True)
    with closing(Store(done.repo.state_dir / "state.db")) as store:
        for state in ("running", "completed"):
            store.move_run(RUN, state)
        assert "no anchor reaches event" in faults(done)[0].what
        audit.anchor(done.repo, store, RUN)
    assert faults(done, notes=True) == []


def test_a_report_beside_the_artifacts_is_verified(done: Sandbox) -> None:
    place = folder(done) / "report.txt"
    for text in (b"first", b"second"):
        place.write_bytes(text)
        with closing(Store(done.repo.state_dir / "state.db")) as store:
            about = {"path": place.name, "sha256": audit.file_hash(place)}
            store.record_event(RUN, None, "file_written", about)
            audit.anchor(done.repo, store, RUN)
    assert faults(done) == []
    flip(place)
    assert_named(faults(done), "report.txt", "was changed after event")
    place.unlink()
    assert_named(faults(done), "report.txt", "is missing")


def test_a_table_that_says_something_else_is_found_and_mended(done: Sandbox) -> None:
    change(done, "update runs set status = 'completed'")
    (fault,) = faults(done)
    assert fault.where == "table runs"
    assert "status is 'completed', the events say 'idle'" in fault.what
    words = ["--repo", str(done.folder)]
    checked = CliRunner().invoke(cli.main, ["rebuild", "--check", *words])
    assert (checked.exit_code, checked.stdout.count("\n")) == (1, 1)
    assert "runs: " in checked.stdout
    assert (
        json.loads(CliRunner().invoke(cli.main, ["rebuild", "--check", "--json", *words]).stdout)[0]["table"] == "runs"
    )
    assert CliRunner().invoke(cli.main, ["rebuild", *words]).exit_code == 0
    assert CliRunner().invoke(cli.main, ["rebuild", "--check", *words]).exit_code == 0
    change(
        done, "delete from workstreams", "insert into workstreams values ('" + RUN + "', 'ws-z', 'done', null, '[]', 0)"
    )
    assert [fault.where for fault in faults(done)] == ["table workstreams"] * 2


def test_tables_are_not_made_from_a_broken_chain(done: Sandbox) -> None:
    change(done, "update events set at = 'x' where seq = 2", "update runs set status = 'failed'")
    refused = CliRunner().invoke(cli.main, ["rebuild", "--repo", str(done.folder)])
    assert refused.exit_code == 4
    assert "E463" in refused.stderr
    with closing(Store(done.repo.state_dir / "state.db")) as store:
        assert (store.run(RUN) or {})["status"] == "failed"


def test_events_that_give_no_tables_change_nothing(done: Sandbox) -> None:
    change(done, "delete from events where seq = 1")
    with pytest.raises(EnvironmentFault) as told:
        rebuild.tell_again(done.repo.state_dir / "state.db")
    assert told.value.code == "E463"
    with closing(Store(done.repo.state_dir / "state.db")) as store:
        assert store.run(RUN)


def every(box: Sandbox) -> Iterator[Path]:
    yield from (place for place in folder(box).rglob("*") if place.is_file() and not place.is_symlink())


def test_every_file_of_the_run_that_is_changed_or_missing_is_found(done: Sandbox) -> None:
    places = sorted(every(done))
    assert len(places) == 7
    for place in places:
        content = place.read_bytes()
        for at in (0, len(content) // 3, len(content) - 1):
            flip(place, at)
            assert_named(faults(done), place.name, "")
            place.write_bytes(content)
        place.unlink()
        assert_named(faults(done), place.name, "missing")
        place.symlink_to("/etc/hostname")
        assert faults(done)
        place.unlink()
        place.mkdir()
        assert_named(faults(done), place.name, "cannot be read")
        place.rmdir()
        place.write_bytes(content)
    assert faults(done) == []


def test_what_is_observed_is_covered_too(done: Sandbox) -> None:
    place = folder(done) / "artifacts" / (folder(done) / "artifacts/execution_result.v1.json").readlink()
    text = place.read_text("utf-8")
    place.write_text(text.replace('"seconds": ', '"seconds": 1'), "utf-8")
    assert_named(faults(done), place.name, "what its id does not cover")


def test_a_name_of_the_line_that_leads_elsewhere_is_found(done: Sandbox) -> None:
    artifacts = folder(done) / "artifacts"
    link_, other = artifacts / "execution_result.v1.json", artifacts / "workstream_set.v1.json"
    target = link_.readlink()
    for wrong in (other.readlink(), Path("/etc/hostname"), Path("../artifacts") / target, Path("nothing.json")):
        link_.unlink()
        link_.symlink_to(wrong)
        assert_named(faults(done), link_.name, "leads to")
    link_.unlink()
    assert_named(faults(done), link_.name, "is no link")
    link_.symlink_to(target)
    (artifacts / "dag_graph.v1.json").unlink()
    assert faults(done) == []


def own(box: Sandbox) -> list[str]:
    start = box.git("rev-parse", f"refs/pipeline/runs/{RUN}/run")
    return box.git("rev-list", "--objects", "--no-object-names", "--glob=refs/pipeline", "--not", start).split()


def test_every_loose_object_that_is_changed_or_missing_is_found(done: Sandbox) -> None:
    for oid in own(done):
        place = done.repo.common_dir / "objects" / oid[:2] / oid[2:]
        content = place.read_bytes()
        for at in (0, len(content) // 2, len(content) - 1):
            flip(place, at)
            assert faults(done), (oid, at)
            place.write_bytes(content)
        place.unlink()
        assert any(oid in fault.where + fault.what for fault in faults(done)), oid
        place.write_bytes(content)
    assert faults(done) == []


def test_an_object_that_holds_another_content_is_named(done: Sandbox) -> None:
    """Git reads a loose object without hashing it: here it is whole, but another one's."""
    oids = own(done)
    blob = next(oid for oid in oids if b"made" in done.git("cat-file", "-p", oid).encode()[:5])
    other = done.git("hash-object", "-w", "--stdin", stdin=b"else")
    place = done.repo.common_dir / "objects" / blob[:2] / blob[2:]
    place.unlink()
    place.write_bytes((done.repo.common_dir / "objects" / other[:2] / other[2:]).read_bytes())
    assert_named(faults(done), blob, other)


def test_a_packed_object_that_is_changed_is_found(done: Sandbox) -> None:
    done.git("repack", "-a", "-d", "-q")
    assert faults(done) == []
    (pack,) = (done.repo.common_dir / "objects/pack").glob("*.pack")
    content = pack.read_bytes()
    rows = [row.split() for row in done.git("verify-pack", "-v", str(pack)).splitlines()]
    places = {
        row[0]: (int(row[4]), int(row[3])) for row in rows if len(row) >= 5 and row[1] in ("commit", "tree", "blob")
    }
    for oid in own(done):
        offset, size = places[oid]
        flip(pack, offset + size // 2)
        assert faults(done), oid
        pack.chmod(0o644)
        pack.write_bytes(content)
    assert faults(done) == []


def test_only_the_objects_of_the_run_are_read(done: Sandbox) -> None:
    """A flaw in the history that the run builds on is not the run's."""
    blob = done.git("rev-parse", "main:f")
    (done.repo.common_dir / "objects" / blob[:2] / blob[2:]).unlink()
    assert faults(done) == []


def test_refs_that_moved_or_are_gone_are_told(done: Sandbox) -> None:
    ref, kept = f"refs/pipeline/runs/{RUN}/ws-a", f"refs/pipeline/keep/{RUN}/ws-a/1"
    before = done.git("rev-parse", ref)
    done.git("update-ref", ref, done.git("commit-tree", f"{before}^{{tree}}", "-p", before, "-m", "more"))
    assert faults(done) == []
    done.git("update-ref", ref, "main")
    assert_named(faults(done), ref, "was not made from")
    done.git("update-ref", "-d", ref)
    assert_named(faults(done), ref, "is gone")
    done.git("update-ref", ref, before)
    done.git("update-ref", "-d", kept)
    assert faults(done) == []
    assert [(fault.where, fault.note) for fault in faults(done, notes=True)] == [(kept, True)]


def test_another_hash_is_computed_in_a_repository_that_uses_it(tmp_path: Path, repo: Sandbox) -> None:
    box = Sandbox(tmp_path / "sha256", "--object-format=sha256")
    box.start(repo.content("main"))
    run(box, "ph2", run(box, "ph0"))
    assert faults(box) == []
    oid = own(box)[-1]
    assert len(oid) == 64
    flip(box.repo.common_dir / "objects" / oid[:2] / oid[2:])
    assert faults(box)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_what_may_not_be_read_is_told(done: Sandbox) -> None:
    for place in every(done):
        place.chmod(0)
        assert_named(faults(done), place.name, "cannot be read")
        place.chmod(0o644)


def test_a_landed_commit_must_be_in_the_branch_or_its_log(done: Sandbox) -> None:
    tip = done.git("rev-parse", f"refs/pipeline/runs/{RUN}/ws-a")
    done.git("update-ref", "--create-reflog", "refs/heads/main", tip)
    assert list(verify_objects._reached(done.repo, "refs/heads/main", tip, [tip])) == []
    done.git("update-ref", "--create-reflog", "refs/heads/main", f"{tip}^")
    assert list(verify_objects._reached(done.repo, "refs/heads/main", tip, [tip])) == []
    (done.repo.common_dir / "logs/refs/heads/main").unlink()
    (gone,) = verify_objects._reached(done.repo, "refs/heads/main", tip, [tip])
    assert "neither in refs/heads/main nor in its log" in gone.what
    (unproven,) = verify_objects._trees(done.repo, {tip: "0" * 40})
    assert "the commit plan proved" in unproven.what
