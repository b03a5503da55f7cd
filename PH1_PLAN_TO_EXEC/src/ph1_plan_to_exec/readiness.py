"""Definition of ready as a policy: what is judged, and whether a workstream that is not ready may run."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from global_capabilities.policies import fragments, ready
from global_capabilities.policies.layout import decide, read_layout
from global_capabilities.policies.tree import Tree
from global_util import paths
from global_util.contracts.phase_plan import PlannedWorkstream, Readiness
from global_util.errors import InvalidInput

if TYPE_CHECKING:
    from global_util.config import Settings

MAX_EVIDENCE = 4
_COMMAND = (
    'an acceptance command is {"run": ["PROGRAM", ...]}, or a text whose first word is one of '
    "checks.acceptance_runners or an executable file of the base"
)


def judge(workstreams: Sequence[PlannedWorkstream], tree: Tree, config: Settings) -> list[Readiness]:
    """The verdicts. Raises InvalidInput (exit 3) where the policy refuses what is not ready."""
    definition = config.get("policy.definition_of_ready")
    packages = read_layout(tree) if definition == "auto" else ()
    found = ready.judge(workstreams, tree, decide(definition, packages))
    wrong = [entry for entry in found if entry.verdict == "not_ready"]
    if wrong and config.get("policy.not_ready") == "refuse":
        hint = 'add what is missing to the plan or to the base, or set policy.not_ready = "report"'
        asked = f"{hint}; {_COMMAND}" if any(entry.check == ready.ACCEPTANCE for entry in wrong) else hint
        raise InvalidInput(_told(wrong), asked, "E364")
    return found


def _told(wrong: Sequence[Readiness]) -> str:
    """Every workstream with all of its conditions; the evidence of the first ones, so that it stays a few lines."""
    conditions: dict[str, list[str]] = {}
    for place, entry in enumerate(wrong):
        text = f"{entry.check} ({entry.evidence})" if place < MAX_EVIDENCE else entry.check
        conditions.setdefault(entry.workstream_id, []).append(text)
    return "; ".join(f"workstream {name} is not ready: {', '.join(texts)}" for name, texts in conditions.items())


def with_fragments(workstreams: Sequence[PlannedWorkstream], tree: Tree, setting: str) -> list[PlannedWorkstream]:
    """Each with its changelog fragment in scope and among its tasks, where the repository keeps fragments."""
    folder = fragments.folder_of(setting, tree)
    return (
        [_with_fragment(one, fragments.place(folder, one.id), tree) for one in workstreams]
        if folder
        else [*workstreams]
    )


def _with_fragment(workstream: PlannedWorkstream, path: str, tree: Tree) -> PlannedWorkstream:
    scope = workstream.work.scope
    if paths.covered((*scope.forbidden_paths, *scope.files_read_only), path):
        return workstream
    field = "files_scope" if path in tree.modes else "files_create"
    opened = scope.model_copy(update={field: (*getattr(scope, field), path)})
    tasks = (*workstream.work.tasks, fragments.task(path))
    return workstream.model_copy(update={"work": workstream.work.model_copy(update={"scope": opened, "tasks": tasks})})
