"""The project's own set-up of a slot: files to copy, commands to run, and when they have to be run again."""

from __future__ import annotations

import hashlib
import json
import os
import re
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

from global_util import paths
from global_util.errors import EnvironmentFault, Interrupted, InvalidInput
from global_util.process import ProcessResult, clean_environment, run_process

from global_aim.copies import Copy, find_copies, put
from global_aim.inventory import is_whole, read_inventory, strangers, take_inventory, write_inventory
from global_aim.slot import make_accessible, remove_tree

if TYPE_CHECKING:
    from global_util.config import Settings
    from global_util.git import Repository

    from global_aim.slot import Slot

_SHOWN = 5
"""How many paths a message names."""


@dataclass(frozen=True)
class Setup:
    """What makes a slot ready. ``inputs`` are globs of files that decide, beside the rest, whether it is ready still."""

    commands: tuple[tuple[str, ...], ...]
    copies: tuple[Copy, ...]
    inputs: tuple[str, ...]
    timeout_s: float
    logs: Path

    def is_ready(self, slot: Slot) -> bool:
        """Has the set-up run for what is checked out, and is all that it made untouched?"""
        return self._strangers(slot) is not None

    def is_current(self, slot: Slot) -> bool:
        """As ``is_ready``; then what others added to it is removed."""
        found = self._strangers(slot)
        for name in found or ():
            remove_tree(slot.path / os.fsdecode(name))
        return found is not None

    def _strangers(self, slot: Slot) -> list[bytes] | None:
        """Ignored files that are not the set-up's; None when it has to run again."""
        key, known = read_inventory(slot)
        if not key or key != self.key(slot):
            return None
        try:
            found = take_inventory(slot)
        except OSError:
            return None
        return strangers(known, found) if is_whole(known, found) else None

    def key(self, slot: Slot) -> str:
        """A digest of the commands, what is copied, and the blobs of files that decide or that a command names."""
        blobs = _blobs(slot)
        words = {word for command in self.commands for word in command}
        inputs = sorted((name, blobs[name]) for name in {*selected(self.inputs, blobs), *(words & blobs.keys())})
        copies = [
            (copy.path, copy.fault or hashlib.sha256(copy.content).hexdigest(), copy.mode) for copy in self.copies
        ]
        told = json.dumps({"commands": self.commands, "copies": copies, "inputs": inputs}, sort_keys=True)
        return hashlib.sha256(told.encode()).hexdigest()

    def run(self, slot: Slot, commit: str) -> None:
        """Copy the files and run the commands in a clean slot.

        Raises EnvironmentFault (exit 4): E443 when a command fails or takes too long, E445 when something is left that
        git would show as changed or new. Raises Interrupted when a person stopped it.
        """
        try:
            self._run(slot, commit)
        except OSError as fault:
            where = f"{os.fsdecode(fault.filename)}: " if isinstance(fault.filename, str | bytes) else ""
            raise EnvironmentFault(
                f"worktree.setup: {where}{fault.strerror}", "see what the commands do to the worktree", "E443"
            ) from None

    def _run(self, slot: Slot, commit: str) -> None:
        key = self.key(slot)
        remove_tree(self.logs / slot.folder.name)
        slot.notes = self._copy(slot)
        deadline = time.monotonic() + self.timeout_s
        for number, command in enumerate(self.commands, 1):
            self._command(slot, number, command, deadline)
        make_accessible(slot.path)
        _require_unchanged(slot, commit)
        slot.check_out(commit, own=True)
        write_inventory(slot, key, slot.notes, take_inventory(slot))

    def _copy(self, slot: Slot) -> tuple[str, ...]:
        tracked = _blobs(slot)
        faults = [(copy, _refusal(copy, tracked) or put(slot.path, copy)) for copy in self.copies]
        return tuple(f"{copy.path}: not copied: {fault}" for copy, fault in faults if fault)

    def _command(self, slot: Slot, number: int, command: Sequence[str], deadline: float) -> None:
        folder = self.logs / slot.folder.name
        folder.mkdir(parents=True, exist_ok=True)
        log = folder / f"{number}.stdout.log", folder / f"{number}.stderr.log"
        result = run_process(
            _from(slot.path, command),
            cwd=slot.path,
            env=clean_environment({}),
            timeout_s=max(0.0, deadline - time.monotonic()),
            stdout_file=log[0],
            stderr_file=log[1],
        )
        if result.outcome == "interrupted":
            raise Interrupted(f"worktree.setup: {command[0]} was stopped", "run the phase again to go on")
        if result.exit_code != 0:
            _fail(command, result, log[1] if result.stderr.strip() else log[0], self.timeout_s)


