"""Expected failures: what a user can cause and mend. One base class; each kind has an exit code and a stable code."""

from __future__ import annotations

from enum import IntEnum


class Exit(IntEnum):
    """Exit codes of every command."""

    DONE = 0
    FOUND = 1
    USAGE = 2
    INVALID = 3
    ENVIRONMENT = 4
    HELD = 5
    DEFECT = 70
    INTERRUPTED = 130


class PipelineError(Exception):
    """An expected failure: ``message`` says what and where, ``hint`` what to do."""

    exit_code = Exit.DEFECT
    code = "E000"

    def __init__(self, message: str, hint: str = "", code: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint
        self.code = code or type(self).code


class InvalidInput(PipelineError):
    """A plan, artifact or configuration that is missing, empty or wrong."""

    exit_code = Exit.INVALID
    code = "E300"


class EnvironmentFault(PipelineError):
    """The surroundings are not fit: no repository, a missing tool, a dirty target."""

    exit_code = Exit.ENVIRONMENT
    code = "E400"


class Held(PipelineError):
    """Another process, lease or input holds what this one needs."""

    exit_code = Exit.HELD
    code = "E500"


class Parked(Held):
    """A limit of the run or the day is reached, or a service wants no more calls for now: the work goes on later.

    ``until`` is the moment, as a stamp of ``clock.now``, from which it may go on; empty when only a person can say.
    """

    code = "E520"

    def __init__(self, message: str, hint: str = "", code: str = "", until: str = "") -> None:
        super().__init__(message, hint, code)
        self.until = until


class Overspent(Held):
    """A workstream has used up what it may spend itself. ``evidence`` says how much of what, without clocks."""

    code = "E522"

    def __init__(self, message: str, evidence: tuple[str, ...]) -> None:
        super().__init__(message, "raise its budget, and begin a new run")
        self.evidence = evidence


class Interrupted(PipelineError):
    """A person or a signal stopped the command."""

    exit_code = Exit.INTERRUPTED
    code = "E130"
