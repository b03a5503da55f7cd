"""Worktree slots: places where tools and checks work, outside the user's checkout, pooled and used again.

A slot is leased by a file lock, so it is free again when its holder dies. Git in a slot is always led by an explicit
``GIT_DIR``: the ``.git`` file in the slot belongs to whatever ran there and is not believed.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import shutil
import stat
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from global_util.config import Settings
from global_util.errors import EnvironmentFault
from global_util.files import write_atomically
from global_util.git import Git, GitError, Person, Repository

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
}
"""A slot is whole, and nothing that happens in it goes unseen, however the user's own checkout is set up."""


class Slot:
    """One worktree. ``path`` is where a tool works, ``pristine`` an index as it was before the tool came."""

    def __init__(self, repo: Repository, folder: Path) -> None:
        self.repo = repo
        self.folder = folder
        # Not below our own files: what a tool writes to ``../`` must not reach them.
        self.path = folder.parent / "trees" / folder.name
        self.pristine = folder / "pristine.index"
        self.phantoms: dict[bytes, str] = {}

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
        if index:
            env["GIT_INDEX_FILE"] = str(index)
        return Git(self.path, self.repo.common_dir).run(*argv, stdin=stdin, env=env, config=_SETTINGS)

    def prepare(self, commit: str) -> None:
        """Make the slot a clean checkout of ``commit``, building it anew when it cannot be mended."""
        try:
            self._prepare(commit)
        except (GitError, OSError):
            self.remove()
            self._prepare(commit)

    def _prepare(self, commit: str) -> None:
        self.settle()
        if not (self.folder / "name").exists():
            self._add(commit)
        if not self.admin.is_dir() or not self.intact:
            raise GitError(f"worktree {self.path}: git has forgotten it, or it is no folder any more")
        make_accessible(self.path)
        self._git_file()
        (self.admin / "index.lock").unlink(missing_ok=True)
        self._restore_index()
        self.git("checkout", "--force", "--detach", "--no-recurse-submodules", "--quiet", commit)
        self.git("clean", "-ffdxq")
        self._empty_submodules()
        # With its time: git looks again at files that are as young as their index, for it compares whole seconds only.
        shutil.copy2(self.admin / "index", self.pristine)
        self.phantoms = {path: digest(self.path, path) for path in self._unclean()}
        write_atomically(self.folder / "start", commit.encode())
        (self.folder / "settled").unlink(missing_ok=True)

    def _restore_index(self) -> None:
        """Forget what the last tool did to its index: marks in it would hide files from the checkout."""
        if self.pristine.exists():
            shutil.copy2(self.pristine, self.admin / "index")
        else:
            (self.admin / "index").unlink(missing_ok=True)

    def _empty_submodules(self) -> None:
        """Git cleans around submodules, never in them."""
        for row in self.git("ls-files", "--stage", "-z").split(b"\0"):
            meta, _, name = row.partition(b"\t")
            if meta.startswith(b"160000 "):
                place = self.path / os.fsdecode(name)
                _remove_tree(place)
                place.mkdir(parents=True)

    def _git_file(self) -> None:
        link = self.path / ".git"
        if link.is_dir() and not link.is_symlink():
            raise GitError(f"worktree {self.path}: its .git was replaced")
        link.unlink(missing_ok=True)
        link.write_bytes(b"gitdir: " + os.fsencode(self.admin) + b"\n")

    def _add(self, commit: str) -> None:
        with _guard(self.folder.parent):
            self.repo.run("worktree", "add", "--detach", "--no-checkout", "--force", str(self.path), commit)
            name = next(name for name in _names(self.repo) if _admin_leads_to(self.repo, name, self.path))
            write_atomically(self.folder / "name", name.encode())

    def _unclean(self) -> list[bytes]:
        """Paths that git calls modified right after a checkout (line-ending rules that their content breaks)."""
        raw = self.git("diff-files", "-z", "--name-only", "--ignore-submodules=all", index=self.pristine)
        return [name for name in raw.split(b"\0") if name]

    def settle(self) -> None:
        """What lies in the slot has been saved or is worth nothing: it may be overwritten."""
        self.folder.mkdir(parents=True, exist_ok=True)
        (self.folder / "settled").touch()

    def remove(self) -> None:
        """Give the worktree up."""
        with _guard(self.folder.parent):
            name = _read_name(self.folder)
            if name and _admin_leads_to(self.repo, name, self.path):
                shutil.rmtree(self.repo.common_dir / "worktrees" / name, ignore_errors=True)
            for place in ("name", "pristine.index"):
                (self.folder / place).unlink(missing_ok=True)
            if not self.intact:
                self.path.unlink(missing_ok=True)
            make_accessible(self.path)
            _remove_tree(self.path)


