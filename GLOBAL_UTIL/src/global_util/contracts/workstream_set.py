"""``workstream_set.v1``: what a plan says, as workstreams, notes and questions."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

from pydantic import Field

from global_util.contracts.base import Artifact, Model, WorkstreamId
from global_util.contracts.workstream import Workstream


class PlanFile(Model):
    """A file that was read, relative to the plan's root."""

    path: str
    sha256: str


class Plan(Model):
    """The plan itself. ``root`` is relative to the repository when the plan lies in it, else its last folder name."""

    id: str
    title: str
    format: str
    root: str
    files: tuple[PlanFile, ...]


class Note(Model):
    """A line that was not understood, or something that was inferred, and why."""

    kind: Literal["not_understood", "inferred", "skipped", "conflict", "converted"]
    path: str
    line: Annotated[int, Field(ge=1)] | None = None
    text: str
    why: str


class Question(Model):
    """What a person should decide before this can run."""

    kind: Literal["scope", "clarification", "dependency", "plan"]
    workstream_id: WorkstreamId | None = None
    text: str
    path: str | None = None
    line: Annotated[int, Field(ge=1)] | None = None


class Validity(Model):
    """The verdict of the format's own rules, apart from being importable."""

    verdict: Literal["valid", "invalid", "not_checked"]
    reasons: tuple[str, ...] = ()


class WorkstreamSet(Artifact):
    """PH0 -> PH1."""

    SCHEMA: ClassVar[str] = "workstream_set.v1"
    OWNER: ClassVar[str] = "PH0_PLANNING"

    plan: Plan
    workstreams: tuple[Workstream, ...]
    notes: tuple[Note, ...]
    questions: tuple[Question, ...]
    officially_valid: Validity
    intention_anchor_id: str | None = None
