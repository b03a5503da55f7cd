"""What a phase is, how phases find each other, and what the harness offers them.

A phase registers one object under the entry-point group ``pipeline.phases`` (``ph4 = "my_ph4:PHASE"``). Two shapes exist:
a *line phase* has ``run(artifact, ctx)`` and answers the fields of its artifact; an *item phase* has ``one(item, ctx)``,
which the harness maps over the items of the artifact.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from functools import lru_cache
from importlib.metadata import Distribution, EntryPoint
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, TypeVar, runtime_checkable

from global_util.errors import EnvironmentFault
from global_util.installed import registered

if TYPE_CHECKING:
    from global_util.attempt import AttemptRequest, AttemptResult
    from global_util.config import Settings
    from global_util.contracts.base import Artifact
    from global_util.contracts.item import Item
    from global_util.git import Repository

A = TypeVar("A", bound="Artifact")

LINE = ("ph0", "ph1", "ph2", "ph3", "ph4", "ph5", "ph6", "ph7")
"""The phases in the order of the line."""

PHASE_GROUP = "pipeline.phases"
SERVICE_GROUP = "pipeline.services"


class Context(Protocol):
    """What the harness gives to a phase. Every call and effect is journalled before and after it happens."""

    execution_id: str
    run_clock: str
    repo: Repository
    run_dir: Path
    config: Settings
    options: Mapping[str, Any]

    def call(self, phase: str, item: Item) -> Item:
        """Let another item phase work on one item; done before: the recorded answer."""

    def attempt(self, request: AttemptRequest) -> AttemptResult:
        """Let a tool work in a worktree of its own, and commit what it changed inside the scope."""

    def try_name(self, request: AttemptRequest) -> str:
        """The name of a try's folder, and of what is kept of it. No try before a reset of the workstream had it."""

    def checkout(self, commit: str) -> AbstractContextManager[Path]:
        """A clean worktree at ``commit``, for as long as the context lasts."""

    def effect(
        self,
        kind: str,
        key: Mapping[str, Any],
        do: Callable[[], dict[str, Any]],
        happened: Callable[[], dict[str, Any] | None] | None = None,
    ) -> dict[str, Any]:
        """Do something outside the state once; done before under the same key: the recorded answer.

        ``happened`` is asked first when it was announced before and never confirmed: a kill came between. It answers
        what ``do`` would have, or None when it did not happen. Without it, twice must be the same as once.
        """

    def emit(self, event: str, workstream_id: str | None = None, **payload: Any) -> None:
        """Report progress: recorded, and drawn by whoever listens."""

    def move(self, workstream_id: str, state: str, why: str = "") -> None:
        """Report that a workstream entered a state; the harness refuses what the state machine does not list."""

    def observe(self, key: str, value: Any) -> None:
        """Add to the artifact's ``observed``: durations, hosts, paths, whatever must not be hashed."""

    def ancestor(self, schema: str) -> Artifact:
        """The artifact of that schema that the current one descends from."""

    def settled(self, phase: str) -> frozenset[str]:
        """Workstreams with a try on record, a call of ``phase`` as the last word, and nothing announced and never confirmed."""

    def publish(self, model: type[A], **fields: Any) -> A:
        """Write an artifact beside the line's own, such as the graph of PH2."""


@runtime_checkable
class Phase(Protocol):
    """The part that both shapes share."""

    id: str
    consumes: str
    produces: str
    reads: tuple[str, ...]
    """Configuration keys that decide something here; their values are recorded in the artifact."""


@runtime_checkable
class LinePhase(Phase, Protocol):
    """A phase that looks at the whole artifact."""

    def run(self, artifact: Any, ctx: Context) -> dict[str, Any]:
        """The fields of the produced artifact, without the envelope."""


@runtime_checkable
class ItemPhase(Phase, Protocol):
    """A phase that judges one workstream at a time, deterministic between its effects."""

    def one(self, item: Any, ctx: Context) -> Item:
        """The item of the produced artifact."""


def find(name: str, decided: str = "") -> tuple[Phase, EntryPoint]:
    """The phase registered as ``name`` (``ph4``), and the entry point it came from.

    ``decided`` is the distribution that ``[phases]`` names. Raises EnvironmentFault (exit 4) when nobody provides the
    phase, when several do and nothing decides, or when the decided one is not installed.
    """
    candidates = sorted((entry for entry in registered(PHASE_GROUP) if entry.name == name), key=distribution)
    if decided:
        candidates = [entry for entry in candidates if distribution(entry) == decided]
    if not candidates:
        wanted = f"distribution {decided!r}" if decided else "any installed distribution"
        raise EnvironmentFault(f"phase {name} is not provided by {wanted}", "install it, or change [phases]", "E410")
    if len(candidates) > 1:
        names = ", ".join(distribution(entry) for entry in candidates)
        raise EnvironmentFault(
            f"phase {name} is provided by several distributions: {names}",
            f'decide in pipeline.toml: [phases] {name} = "<distribution>"',
            "E411",
        )
    return _load(candidates[0]), candidates[0]


@lru_cache
def _load(entry: EntryPoint) -> Phase:
    """The phase behind an entry point. Asking whether it is one takes longer than most calls of it."""
    loaded = entry.load()
    if not isinstance(loaded, LinePhase | ItemPhase):
        raise EnvironmentFault(
            f"{entry.value} of {distribution(entry)} is no phase: it needs id, consumes, produces, reads, and run or one",
            "see CONTRIBUTING.md, 'A phase of your own'",
            "E412",
        )
    return loaded


def service(name: str) -> Any:
    """A service that a higher floor provides to the harness (``attempt``, ``checkout``)."""
    for entry in registered(SERVICE_GROUP):
        if entry.name == name:
            return entry.load()
    raise EnvironmentFault(
        f"no installed distribution provides the service {name!r}", "install phaseline-global-aim", "E413"
    )


def distribution(entry: EntryPoint) -> str:
    """The name of the distribution that an entry point belongs to."""
    return described(entry.dist)[0]


@lru_cache
def described(found: Distribution | None) -> tuple[str, str]:
    """Name and version of a distribution, which lie in a file of its own."""
    return (found.name, found.version) if found else ("", "")
