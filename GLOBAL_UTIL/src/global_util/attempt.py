"""Asking for one try of one tool in one worktree, and its answer. Both are journalled, so both are models."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from global_util.contracts.base import Model, WorkstreamId
from global_util.contracts.error_report import Finding
from global_util.contracts.item import Base, Call, ScopeReport, State, Work


class AttemptRequest(Model):
    """``n`` counts the AI calls of a workstream from 1; a fixer (``command`` given) is no AI call and has its own count."""

    workstream_id: WorkstreamId
    n: Annotated[int, Field(ge=1)]
    purpose: Literal["edit", "repair", "fixer"]
    work: Work
    base: Base
    """What the scope is judged against: the whole change of the workstream, not only this try's."""
    start: State
    """The state that the tool finds in its worktree."""
    findings: tuple[Finding, ...] = ()
    command: tuple[str, ...] = ()
    """A fixer's arguments, the tool's name first; paths, in text form, come after ``--``."""
    python_module: str | None = None
    """The module that the fixer runs as, where the project's interpreter has it."""
    timeout_s: int = 120
    instead: str | None = None
    """The tool that takes the call over, because the service behind the workstream's own wants none for now."""

    @property
    def tool(self) -> str:
        """The AI tool that is called, or the program of a fixer."""
        return self.command[0] if self.purpose == "fixer" else self.instead or self.work.tool

    @property
    def name(self) -> str:
        """What tells the tries of a workstream apart: their number, fixers by themselves."""
        return f"fix-{self.n}" if self.purpose == "fixer" else str(self.n)


class Usage(Model):
    """What one call used, as far as it can be known; a number that nobody told is absent, never 0."""

    tokens_in: Annotated[int, Field(ge=0)] | None = None
    tokens_out: Annotated[int, Field(ge=0)] | None = None
    micro_usd: Annotated[int, Field(ge=0)] | None = None
    """Millionths of a dollar."""
    milliseconds: Annotated[int, Field(ge=0)] | None = None


class AttemptResult(Model):
    """``head`` is the state after the try: equal to ``start`` when nothing inside the scope was changed."""

    head: State
    scope: ScopeReport
    call: Call
    detail: str = ""
    """One line for people when the outcome is not ``ok``."""
    usage: Usage | None = None
    """Of a call of an AI tool. It differs from run to run: never part of what is hashed."""
    wait_s: int | None = None
    """For ``rate_limited``: after how many seconds the service takes calls again."""
