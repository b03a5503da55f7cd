"""One worktree slot: made a clean checkout before each use, whatever happened to it.

Git in a slot is always led by an explicit ``GIT_DIR``: the ``.git`` file in the slot belongs to whatever ran there and
is not believed.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import stat
import subprocess
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from global_util.files import write_atomically
from global_util.git import Git, GitError, Person, Repository

from global_aim.inventory import read_inventory
from global_aim.lock import guard

if TYPE_CHECKING:
    from global_aim.setup import Setup

TRY = "try.json"
"""The note in a slot about the try that it holds, and in a try's folder about its slot."""
NOBODY = Person("Phaseline", "phaseline@localhost")
"""Author of commits that never land: work in progress, kept work, joins."""
_SETTINGS = {
    "core.attributesFile": "/dev/null",
    "core.checkStat": "default",
    "core.fileMode": "true",
    "core.ignoreStat": "false",
    "core.safecrlf": "false",
    "core.sparseCheckout": "false",
    "core.splitIndex": "false",
    "core.symlinks": "true",
    "core.trustctime": "true",
    # Names are not folded in it, so that they can be searched for.
    "index.version": "2",
}
"""A slot is whole, and nothing that happens in it goes unseen, however the user's own checkout is set up."""


_GITLINK = b"\x00\x00\xe0\x00"
"""The mode of a submodule, as an index holds it (gitformat-index)."""


