"""What the program of a check sees: a clean environment that leads it to the tree and to nothing else."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

from global_aim.project_tools import Interpreter
from global_aim.resource import variables
from global_util.process import clean_environment


def search_path(tree: Path) -> str:
    """``PYTHONPATH`` that finds the tree's code before an editable install of the user's checkout."""
    witness = Path(__file__).with_name("witness")
    folders = [tree / "src"] if (tree / "src").is_dir() else []
    return os.pathsep.join(str(folder) for folder in (*folders, tree, witness))


def make_environment(tree: Path, scratch: Path, imports_tree: bool, interpreter: Interpreter) -> Mapping[str, str]:
    """What a check's program sees. ``imports_tree``: it runs the project's code, so the tree is on its module path."""
    temporary = scratch / "tmp"
    temporary.mkdir(exist_ok=True)
    extra = {**variables(tree), "TMPDIR": str(temporary), "PYTHONDONTWRITEBYTECODE": "1"}
    if (tree / "src").is_dir():
        extra["MYPYPATH"] = str(tree / "src")
    if imports_tree:
        extra["PYTHONPATH"] = search_path(tree)
    if imports_tree and interpreter.main_worktree is not None:
        extra["PHASELINE_WITNESS_ROOT"] = str(interpreter.main_worktree)
        extra["PHASELINE_WITNESS_TREE"] = str(tree)
        extra["PHASELINE_WITNESS_FILE"] = str(scratch / "witness")
    return clean_environment(extra)
