"""What a check plugin is: a small module that satisfies ``Check``, registered under ``pipeline.checks``.

PH3 asks plugins whether they can judge a change, PH4 runs them and reads their answer, PH5 uses their fixer.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

from global_util.installed import registered

if TYPE_CHECKING:
    from global_util.contracts.error_check_targets import CheckKind, TargetFile
    from global_util.contracts.error_report import CheckStatus

CHECK_GROUP = "pipeline.checks"


@dataclass(frozen=True)
class TreeFacts:
    """What a plugin may know of the tree to decide: all paths, and the text of the configuration files it asked for."""

    paths: frozenset[str]
    texts: Mapping[str, str]


@dataclass(frozen=True)
class Wanted:
    """A plugin's decision: run (with these arguments) or not, and why.

    ``configured``: the repository asks for this check, so that a missing tool is a fault and not a reason to be silent.
    """

    run: bool
    why: str
    configured: bool = False
    files: tuple[str, ...] = ()
    whole_tree: bool = False
    argv: tuple[str, ...] = ()


@dataclass(frozen=True)
class RawFinding:
    """A fault as the tool told it."""

    rule: str
    message: str
    path: str | None = None
    line: int | None = None
    column: int | None = None
    end_line: int | None = None
    severity: str = "error"
    fixable: bool = False


@dataclass(frozen=True)
class Outcome:
    """What a tool's run meant."""

    status: CheckStatus
    findings: tuple[RawFinding, ...] = ()
    detail: str = ""
    judged: tuple[str, ...] | None = None
    """Changed files that the tool read; None: all that it was given."""


@dataclass(frozen=True)
class Finished:
    """A tool's run, as PH4 hands it to ``read``. ``report`` is the content of the file named by ``{report}``, if any."""

    exit_code: int
    stdout: str
    stderr: str
    report: bytes | None = None
    argv: tuple[str, ...] = field(default=())


class Check(Protocol):
    """The members of a plugin, in the order in which they are used."""

    id: str
    tool: str
    kind: CheckKind
    config_files: tuple[str, ...]
    """Files at the root of the tree whose text ``wanted`` looks at."""
    python_module: str | None
    """Run as ``python -m <module>`` with the project's interpreter when it has the module; None: a program on PATH."""

    def wanted(self, files: Sequence[TargetFile], facts: TreeFacts) -> Wanted:
        """Can this check judge these changed files? ``argv`` may hold ``{report}``, a file outside the tree."""

    def read(self, finished: Finished, files: Sequence[str]) -> Outcome:
        """Understand the tool's answer. What cannot be understood is ``crashed``, never ``pass``."""

    def fixer(self, files: Sequence[str]) -> tuple[str, ...] | None:
        """Arguments that let the tool mend what it found, or None."""


def checks() -> dict[str, Check]:
    """All installed plugins by id, in the order of their ids."""
    loaded = [entry.load() for entry in registered(CHECK_GROUP)]
    return {check.id: check for check in sorted(loaded, key=lambda check: str(check.id))}
