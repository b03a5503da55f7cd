"""The doors: the only modules that may do something durable, what each may do, and why.

Standard library only: the process that is watched loads it.
"""

from __future__ import annotations

from types import FrameType
from typing import NamedTuple

ROOMS = frozenset(
    [
        "global_util",
        "global_core_state",
        "global_doc_id",
        "global_aim",
        "global_capabilities",
        "ph0_planning",
        "ph1_plan_to_exec",
        "ph2_execution_engine",
        "ph3_exec_to_error",
        "ph4_error_detection",
        "ph5_error_autofix",
        "ph6_finalization_prep",
        "ph7_merge_and_release",
        "global_ui",
    ]
)


class Door(NamedTuple):
    """A module that may have effects of these kinds."""

    may: frozenset[str]
    why: str


def _door(kinds: str, why: str) -> Door:
    return Door(frozenset(kinds.split()), why)


DOORS: dict[str, Door] = {
    "global_util.files": _door("file scratch", "writes a file whole or not at all, and on the disk"),
    "global_util.scratch": _door("file scratch", "temporary folders that the next process removes after a kill"),
    "global_util.git.door": _door("process file object ref worktree", "every git command; the private git folder"),
    "global_util.git.halfway": _door("file", "takes back the files of a landing that stopped halfway"),
    "global_util.git.objects": _door(
        "commit object scratch", "trees and commits on their way to a git process that stays"
    ),
    "global_util.process.run": _door("process", "every tool and check, under a supervisor"),
    "global_util.process.fork_server": _door("process", "the process that forks supervisors"),
    "global_util.process.supervisor": _door(
        "process file", "starts the tool, tells its end, and ends what is left of it"
    ),
    "global_util.process.output": _door("file scratch", "what a tool prints, as it comes"),
    "global_core_state.schema": _door("transaction file scratch", "opens, lays out and migrates the state"),
    "global_core_state.store": _door("transaction", "every change of the state, with its event"),
    "global_core_state.verify_case": _door("transaction", "reads the state as it is: opened for reading only"),
    "global_core_state.folder": _door("file", "the run's lock, and links to its artifacts, moved into place"),
    "global_core_state.keep_restore": _door(
        "file", "writes kept files into a folder of the user's choice, which is new or empty"
    ),
    "global_aim.lock": _door("file", "locks of slots and resources, signed by who holds them"),
    "global_aim.slot": _door(
        "file process scratch", "makes a worktree what it must be; whatever lies in it is saved before"
    ),
    "global_aim.pool": _door("file", "removes slots that nobody holds, with what git remembers of them"),
    "global_aim.snapshot": _door("file scratch", "looks at a worktree through an index of its own"),
    "global_aim.copies": _door("file", "copies files of the user's checkout into a slot that is being made ready"),
    "global_aim.setup": _door("file", "the folder for the logs of a set-up, made anew by each"),
    "global_aim.resource": _door("file", "locks of ports and names, and what a slot was given of them"),
    "global_aim.tries": _door("file", "forgets the notes of a try before the next begins"),
    "global_aim.attempt": _door("file", "the folder of a try"),
    "global_aim.patching": _door(
        "process file", "the `replay` tool: a process of its own that edits its worktree, as any tool does"
    ),
    "global_aim.machine": _door("process", "`aim doctor`: asks what this machine can do"),
    "ph1_plan_to_exec.recording": _door(
        "file", "copies recordings into the run's folder, from the beginning each time"
    ),
    "ph4_error_detection.environment": _door("file scratch", "a folder for temporary files within that of the check"),
    "ph4_error_detection.text": _door("scratch", "asks for the temporary folder, which Python tries by writing to it"),
    "ph4_error_detection.witness.phaseline_witness": _door(
        "file", "runs inside a project's tests, and tells what they imported"
    ),
    "global_doc_id.git": _door("process", "`doc-id`: git commands that read"),
    "global_doc_id.known_table": _door("file", "`doc-id`: what was read before, to be read quicker; moved into place"),
    "global_doc_id.reservations": _door("file", "`doc-id mint`: numbers handed out, under a lock"),
    "global_doc_id.sharing": _door("process file", "`doc-id validate`: a second reader, with a pipe"),
    "global_doc_id.working_file": _door(
        "file", "`doc-id`: edits documents by moving or linking whole files into place"
    ),
    "global_doc_id.testing.playground": _door("file", "tests of doc-id lay repositories with it"),
    "global_capabilities.files": _door("file", "`capabilities`: writes documents and rooms, whole or not at all"),
    "global_capabilities.scaffold.contracts": _door(
        "file scratch", "`capabilities scaffold`: imports a draft from a temporary folder"
    ),
    "global_capabilities.scaffold.draft": _door(
        "file", "`capabilities scaffold`: makes folders, and takes all back when one fails"
    ),
    "global_ui.demo_command": _door("scratch", "`pipeline demo`: a folder that stays for people to look at"),
    "global_ui.demo_stage": _door("file process", "`pipeline demo`: lays the repository that it plays on"),
    "global_ui.replay_stage": _door("file", "`pipeline replay`: lays the clone that it plays on"),
    "global_util.testing": _door("file process", "tests of every room lay repositories with it"),
}


def module_of(frame: FrameType | None) -> str:
    """The innermost module of ours that is at work; empty when there is none."""
    while frame is not None:
        name = str(frame.f_globals.get("__name__", ""))
        if name.partition(".")[0] in ROOMS:
            return name
        frame = frame.f_back
    return ""


def fault(module: str, kind: str) -> str:
    """Why an effect of this kind must not come from a module; empty when it may."""
    door = DOORS.get(module)
    if door is None:
        return f"{module or 'a library'} is no door"
    return "" if kind in door.may else f"{module} may not do this: {kind}"
