"""What a plan format is: a module that recognises a plan and reads it, registered under ``pipeline.plan_formats``."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal, Protocol

from global_util.installed import registered

if TYPE_CHECKING:
    from global_util.contracts.workstream import Workstream
    from global_util.contracts.workstream_set import Note, Plan, Question, Validity

FORMAT_GROUP = "pipeline.plan_formats"

Granularity = Literal["group", "task"]


@dataclass(frozen=True)
class Reading:
    """What a format understood of a plan."""

    plan: Plan
    workstreams: tuple[Workstream, ...]
    notes: tuple[Note, ...]
    questions: tuple[Question, ...]
    officially_valid: Validity


class PlanFormat(Protocol):
    """A reader. ``recognises`` must be cheap and sure: two formats that both say yes are an error for the user."""

    id: str
    title: str

    def recognises(self, path: Path) -> bool:
        """Do the files at ``path`` (a file or a folder) look like this format?"""

    def read(self, path: Path, root: Path, granularity: Granularity) -> Reading:
        """Read the plan. ``root`` is the repository; raises InvalidInput for what cannot be read at all."""


def plan_formats() -> dict[str, PlanFormat]:
    """All installed formats by id."""
    loaded = [entry.load() for entry in registered(FORMAT_GROUP)]
    return {found.id: found for found in sorted(loaded, key=lambda found: str(found.id))}
