"""Changelog fragments: each workstream tells of itself in a file of its own, so that no two collide in one changelog."""

from __future__ import annotations

from dataclasses import dataclass

from global_capabilities.policies.changelog import clean
from global_capabilities.policies.tree import REGULAR, Tree

AUTO = "auto"
AUTO_FOLDER = "changes"
MAX_BYTES = 64 * 1024
_TASK = " what changes for those who use this, in one to three lines of Markdown without a title."
_MARKS = ("README", "README.md", "README.rst", ".gitkeep")


@dataclass(frozen=True)
class Fragment:
    """What a workstream tells. ``fault`` says why it cannot be taken; it is empty when it can."""

    workstream_id: str
    path: str
    text: str
    fault: str = ""


def folder_of(setting: str, tree: Tree) -> str:
    """The folder of fragments, with its slash; empty where none are kept.

    ``auto``: ``changes/`` where the tree has it with a README or .gitkeep.
    """
    if setting == AUTO:
        there = any(f"{AUTO_FOLDER}/{mark}" in tree.modes for mark in _MARKS)
        return f"{AUTO_FOLDER}/" if there else ""
    return f"{setting.rstrip('/')}/" if setting else ""


def place(folder: str, workstream_id: str) -> str:
    """Where a workstream writes its fragment."""
    return f"{folder}{workstream_id}.md"


def task(path: str) -> str:
    """What a tool is told about its fragment."""
    return f"Write into {path}{_TASK}"


def is_task(text: str, workstream_id: str) -> bool:
    """Is this what a tool was told about its fragment, and no task of the plan?"""
    return text.startswith("Write into ") and text.endswith(f"/{workstream_id}.md{_TASK}")


def read(tree: Tree, folder: str, workstream_id: str) -> Fragment | None:
    """The fragment of a workstream, or None when there is none."""
    path = place(folder, workstream_id)
    if not folder or path not in tree.modes:
        return None
    if tree.modes[path] not in REGULAR:
        return Fragment(workstream_id, path, "", "is no regular file")
    raw = tree.read(path) or b""
    if len(raw) > MAX_BYTES:
        return Fragment(workstream_id, path, "", f"has {len(raw)} bytes, at most {MAX_BYTES} are taken")
    try:
        text = clean(raw.decode("utf-8"))
    except UnicodeDecodeError as fault:
        return Fragment(workstream_id, path, "", f"is not UTF-8 at byte {fault.start}")
    return Fragment(workstream_id, path, text, "" if text else "says nothing")