class Slot:
    """One worktree. ``path`` is where a tool works, ``pristine`` an index as it was before the tool came.

    ``variables`` name the resources that are leased with it; ``notes`` say what the set-up, if it ran now, left undone.
    ``lock`` is the descriptor that holds it: a child that has it too holds the slot as long as it lives. ``ignored`` are
    patterns of files that count as work to be kept though git ignores them.
    """

    def __init__(self, repo: Repository, folder: Path) -> None:
        self.repo = repo
        self.folder = folder
        # Not below our own files: what a tool writes to ``../`` must not reach them.
        self.path = folder.parent / "trees" / folder.name
        self.pristine = folder / "pristine.index"
        self._git = Git(self.path, repo.common_dir)
        self.phantoms: dict[bytes, str] = {}
        self.variables: dict[str, str] = {}
        self.notes: tuple[str, ...] = ()
        self.ignored: tuple[str, ...] = ()
        self.lock: int | None = None

    @property
    def admin(self) -> Path:
        """Git's own folder for this worktree. Raises GitError when its name is not known."""
        name = _read_name(self.folder)
        if not name:
            raise GitError(f"worktree {self.path}: its name is lost")
        if not _admin_leads_to(self.repo, name, self.path):
            raise GitError(f"worktree {self.path}: {name} is another one's")
        return self.repo.common_dir / "worktrees" / name

    @property
    def intact(self) -> bool:
        """Is the worktree a folder still? What took the place of one is never followed."""
        return self.path.is_dir() and not self.path.is_symlink()

    def git(self, *argv: str | bytes, stdin: bytes = b"", index: Path | None = None) -> bytes:
        """Git in this slot. With an index of ours, git's own folder for the worktree is not needed."""
        env = {"GIT_DIR": str(self.repo.common_dir if index else self.admin), "GIT_WORK_TREE": str(self.path)}
        env["GIT_ATTR_NOSYSTEM"] = "1"
        if index:
            env["GIT_INDEX_FILE"] = str(index)
        return self._git.run(*argv, stdin=stdin, env=env, config=_SETTINGS)

    def prepare(self, commit: str, setup: Setup | None = None) -> None:
        """Make the slot a clean checkout of ``commit``, building it anew when it cannot be mended.

        What ``setup`` made in it for an equal commit stays; else it runs. Raises what ``Setup.run`` raises.
        """
        try:
            self._prepare(commit, setup)
        except (GitError, OSError):
            self.remove()
            self._prepare(commit, setup)

    def _prepare(self, commit: str, setup: Setup | None) -> None:
        self.settle()
        (self.folder / TRY).unlink(missing_ok=True)
        if not (self.folder / "name").exists():
            self._add(commit)
        self.check_out(commit)
        ready = setup is not None and setup.is_current(self)
        self._clean(ready)
        self.phantoms = {path: digest(self.path, path) for path in self._unclean()}
        if setup is not None and not ready:
            setup.run(self, commit)
        write_atomically(self.folder / "start", commit.encode())
        (self.folder / "settled").unlink(missing_ok=True)

    def check_out(self, commit: str, own: bool = False) -> None:
        """Put files, index and HEAD at ``commit``, whatever was done to them.

        Files that git does not track stay; but for attributes, unless what is there is our ``own`` (a set-up's) work.
        """
        if not self.admin.is_dir() or not self.intact:
            raise GitError(f"worktree {self.path}: git has forgotten it, or it is no folder any more")
        attributes = make_accessible(self.path, ".gitattributes")
        self._forget_attributes(() if own else attributes)
        self._git_file()
        (self.admin / "index.lock").unlink(missing_ok=True)
        self._restore_index()
        if not self._reads_alike(commit):
            # Git leaves a file as it is that is the same in both commits, though it would be written otherwise now.
            self.git("read-tree", "--reset", "-u", self.repo.empty_tree())
        (self.folder / "start").unlink(missing_ok=True)
        self.git("checkout", "--force", "--detach", "--no-recurse-submodules", "--quiet", commit)
        # With its time: git looks again at files that are as young as their index, for it compares whole seconds only.
        shutil.copy2(self.admin / "index", self.pristine)

    def _clean(self, ready: bool) -> None:
        """Remove what git does not track; of a set-up that is ``ready``, what it made is spared."""
        if not ready:
            (self.folder / "setup.json").unlink(missing_ok=True)
        self.git("clean", "-ffdq" if ready else "-ffdxq")
        for place in self.submodules():
            remove_tree(place)
            place.mkdir(parents=True)

    def _forget_attributes(self, places: Sequence[str]) -> None:
        """What a tool wrote would count in the checkout. Those that are tracked come back; those of the set-up stay."""
        known = read_inventory(self)[1] if places else {}
        for place in places:
            if os.fsencode(os.path.relpath(place, self.path)) not in known:
                os.unlink(place)  # noqa: PTH108

    def _restore_index(self) -> None:
        """Forget what the last tool did to its index: marks in it would hide files from the checkout."""
        if self.pristine.exists():
            shutil.copy2(self.pristine, self.admin / "index")
        else:
            (self.admin / "index").unlink(missing_ok=True)

    def _reads_alike(self, commit: str) -> bool:
        """Do the same attributes hold there as where the slot is?"""
        place = self.folder / "start"
        before = self.repo.commit_of(place.read_text("utf-8")) if place.exists() else None
        changes = self.repo.diff(before.tree, self.repo.tree_of(commit)) if before else ()
        return before is not None and all(one.path.rpartition("/")[2] != ".gitattributes" for one in changes)

    def submodules(self) -> list[Path]:
        """The folders of submodules, which stay empty: git cleans around them, never in them."""
        if _GITLINK not in self.pristine.read_bytes():
            return []
        rows = self.git("ls-files", "--stage", "-z", index=self.pristine).split(b"\0")
        pairs = (row.partition(b"\t")[::2] for row in rows)
        return [self.path / os.fsdecode(name) for meta, name in pairs if meta.startswith(b"160000 ")]

    def _git_file(self) -> None:
        link = self.path / ".git"
        if link.is_dir() and not link.is_symlink():
            raise GitError(f"worktree {self.path}: its .git was replaced")
        link.unlink(missing_ok=True)
        link.write_bytes(b"gitdir: " + os.fsencode(self.admin) + b"\n")

    def _add(self, commit: str) -> None:
        with guard(self.folder.parent):
            # Twice: a kill inside of this command leaves an entry that git takes for locked.
            words = ("worktree", "add", "--detach", "--no-checkout", "--force", "--force")
            self.repo.run(*words, str(self.path), commit)
            name = next(name for name in names(self.repo) if _admin_leads_to(self.repo, name, self.path))
            write_atomically(self.folder / "name", name.encode())

    def _unclean(self) -> list[bytes]:
        """Paths that git calls modified right after a checkout (line-ending rules that their content breaks)."""
        if not self._converts():
            return []
        raw = self.git("diff-files", "-z", "--name-only", "--ignore-submodules=all", index=self.pristine)
        return [name for name in raw.split(b"\0") if name]

    def _converts(self) -> bool:
        """Can a file differ from its object although nobody touched it? By rules of the tree, the user or the system."""
        if self.repo.converts or (self.repo.common_dir / "info" / "attributes").exists():
            return True
        return b".gitattributes" in self.pristine.read_bytes()

    def settle(self) -> None:
        """What lies in the slot has been saved or is worth nothing: it may be overwritten."""
        self.folder.mkdir(parents=True, exist_ok=True)
        (self.folder / "settled").touch()

    def remove(self) -> None:
        """Give the worktree up."""
        with guard(self.folder.parent):
            name = _read_name(self.folder)
            if name and _admin_leads_to(self.repo, name, self.path):
                shutil.rmtree(self.repo.common_dir / "worktrees" / name, ignore_errors=True)
            for place in ("name", "pristine.index", "setup.json", TRY):
                (self.folder / place).unlink(missing_ok=True)
            if not self.intact:
                self.path.unlink(missing_ok=True)
            make_accessible(self.path)
            remove_tree(self.path)


