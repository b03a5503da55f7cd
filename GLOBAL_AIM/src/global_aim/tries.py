"""Tries that nobody has confirmed yet: what is written down before a tool starts, so that its end is found after a kill.

Two notes name the same token. The one in the try's folder says in which slot it works, and at last what it came to. The
one in the slot says that the try is what lies there, until the slot is prepared for another. Only the supervisor of the
tool writes that it ended (``global_util.process.End``).
"""

from __future__ import annotations

import json
import os
import re
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from global_util import clock, paths
from global_util.contracts import content_id
from global_util.files import read_regular, write_atomically
from global_util.process import End

from global_aim.slot import TRY

if TYPE_CHECKING:
    from global_util.attempt import AttemptRequest, AttemptResult

    from global_aim.slot import Slot

ENDED = "ended.json"


@dataclass(frozen=True)
class Try:
    """A try that has begun. ``result`` is there from when all was saved; ``boot`` names the boot that it ran in."""

    folder: Path
    token: str
    slot: str
    boot: str
    result: dict[str, Any] | None

    @property
    def outlived(self) -> bool:
        """Was the machine started anew meanwhile? What no disk was told is gone then, unseen."""
        return self.boot != clock.moment().boot

    def holds(self, folder: Path) -> bool:
        """Is the try still what lies in the slot of this folder?"""
        return str(_read(folder / TRY).get("token")) == self.token


def begin(folder: Path, request: AttemptRequest, slot: Slot, execution: str) -> End:
    """Write down that a try is about to begin in a slot, and how its end is to be told."""
    forget(folder)
    end = End(folder / ENDED, os.urandom(16).hex(), slot.lock)
    phantoms = {paths.from_bytes(name): text for name, text in slot.phantoms.items()}
    _write(slot.folder / TRY, {"token": end.token, "end": str(end.file), "execution": execution, "phantoms": phantoms})
    about = {"request": content_id(request.to_json()), "token": end.token, "slot": slot.folder.name}
    _write(folder / TRY, {**about, "boot": clock.moment().boot})
    return end


def finish(folder: Path, result: AttemptResult) -> None:
    """Write down what a try came to, once all of it is saved: its slot is not needed any more."""
    _write(folder / TRY, {**_read(folder / TRY), "result": result.to_json()})


def forget(folder: Path) -> None:
    """Nothing of the try in this folder is to be found any more."""
    for name in (ENDED, TRY):
        (folder / name).unlink(missing_ok=True)


def begun(folder: Path, request: AttemptRequest) -> Try | None:
    """The try that began for this request; None when there is none, or when it cannot be read."""
    told = _read(folder / TRY)
    with suppress(KeyError, TypeError):
        if told["request"] == content_id(request.to_json()) and re.fullmatch(r"slot-[0-9]+", told["slot"]):
            return Try(folder, str(told["token"]), told["slot"], str(told["boot"]), told.get("result"))
    return None


def awaited(folder: Path) -> str:
    """The run whose ended call lies in the slot of this folder, and has not been saved; empty when none does."""
    if (folder / "settled").exists():
        return ""
    told = _read(folder / TRY)
    with suppress(KeyError, TypeError):
        if End(Path(told["end"]), str(told["token"])).is_there():
            return str(told["execution"])
    return ""


def phantoms(folder: Path) -> dict[bytes, str]:
    """What git called modified in the slot of this folder before the tool came."""
    with suppress(KeyError, TypeError, AttributeError, ValueError):
        return {paths.to_bytes(name): str(text) for name, text in _read(folder / TRY)["phantoms"].items()}
    return {}


def _write(place: Path, about: dict[str, Any]) -> None:
    write_atomically(place, (json.dumps(about, sort_keys=True) + "\n").encode())


def _read(place: Path) -> dict[str, Any]:
    with suppress(OSError, ValueError, RecursionError):
        told = json.loads(read_regular(place))
        if isinstance(told, dict):
            return told
    return {}
