"""Looking at the slots of a repository, and removing those that nobody holds."""

from __future__ import annotations

import re
import shutil
import time
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from global_util.errors import InvalidInput, PipelineError
from global_util.git import GitError, Repository

from global_aim import snapshot
from global_aim.lock import guard, is_held, read_holder, release, try_lock
from global_aim.resource import forget_locks, variables
from global_aim.setup import Setup
from global_aim.slot import Slot, leads_to, names
from global_aim.tries import awaited


@dataclass(frozen=True)
class Row:
    """A slot. ``pid`` and ``execution`` belong to its holder, or to the last one that did not end in order."""

    slot: str
    state: str
    path: str
    commit: str
    pid: int | None
    execution: str
    age_s: int
    resources: dict[str, str]
    left: bool

    def to_json(self) -> dict[str, Any]:
        """As ``--json`` prints it."""
        return asdict(self)


@dataclass(frozen=True)
class Removal:
    """What clean-up did, or would do, with a slot or with an entry of git's. ``kept`` is a ref, or empty."""

    name: str
    action: str
    kept: str = ""
    why: str = ""

    def to_json(self) -> dict[str, str]:
        """As ``--json`` prints it."""
        return asdict(self)


def describe_slots(repo: Repository, root: Path) -> list[Row]:
    """All slots, by number."""
    return [describe(Slot(repo, folder)) for folder in _folders(root)]


def describe(slot: Slot) -> Row:
    """One slot, without touching it."""
    held = is_held(slot.folder / "lock")
    holder = read_holder(slot.folder / "lock")
    left = _is_left(slot)
    known = holder if held or left else None
    return Row(
        slot.folder.name,
        "held" if held else "free",
        str(slot.path),
        _start(slot),
        known.pid if known else None,
        known.execution if known else "",
        _age_s(slot.folder / "lock"),
        variables(slot.path) if held else {},
        left and not held,
    )


def find_slot(repo: Repository, root: Path, name: str) -> Slot:
    """The slot of this name or number. Raises InvalidInput (exit 3)."""
    wanted = name if name.startswith("slot-") else f"slot-{name}"
    folders = {folder.name: folder for folder in _folders(root)}
    if wanted not in folders:
        raise InvalidInput(f"no slot {name!r}", f"known: {', '.join(folders) or 'none'}", "E300")
    return Slot(repo, folders[wanted])


def setup_state(slot: Slot, setup: Setup | None) -> str:
    """``none`` is asked for, ``current``, or ``due``: it runs before the slot is used next."""
    if setup is None:
        return "none"
    try:
        return "current" if setup.is_ready(slot) else "due"
    except (GitError, OSError):
        return "due"


def clean_up(
    repo: Repository, root: Path, dry_run: bool = False, force: bool = False, ignored: tuple[str, ...] = ()
) -> list[Removal]:
    """Remove slots that nobody holds, and what git remembers of them. Work that a dead holder left is kept first.

    A slot whose work cannot be kept is left as it is; so is, without ``force``, one with a call that ended and that its
    run, which is not over, has not saved yet: the run would have to pay for it again. ``ignored``: see ``Slot``.
    """
    done = [_remove(Slot(repo, folder), ignored, dry_run, force) for folder in _folders(root)]
    if dry_run:
        return done + [Removal(name, "would be forgotten", why="its folder is gone") for name in _lost(repo, root)]
    if root.is_dir() or _lost(repo, root):
        with guard(root):
            done += _forget_lost(repo, root)
            _forget_root(root)
    return done


def _remove(slot: Slot, ignored: tuple[str, ...], dry_run: bool, force: bool) -> Removal:
    repo, folder, slot.ignored = slot.repo, slot.folder, ignored
    handle = try_lock(folder / "lock")
    if handle is None:
        return Removal(folder.name, "held", why=str(read_holder(folder / "lock") or ""))
    try:
        run = awaited(folder)
        if run and not force and _is_open(repo, run):
            why = f"holds an ended call of {run}: pipeline run --resume {run} goes on with it"
            return Removal(folder.name, "left", why=why)
        if dry_run:
            return Removal(
                folder.name, "would be removed", why="holds work of a run that died" if _is_left(slot) else ""
            )
        kept = snapshot.keep_everything(slot)
        slot.settle()
        slot.remove()
        shutil.rmtree(folder, ignore_errors=True)
        return Removal(folder.name, "removed", kept or "")
    except (PipelineError, OSError) as fault:
        return Removal(folder.name, "left", why=str(fault))
    finally:
        release(handle)


def _is_open(repo: Repository, execution: str) -> bool:
    """Can the run still go on? Raises PipelineError for a state that cannot be read."""
    from global_core_state.machine import RUN
    from global_core_state.store import Store

    if not (repo.state_dir / "state.db").exists():
        return False
    store = Store(repo.state_dir / "state.db")
    try:
        run = store.run(execution)
    finally:
        store.close()
    return run is not None and bool(RUN[run["status"]])


def _forget_lost(repo: Repository, root: Path) -> list[Removal]:
    """Let git forget worktrees of ours whose folders somebody has taken away."""
    lost = _lost(repo, root)
    for name in lost:
        shutil.rmtree(repo.common_dir / "worktrees" / name, ignore_errors=True)
    return [Removal(name, "forgotten", why="its folder is gone") for name in lost]


def _forget_root(root: Path) -> None:
    """Remove the folder of a pool that has no slots, and with it the guard, which the caller holds."""
    if _folders(root):
        return
    forget_locks(root)
    (root / "guard").unlink(missing_ok=True)
    for place in (root / "trees", root):
        with suppress(OSError):
            place.rmdir()


def _lost(repo: Repository, root: Path) -> list[str]:
    return [name for name in sorted(names(repo)) if _is_lost(leads_to(repo, name), root)]


def _is_lost(place: Path | None, root: Path) -> bool:
    """Is it a slot's worktree, gone, with nobody who is about to make it again?"""
    if place is None or place.parent != root / "trees" or place.exists() or place.is_symlink():
        return False
    return not is_held(root / place.name / "lock")


def _is_left(slot: Slot) -> bool:
    """Did its last holder end without saying that all in it was saved?"""
    return (slot.folder / "start").exists() and not (slot.folder / "settled").exists()


def _folders(root: Path) -> list[Path]:
    numbered = [folder for folder in root.glob("slot-*") if re.fullmatch(r"slot-[0-9]+", folder.name)]
    return sorted(numbered, key=lambda folder: int(folder.name[5:]))


def _start(slot: Slot) -> str:
    with suppress(OSError, UnicodeDecodeError):
        return (slot.folder / "start").read_text("utf-8")
    return ""


def _age_s(place: Path) -> int:
    """Seconds since a slot was taken last."""
    with suppress(OSError):
        return max(0, int(time.time() - place.stat().st_mtime))
    return 0
