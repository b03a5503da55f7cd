"""A repository: where it is, what its refs and objects say, and making new objects."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from global_util import paths
from global_util.contracts.item import Change, State
from global_util.errors import EnvironmentFault, Held, InvalidInput
from global_util.git.door import FLOOR, Git, GitError, environment, start
from global_util.git.memory import remembered
from global_util.scratch import scratch

ZERO_MODE = "000000"
_STATUS = {"A": "A", "M": "M", "D": "D", "T": "T"}


@dataclass(frozen=True)
class Person:
    """Author or committer."""

    name: str
    email: str


@dataclass(frozen=True)
class Checkout:
    """A worktree that has a branch checked out."""

    path: Path
    branch: str


class Repository(Git):
    """One git repository, seen from ``cwd``. ``worktree`` is the main worktree, None when the repository is bare."""

    def __init__(self, cwd: Path, common_dir: Path, worktree: Path | None) -> None:
        super().__init__(cwd, common_dir)
        self.worktree = worktree

    @classmethod
    def discover(cls, place: Path) -> Repository:
        """The repository that ``place`` lies in. Raises EnvironmentFault (exit 4) when there is none."""
        if not place.is_dir():
            raise EnvironmentFault(f"{place}: no such folder", "give the repository with --repo DIR", "E403")
        git = Git(place, place)
        words = ("rev-parse", "--path-format=absolute", "--git-common-dir", "--is-bare-repository")
        try:
            answer = os.fsdecode(git.run(*words)).rstrip("\n")
        except GitError as fault:
            if "dubious ownership" in fault.message:
                raise EnvironmentFault(
                    f"{place}: git refuses it: dubious ownership", "see git help config, safe.directory", "E403"
                ) from None
            raise EnvironmentFault(
                f"{place}: not a git repository", "run inside one, or give --repo DIR", "E403"
            ) from None
        common, bare = answer.rsplit("\n", 1)
        common_dir = Path(common)
        if bare == "true":
            return cls(place, common_dir, None)
        top = Path(os.fsdecode(git.run("rev-parse", "--path-format=absolute", "--show-toplevel")).rstrip("\n"))
        main = common_dir.parent if common_dir.name == ".git" else top
        return cls(top, common_dir, main)

    @property
    def state_dir(self) -> Path:
        """Where everything of ours lies: inside the git folder, so that cleaning the worktree does not reach it."""
        return self.common_dir / "phaseline"

    def require_version(self) -> None:
        """Raises EnvironmentFault (exit 4) when git is older than supported."""
        found = re.search(rb"(\d+)\.(\d+)", self.run("version"))
        if found and (int(found[1]), int(found[2])) < FLOOR:
            raise EnvironmentFault(f"git {found[0].decode()} is too old", "install git 2.39 or newer", "E402")

    # -- refs ---------------------------------------------------------------------------------------------------

    def current_branch(self) -> str:
        """The branch that is checked out. Raises EnvironmentFault (exit 4) on a detached HEAD."""
        name = self.run("symbolic-ref", "--quiet", "HEAD", ok=(0, 1)).decode().strip()
        if not name:
            raise EnvironmentFault(
                "HEAD is detached: there is no base branch", "check out a branch, or set git.base_branch", "E404"
            )
        return name.removeprefix("refs/heads/")

    def resolve(self, name: str) -> str | None:
        """The object that a full ref or an object id names, or None."""
        answer = self.run("rev-parse", "--verify", "--quiet", "--end-of-options", name, ok=(0, 1, 128))
        return answer.decode().strip() or None

    def commit_of(self, name: str) -> State | None:
        """Commit and tree that a ref or id leads to, or None."""
        commit = self.resolve(f"{name}^{{commit}}")
        return State(commit=commit, tree=self.tree_of(commit)) if commit else None

    @remembered(1024)
    def tree_of(self, commit: str) -> str:
        """The tree of a commit."""
        return self.run("rev-parse", "--verify", "--end-of-options", f"{commit}^{{tree}}").decode().strip()

    def update_ref(self, ref: str, new: str, old: str | None, why: str) -> None:
        """Move a ref from ``old`` (None: it must not exist) to ``new``, or raise Held (exit 5): somebody moved it."""
        expected = old or "0" * len(new)
        line = os.fsencode(f"update {ref}\0{new}\0{expected}\0")
        try:
            self.run("update-ref", "-m", why, "--create-reflog", "--stdin", "-z", stdin=line)
        except GitError as fault:
            if "cannot lock ref" in fault.message or "reference already exists" in fault.message:
                raise Held(f"{ref} was moved by somebody else: {fault.message}", "run again", "E501") from None
            raise

    def delete_ref(self, ref: str, old: str, standing: Mapping[str, str] | None = None) -> None:
        """Delete a ref that still points to ``old``, itself and never what it is a symbol for.

        ``standing``: refs that must still point to what is named here when it is deleted. Raises Held (exit 5) when
        one of them, or the ref, was moved or is locked: then nothing is deleted.
        """
        lines = [f"verify {name}\0{oid}\0" for name, oid in sorted((standing or {}).items())]
        lines += ["option no-deref\0", f"delete {ref}\0{old}\0"]
        try:
            self.run("update-ref", "--stdin", "-z", stdin=os.fsencode("".join(lines)))
        except GitError as fault:
            if "cannot lock ref" in fault.message:
                raise Held(f"{ref} was moved by somebody else: {fault.message}", "run again", "E501") from None
            raise

    def refs(self, prefix: str) -> dict[str, str]:
        """Refs below ``prefix`` with their objects."""
        answer = self.run("for-each-ref", "--format=%(objectname) %(refname)", prefix).decode()
        return {name: oid for oid, _, name in (line.partition(" ") for line in answer.splitlines())}

    def is_branch_name(self, name: str) -> bool:
        """Is this a name that a branch may have? ``@{-1}`` is none, though git answers with the branch that it means."""
        words = ("check-ref-format", "--branch", name)
        answer = start(words, cwd=self.cwd, env=environment(), ok=(0, 1, 128, 129))
        return answer.returncode == 0 and answer.stdout == os.fsencode(name) + b"\n"

    def checkouts(self, branch: str) -> list[Checkout]:
        """The worktrees in which a branch is checked out. One whose folder is gone (``prunable``) holds nothing."""
        answer = os.fsdecode(self.run("worktree", "list", "--porcelain", "-z"))
        found = []
        for block in answer.split("\0\0"):
            fields = dict(line.partition(" ")[::2] for line in block.split("\0") if line)
            if fields.get("branch") == f"refs/heads/{branch}" and "prunable" not in fields:
                found.append(Checkout(Path(fields["worktree"]), branch))
        return found

    def tracked_changes(self, place: Path) -> list[str]:
        """Tracked files that differ from HEAD in a worktree, and paths of an unfinished merge."""
        git = Git(place, self.common_dir)
        answer = git.run(
            "status", "--porcelain=v1", "-z", "--untracked-files=no", "--no-renames", "--ignore-submodules=all"
        )
        return [paths.from_bytes(entry[3:]) for entry in answer.split(b"\0") if entry]

    def require_clean(self, branch: str) -> None:
        """Raises EnvironmentFault (exit 4) when tracked files are changed where ``branch`` is checked out."""
        for checkout in self.checkouts(branch):
            changed = self.tracked_changes(checkout.path)
            if changed:
                more = f" and {len(changed) - 1} more" if len(changed) > 1 else ""
                raise EnvironmentFault(
                    f"{checkout.path}: {branch} is checked out with changes to tracked files: {changed[0]}{more}",
                    "commit or stash them, or land elsewhere with --target BRANCH",
                    "E407",
                )

    def advance(self, branch: str, tip: str, old: str | None, why: str, again: str) -> None:
        """Let a branch go on from ``old`` (None: it is new) to ``tip``, with the files of a worktree that has it checked out.

        ``again``: the command that does it once what was in the way is moved away. Raises Held (exit 5) when the branch
        has just moved away from ``old``, EnvironmentFault (exit 4) when the checkout has changes or cannot follow.
        """
        self.require_clean(branch)
        places = self.checkouts(branch)
        if places and old:
            self._forward(places[0], tip, old, again)
        else:
            self.update_ref(f"refs/heads/{branch}", tip, old, why)

    def _forward(self, place: Checkout, tip: str, old: str, again: str) -> None:
        """Git refuses a fast-forward when a file that it does not track would be overwritten."""
        try:
            Git(place.path, self.common_dir).run(
                "merge", "--ff-only", "--no-stat", "--quiet", tip, config={"merge.autoStash": "false"}
            )
        except GitError as fault:
            if self.resolve(f"refs/heads/{place.branch}") != old:
                raise Held(f"{place.branch} was moved by somebody else", "run again", "E501") from None
            in_the_way = ", ".join(line.strip() for line in fault.stderr.splitlines() if line.startswith("\t"))
            raise EnvironmentFault(
                f"{place.path}: the checkout of {place.branch} cannot follow: "
                + (f"it has untracked files that would be overwritten: {in_the_way}" if in_the_way else fault.message),
                f"move them away, then: {again}",
                "E451",
            ) from None

    # -- trees ---------------------------------------------------------------------------------------------------

    @remembered(4)
    def paths_of(self, tree: str) -> tuple[str, ...]:
        """All files of a tree, sorted by git."""
        answer = self.sealed("ls-tree", "-r", "-z", "--name-only", "--full-tree", tree).stdout
        return tuple(paths.from_bytes(name) for name in answer.split(b"\0") if name)

    def modes_of(self, tree: str) -> dict[str, str]:
        """The mode of every file of a tree."""
        answer = self.sealed("ls-tree", "-r", "-z", "--full-tree", tree).stdout
        rows = (entry.partition(b"\t") for entry in answer.split(b"\0") if entry)
        return {paths.from_bytes(name): meta[:6].decode() for meta, _, name in rows}

    def read_file(self, tree: str, path: str, limit: int = 1_000_000) -> str | None:
        """The text of a file in a tree; None when it is not there or larger than ``limit`` bytes."""
        name = tree.encode() + b":" + paths.to_bytes(path)
        done = self.sealed("cat-file", "blob", name, ok=(0, 128))
        return None if done.returncode or len(done.stdout) > limit else done.stdout.decode("utf-8", "replace")

    @remembered(1024)
    def diff(self, base: str, head: str) -> tuple[Change, ...]:
        """Changed paths between two trees, without guessing renames."""
        answer = self.sealed("diff-tree", "-r", "-z", "--raw", "--no-renames", "--full-index", base, head).stdout
        return tuple(parse_raw(answer))

    @remembered(16)
    def patch(self, base: str, head: str) -> bytes:
        """The change as a binary patch that ``git apply`` takes."""
        words = (
            "diff-tree",
            "-r",
            "-p",
            "--binary",
            "--no-renames",
            "--full-index",
            "--no-ext-diff",
            "--no-textconv",
            base,
            head,
        )
        return self.sealed(*words).stdout

    @contextmanager
    def scratch_index(self, tree: str | None) -> Iterator[dict[str, str]]:
        """Environment with an index of its own, filled from a tree."""
        with scratch("index") as folder:
            env = {"GIT_INDEX_FILE": str(folder / "index")}
            if tree:
                self.sealed("read-tree", tree, env=env)
            yield env

    @remembered(1024)
    def overlay(self, tree: str, changes: Sequence[Change]) -> str:
        """The tree after some changed paths were put on it. Removals go first, so that a file may become a folder."""
        zero = "0" * len(tree)
        lines = [(ZERO_MODE, zero, change.path) for change in changes]
        lines += [(change.new_mode, change.new_blob, change.path) for change in changes if change.status != "D"]
        fed = b"".join(f"{mode} {oid}\t".encode() + paths.to_bytes(path) + b"\0" for mode, oid, path in lines)
        with self.scratch_index(tree) as env:
            self.sealed("update-index", "-z", "--index-info", stdin=fed, env=env)
            return self.sealed("write-tree", env=env).stdout.decode().strip()

    def empty_tree(self) -> str:
        """The tree without files."""
        return self.sealed("mktree").stdout.decode().strip()

    # -- commits --------------------------------------------------------------------------------------------------

    def commit(self, tree: str, parents: Sequence[str], message: str, person: Person, epoch: int) -> str:
        """Write a commit. Author and committer are the same, the date is UTC."""
        words = ["commit-tree", tree, *(part for parent in parents for part in ("-p", parent))]
        return self.sealed(*words, stdin=message.encode(), env=_identity(person, epoch)).stdout.decode().strip()

    @remembered(1024)
    def date_of(self, commit: str) -> int:
        """Committer date in seconds since 1970."""
        return int(self.run("show", "-s", "--format=%ct", "--no-show-signature", commit).strip())

    def is_ancestor(self, older: str, newer: str) -> bool:
        """Is ``older`` reachable from ``newer``?"""
        return self.asks("merge-base", "--is-ancestor", older, newer)

    def user(self) -> Person:
        """Who lands commits here: the user's own identity, or a neutral one where none is set."""
        values = [
            self.run("config", "--get", key, ok=(0, 1)).decode("utf-8", "replace").strip()
            for key in ("user.name", "user.email")
        ]
        name = os.environ.get("GIT_AUTHOR_NAME") or values[0] or "Phaseline"
        email = os.environ.get("GIT_AUTHOR_EMAIL") or values[1] or "phaseline@localhost"
        return Person(name, email)


def _identity(person: Person, epoch: int) -> Mapping[str, str]:
    parts = (("NAME", person.name), ("EMAIL", person.email), ("DATE", f"@{epoch} +0000"))
    return {f"GIT_{role}_{part}": value for role in ("AUTHOR", "COMMITTER") for part, value in parts}


def parse_raw(raw: bytes) -> Iterator[Change]:
    """Parse ``diff --raw -z``: ``:oldmode newmode oldoid newoid status NUL path NUL``."""
    fields = iter(raw.split(b"\0"))
    for meta in fields:
        if not meta:
            continue
        old_mode, new_mode, old_blob, new_blob, status = meta.decode().lstrip(":").split(" ")
        letter = _STATUS.get(status[:1])
        if letter is None:
            raise InvalidInput(f"git reports a change of kind {status!r}, which is not known")
        yield Change.model_validate(
            {
                "path": paths.from_bytes(next(fields)),
                "status": letter,
                "old_mode": old_mode,
                "new_mode": new_mode,
                "old_blob": old_blob,
                "new_blob": new_blob,
            }
        )
