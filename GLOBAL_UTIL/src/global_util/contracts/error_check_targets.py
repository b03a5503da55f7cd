"""``error_check_targets.v1``: which checks can judge a change, and why."""

from __future__ import annotations

from typing import ClassVar, Literal

from global_util.contracts.base import Artifact, Model, RepoPath
from global_util.contracts.execution_result import ExecutionItem
from global_util.contracts.item import Item

CheckKind = Literal["format", "lint", "type", "test", "security", "acceptance"]


class TargetFile(Model):
    """A changed file, as the checks see it."""

    path: RepoPath
    language: str
    change: Literal["A", "M", "D", "R", "T"]


class ChosenCheck(Model):
    """A check to run. ``argv`` begins with the tool's name; paths are relative to the tree."""

    check_id: str
    tool: str
    kind: CheckKind
    files: tuple[RepoPath, ...]
    whole_tree: bool
    argv: tuple[str, ...]
    timeout_s: int
    why: str


class NotChosen(Model):
    """A known check that will not run."""

    check_id: str
    why: str


class TargetsItem(Item):
    """One workstream with its checks. ``execution`` is the item that the choice was made for."""

    execution: ExecutionItem
    files: tuple[TargetFile, ...]
    checks: tuple[ChosenCheck, ...]
    not_chosen: tuple[NotChosen, ...]


class ErrorCheckTargets(Artifact):
    """PH3 -> PH4."""

    SCHEMA: ClassVar[str] = "error_check_targets.v1"
    OWNER: ClassVar[str] = "PH3_EXEC_TO_ERROR"

    items: tuple[TargetsItem, ...]
