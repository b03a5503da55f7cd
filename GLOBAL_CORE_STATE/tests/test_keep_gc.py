"""Kept work goes only when it is old and proven elsewhere; whoever looks at the same time loses nothing."""

from __future__ import annotations

import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from global_core_state import keep
from global_core_state.keep import PREFIX
from global_core_state.keep_gc import Verdict, collect
from global_core_state.keep_proof import Elsewhere
from global_util.git import Repository
from global_util.testing import FILE, GITLINK, LINK, PROGRAM, Sandbox, Tree
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

MADE = 1767323045
DAY = 86_400
LATER = MADE + 40 * DAY
BASE: Tree = {b"a": (FILE, b"1"), b"b": (FILE, b"1"), b"c": (FILE, b"1")}


def put(box: Sandbox, commit: str, name: str = "E/ws/1") -> str:
    """Keep a commit; the ref is as old as the commit."""
    box.git("update-ref", "--create-reflog", "-m", "kept", PREFIX + name, commit)
    return PREFIX + name


def branch(box: Sandbox, commit: str, ref: str = "refs/heads/main") -> None:
    box.git("update-ref", ref, commit)


def judged(box: Sandbox, now: float = LATER) -> Verdict:
    (verdict,) = collect(box.repo, 30, now)
    assert (box.repo.resolve(verdict.kept.ref) is None) == verdict.removed
    return verdict


@pytest.mark.parametrize("ref", ["refs/heads/main", "refs/tags/v1", "refs/remotes/origin/x"])
@pytest.mark.parametrize("options", [[], ["--bare"], ["--object-format=sha256"]])
def test_what_a_branch_or_tag_leads_to_goes(tmp_path: Path, ref: str, options: list[str]) -> None:
    box = Sandbox(tmp_path / "repo", *options)
    kept = box.commit(BASE)
    branch(box, box.commit({b"a": (FILE, b"2")}, kept), ref)
    put(box, kept)
    assert judged(box).reason == f"{ref} holds the commit"
    box.git("cat-file", "-e", kept)


def test_what_an_annotated_tag_leads_to_goes(sandbox: Sandbox) -> None:
    kept = sandbox.commit(BASE)
    sandbox.git("tag", "-a", "-m", "v", "v1", kept)
    sandbox.git("tag", "of-a-blob", sandbox.blob(b"x"))
    put(sandbox, kept)
    assert judged(sandbox).removed


def test_an_equal_tree_in_the_history_is_proof(sandbox: Sandbox) -> None:
    base = sandbox.commit(BASE)
    kept = sandbox.commit({**BASE, b"a": (FILE, b"2")}, base)
    same = sandbox.commit({**BASE, b"a": (FILE, b"2")}, sandbox.commit({}, base))
    branch(sandbox, sandbox.commit({}, same))
    put(sandbox, kept)
    assert judged(sandbox).reason == f"refs/heads/main holds the same tree in commit {same}"


