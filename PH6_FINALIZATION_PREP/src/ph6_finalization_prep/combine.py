"""Putting clean changes together on one base, in launch order. What conflicts is set aside, and what builds on it too."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

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


def combine(repo: Repository, base_tree: str, items: Sequence[ResultItem], unverified: str, execution: str) -> Combined:
    """Join every change that may land onto the base tree; ``items`` are in launch order."""
    out = Combined(base_tree)
    landed: dict[str, str] = {}
    fine: set[str] = set()
    for item in items:
        missing = [ref.workstream_id for ref in item.base.upstream if ref.workstream_id not in fine]
        if item.verdict != "nothing" and not lands(item, unverified):
            out.aside.append(_aside(item, item.reason or "findings", item.explanation))
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
            description=_line(item.work.title) or item.workstream_id,
            files=tuple(change.path for change in item.changes),
            modules=tuple(sorted({_module(change.path) for change in item.changes})),
            commit_message=_message(item),
            workstreams=(item.workstream_id,),
            change=GroupChange(base_tree=item.base.tree, head_tree=item.head.tree),
            proven_tree=joined.tree,
            rung=joined.rung,
            depends_on=tuple(landed[ref.workstream_id] for ref in item.base.upstream if ref.workstream_id in landed),
            trailers={
                "Execution-Id": execution,
                "Workstream-Id": item.workstream_id,
                "Plan-Source": _line(item.work.plan_source),
            },
        )
    )


def _aside(item: ResultItem, reason: Reason, explanation: str) -> Quarantined:
    return Quarantined(workstream_id=item.workstream_id, reason=reason, explanation=explanation, head=item.head.commit)


def _module(path: str) -> str:
    """The top folder of a path; files at the root belong to ``.``."""
    return path.partition("/")[0] if "/" in path else "."


def _line(text: str) -> str:
    """Text of the plan as one line, without what could steer a terminal or cut a commit message short."""
    return " ".join("".join(char if char.isprintable() else " " for char in text).split())


def _message(item: ResultItem) -> str:
    """Title, then the tasks. Every line of the plan is indented or bulleted, so that none can pass for a trailer."""
    title = _line(item.work.title) or item.workstream_id
    tasks = [f"- {line}" for task in item.work.tasks if (line := _line(task))]
    return "\n".join([title, "", *tasks]).rstrip() + "\n"
