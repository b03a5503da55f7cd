"""Which workstreams run, and proof that they can: ids, dependencies, paths, scopes, gates."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from global_util import graph, paths
from global_util.contracts.workstream import ScopeEntry, Workstream
from global_util.contracts.workstream_set import Question
from global_util.errors import InvalidInput

PRIORITIES = {"foreground": 10, "background": -10}
WHOLE_REPOSITORY: tuple[ScopeEntry, ...] = ("**",)


def select(workstreams: Sequence[Workstream], wanted: str) -> tuple[Workstream, ...]:
    """All workstreams, or the wanted one with everything it depends on. Raises InvalidInput (exit 3)."""
    _refuse_bad_graph(workstreams)
    if not workstreams:
        raise InvalidInput("the plan has no workstream that is open", "add a task, or untick one", "E355")
    if not wanted:
        return tuple(workstreams)
    known = {workstream.id: workstream for workstream in workstreams}
    if wanted not in known:
        raise InvalidInput(f"no workstream {wanted!r} in the plan", f"it has: {', '.join(sorted(known))}", "E357")
    needs = {workstream.id: list(workstream.depends_on) for workstream in workstreams}
    chosen = graph.ancestors(needs, graph.order(needs, str))[wanted] | {wanted}
    return tuple(workstream for workstream in workstreams if workstream.id in chosen)


def _refuse_bad_graph(workstreams: Sequence[Workstream]) -> None:
    ids = Counter(workstream.id for workstream in workstreams)
    for name, count in ids.items():
        if count > 1:
            raise InvalidInput(f"workstream {name} is there {count} times", "give every workstream its own id", "E351")
    for workstream in workstreams:
        for name in workstream.depends_on:
            if name not in ids:
                raise InvalidInput(
                    f"workstream {workstream.id} depends on {name!r}, which is not in the plan",
                    "mend depends_on",
                    "E352",
                )
    ring = graph.cycle({workstream.id: workstream.depends_on for workstream in workstreams})
    if ring:
        raise InvalidInput(f"the dependencies form a cycle: {' -> '.join(ring)}", "remove one of them", "E350")


def require_runnable(
    workstreams: Sequence[Workstream], questions: Sequence[Question], unknown_scope: str, max_gate: int
) -> None:
    """Raises InvalidInput (exit 3) for a path that must not be touched, an unknown scope, or a gate that is too high."""
    for workstream in workstreams:
        for name in ("files_scope", "files_create", "files_read_only", "forbidden_paths"):
            for entry in getattr(workstream, name):
                wrong = paths.fault(paths.entry_path(entry))
                if wrong:
                    raise InvalidInput(
                        f"workstream {workstream.id}: {name}: {paths.entry_path(entry)!r} {wrong}",
                        "use a path inside the repository",
                        "E353",
                    )
        if workstream.gate > max_gate:
            raise InvalidInput(
                f"workstream {workstream.id} needs approval level {workstream.gate}, above policy.max_gate = {max_gate}",
                "raise policy.max_gate once it is approved",
                "E358",
            )
    unknown = [workstream.id for workstream in workstreams if files_scope(workstream) == WHOLE_REPOSITORY]
    if unknown and unknown_scope != "repo":
        asked = next((question.text for question in questions if question.workstream_id == unknown[0]), "")
        more = f" (and {len(unknown) - 1} more)" if len(unknown) > 1 else ""
        raise InvalidInput(
            f"workstream {unknown[0]}{more} does not say which files it may change. {asked}".strip(),
            "name the files in the plan, or let it change anything with --set 'policy.unknown_scope=\"repo\"'",
            "E359",
        )


def files_scope(workstream: Workstream) -> tuple[ScopeEntry, ...]:
    """What it may change; a workstream that names no files may change all of them."""
    return workstream.files_scope or (() if workstream.files_create else WHOLE_REPOSITORY)


def priority(workstream: Workstream) -> int:
    """The priority as a number, higher first."""
    return PRIORITIES[workstream.priority] if isinstance(workstream.priority, str) else workstream.priority


def launch_order(workstreams: Sequence[Workstream], needs: graph.Needs) -> list[str]:
    """Topological; of those that are free: priority, then the longest path to the end, then id."""
    rank = graph.ranks(needs, {workstream.id: priority(workstream) for workstream in workstreams})
    return graph.order(needs, rank.__getitem__)