def test_an_equal_tree_too_far_back_is_no_proof(sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    base = sandbox.commit(BASE)
    same = sandbox.commit({**BASE, b"a": (FILE, b"2")}, sandbox.commit({}, base))
    branch(sandbox, sandbox.commit(BASE, sandbox.commit(BASE, same)))
    put(sandbox, sandbox.commit({**BASE, b"a": (FILE, b"2")}, sandbox.commit(BASE, base)))
    put(sandbox, sandbox.commit({**BASE, b"a": (FILE, b"2")}, base), "E/ws/2")
    monkeypatch.setattr("global_core_state.keep_proof.DEPTH", 2)
    assert not any(verdict.removed for verdict in collect(sandbox.repo, 30, LATER))
    monkeypatch.setattr("global_core_state.keep_proof.DEPTH", 3)
    told = {verdict.kept.name: verdict.removed for verdict in collect(sandbox.repo, 30, LATER)}
    assert told == {"E/ws/1": False, "E/ws/2": True}, "the parent of the first is held by nothing else"


CHANGED: dict[str, Tree] = {
    "contents": {**BASE, b"a": (FILE, b"2"), b"d/e": (FILE, b"3")},
    "hostile names": {
        **BASE,
        b"-x": (FILE, b"2"),
        b"q\"'\n\t": (FILE, b"3"),
        b"\xff": (FILE, b"4"),
        b" :(glob)*": (FILE, b""),
    },
    "a link": {**BASE, b"a": (LINK, b"/etc/passwd")},
    "a program": {**BASE, b"a": (PROGRAM, b"1")},
    "a removed file": {b"a": (FILE, b"1"), b"c": (FILE, b"2")},
    "a submodule": {**BASE, b"sub": (GITLINK, b"1" * 40)},
    "many": {**BASE, **{b"n%d" % n: (FILE, b"%d" % n) for n in range(40)}},
}


@pytest.mark.parametrize("name", sorted(CHANGED))
def test_changed_files_that_are_so_in_a_branch_are_proof(sandbox: Sandbox, name: str) -> None:
    base = sandbox.commit(BASE)
    branch(sandbox, base, "refs/heads/before")
    branch(sandbox, sandbox.commit({**CHANGED[name], b"other": (FILE, b"more")}, base))
    put(sandbox, sandbox.commit(CHANGED[name], base))
    assert judged(sandbox).reason == "refs/heads/main holds every changed file"


MISSED: dict[str, Tree] = {
    "another content": {**BASE, b"a": (FILE, b"other"), b"gone": (FILE, b"x")},
    "another mode": {**BASE, b"a": (PROGRAM, b"2"), b"gone": (FILE, b"x")},
    "another kind": {**BASE, b"a": (LINK, b"2"), b"gone": (FILE, b"x")},
    "another place": {**BASE, b"b": (FILE, b"2"), b"gone": (FILE, b"x")},
    "one of two": {**BASE, b"a": (FILE, b"2")},
    "a folder": {b"a/a": (FILE, b"2"), b"b": (FILE, b"1"), b"gone": (FILE, b"x")},
}


@pytest.mark.parametrize("name", sorted(MISSED))
def test_changed_files_that_are_not_quite_so_are_no_proof(sandbox: Sandbox, name: str) -> None:
    base = sandbox.commit(BASE)
    branch(sandbox, sandbox.commit(MISSED[name], base))
    put(sandbox, sandbox.commit({**BASE, b"a": (FILE, b"2"), b"gone": (FILE, b"x")}, base))
    assert judged(sandbox).reason == "nothing else is proven to hold its content"


def test_a_removal_that_no_branch_has_stays(sandbox: Sandbox) -> None:
    base = sandbox.start(BASE)
    put(sandbox, sandbox.commit({b"a": (FILE, b"1")}, base))
    assert not judged(sandbox).removed


def test_two_branches_that_hold_half_each_are_no_proof(sandbox: Sandbox) -> None:
    base = sandbox.commit(BASE)
    branch(sandbox, sandbox.commit({**BASE, b"a": (FILE, b"2")}, base))
    branch(sandbox, sandbox.commit({**BASE, b"b": (FILE, b"2")}, base), "refs/heads/other")
    put(sandbox, sandbox.commit({**BASE, b"a": (FILE, b"2"), b"b": (FILE, b"2")}, base))
    assert not judged(sandbox).removed


def test_the_parent_counts_as_content_unless_a_ref_beside_kept_work_holds_it(sandbox: Sandbox) -> None:
    branch(sandbox, sandbox.commit({b"a": (FILE, b"2")}))
    parent = sandbox.commit({b"only here": (FILE, b"x")})
    put(sandbox, sandbox.commit({b"only here": (FILE, b"x"), b"a": (FILE, b"2")}, parent))
    assert not judged(sandbox).removed
    branch(sandbox, parent, "refs/pipeline/runs/E/ws")
    assert judged(sandbox).removed


def test_a_commit_without_parent_needs_all_its_files_elsewhere(sandbox: Sandbox) -> None:
    branch(sandbox, sandbox.commit({**BASE, b"more": (FILE, b"x")}))
    put(sandbox, sandbox.commit(BASE))
    put(sandbox, sandbox.commit({**BASE, b"only": (FILE, b"here")}), "E/ws/2")
    assert [verdict.removed for verdict in collect(sandbox.repo, 30, LATER)] == [True, False]


def test_other_refs_a_detached_head_and_other_kept_work_prove_nothing(sandbox: Sandbox) -> None:
    kept = sandbox.start(BASE)
    sandbox.git("checkout", "--quiet", "--detach")
    sandbox.git("update-ref", "-d", "refs/heads/main")
    for ref in ("refs/pipeline/runs/E/ws", "refs/stash", "refs/notes/x"):
        branch(sandbox, kept, ref)
    put(sandbox, kept)
    put(sandbox, kept, "E/ws/2")
    assert not any(verdict.removed for verdict in collect(sandbox.repo, 0, LATER))


def test_a_branch_that_is_a_symbol_of_kept_work_proves_nothing(sandbox: Sandbox) -> None:
    ref = put(sandbox, sandbox.commit(BASE))
    for name in ("refs/heads/x", "refs/remotes/origin/HEAD", "refs/tags/t"):
        sandbox.git("symbolic-ref", name, ref)
    assert judged(sandbox).reason == "nothing else is proven to hold its content"


def test_kept_work_that_is_a_symbol_of_a_branch_is_left_alone(sandbox: Sandbox) -> None:
    commit = sandbox.start(BASE)
    sandbox.git("symbolic-ref", PREFIX + "E/ws/1", "refs/heads/main")
    assert judged(sandbox).reason == "is a symbolic ref"
    assert sandbox.repo.resolve("refs/heads/main") == commit


def test_grafts_and_replacements_prove_nothing(sandbox: Sandbox) -> None:
    kept, main = sandbox.commit(BASE), sandbox.start({b"z": (FILE, b"z")})
    put(sandbox, kept)
    (sandbox.folder / ".git/info").mkdir(exist_ok=True)
    (sandbox.folder / ".git/info/grafts").write_text(f"{main} {kept}\n")
    sandbox.git("replace", main, sandbox.commit({b"z": (FILE, b"z")}, kept))
    assert not judged(sandbox).removed


@pytest.mark.parametrize(
    ("now", "reason"),
    [
        (MADE + 29 * DAY, "is not older than 30 days"),
        (MADE + 30 * DAY, "is not older than 30 days"),
        (MADE - 1, "the clock stands before its date"),
    ],
)
def test_what_is_young_or_from_the_future_stays(sandbox: Sandbox, now: float, reason: str) -> None:
    put(sandbox, sandbox.start(BASE))
    assert judged(sandbox, now).reason == reason


def test_a_clock_before_the_date_of_the_commit_is_not_believed_even_when_the_log_is_old(sandbox: Sandbox) -> None:
    commit = sandbox.start(BASE)
    env = {"GIT_COMMITTER_DATE": f"@{MADE - 100 * DAY} +0000"}
    sandbox.git("update-ref", "--create-reflog", "-m", "kept", PREFIX + "E/ws/1", commit, env=env)
    assert judged(sandbox, MADE - 1).reason == "the clock stands before its date"
    assert judged(sandbox, MADE + 1).removed


def test_an_old_commit_under_a_young_ref_stays(sandbox: Sandbox) -> None:
    commit = sandbox.start(BASE)
    sandbox.repo.update_ref(PREFIX + "E/ws/1", commit, None, "just now")
    assert judged(sandbox, MADE + 31 * DAY).reason == "the clock stands before its date"


def test_an_age_that_nobody_knows_is_not_old(sandbox: Sandbox) -> None:
    raw = f"tree {sandbox.tree(BASE)}\nauthor a <a> x\ncommitter a <a> x\n\nno date\n".encode()
    commit = sandbox.git("hash-object", "-t", "commit", "--literally", "-w", "--stdin", stdin=raw)
    for ref in (PREFIX + "E/ws/1", "refs/heads/main"):
        (sandbox.folder / ".git" / ref).parent.mkdir(parents=True, exist_ok=True)
        (sandbox.folder / ".git" / ref).write_text(commit + "\n")
    assert judged(sandbox).reason == "its age is not known"


def test_history_that_cannot_be_read_proves_nothing(sandbox: Sandbox) -> None:
    base = sandbox.commit(BASE)
    branch(sandbox, sandbox.commit({**BASE, b"a": (FILE, b"2"), b"d": (FILE, b"2")}, base))
    put(sandbox, sandbox.commit({**BASE, b"a": (FILE, b"2")}, base))
    (sandbox.folder / ".git/objects" / base[:2] / base[2:]).unlink()
    assert judged(sandbox).reason.startswith("git cannot tell where else it is: ")


def test_packed_refs_go_as_loose_ones_do(sandbox: Sandbox) -> None:
    put(sandbox, sandbox.start(BASE))
    sandbox.git("pack-refs", "--all", "--prune")
    assert judged(sandbox).removed
    assert "keep" not in (sandbox.folder / ".git/packed-refs").read_text()


def test_a_dry_run_tells_the_same_and_removes_nothing(sandbox: Sandbox) -> None:
    put(sandbox, sandbox.start(BASE))
    put(sandbox, sandbox.commit({b"x": (FILE, b"x")}), "E/ws/2")
    refs = sandbox.git("for-each-ref")
    told = collect(sandbox.repo, 30, LATER, dry_run=True)
    assert sandbox.git("for-each-ref") == refs
    assert collect(sandbox.repo, 30, LATER) == told


@pytest.mark.parametrize("moved", ["refs/heads/main", PREFIX + "E/ws/1"])
def test_a_ref_stays_when_it_or_what_holds_it_moves_after_the_proof(
    sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch, moved: str
) -> None:
    ref = put(sandbox, sandbox.start(BASE))
    other = sandbox.commit({b"new": (FILE, b"work")})
    proof = Elsewhere.proof

    def late(self: Elsewhere, one: keep.Kept) -> object:
        found = proof(self, one)
        branch(sandbox, other, moved)
        return found

    monkeypatch.setattr(Elsewhere, "proof", late)
    before = sandbox.repo.resolve(ref)
    (verdict,) = collect(sandbox.repo, 30, LATER)
    assert verdict.reason.startswith("could not be removed: ")
    assert sandbox.repo.resolve(ref) == (other if moved == ref else before)


COLLECT = """
import sys
from pathlib import Path
from global_core_state.keep_gc import collect
from global_util.git import Repository
print(sum(one.removed for one in collect(Repository.discover(Path(sys.argv[1])), 30, float(sys.argv[2]))))
"""


def test_two_collectors_at_once_remove_each_ref_once_and_nothing_else(sandbox: Sandbox) -> None:
    held, only = sandbox.start(BASE), sandbox.commit({b"only": (FILE, b"here")})
    for n in range(12):
        put(sandbox, held, f"E/held/{n}")
        put(sandbox, only, f"E/only/{n}")
    sandbox.git("pack-refs", "--all")
    words = [sys.executable, "-c", COLLECT, str(sandbox.folder), str(LATER)]
    with ThreadPoolExecutor(3) as pool:
        done = list(pool.map(lambda _: subprocess.run(words, capture_output=True, text=True, check=False), range(3)))
    assert [one.stderr for one in done] == [""] * 3
    left = [one.name for one in keep.listing(sandbox.repo)]
    assert sum(int(one.stdout) for one in done) + len(left) == 24
    assert [f"E/only/{n}" for n in range(12)] == [name for name in left if "only" in name]
    collect(sandbox.repo, 30, LATER)
    assert len(keep.listing(sandbox.repo)) == 12


def test_names_of_refs_are_no_words_of_a_command(sandbox: Sandbox) -> None:
    put(sandbox, sandbox.start(BASE), os.fsdecode(b"E/\xff'$(x)\";|/1"))
    assert judged(sandbox).removed


FILES = st.dictionaries(
    st.sampled_from([b"a", b"b", b"d/a", b"-x", b'q\n"', b"\xff"]),
    st.tuples(st.sampled_from([FILE, PROGRAM, LINK]), st.sampled_from([b"1", b"2", b"3"])),
    max_size=4,
)
HISTORY = st.lists(st.tuples(FILES, st.lists(st.integers(0, 9), max_size=2)), min_size=1, max_size=6)


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(HISTORY, st.lists(st.sampled_from(["keep", "heads", "tags", "runs", ""]), min_size=6, max_size=6))
def test_no_content_is_lost_that_a_removed_ref_held(
    shared: Sandbox, history: list[tuple[Tree, list[int]]], places: list[str]
) -> None:
    for ref in shared.repo.refs("refs/"):
        shared.git("update-ref", "-d", ref)
    folders = {"keep": PREFIX + "E/ws", "heads": "refs/heads", "tags": "refs/tags", "runs": "refs/pipeline/runs/E"}
    made: list[str] = []
    for n, ((tree, above), place) in enumerate(zip(history, places, strict=False)):
        parents = sorted({made[number % len(made)] for number in above}) if made else []
        made.append(shared.commit(tree, *parents))
        if place:
            shared.git("update-ref", f"{folders[place]}/{n}", made[-1])
    before = {one.ref: one for one in keep.listing(shared.repo)}
    for verdict in collect(shared.repo, 0, LATER):
        if verdict.removed:
            assert contents(shared.repo, before[verdict.kept.ref]) <= reachable(shared, "refs/heads", "refs/tags")
            assert whole(shared, verdict.kept.oid) <= reachable(shared, "refs/heads", "refs/tags", "refs/pipeline/runs")


def contents(repo: Repository, one: keep.Kept) -> set[str]:
    """The objects that a kept commit changed."""
    assert one.commit is not None
    return {entry.oid for entry in keep.changed(repo, one.commit) if entry.status != "D"}


def whole(box: Sandbox, commit: str) -> set[str]:
    """All contents of a commit and of what it is built on."""
    rows = [box.git("ls-tree", "-r", "--format=%(objectname)", one) for one in box.git("rev-list", commit).split()]
    return {oid for row in rows for oid in row.split()}


def reachable(box: Sandbox, *prefixes: str) -> set[str]:
    """All objects that refs lead to."""
    oids = box.git("for-each-ref", "--format=%(objectname)", *prefixes).split()
    return {row.split(" ")[0] for row in box.git("rev-list", "--objects", *oids).splitlines()} if oids else set()
