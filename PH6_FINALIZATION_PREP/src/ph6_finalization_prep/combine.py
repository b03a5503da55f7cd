"""Putting clean changes together on one base, in launch order. What conflicts is set aside, and what builds on it too."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from global_capabilities.policies import fragments
from global_util.contracts.commit_plan import CommitGroup, GroupChange, NothingToLand, Quarantined
from global_util.contracts.error_pipeline_result import Reason, ResultItem, lands
from global_util.git import Repository
from global_util.merge import join


@dataclass
class Combined:
    """What lands, what does not, and the tree that comes out."""

    tree: str
    groups: list[CommitGroup] = field(default_factory=list)
    aside: list[Quarantined] = field(default_factory=list)
    nothing: list[NothingToLand] = field(default_factory=list)


def combine(
    repo: Repository,
    base_tree: str,
    items: Sequence[ResultItem],
    unverified: str,
    execution: str,
    refused: Mapping[str, str],
) -> Combined:
    """Join every change that may land onto the base tree; ``items`` are in launch order.

    ``refused``: workstreams that are not done and so must not land, each with the reason in words.
    """
    out = Combined(base_tree)
    landed: dict[str, str] = {}
    fine: set[str] = set()
    for item in items:
        missing = [ref.workstream_id for ref in item.base.upstream if ref.workstream_id not in fine]
        if item.verdict != "nothing" and not lands(item, unverified):
            out.aside.append(_aside(item, item.reason or "findings", item.explanation))
        elif item.workstream_id in refused:
            out.aside.append(_aside(item, "not_done", refused[item.workstream_id]))
        elif missing:
            out.aside.append(_aside(item, "upstream", f"builds on {', '.join(missing)}, which does not land"))
        elif item.verdict == "nothing":
            out.nothing.append(NothingToLand(workstream_id=item.workstream_id, why=item.explanation))
            fine.add(item.workstream_id)
        else:
            _land(repo, out, item, landed, fine, execution)
    return out


def _land(
    repo: Repository, out: Combined, item: ResultItem, landed: dict[str, str], fine: set[str], execution: str
) -> None:
    joined = join(repo, out.tree, item.base.tree, item.head.tree)
    if joined.tree is None:
        names = ", ".join(joined.conflicts[:3])
        out.aside.append(_aside(item, "conflict", f"conflicts with what lands before it in {names}"))
        return
    fine.add(item.workstream_id)
    group_id = f"GRP-{len(out.groups) + 1:03d}"
    landed[item.workstream_id] = group_id
    out.tree = joined.tree
    out.groups.append(
        CommitGroup(
            group_id=group_id,
            description=one_line(item.work.title) or item.workstream_id,
            files=tuple(change.path for change in item.changes),
            modules=modules_of(change.path for change in item.changes),
            commit_message=_message(item),
            workstreams=(item.workstream_id,),
            change=GroupChange(base_tree=item.base.tree, head_tree=item.head.tree),
            proven_tree=joined.tree,
            rung=joined.rung,
            depends_on=tuple(landed[ref.workstream_id] for ref in item.base.upstream if ref.workstream_id in landed),
            trailers={
                "Execution-Id": execution,
                "Workstream-Id": item.workstream_id,
                "Plan-Source": one_line(item.work.plan_source),
            },
        )
    )


def _aside(item: ResultItem, reason: Reason, explanation: str) -> Quarantined:
    return Quarantined(workstream_id=item.workstream_id, reason=reason, explanation=explanation, head=item.head.commit)


def modules_of(paths: Iterable[str]) -> tuple[str, ...]:
    """The top folders of paths, sorted; files at the root belong to ``.``."""
    return tuple(sorted({path.partition("/")[0] if "/" in path else "." for path in paths}))


def one_line(text: str) -> str:
    """Text of the plan as one line, without what could steer a terminal or cut a commit message short."""
    return " ".join("".join(char if char.isprintable() else " " for char in text).split())


def _message(item: ResultItem) -> str:
    """Title, then the plan's tasks. Every line of the plan is bulleted, so that none can pass for a trailer."""
    title = one_line(item.work.title) or item.workstream_id
    own = [task for task in item.work.tasks if not fragments.is_task(task, item.workstream_id)]
    tasks = [f"- {line}" for task in own if (line := one_line(task))]
    return "\n".join([title, "", *tasks]).rstrip() + "\n"