def slots_root(repo: Repository, config: Settings) -> Path:
    """Where this repository's slots lie: ``worktree.root``, else the user's cache folder."""
    given = config.get("worktree.root")
    cache = (
        Path(given)
        if given
        else Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "phaseline" / "worktrees"
    )
    return cache.absolute() / hashlib.sha256(os.fsencode(repo.common_dir.resolve())).hexdigest()[:16]


@contextmanager
def lease(repo: Repository, config: Settings, commit: str) -> Iterator[Slot]:
    """A slot at ``commit``, for as long as the context lasts. Work that a dead holder left in it is kept first."""
    root = slots_root(repo, config)
    try:
        folder, handle = _take(root)
    except OSError as fault:
        raise EnvironmentFault(
            f"{root}: {fault.strerror}", "set worktree.root to a folder that can be written", "E440"
        ) from None
    try:
        slot = Slot(repo, folder)
        _keep_orphan(slot)
        slot.prepare(commit)
        yield slot
    finally:
        os.close(handle)


@contextmanager
def checkout(repo: Repository, config: Settings, commit: str) -> Iterator[Path]:
    """A clean worktree for checks: what they leave in it is worth nothing."""
    with lease(repo, config, commit) as slot:
        slot.settle()
        yield slot.path


def remove_slots(repo: Repository, config: Settings) -> None:
    """Remove all slots that nobody holds."""
    root = slots_root(repo, config)
    for folder in sorted(root.glob("slot-*")) if root.is_dir() else []:
        handle = _try_lock(folder / "lock")
        if handle is None:
            continue
        slot = Slot(repo, folder)
        _keep_orphan(slot)
        slot.remove()
        shutil.rmtree(folder, ignore_errors=True)
        os.close(handle)
    _forget_lost(repo, root)
    if root.is_dir() and not any(root.glob("slot-*")):
        with suppress(OSError):
            (root / "guard").unlink(missing_ok=True)
            (root / "trees").rmdir()
            root.rmdir()


def _forget_lost(repo: Repository, root: Path) -> None:
    """Let git forget worktrees below ``root`` whose folders somebody has taken away."""
    for name in _names(repo):
        place = _leads_to(repo, name)
        if place is not None and place.is_relative_to(root) and not place.exists():
            shutil.rmtree(repo.common_dir / "worktrees" / name, ignore_errors=True)


def _remove_tree(path: Path) -> None:
    """Remove a folder that can be deeper than a path can be long, and than Python can follow."""
    subprocess.run(["rm", "-rf", "--", str(path)], check=False, capture_output=True)


def _keep_orphan(slot: Slot) -> None:
    if (slot.folder / "settled").exists() or not (slot.folder / "start").exists():
        return
    from global_aim.snapshot import keep_everything

    keep_everything(slot)


def _take(root: Path) -> tuple[Path, int]:
    for number in range(1, 1000):
        folder = root / f"slot-{number}"
        folder.mkdir(parents=True, exist_ok=True)
        handle = _try_lock(folder / "lock")
        if handle is not None:
            return folder, handle
    raise EnvironmentFault(f"{root}: all worktree slots are taken", "wait for other runs to end", "E441")


def _try_lock(place: Path) -> int | None:
    try:
        handle = os.open(place, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except FileNotFoundError:
        return None
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        if os.fstat(handle).st_ino == place.stat().st_ino:
            return handle
    except OSError:
        pass
    os.close(handle)
    return None


@contextmanager
def _guard(root: Path) -> Iterator[None]:
    """Adding and removing worktrees changes shared files of git: one at a time."""
    with (root / "guard").open("w") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield


def _names(repo: Repository) -> list[str]:
    folder = repo.common_dir / "worktrees"
    return [entry.name for entry in folder.iterdir()] if folder.is_dir() else []


def _admin_leads_to(repo: Repository, name: str, path: Path) -> bool:
    return _leads_to(repo, name) == path


def _leads_to(repo: Repository, name: str) -> Path | None:
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


def make_accessible(path: Path) -> None:
    """Make a worktree one that can be read and cleaned, whatever a tool did to it.

    Folders get their permissions back; pipes, sockets and devices, which git cannot hold and would wait for, are removed.
    """
    waiting = [] if path.is_symlink() or not path.is_dir() else [str(path)]
    while waiting:
        folder = waiting.pop()
        # A path can be too long to be named; what lies there is left as it is.
        with suppress(OSError):
            os.chmod(folder, os.stat(folder).st_mode | stat.S_IRWXU)  # noqa: PTH101, PTH116
            with os.scandir(folder) as entries:
                waiting += [place for entry in entries if (place := _cleared(entry))]


def _cleared(entry: os.DirEntry[str]) -> str:
    """The path of a folder; anything that is neither folder, file nor link is removed."""
    if entry.is_dir(follow_symlinks=False):
        return entry.path
    if not entry.is_symlink() and not entry.is_file(follow_symlinks=False):
        os.unlink(entry.path)  # noqa: PTH108
    return ""
