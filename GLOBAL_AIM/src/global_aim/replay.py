"""``replay``: an AI client that needs no model. It plays recorded changes into the folder that it is started in.

    python -P -m global_aim.replay RECORDING WORKSTREAM N

applies ``RECORDING/WORKSTREAM/N.patch`` (``git diff --binary`` against the tree that the call started from; an empty file
changes nothing). ``N.json`` beside it may set ``exit_code``, ``stdout``, ``stderr``, ``sleep_s`` and ``usage``;
``call`` is for ``pipeline replay``. Neither file: exit 66. A recording that cannot be played: exit 65. Standard library
only, because it starts for every call.
"""

from __future__ import annotations

import json
import os
import sys
import time
from pathlib import Path
from typing import Any

from global_aim.patching import PatchFault, apply_patch

PROFILE: dict[str, Any] = {
    "comment": "Plays the recordings given with --recording, or those of a run that is done again.",
    "kind": "ai",
    "capabilities": ["replay"],
    "command": ["{python}", "-P", "-m", "global_aim.replay", "{recording}", "{workstream_id}", "{attempt}"],
    "timeout_s": 600,
    "idle_timeout_s": 600,
    "usage": "json-lines",
}

DATA_FAULT = 65
NO_RECORDING = 66
USAGE = 2
_TYPES: dict[str, tuple[type, ...]] = {
    "exit_code": (int,),
    "stdout": (str,),
    "stderr": (str,),
    "sleep_s": (int, float),
    "usage": (dict,),
    "call": (dict,),
}


class RecordingFault(Exception):
    """A recording that cannot be understood."""


def play(recording: Path, workstream_id: str, n: int, root: Path) -> int:
    """Play one call in ``root``; the exit code that it shall have. Raises RecordingFault or PatchFault."""
    patch, script = (recording / workstream_id / f"{n}.{kind}" for kind in ("patch", "json"))
    if not patch.exists() and not script.exists():
        _print(sys.stderr.fileno(), f"replay: no recording for call {n} of {workstream_id}: {patch} does not exist\n")
        return NO_RECORDING
    behaviour = _read(script) if script.exists() else {}
    _print(sys.stdout.fileno(), behaviour.get("stdout", ""))
    _print(sys.stderr.fileno(), behaviour.get("stderr", ""))
    if patch.exists() and patch.stat().st_size:
        apply_patch(root, patch)
    time.sleep(behaviour.get("sleep_s", 0))
    if "usage" in behaviour:
        _print(sys.stdout.fileno(), json.dumps({"usage": behaviour["usage"]}, sort_keys=True) + "\n")
    return int(behaviour.get("exit_code", 0))


def _read(script: Path) -> dict[str, Any]:
    try:
        behaviour = json.loads(script.read_bytes())
    except ValueError as fault:
        raise RecordingFault(f"{script}: not JSON: {fault}") from None
    if not isinstance(behaviour, dict):
        raise RecordingFault(f"{script}: expected an object")
    for key, value in behaviour.items():
        if key not in _TYPES:
            raise RecordingFault(f"{script}: /{key}: unknown; known are {', '.join(_TYPES)}")
        if not isinstance(value, _TYPES[key]) or isinstance(value, bool):
            raise RecordingFault(f"{script}: /{key}: wrong type")
    if not 0 <= behaviour.get("exit_code", 0) <= 255 or not 0 <= behaviour.get("sleep_s", 0) <= 86400:
        raise RecordingFault(f"{script}: exit_code goes from 0 to 255, sleep_s from 0 to 86400")
    return behaviour


def _print(fd: int, text: str) -> None:
    data = text.encode("utf-8", "replace")
    while data:
        data = data[os.write(fd, data) :]


def main(arguments: list[str]) -> int:
    """The program; see above for its arguments and exit codes."""
    if len(arguments) != 3 or not arguments[2].isascii() or not arguments[2].isdigit() or "/" in arguments[1]:
        _print(sys.stderr.fileno(), "usage: python -m global_aim.replay RECORDING WORKSTREAM N\n")
        return USAGE
    try:
        return play(Path(arguments[0]), arguments[1], int(arguments[2]), Path.cwd())
    except (RecordingFault, PatchFault, OSError) as fault:
        _print(sys.stderr.fileno(), f"replay: {fault}\n")
        return DATA_FAULT


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
