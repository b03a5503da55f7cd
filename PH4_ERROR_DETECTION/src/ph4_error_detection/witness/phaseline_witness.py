"""A pytest plugin that tells which modules came from the user's own checkout and not from the tree that is judged.

Runs inside the project's interpreter: standard library only.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path


def pytest_sessionfinish() -> None:
    """Append to the named file the paths of modules that lie below the main worktree."""
    root, tree = os.environ.get("PHASELINE_WITNESS_ROOT"), os.environ.get("PHASELINE_WITNESS_TREE")
    answer = os.environ.get("PHASELINE_WITNESS_FILE")
    if not (root and tree and answer):
        return
    own = [prefix for prefix in (sys.prefix, sys.base_prefix) if _below(os.path.realpath(prefix), root)]
    known = (tree, str(Path(__file__).parent), *own)
    strangers = sorted(path for path in _module_files() if _below(path, root) and not _is_expected(path, known))
    with open(answer, "a", encoding="utf-8", errors="replace") as file:
        file.writelines(os.path.relpath(path, root) + "\n" for path in strangers)


def _module_files() -> set[str]:
    places = [getattr(module, "__dict__", {}).get("__file__") for module in list(sys.modules.values())]
    return {os.path.realpath(place) for place in places if isinstance(place, str)}


def _is_expected(path: str, known: tuple[str, ...]) -> bool:
    return any(_below(path, place) for place in known) or "site-packages" in path or "dist-packages" in path


def _below(path: str, folder: str) -> bool:
    return path.startswith(os.path.realpath(folder).rstrip(os.sep) + os.sep)
