"""Acceptance commands: the plan's own proof of a change. They must exit with 0."""

from __future__ import annotations

import shlex
from pathlib import Path

from global_aim.project_tools import Interpreter
from global_util.checks import Outcome, RawFinding
from global_util.contracts.error_check_targets import ChosenCheck
from global_util.scratch import scratch

from ph4_error_detection.run import start
from ph4_error_detection.text import normalise, shorten

_LAST_LINES = 40
_LAST_CHARACTERS = 8000
_MODULES = {"mypy": "mypy", "pytest": "pytest", "ruff": "ruff"}


def run_acceptance(chosen: ChosenCheck, tree: Path, interpreter: Interpreter) -> Outcome:
    """Run one command in the tree: exit 0 is a pass, any other exit one finding with the last lines it printed."""
    with scratch("check") as folder:
        result = start(chosen, _MODULES.get(chosen.argv[0]), tree, interpreter, folder)
        if isinstance(result, Outcome):
            return result
        if result.exit_code == 0:
            return Outcome("pass")
        printed = (result.stdout + b"\n" + result.stderr).decode("utf-8", "replace")
        last = normalise("\n".join(printed.splitlines()[-_LAST_LINES:])[-_LAST_CHARACTERS:], tree)
        message = shorten(f"exit code {result.exit_code}\n{last}".strip(), keep="tail")
        return Outcome("findings", (RawFinding(shlex.join(chosen.argv), message),))
