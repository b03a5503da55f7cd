"""One check on one tree: find its program, run it within bounds, and let the plugin read the answer."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from global_aim.project_tools import Interpreter, locate
from global_util.checks import Check, Finished, Outcome
from global_util.contracts.error_check_targets import ChosenCheck
from global_util.errors import Interrupted
from global_util.paths import to_bytes
from global_util.process import ProcessResult, run_process
from global_util.scratch import scratch

from ph4_error_detection.checks.junit import MAX_REPORT_BYTES
from ph4_error_detection.environment import make_environment

_NAMED_STRANGERS = 5


def run_check(chosen: ChosenCheck, plugin: Check, tree: Path, interpreter: Interpreter) -> Outcome:
    """Run a check. Whatever the tool does is told by the outcome; raises only Interrupted."""
    with scratch("check") as folder:
        result = start(chosen, plugin.python_module, tree, interpreter, folder)
        if isinstance(result, Outcome):
            return result
        return _wrong_tree(folder) or _read(chosen, plugin, result, folder / "report")


def start(
    chosen: ChosenCheck, module: str | None, tree: Path, interpreter: Interpreter, folder: Path
) -> ProcessResult | Outcome:
    """Run the program of a check to its own end; an outcome when it did not get there.

    ``{report}`` in an argument is the path ``folder / "report"``, ``{python}`` the project's interpreter.
    """
    runs_project = chosen.kind in ("test", "acceptance")
    env = make_environment(tree, folder, runs_project, interpreter)
    program = locate(chosen.argv[0], module, tree, interpreter, env["PATH"], isolated=not runs_project)
    if program is None:
        return Outcome("tool_missing", detail=f"{chosen.argv[0]} is not installed")
    values = {"{report}": str(folder / "report"), "{python}": interpreter.python}
    rest = chosen.argv[1:] if chosen.kind == "acceptance" else _arguments(chosen, values)
    result = run_process([*program, *rest], cwd=tree, env=env, timeout_s=chosen.timeout_s)
    return _unfinished(result, chosen) or result


def first_file(argv: Sequence[str]) -> int:
    """The first position in ``argv`` at which a changed file may stand: after ``--``, else after the program."""
    return argv.index("--") + 1 if "--" in argv else 1


def _arguments(chosen: ChosenCheck, values: dict[str, str]) -> list[str]:
    first = first_file(chosen.argv)
    options = [_filled(text, values) for text in chosen.argv[1:first]]
    rest = chosen.argv[first:]
    return options + [os.fsdecode(to_bytes(text)) if text in chosen.files else _filled(text, values) for text in rest]


def _filled(text: str, values: dict[str, str]) -> str:
    for placeholder, value in values.items():
        text = text.replace(placeholder, value)
    return text


def _unfinished(result: ProcessResult, chosen: ChosenCheck) -> Outcome | None:
    """What it means that a program did not exit by itself."""
    if result.outcome == "interrupted":
        raise Interrupted(f"check {chosen.check_id} was interrupted")
    if result.outcome in ("timeout", "idle_timeout"):
        return Outcome("timeout", detail=f"not done after {chosen.timeout_s} s")
    if result.outcome == "not_found":
        return Outcome("tool_missing", detail=_text(result.stderr))
    if result.outcome == "signalled":
        return Outcome("crashed", detail=f"killed by signal {result.signal}\n{_text(result.stderr)}")
    return None


def _wrong_tree(folder: Path) -> Outcome | None:
    """The witness wrote down what was imported from the user's own checkout."""
    witness = folder / "witness"
    if not witness.is_file():
        return None
    strangers = sorted(set(witness.read_text("utf-8", "replace").splitlines()))
    if not strangers:
        return None
    more = f" and {len(strangers) - _NAMED_STRANGERS} more" if len(strangers) > _NAMED_STRANGERS else ""
    names = ", ".join(strangers[:_NAMED_STRANGERS])
    return Outcome("wrong_tree", detail=f"the tests imported from the main worktree: {names}{more}")


def _read(chosen: ChosenCheck, plugin: Check, result: ProcessResult, report: Path) -> Outcome:
    assert result.exit_code is not None
    content = _report(report)
    finished = Finished(result.exit_code, _text(result.stdout), _text(result.stderr), content, chosen.argv)
    try:
        outcome = plugin.read(finished, chosen.files)
    except Exception as fault:
        what = f"its answer was not understood ({type(fault).__name__}: {fault})"
        return Outcome("crashed", detail=f"exit code {result.exit_code}, {what}\n{finished.stderr}")
    if result.truncated and content is None and outcome.status == "pass":
        return Outcome("crashed", detail="it printed too much to be read to its end")
    return outcome


def _report(report: Path) -> bytes | None:
    """The report, one byte more than is allowed at most. The tests could have put anything in its place."""
    if report.is_symlink() or not report.is_file():
        return None
    with report.open("rb") as file:
        return file.read(MAX_REPORT_BYTES + 1)


def _text(raw: bytes) -> str:
    return raw.decode("utf-8", "replace")
