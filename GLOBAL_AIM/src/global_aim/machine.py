"""What this machine offers to tools: git, containment of their processes, programs that can lock them in."""

from __future__ import annotations

import re
import subprocess
import sys
from typing import NamedTuple

from global_util.git.door import FLOOR
from global_util.process import clean_environment, find_program

SANDBOXES = ("bwrap", "unshare", "setpriv", "sandbox-exec")


class Row(NamedTuple):
    """``verdict``: ``ok``, ``weak`` (works, with less strength), ``absent`` (not needed), ``missing`` (needed)."""

    check: str
    verdict: str
    detail: str


def examine() -> list[Row]:
    """All rows, in a fixed order."""
    path = clean_environment({})["PATH"]
    return [_git(path), _containment(), *(_sandbox(name, path) for name in SANDBOXES)]


def _git(path: str) -> Row:
    program = find_program("git", path)
    wanted = ".".join(map(str, FLOOR))
    if program is None:
        return Row("git", "missing", f"not on PATH; {wanted} or newer is needed")
    told = subprocess.run([program, "version"], capture_output=True, check=False).stdout.decode("utf-8", "replace")
    found = re.search(r"(\d+)\.(\d+)\S*", told)
    if found is None or (int(found[1]), int(found[2])) < FLOOR:
        return Row("git", "missing", f"{found[0] if found else 'unknown version'}; {wanted} or newer is needed")
    return Row("git", "ok", f"{found[0]} ({program})")


def _containment() -> Row:
    if sys.platform.startswith("linux"):
        return Row("containment", "ok", "orphans are adopted: nothing that a tool starts survives it")
    return Row("containment", "weak", "process group and known descendants: what leaves its session may survive a tool")


def _sandbox(name: str, path: str) -> Row:
    program = find_program(name, path)
    return Row(f"sandbox {name}", "ok" if program else "absent", program or "not on PATH")
