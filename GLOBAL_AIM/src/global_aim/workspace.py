"""The pool of worktree slots: places where tools and checks work, outside the user's checkout, used again and again.

A slot is leased by a file lock, so it is free again when its holder dies.
"""

from __future__ import annotations

import hashlib
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from global_util import disk
from global_util.config import Settings
from global_util.errors import EnvironmentFault
from global_util.git import GitError, Repository
from global_util.process import SWEEP_S

from global_aim.lock import Holder, make_folder, release, sign, try_lock, unwritable
from global_aim.resource import leased, read_resources
from global_aim.setup import read_ignored, read_setup
from global_aim.slot import NOBODY, Slot, make_accessible
from global_aim.tries import Try, awaited, phantoms

__all__ = ["NOBODY", "Slot", "checkout", "lease", "make_accessible", "remove_slots", "reopen", "slots_root"]


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
def lease(repo: Repository, config: Settings, commit: str, execution: str = "") -> Iterator[Slot]:
    """A slot at ``commit``, set up, with its resources, for as long as the context lasts.

    Work that a dead holder left in it is kept first. Raises EnvironmentFault, E440 to E445, Held (E444) when a resource
    is used up, and InvalidInput for settings that cannot be.
    """
    root = slots_root(repo, config)
    setup, resources, ignored = read_setup(repo, config), read_resources(config, root), read_ignored(config)
    try:
        holder, handle = _take(root, execution)
    except OSError as fault:
        raise unwritable(root, fault) from None
    try:
        slot = Slot(repo, root / holder.slot)
        slot.lock, slot.ignored = handle, ignored
        with leased(resources, slot.folder, holder) as variables:
            _keep_orphan(slot)
            slot.prepare(commit, setup)
            slot.variables = variables
            yield slot
    finally:
        release(handle)


@contextmanager
def reopen(repo: Repository, config: Settings, before: Try, execution: str) -> Iterator[Slot | None]:
    """The slot of a try that a kill cut short, as it was left; None when it was used again, is held, or is gone.

    Who watched over the tool holds the slot until nothing of the tool is left, and is waited for.
    """
    folder = slots_root(repo, config) / before.slot
    handle = _retake(folder, before)
    if handle is None:
        yield None
        return
    try:
        sign(handle, Holder(os.getpid(), execution, folder.name))
        slot = Slot(repo, folder)
        if not slot.intact:
            # Somebody has removed it: that all files are gone is not what the tool left.
            yield None
            return
        slot.lock, slot.phantoms, slot.ignored = handle, phantoms(folder), read_ignored(config)
        yield slot
    finally:
        release(handle)


def _retake(folder: Path, before: Try) -> int | None:
    patience = time.monotonic() + SWEEP_S
    while before.holds(folder):
        handle = try_lock(folder / "lock")
        if handle is not None:
            if before.holds(folder):
                return handle
            release(handle)
        elif time.monotonic() > patience:
            return None
        else:
            time.sleep(0.02)
    return None


@contextmanager
def checkout(repo: Repository, config: Settings, commit: str) -> Iterator[Path]:
    """A clean worktree for checks: what they leave in it is worth nothing. ``resource.variables`` tells what it has."""
    with lease(repo, config, commit) as slot:
        slot.settle()
        yield slot.path


def remove_slots(repo: Repository, config: Settings) -> None:
    """Remove all slots that nobody holds."""
    from global_aim.pool import clean_up

    clean_up(repo, slots_root(repo, config), ignored=read_ignored(config))


def _keep_orphan(slot: Slot) -> None:
    """A slot that cannot be read any more is left to be rebuilt. Without room for what is in it, it is not used."""
    from global_aim.snapshot import keep_everything

    try:
        keep_everything(slot)
    except GitError:
        return
    except OSError as fault:
        disk.blame(fault)


def _take(root: Path, execution: str) -> tuple[Holder, int]:
    for number in range(1, 1000):
        folder = root / f"slot-{number}"
        make_folder(folder)
        handle = try_lock(folder / "lock")
        if handle is not None and awaited(folder):
            # The run that paid for what lies there will come for it.
            release(handle)
        elif handle is not None:
            holder = Holder(os.getpid(), execution, folder.name)
            sign(handle, holder)
            return holder, handle
    raise EnvironmentFault(f"{root}: all worktree slots are taken", "wait for other runs to end", "E441")
