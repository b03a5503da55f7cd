"""Where the checks' programs are: the project's own first."""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from global_util.errors import EnvironmentFault
from global_util.process import clean_environment, find_program, run_process

_PROBE_S = 30
_HAS_MODULE = "import importlib.util, sys; sys.exit(importlib.util.find_spec(sys.argv[1]) is None)"


@dataclass(frozen=True)
class Interpreter:
    """The Python that the project's tools run with. ``main_worktree`` is the user's own checkout, never judged."""

    python: str
    main_worktree: Path | None = None


def choose_interpreter(configured: str = "", main_worktree: Path | None = None) -> Interpreter:
    """``checks.python`` if it is set, else the main worktree's ``.venv``, else the Python that runs this.

    A configured relative path starts at the main worktree. Raises EnvironmentFault (E442) if it cannot be run.
    """
    if configured:
        place = str((main_worktree or Path.cwd()) / configured) if os.sep in configured else configured
        found = find_program(place, clean_environment({})["PATH"])
        if found is None:
            raise EnvironmentFault(
                f"checks.python is {configured!r}, which is no program that can be run",
                "name an interpreter on PATH, or a path that exists",
                "E442",
            )
        return Interpreter(found, main_worktree)
    own = main_worktree / ".venv" / "bin" / "python" if main_worktree else None
    if own is not None and find_program(str(own), ""):
        return Interpreter(str(own), main_worktree)
    return Interpreter(sys.executable, main_worktree)


def locate(
    name: str, module: str | None, tree: Path, interpreter: Interpreter, path: str, isolated: bool = True
) -> tuple[str, ...] | None:
    """The beginning of an argument list that runs the program ``name``, or None when it is not installed.

    ``module``: run by the project's interpreter if it has that module, else from beside our own, else from ``path``.
    ``isolated`` keeps the tree out of the module search, so that a file named like the tool cannot take its place.
    Other programs come from the tree's ``node_modules``, then from ``path``.
    """
    if name in ("python", "python3"):
        return (interpreter.python,)
    if module and has_module(interpreter.python, module):
        return (interpreter.python, *(("-I",) if isolated else ()), "-m", module)
    if "/" in name:
        place = find_program(str((tree / name).absolute()), "")
    else:
        folder = Path(sys.executable).parent if module else tree / "node_modules" / ".bin"
        place = find_program(str(folder.absolute() / name), "") or find_program(name, path)
    return (place,) if place else None


@lru_cache(maxsize=128)
def has_module(python: str, module: str) -> bool:
    """Does this interpreter have the module? Asked once per process."""
    argv = (python, "-I", "-c", _HAS_MODULE, module)
    probe = run_process(argv, cwd=Path("/"), env=clean_environment({}), timeout_s=_PROBE_S)
    return probe.outcome == "exited" and probe.exit_code == 0