def read_setup(repo: Repository, config: Settings) -> Setup | None:
    """What ``[worktree]`` asks for; None when it asks for nothing. Raises InvalidInput (E363) for what it cannot mean."""
    commands = config.get("worktree.setup") or []
    copies = config.get("worktree.copy") or []
    if not _is_commands(commands):
        _refuse(config, "worktree.setup", 'there is no shell; write each command as a list: [["npm", "ci"]]')
    for key in ("worktree.copy", "worktree.setup_inputs"):
        if not _is_places(config.get(key) or []):
            _refuse(config, key, 'name files or globs below the main worktree: [".env", "config/local.*"]')
    timeout_s = config.get("worktree.setup_timeout_s")
    if timeout_s is not None and (isinstance(timeout_s, bool) or not isinstance(timeout_s, int) or timeout_s < 1):
        _refuse(config, "worktree.setup_timeout_s", "give whole seconds from 1")
    if not commands and not copies:
        return None
    return Setup(
        tuple(map(tuple, commands)),
        tuple(find_copies(repo.worktree, copies)),
        tuple(config.get("worktree.setup_inputs") or ()),
        timeout_s or 900,
        repo.state_dir / "worktree-setup",
    )


def read_ignored(config: Settings) -> tuple[str, ...]:
    """``keep.ignored``: which ignored files are kept with kept work. Raises InvalidInput (E363) for what it cannot mean."""
    patterns = config.get("keep.ignored") or []
    if not _is_places(patterns):
        _refuse(config, "keep.ignored", 'name files or globs below the worktree: ["*.draft", "notes/**"]')
    return tuple(patterns)


def _is_commands(value: Any) -> bool:
    return isinstance(value, list) and all(
        isinstance(command, list) and command and command[0] and all(isinstance(word, str) for word in command)
        for command in value
    )


def _is_places(value: Any) -> bool:
    return isinstance(value, list) and all(
        isinstance(place, str) and not paths.fault(place) and not place.endswith("/") for place in value
    )


def _refuse(config: Settings, key: str, hint: str) -> NoReturn:
    raise InvalidInput(f"{config.origin(key)}: {key} = {config.get(key)!r} cannot be", hint, "E363")


def _blobs(slot: Slot) -> dict[str, str]:
    """The files of the commit that is checked out, in text form, with their objects."""
    rows = slot.git("ls-files", "--stage", "-z", index=slot.pristine).split(b"\0")
    pairs = (row.partition(b"\t")[::2] for row in rows if row)
    return {paths.from_bytes(name): meta.split()[1].decode() for meta, name in pairs}


def selected(inputs: Sequence[str], names: Iterable[str]) -> set[str]:
    """The names that patterns mean; a pattern without a slash means files of that name in any folder."""
    folders: dict[str, set[str]] = {}
    for name in names:
        folders.setdefault(name.rpartition("/")[2], set()).add(name)
    found = {name for one in inputs if "/" in one for name in paths.select(one, names)}
    lasts = {last for one in inputs if "/" not in one for last in paths.select(one, folders)}
    return found.union(*(folders[last] for last in lasts))


def _refusal(copy: Copy, tracked: Mapping[str, str]) -> str:
    return copy.fault or ("git tracks it in this commit" if copy.path in tracked else "")


def _from(root: Path, command: Sequence[str]) -> list[str]:
    """A program with a slash in its name lies in the worktree (``.venv/bin/pip``), another one on PATH."""
    first, *rest = command
    return [str(root / first) if "/" in first else first, *rest]


def _fail(command: Sequence[str], result: ProcessResult, log: Path, timeout_s: float) -> NoReturn:
    output = (result.stderr if result.stderr.strip() else result.stdout).decode("utf-8", "replace").strip()
    last = re.split(r"[\r\n]+", output)[-1][:300]
    how = f"not done after {timeout_s:g} s" if result.outcome == "timeout" else _ending(result)
    told = f"worktree.setup: {' '.join(command)[:200]}: {how}" + (f": {last}" if last else "")
    hint = f"its output lies in {log}"
    raise EnvironmentFault(
        told, hint + ("; see worktree.setup_timeout_s" if result.outcome == "timeout" else ""), "E443"
    )


def _ending(result: ProcessResult) -> str:
    if result.exit_code is not None:
        return f"exit {result.exit_code}"
    return f"signal {result.signal}" if result.signal is not None else result.outcome.replace("_", " ")


def _require_unchanged(slot: Slot, commit: str) -> None:
    """What the set-up writes is never taken for a tool's work: git must not see any of it."""
    from global_util.contracts.item import State

    from global_aim import snapshot

    left = snapshot.look(slot, State(commit=commit, tree=slot.repo.tree_of(commit)))
    found = [*(change.path for change in left.changes), *left.repositories, *left.refused]
    found += [os.path.relpath(place, slot.path) for place in slot.submodules() if _is_filled(place)]
    if found:
        shown = ", ".join(sorted(found)[:_SHOWN]) + (f" and {len(found) - _SHOWN} more" if len(found) > _SHOWN else "")
        raise EnvironmentFault(
            f"worktree.setup: git sees what it left: {shown}",
            "let git ignore it (.gitignore or .git/info/exclude), or commit what the set-up would write",
            "E445",
        )


def _is_filled(place: Path) -> bool:
    return not place.is_dir() or place.is_symlink() or any(place.iterdir())
