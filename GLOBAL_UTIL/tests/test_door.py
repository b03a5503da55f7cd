"""No call of ours runs or obeys what somebody planted in a repository."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from global_util.errors import EnvironmentFault, Held
from global_util.git import Git, GitError, Person, Repository
from global_util.merge import join
from global_util.testing import FILE, Sandbox

NOBODY = Person("N", "n@localhost")


class Trap:
    """A repository full of programs that leave a marker when they are run."""

    def __init__(self, box: Sandbox) -> None:
        self.box = box
        self.markers = box.folder.parent / "markers"
        self.markers.mkdir()
        rules = b"* diff=evil merge=evil\n"
        box.start({b"f": (FILE, b"one\n"), b"g": (FILE, b"g\n"), b".gitattributes": (FILE, rules)})
        for hook in ("post-checkout", "reference-transaction", "post-index-change", "pre-commit", "post-commit"):
            self.script(box.folder / ".git/hooks" / hook, hook)
        for key in (
            "core.fsmonitor",
            "diff.external",
            "diff.evil.textconv",
            "diff.evil.command",
            "merge.evil.driver",
            "gpg.program",
            "core.editor",
            "core.pager",
            "core.sshCommand",
            "core.alternateRefsCommand",
        ):
            box.git("config", key, str(self.script(self.markers.parent / "evil" / key, key)))
        for alias in ("rev-parse", "status", "diff-tree", "ls-tree", "update-ref", "commit-tree"):
            box.git("config", f"alias.{alias}", f"!touch {self.markers}/alias")
        for key in ("commit.gpgSign", "tag.gpgSign", "log.showSignature"):
            box.git("config", key, "true")
        (box.folder / "f").write_text("two\n")

    def script(self, place: Path, name: str) -> Path:
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(f"#!/bin/sh\ntouch '{self.markers}/{name}'\n")
        place.chmod(0o755)
        return place

    def sprung(self) -> list[str]:
        return sorted(marker.name for marker in self.markers.iterdir())


@pytest.fixture
def trap(sandbox: Sandbox) -> Trap:
    return Trap(sandbox)


def test_the_traps_work(trap: Trap) -> None:
    for words in (["status"], ["diff"], ["update-ref", "refs/x", "HEAD"], ["commit", "-am", "x"]):
        subprocess.run(["git", *words], cwd=trap.box.folder, capture_output=True, check=False)
    assert {"core.fsmonitor", "diff.evil.command", "reference-transaction", "pre-commit"} <= set(trap.sprung())


def join_something(repo: Repository, commit: str) -> None:
    trees = [repo.overlay(repo.tree_of(commit), ()), *(made(repo, commit, text) for text in (b"2\n", b"3\n"))]
    assert join(repo, trees[1], trees[0], trees[2]).tree is None


def made(repo: Repository, commit: str, text: bytes) -> str:
    blob = repo.sealed("hash-object", "-w", "--stdin", stdin=text).stdout.decode().strip()
    with repo.scratch_index(repo.tree_of(commit)) as env:
        repo.sealed("update-index", "--cacheinfo", f"100644,{blob},f", env=env)
        return repo.sealed("write-tree", env=env).stdout.decode().strip()


def move_refs(repo: Repository, commit: str) -> None:
    repo.update_ref("refs/pipeline/x", commit, None, "why")
    repo.update_ref("refs/heads/main", commit, commit, "why")
    repo.delete_ref("refs/pipeline/x", commit)


CALLS: dict[str, Callable[[Repository, str], object]] = {
    "discover": lambda repo, _: Repository.discover(repo.cwd),
    "require_version": lambda repo, _: repo.require_version(),
    "current_branch": lambda repo, _: repo.current_branch(),
    "commit_of": lambda repo, _: repo.commit_of("refs/heads/main"),
    "refs": lambda repo, _: repo.refs("refs/"),
    "is_branch_name": lambda repo, _: repo.is_branch_name("a/b"),
    "checkouts": lambda repo, _: repo.checkouts("main"),
    "tracked_changes": lambda repo, _: repo.tracked_changes(repo.cwd),
    "move_refs": move_refs,
    "paths_of": lambda repo, commit: repo.paths_of(repo.tree_of(commit)),
    "modes_of": lambda repo, commit: repo.modes_of(repo.tree_of(commit)),
    "read_file": lambda repo, commit: repo.read_file(commit, "f"),
    "diff": lambda repo, commit: repo.diff(made(repo, commit, b"x\n"), repo.tree_of(commit)),
    "patch": lambda repo, commit: repo.patch(made(repo, commit, b"x\n"), commit),
    "commit": lambda repo, commit: repo.commit(repo.tree_of(commit), (commit,), "x", NOBODY, 0),
    "date_of": lambda repo, commit: repo.date_of(commit),
    "is_ancestor": lambda repo, commit: repo.is_ancestor(commit, commit),
    "user": lambda repo, _: repo.user(),
    "join": join_something,
    "worktree": lambda repo, _: repo.run("worktree", "add", "--detach", str(repo.cwd.parent / "linked"), "HEAD"),
    "checkout": lambda repo, _: repo.run("checkout", "--force", "--detach", "HEAD"),
    "plain diff": lambda repo, _: repo.run("diff", "--no-ext-diff", "--no-textconv"),
}


@pytest.mark.parametrize("call", CALLS)
def test_nothing_planted_is_run(trap: Trap, call: str) -> None:
    CALLS[call](trap.box.repo, trap.box.git("rev-parse", "main"))
    assert trap.sprung() == []


def test_variables_of_git_do_not_lead_elsewhere(
    sandbox: Sandbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    commit = sandbox.start({b"f": (FILE, b"one\n")})
    other = Sandbox(tmp_path / "other")
    for name, value in {
        "GIT_DIR": str(other.folder / ".git"),
        "GIT_WORK_TREE": str(other.folder),
        "GIT_INDEX_FILE": "/nowhere",
        "GIT_OBJECT_DIRECTORY": "/nowhere",
        "GIT_NAMESPACE": "other",
        "GIT_CONFIG_COUNT": "1",
        "GIT_CONFIG_KEY_0": "core.bare",
        "GIT_CONFIG_VALUE_0": "true",
        "GIT_EXTERNAL_DIFF": "/nowhere",
    }.items():
        monkeypatch.setenv(name, value)
    repo = Repository.discover(sandbox.folder)
    assert repo.commit_of("refs/heads/main") is not None
    assert repo.resolve("HEAD") == commit
    assert repo.paths_of(repo.tree_of(commit)) == ("f",)


def test_the_same_content_gives_the_same_commit_wherever_it_is_made(sandbox: Sandbox) -> None:
    sandbox.git("config", "i18n.commitEncoding", "latin1")
    sandbox.git("config", "user.name", "Else")
    tree = sandbox.tree({b"f": (FILE, b"one\n")})
    commit = sandbox.repo.commit(tree, (), "über\n", NOBODY, 7)
    assert commit == Sandbox(sandbox.folder.parent / "fresh").repo.commit(
        Sandbox(sandbox.folder.parent / "fresh").tree({b"f": (FILE, b"one\n")}), (), "über\n", NOBODY, 7
    )
    assert "N <n@localhost> 7 +0000" in sandbox.git("cat-file", "commit", commit)


@pytest.mark.parametrize("options", [[], ["--bare"], ["--object-format=sha256"]])
def test_trees_changes_and_patches_in_every_kind_of_repository(tmp_path: Path, options: list[str]) -> None:
    box = Sandbox(tmp_path / "repo", *options)
    repo = box.repo
    assert repo.worktree == (None if options == ["--bare"] else box.folder)
    base = box.tree({b"a": (FILE, b"1\n"), b"bin\xe9": (FILE, bytes(range(256)))})
    head = box.tree({b"a/b": (FILE, b"2\n")})
    changes = repo.diff(base, head)
    assert [(change.path, change.status) for change in changes] == [("a", "D"), ("a/b", "A"), ("bin\\xe9", "D")]
    assert repo.overlay(base, changes) == head
    assert repo.overlay(head, repo.diff(head, base)) == base
    assert b"GIT binary patch" in repo.patch(base, head)
    assert repo.read_file(base, "a") == "1\n"
    assert repo.read_file(base, "bin\\xe9", limit=10) is None
    assert repo.read_file(base, "missing") is None
    assert repo.paths_of(repo.empty_tree()) == ()
    assert repo.modes_of(head) == {"a/b": FILE}


def test_a_ref_that_somebody_moved_is_held(sandbox: Sandbox) -> None:
    one, two = sandbox.commit({b"f": (FILE, b"1")}), sandbox.commit({b"f": (FILE, b"2")})
    sandbox.repo.update_ref("refs/pipeline/x", one, None, "made")
    for new, old in ((two, None), (one, two)):
        with pytest.raises(Held, match="refs/pipeline/x") as held:
            sandbox.repo.update_ref("refs/pipeline/x", new, old, "moved")
        assert held.value.exit_code == 5
    assert sandbox.repo.refs("refs/pipeline") == {"refs/pipeline/x": one}


def test_a_ref_is_deleted_only_while_it_and_what_must_stand_are_as_named(sandbox: Sandbox) -> None:
    one, two = sandbox.commit({b"f": (FILE, b"1")}), sandbox.commit({b"f": (FILE, b"2")})
    for ref in ("refs/pipeline/x", "refs/pipeline/y"):
        sandbox.repo.update_ref(ref, one, None, "made")
    for old, standing in ((two, {}), (one, {"refs/pipeline/y": two}), (one, {"refs/pipeline/missing": one})):
        with pytest.raises(Held, match="refs/pipeline/x"):
            sandbox.repo.delete_ref("refs/pipeline/x", old, standing)
    assert sorted(sandbox.repo.refs("refs/pipeline")) == ["refs/pipeline/x", "refs/pipeline/y"]
    sandbox.repo.delete_ref("refs/pipeline/x", one, {"refs/pipeline/y": one})
    assert sandbox.repo.refs("refs/pipeline") == {"refs/pipeline/y": one}
    with pytest.raises(Held):
        sandbox.repo.delete_ref("refs/pipeline/x", one)


def test_deleting_a_symbolic_ref_leaves_what_it_stands_for(sandbox: Sandbox) -> None:
    commit = sandbox.start({b"f": (FILE, b"1")})
    sandbox.git("symbolic-ref", "refs/pipeline/x", "refs/heads/main")
    sandbox.repo.delete_ref("refs/pipeline/x", commit)
    assert sandbox.repo.refs("refs/") == {"refs/heads/main": commit}


def test_refs_may_have_names_that_are_no_text(sandbox: Sandbox) -> None:
    commit = sandbox.start({b"f": (FILE, b"1")})
    name = os.fsdecode(b"refs/pipeline/\xff")
    sandbox.repo.update_ref(name, commit, None, "made")
    assert sandbox.repo.resolve(name) == commit
    sandbox.repo.delete_ref(name, commit)
    assert sandbox.repo.resolve(name) is None


@pytest.mark.parametrize("name", ["-x", "a..b", "", "x.lock", "a b", "@{-1}"])
def test_names_that_no_branch_may_have(sandbox: Sandbox, name: str) -> None:
    assert not sandbox.repo.is_branch_name(name)


def test_where_a_repository_is(sandbox: Sandbox, tmp_path: Path) -> None:
    sandbox.start({b"deep/er/f": (FILE, b"1")})
    sandbox.git("worktree", "add", "--quiet", str(tmp_path / "li nked\u00e9"), "HEAD", "-b", "side")
    main = Repository.discover(sandbox.folder / "deep/er")
    linked = Repository.discover(tmp_path / "li nked\u00e9")
    assert (main.cwd, main.worktree) == (sandbox.folder, sandbox.folder)
    assert (linked.cwd, linked.worktree) == (tmp_path / "li nked\u00e9", sandbox.folder)
    assert main.state_dir == linked.state_dir
    assert [checkout.path for checkout in main.checkouts("side")] == [linked.cwd]
    for place in (tmp_path, tmp_path / "missing"):
        with pytest.raises(EnvironmentFault) as fault:
            Repository.discover(place)
        assert (fault.value.exit_code, fault.value.code) == (4, "E403")


def test_head_and_changes(sandbox: Sandbox) -> None:
    assert sandbox.repo.commit_of("HEAD") is None
    sandbox.start({b"f": (FILE, b"1"), b"-x\xe9": (FILE, b"1")})
    sandbox.repo.require_clean("main")
    (sandbox.folder / "untracked").touch()
    sandbox.repo.require_clean("main")
    Path(os.fsdecode(os.fsencode(sandbox.folder) + b"/-x\xe9")).write_text("2")
    assert sandbox.repo.tracked_changes(sandbox.folder) == ["-x\\xe9"]
    with pytest.raises(EnvironmentFault, match="changes to tracked files") as dirty:
        sandbox.repo.require_clean("main")
    assert dirty.value.code == "E407"
    sandbox.git("checkout", "--quiet", "--force", "--detach")
    with pytest.raises(EnvironmentFault, match="detached"):
        sandbox.repo.current_branch()


def test_what_is_wrong_is_told_in_one_line(sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(GitError, match=r"git rev-parse --verify nonsense: exit 128: fatal"):
        sandbox.repo.run("rev-parse", "--verify", "nonsense")
    with pytest.raises(GitError, match="no such folder"):
        Git(sandbox.folder / "gone", sandbox.repo.common_dir).run("version")
    monkeypatch.setenv("PATH", "/nowhere")
    with pytest.raises(EnvironmentFault, match="git is not installed"):
        Repository.discover(sandbox.folder)
