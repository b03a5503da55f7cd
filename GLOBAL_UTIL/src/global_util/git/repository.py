"""A repository: where it is, what its refs and objects say, and making new objects."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from global_util import paths
from global_util.contracts.item import Change, State
from global_util.disk import DiskFault
from global_util.errors import EnvironmentFault, Held, InvalidInput
from global_util.git import halfway
from global_util.git.door import FLOOR, Git, GitError, start
from global_util.git.memory import remembered
from global_util.git.objects import Objects
from global_util.git.trees import Entry, Trees
from global_util.scratch import scratch

_NOTHING = "000000"
_LOCK = re.compile(r"Unable to create '(.+?\.lock)': File exists")
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
        objects = Objects(Git(cwd, common_dir))
        self._objects = objects
        self._trees = Trees(lambda oid: objects.require(oid, "tree"), lambda text: objects.write("tree", text))

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

    @cached_property
    def converts(self) -> bool:
        """Does its configuration say that files on disk differ from what is committed (line ends, modes, links)?"""
        pattern = r"^core\.(autocrlf|filemode|symlinks)$"
        rows = self.run("config", "--null", "--get-regexp", pattern, ok=(0, 1)).decode("utf-8", "replace").split("\0")
        told = dict(row.partition("\n")[::2] for row in rows if row)
        no = ("false", "no", "off", "0")
        return told.get("core.autocrlf", "false") not in no or any(
            told.get(f"core.{one}") in no for one in ("filemode", "symlinks")
        )

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

    def tree_of(self, commit: str) -> str:
        """The tree of a commit, given by its full id. Raises GitError when it is not there."""
        return self._headers(commit)[0]

    @remembered(1024)
    def _headers(self, commit: str) -> tuple[str, int]:
        """Tree and committer date of a commit."""
        head, _, _ = self._objects.require(commit, "commit").partition(b"\n\n")
        lines = [line.partition(b" ")[::2] for line in head.split(b"\n")]
        tree, committer = (next(rest for key, rest in lines if key == name) for name in (b"tree", b"committer"))
        return tree.decode(), int(committer.rpartition(b">")[2].split()[0])

    def update_ref(self, ref: str, new: str, old: str | None, why: str) -> None:
        """Move a ref from ``old`` (None: it must not exist) to ``new``, or raise Held (exit 5): somebody moved it."""
        expected = old or "0" * len(new)
        line = os.fsencode(f"update {ref}\0{new}\0{expected}\0")
        try:
            self.run("update-ref", "-m", why, "--create-reflog", "--stdin", "-z", stdin=line)
        except GitError as fault:
            _blame_lock(fault)
            if "cannot lock ref" in fault.message or "reference already exists" in fault.message:
                raise Held(f"{ref} was moved by somebody else: {fault.message}", "run again", "E501") from None
            raise

    def move_ref(self, ref: str, new: str, why: str, old: str | None = None) -> None:
        """Let a ref that is ours alone point to ``new``, wherever it was: most likely at ``old`` (None: nowhere).

        Raises Held (exit 5) when another moves it at the same time.
        """
        try:
            self.update_ref(ref, new, old, why)
        except Held:
            before = self.resolve(ref)
            if before != new:
                self.update_ref(ref, new, before, why)

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
            _blame_lock(fault)
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
        answer = start(words, cwd=self.cwd, env=self._surroundings, ok=(0, 1, 128, 129))
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

    def take_back(self, branch: str, tip: str) -> None:
        """Where ``branch`` is checked out, take back a way to ``tip`` that was left halfway. What a person changed stays."""
        old = self.resolve(f"refs/heads/{branch}")
        for checkout in self.checkouts(branch) if old else ():
            try:
                halfway.take_back(self, checkout.path, old or "", tip)
            except GitError as fault:
                _blame_lock(fault)
                raise

    def require_there(self, branch: str, commit: str) -> None:
        """Raises EnvironmentFault (E406) when ``branch`` is checked out, but gone. ``commit``: where it was once."""
        places = [] if self.resolve(f"refs/heads/{branch}") else self.checkouts(branch)
        if places:
            raise EnvironmentFault(
                f"{places[0].path}: {branch} is checked out, but the branch was deleted",
                f"bring it back, for instance with: git update-ref refs/heads/{branch} {commit}",
                "E406",
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
        """Git refuses a fast-forward when a file that it does not track would be overwritten. One that fails leaves nothing."""
        before = halfway.present(self, place.path, old, tip)
        try:
            Git(place.path, self.common_dir).run(
                "merge", "--ff-only", "--no-stat", "--quiet", tip, config={"merge.autoStash": "false"}
            )
        except (GitError, DiskFault) as fault:
            if self.resolve(f"refs/heads/{place.branch}") != old:
                raise Held(f"{place.branch} was moved by somebody else", "run again", "E501") from None
            with suppress(GitError, DiskFault, OSError):
                halfway.take_back(self, place.path, old, tip, before)
            if isinstance(fault, DiskFault):
                raise
            _blame_lock(fault)
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
        """All files of a tree, in the order of their bytes."""
        return tuple(paths.from_bytes(path) for path, _ in self._trees.files(tree))

    def modes_of(self, tree: str) -> dict[str, str]:
        """The mode of every file of a tree."""
        return {paths.from_bytes(path): entry.mode for path, entry in self._trees.files(tree)}

    def read_file(self, tree: str, path: str, limit: int = 1_000_000) -> str | None:
        """The text of a file in a tree; None when it is not there or larger than ``limit`` bytes."""
        name = tree.encode() + b":" + paths.to_bytes(path)
        done = self.sealed("cat-file", "blob", name, ok=(0, 128))
        return None if done.returncode or len(done.stdout) > limit else done.stdout.decode("utf-8", "replace")

    @remembered(1024)
    def diff(self, base: str, head: str) -> tuple[Change, ...]:
        """Changed paths between two trees, without guessing renames, in the order of their bytes."""
        return tuple(_change(*one) for one in self._trees.differences(base, head))

    def agree(self, one: str, other: str, path: str) -> bool:
        """Is the same at a path and below it in two trees, and is no folder above it a file in just one of them?"""
        return self._trees.agree(one, other, paths.to_bytes(path))

    @remembered(16)
    def patch(self, base: str, head: str) -> bytes:
        """The change as a binary patch that ``git apply`` takes."""
        return self._objects.patch(base, head)

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
        rows = [
            (paths.to_bytes(one.path), None if one.status == "D" else Entry(one.new_mode, one.new_blob))
            for one in changes
        ]
        return self._trees.put(tree, rows)

    def empty_tree(self) -> str:
        """The tree without files."""
        return self.sealed("mktree").stdout.decode().strip()

    # -- commits --------------------------------------------------------------------------------------------------

    def commit(self, tree: str, parents: Sequence[str], message: str, person: Person, epoch: int) -> str:
        """Write a commit. Author and committer are the same, the date is UTC."""
        if "\0" in message:
            raise GitError("a commit's message cannot hold a NUL byte")
        who = self._name_of(person)
        lines = [f"tree {tree}", *(f"parent {parent}" for parent in dict.fromkeys(parents))]
        lines += [f"{role} {who} {epoch} +0000" for role in ("author", "committer")]
        return self._objects.write("commit", "\n".join([*lines, "", message]).encode())

    @remembered(16)
    def _name_of(self, person: Person) -> str:
        """Name and address as git writes them: it leaves out what would end a line of a commit."""
        answer = self.sealed("var", "GIT_AUTHOR_IDENT", env=_identity(person, 0)).stdout.decode()
        return answer.rpartition(">")[0] + ">"

    def date_of(self, commit: str) -> int:
        """Committer date in seconds since 1970 of a commit, given by its full id."""
        return self._headers(commit)[1]

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


def _blame_lock(fault: GitError) -> None:
    """Raise Held (E513, exit 5) when git met a lock: of another git, or left by one that was killed."""
    found = _LOCK.search(fault.stderr or fault.message)
    if found:
        told = f"{found[1]}: another git is at work there, or was killed there"
        raise Held(told, "see that no git runs in this repository, remove that file, then run again", "E513") from None


def _identity(person: Person, epoch: int) -> Mapping[str, str]:
    parts = (("NAME", person.name), ("EMAIL", person.email), ("DATE", f"@{epoch} +0000"))
    return {f"GIT_{role}_{part}": value for role in ("AUTHOR", "COMMITTER") for part, value in parts}


def _change(path: bytes, old: Entry | None, new: Entry | None) -> Change:
    absent = Entry(_NOTHING, "0" * max(len(entry.oid) for entry in (old, new) if entry))
    before, after = old or absent, new or absent
    letter = "D" if new is None else "A" if old is None else "M" if old.mode[:3] == new.mode[:3] else "T"
    fields = {"old_mode": before.mode, "new_mode": after.mode, "old_blob": before.oid, "new_blob": after.oid}
    return Change.model_validate({"path": paths.from_bytes(path), "status": letter, **fields})


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