def remove_tree(path: Path) -> None:
    """Remove a folder that can be deeper than a path can be long, and than Python can follow."""
    subprocess.run(["rm", "-rf", "--", str(path)], check=False, capture_output=True)


def names(repo: Repository) -> list[str]:
    folder = repo.common_dir / "worktrees"
    return [entry.name for entry in folder.iterdir()] if folder.is_dir() else []


def _admin_leads_to(repo: Repository, name: str, path: Path) -> bool:
    return leads_to(repo, name) == path


def leads_to(repo: Repository, name: str) -> Path | None:
    """The worktree that git's folder ``name`` belongs to."""
    with suppress(OSError):
        link = (repo.common_dir / "worktrees" / name / "gitdir").read_bytes()
        return Path(os.fsdecode(link).rstrip("\n")).parent
    return None


def _read_name(folder: Path) -> str:
    """The name that git gave to a slot's worktree; empty when it is not known."""
    try:
        name = (folder / "name").read_text("utf-8")
    except (OSError, UnicodeDecodeError):
        return ""
    return "" if "/" in name or name in (".", "..") else name


def digest(root: Path, name: bytes) -> str:
    """The content of a file or link, whatever its name; equal digests mean an untouched file."""
    place = os.path.join(os.fsencode(root), name)  # noqa: PTH118  bytes: a name need not be text
    if os.path.islink(place):  # noqa: PTH114
        return "link " + os.fsdecode(os.readlink(place))  # noqa: PTH115
    if not os.path.isfile(place):  # noqa: PTH113  opening a pipe would wait for ever
        return "none"
    try:
        with open(place, "rb") as handle:
            return hashlib.file_digest(handle, "sha256").hexdigest()
    except OSError:
        return "none"


def make_accessible(path: Path, name: str = "") -> list[str]:
    """Make a worktree one that can be read and cleaned, whatever a tool did to it. The places of files with this name.

    Folders get their permissions back; pipes, sockets and devices, which git cannot hold and would wait for, are removed.
    """
    found: list[str] = []
    waiting = [] if path.is_symlink() or not path.is_dir() else [str(path)]
    while waiting:
        folder = waiting.pop()
        # A path can be too long to be named; what lies there is left as it is.
        with suppress(OSError):
            os.chmod(folder, os.stat(folder).st_mode | stat.S_IRWXU)  # noqa: PTH101, PTH116
            with os.scandir(folder) as entries:
                for entry in entries:
                    if entry.is_dir(follow_symlinks=False):
                        waiting.append(entry.path)
                    elif not entry.is_symlink() and not entry.is_file(follow_symlinks=False):
                        os.unlink(entry.path)  # noqa: PTH108
                    elif entry.name == name:
                        found.append(entry.path)
    return found
