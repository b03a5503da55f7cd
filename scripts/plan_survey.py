"""Imports every OpenSpec change and spec-kit feature below a folder and prints what came of it as a Markdown table.

    python scripts/plan_survey.py DIR [--openspec BIN] [--granularity task]

With ``--openspec`` the task lists of changes are compared with the official tool's: ``openspec instructions apply``, run
in a temporary copy of the project. Exit 1 when a plan is refused, a set is not valid, or a task list differs.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from global_util.contracts.workstream_set import WorkstreamSet
from global_util.errors import InvalidInput
from global_util.plan_formats import Granularity, Reading
from ph0_planning.files import PlanFiles
from ph0_planning.formats.openspec import FORMAT as OPENSPEC
from ph0_planning.formats.openspec import change_tasks
from ph0_planning.formats.spec_kit import FORMAT as SPEC_KIT
from ph0_planning.formats.spec_kit import feature_tasks
from ph0_planning.outline import Task, open_tasks
from ph0_planning.reading import read_plan

COLUMNS = (
    "folder",
    "tasks open/done/all",
    "by OpenSpec",
    "agree",
    "workstreams",
    "with a scope",
    "notes",
    "questions",
    "officially",
)
ENVELOPE = {
    "execution_id": "EXEC-2000-01-01-001",
    "run_clock": "2000-01-01T00:00:00Z",
    "producer": {"phase": "PH0_PLANNING", "distribution": "phaseline-ph0-planning", "version": "0"},
    "config": {},
    "inputs": [],
}
TIMEOUT_S = 60


@dataclass(frozen=True)
class Row:
    """One plan. ``fault`` says why it does not count as imported, or where the official tool differs."""

    cells: tuple[str, ...]
    fault: str = ""


def plans(folder: Path) -> Iterator[tuple[Path, Path]]:
    """Every change or feature below a folder, with the root of its project."""
    for tasks in sorted(folder.rglob("tasks.md")):
        plan = tasks.parent
        top = next((above for above in plan.parents if above.name in ("openspec", "specs")), plan)
        if OPENSPEC.recognises(plan) or SPEC_KIT.recognises(plan):
            yield plan, top.parent


def tasks_of(plan: Path, root: Path) -> tuple[Task, ...]:
    """The tasks as the format's reader finds them, done ones included."""
    document = PlanFiles(plan, root).read("tasks.md")
    return change_tasks(document) if OPENSPEC.recognises(plan) else feature_tasks(document).tasks


def official_tasks(openspec: str, plan: Path, root: Path) -> tuple[list[tuple[str, bool]], bool]:
    """Text and state of each task, by the official tool; and whether the change's schema had to be replaced in the copy.

    A change of a schema that its project does not ship is refused by the tool. Raises ValueError when it gives no list.
    """
    with tempfile.TemporaryDirectory() as place:
        copy = Path(place) / "project"
        shutil.copytree(root / "openspec", copy / "openspec", ignore=shutil.ignore_patterns("changes", "archive"))
        change = re.sub(r"^\d{4}-\d\d-\d\d-", "", plan.name)
        shutil.copytree(plan, copy / "openspec" / "changes" / change)
        command = [openspec, "instructions", "apply", "--change", change, "--json"]
        answer = _run(command, copy)
        metadata = copy / "openspec" / "changes" / change / ".openspec.yaml"
        is_replaced = answer is None and metadata.exists()
        if is_replaced:
            metadata.chmod(0o600)
            metadata.write_text(re.sub(r"(?m)^schema:.*$", "schema: spec-driven", metadata.read_text("utf-8")), "utf-8")
            answer = _run(command, copy)
        if answer is None:
            raise ValueError("no answer")
    return [(str(task["description"]), bool(task["done"])) for task in answer["tasks"]], is_replaced


def _run(command: list[str], folder: Path) -> dict[str, list[dict[str, object]]] | None:
    environment = {**os.environ, "OPENSPEC_TELEMETRY": "0", "HOME": str(folder)}
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, timeout=TIMEOUT_S, check=False)
    start = done.stdout.find(b"{")
    return json.loads(done.stdout[start:]) if done.returncode == 0 and start >= 0 else None


def survey(plan: Path, root: Path, folder: Path, openspec: str, granularity: Granularity) -> Row:
    """Import one plan and compare it."""
    name = plan.relative_to(folder).as_posix()
    try:
        reading = read_plan(plan, root, None, granularity)
        _proven(reading)
    except InvalidInput as refused:
        return Row((name, *[""] * (len(COLUMNS) - 2), refused.message), refused.message)
    tasks = tasks_of(plan, root)
    done = sum(task.done for task in tasks)
    official, agree, fault = _compared(plan, root, openspec, tasks)
    imported = sum(len(stream.tasks) for stream in reading.workstreams)
    wanted = len(open_tasks(tasks))
    if tasks and imported != wanted:
        fault = fault or f"{wanted} open tasks, {imported} imported"
    inferred = f" (+{imported} from headings)" if not tasks and imported else ""
    streams = reading.workstreams
    cells = (
        name,
        f"{len(tasks) - done}/{done}/{len(tasks)}{inferred}",
        official,
        agree,
        str(len(streams)),
        f"{sum(bool(stream.files_scope) for stream in streams)} of {len(streams)}",
        str(len(reading.notes)),
        str(len(reading.questions)),
        reading.officially_valid.verdict,
    )
    return Row(cells, fault)


def _compared(plan: Path, root: Path, openspec: str, tasks: tuple[Task, ...]) -> tuple[str, str, str]:
    """Their count, whether the lists agree, and what is wrong."""
    if not openspec or not OPENSPEC.recognises(plan):
        return "-", "-", ""
    try:
        theirs, is_replaced = official_tasks(openspec, plan, root)
    except (ValueError, OSError, subprocess.TimeoutExpired) as fault:
        return "?", "no", f"the official tool gave no list: {fault}"
    ours = [(task.text, task.done) for task in tasks if task.text]
    done = sum(is_done for _, is_done in theirs)
    agree = ours == theirs
    count = f"{len(theirs) - done}/{done}/{len(theirs)}" + (" (schema replaced)" if is_replaced else "")
    return count, "yes" if agree else "no", "" if agree else "the task lists differ"


def _proven(reading: Reading) -> None:
    body = {
        "plan": reading.plan,
        "workstreams": reading.workstreams,
        "notes": reading.notes,
        "questions": reading.questions,
        "officially_valid": reading.officially_valid,
    }
    WorkstreamSet.seal(**ENVELOPE, **body)


def main() -> int:
    """Print the table; exit 1 when something is wrong."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path, help="a folder with projects in it")
    parser.add_argument("--openspec", default="", metavar="BIN", help="the official tool, to compare task lists with")
    parser.add_argument("--granularity", choices=("group", "task"), default="group")
    options = parser.parse_args()
    folder = options.folder.resolve()
    openspec = shutil.which(options.openspec) or options.openspec
    rows = [survey(plan, root, folder, openspec, options.granularity) for plan, root in plans(folder)]
    sys.stdout.write("| " + " | ".join(COLUMNS) + " |\n|" + "---|" * len(COLUMNS) + "\n")
    for row in rows:
        sys.stdout.write("| " + " | ".join(row.cells) + " |\n")
    for row in rows:
        if row.fault:
            sys.stderr.write(f"{row.cells[0]}: {row.fault}\n")
    return 1 if any(row.fault for row in rows) else 0


if __name__ == "__main__":
    sys.exit(main())
