"""Ports and other named resources: each lease of a slot gets one of each kind, and nobody else has the same.

A number is leased for all repositories whose slots lie below one ``worktree.root``, because a machine has each port once;
a name is leased within its repository.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn, TypeGuard

from global_util.config import Settings
from global_util.errors import Held, InvalidInput
from global_util.files import write_atomically

from global_aim.lock import Holder, is_held, read_holder, release, sign, try_lock, unwritable

_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_-]*")
_FILE = "variables.json"
_MOST = 10_000
_PATIENCE_S = 2.0
"""How long a resource can still be locked when there must be one: its holder is just ending."""


@dataclass(frozen=True)
class Resource:
    """One kind: its name in the settings, and what can be had with the file that locks it."""

    name: str
    places: tuple[tuple[str, Path], ...]

    @property
    def variable(self) -> str:
        """The name under which tools find it."""
        return _variable(self.name)


def read_resources(config: Settings, root: Path) -> list[Resource]:
    """What ``[worktree.resources]`` offers, sorted. Raises InvalidInput (E363) for what it cannot mean."""
    table = config.table("worktree.resources")
    variables = [_variable(name) for name in table]
    for name in sorted(table):
        if not _NAME.fullmatch(name) or variables.count(_variable(name)) > 1:
            _refuse(name, table[name], "a name has letters, digits, - and _, and differs from others by more than case")
    return [Resource(name, tuple(_places(name, table[name], root))) for name in sorted(table)]


def _variable(name: str) -> str:
    return "PHASELINE_" + name.upper().replace("-", "_")


def _places(name: str, offer: Any, root: Path) -> Iterator[tuple[str, Path]]:
    if isinstance(offer, dict):
        for number in _numbers(name, offer):
            yield str(number), root.parent / "numbers" / str(number)
        return
    texts = isinstance(offer, list) and all(isinstance(one, str) and one and "\0" not in one for one in offer)
    if not texts or not offer or len(set(offer)) < len(offer):
        _refuse(name, offer, 'give {count = 4, from = 42000}, or different names: ["db1", "db2"]')
    for one in offer:
        yield one, root / "resources" / f"{name}-{hashlib.sha256(os.fsencode(one)).hexdigest()[:16]}"


def _numbers(name: str, offer: Mapping[str, Any]) -> range:
    count, first = offer.get("count"), offer.get("from")
    if not _is_number(count, 1) or not _is_number(first, 0) or count > _MOST or set(offer) != {"count", "from"}:
        _refuse(name, dict(offer), f"give count from 1 to {_MOST} and from: {{count = 4, from = 42000}}")
    return range(first, first + count)


def _is_number(value: Any, least: int) -> TypeGuard[int]:
    return isinstance(value, int) and not isinstance(value, bool) and value >= least


def _refuse(name: str, offer: Any, hint: str) -> NoReturn:
    raise InvalidInput(f"worktree.resources.{name} = {offer!r} cannot be", hint, "E363")


@contextmanager
def leased(resources: Sequence[Resource], folder: Path, holder: Holder) -> Iterator[dict[str, str]]:
    """One of each for the slot with this folder, as environment variables. Raises Held (E444) when one is used up."""
    with ExitStack() as stack:
        found: dict[str, str] = {}
        try:
            for resource in resources:
                found[resource.variable], handle = _take(resource, folder.parent, holder)
                stack.callback(release, handle)
            _write(folder, found)
        except OSError as fault:
            raise unwritable(Path(fault.filename or folder), fault) from None
        yield found


def _take(resource: Resource, root: Path, holder: Holder) -> tuple[str, int]:
    deadline = time.monotonic() + _PATIENCE_S
    while True:
        for value, place in resource.places:
            place.parent.mkdir(parents=True, exist_ok=True)
            handle = try_lock(place)
            if handle is not None:
                sign(handle, holder)
                return value, handle
        # The slots of others are their resources' only users: with fewer of them, one must become free.
        if time.monotonic() > deadline or _slots_in_use(root) > len(resource.places):
            _tell_held(resource)
        time.sleep(0.02)


def _slots_in_use(root: Path) -> int:
    return sum(is_held(folder / "lock") for folder in root.glob("slot-*"))


def _tell_held(resource: Resource) -> NoReturn:
    rows = [f"{value} by {read_holder(place) or 'somebody unknown'}" for value, place in resource.places[:8]]
    more = f"; and {len(resource.places) - 8} more" if len(resource.places) > 8 else ""
    raise Held(
        f"worktree.resources.{resource.name}: all in use: {'; '.join(rows)}{more}",
        "offer more of them, or run fewer workstreams at once (--jobs)",
        "E444",
    )


def _write(folder: Path, found: Mapping[str, str]) -> None:
    if found:
        write_atomically(folder / _FILE, json.dumps(found, sort_keys=True).encode())
    else:
        (folder / _FILE).unlink(missing_ok=True)


def variables(tree: Path) -> dict[str, str]:
    """The environment variables that belong to a leased slot's worktree; none for any other folder."""
    if tree.parent.name != "trees":
        return {}
    with suppress(OSError, ValueError, AttributeError):
        told = json.loads((tree.parent.parent / tree.name / _FILE).read_bytes())
        return {str(name): str(value) for name, value in told.items() if str(name).startswith("PHASELINE_")}
    return {}


def forget_locks(root: Path) -> None:
    """Remove the lock files of resources that nobody holds."""
    for folder in (root / "resources", root.parent / "numbers"):
        for place in sorted(folder.iterdir()) if folder.is_dir() else []:
            handle = try_lock(place)
            if handle is not None:
                place.unlink(missing_ok=True)
                release(handle)
        with suppress(OSError):
            folder.rmdir()
