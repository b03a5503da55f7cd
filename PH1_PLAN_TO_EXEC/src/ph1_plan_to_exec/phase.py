"""PH1: from a workstream set to a phase plan. Everything that can be refused is refused here, before it costs anything."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from global_aim import profiles
from global_capabilities.policies.tree import Tree
from global_core_state import spending
from global_util import graph
from global_util.checks import checks
from global_util.config import PLAY
from global_util.contracts.item import Limits, Work
from global_util.contracts.phase_plan import (
    BasePin,
    DagChoice,
    Edge,
    PhasePlan,
    PlannedWorkstream,
    PreFlightCheck,
    RunLimits,
    ToolProfile,
)
from global_util.contracts.workstream import Budget, CircuitBreaker, Workstream
from global_util.contracts.workstream_set import WorkstreamSet
from global_util.errors import EnvironmentFault, InvalidInput
from global_util.phase import find

from ph1_plan_to_exec import acceptance, base, overlaps, readiness, recording, selection, settings

if TYPE_CHECKING:
    from global_util.phase import Context

STRATEGIES = ("ff_only", "safe_merge_v1")
"""What PH7 can do today; ``pr_only`` is in the contract and comes later."""


class PlanToExec:
    """The line phase behind ``ph1 run``."""

    id = "PH1_PLAN_TO_EXEC"
    consumes = WorkstreamSet.SCHEMA
    produces = PhasePlan.SCHEMA
    reads = (
        "checks.acceptance_runners",
        "checks.enabled",
        "circuit_breaker.max_attempts",
        "circuit_breaker.max_error_repeats",
        "circuit_breaker.oscillation_threshold",
        "executor.capability_slots",
        "executor.jobs",
        "git.base_branch",
        "git.strategy",
        "limits.fail_over",
        "limits.workstream.attempts",
        "limits.workstream.cost_usd",
        "limits.workstream.seconds",
        "limits.workstream.tokens",
        "policy.allowed_overlaps",
        "policy.changelog_fragments",
        "policy.definition_of_ready",
        "policy.max_gate",
        "policy.not_ready",
        "policy.scope_overlap",
        "policy.unknown_scope",
        "run.tool",
    )

    def run(self, artifact: WorkstreamSet, ctx: Context) -> dict[str, Any]:
        """The fields of the phase plan."""
        settings.require_sound(ctx.config, frozenset(checks()))
        pinned = base.pin(ctx.repo, ctx.config.get("git.base_branch") or "")
        target = base.target(ctx.repo, ctx.options.get("target") or "", pinned)
        chosen = selection.select(artifact.workstreams, ctx.options.get("workstream_id") or "")
        selection.require_runnable(
            chosen, artifact.questions, ctx.config.get("policy.unknown_scope"), ctx.config.get("policy.max_gate")
        )
        needs = {workstream.id: list(workstream.depends_on) for workstream in chosen}
        known = {workstream.id: workstream for workstream in chosen}
        declared = [known[name] for name in selection.launch_order(chosen, needs)]
        shared, added = overlaps.resolve(
            declared, needs, ctx.config.get("policy.scope_overlap"), ctx.config.get("policy.allowed_overlaps")
        )
        sequence = selection.launch_order(declared, needs)
        tools = _tools(ctx, [known[name] for name in sequence])
        tree = Tree(ctx.repo, pinned.tree)
        planned = _plan(ctx, [known[name] for name in sequence], needs, tools, tree)
        verdicts = readiness.judge(planned, tree, ctx.config)
        planned = readiness.with_fragments(planned, tree, ctx.config.get("policy.changelog_fragments"))
        return {
            "plan_id": artifact.plan.id,
            "base": pinned,
            "target_branch": target,
            "strategy": _strategy(ctx),
            "tools": _used(tools),
            "recording": _recording(ctx, tools, sequence),
            "workstreams": planned,
            "edges": _edges(chosen, added),
            "waves": graph.waves(needs, sequence),
            "critical_path": graph.critical_path(needs, sequence),
            "scope_overlaps": shared,
            "pre_flight_checks": _pre_flight(pinned),
            "readiness": verdicts,
            "limits": _limits(ctx),
            "dag": _dag(ctx, planned),
        }


def _strategy(ctx: Context) -> str:
    strategy = str(ctx.options.get("strategy") or ctx.config.get("git.strategy"))
    if strategy not in STRATEGIES:
        raise InvalidInput(
            f"strategy {strategy!r} is not one of {', '.join(STRATEGIES)}", "give another --strategy", "E361"
        )
    return strategy


Tools = dict[str, tuple[ToolProfile, ...]]
"""By workstream: its tool, then those that may take calls over."""


def _tools(ctx: Context, workstreams: list[Workstream]) -> Tools:
    """The tools of every workstream: its own, else by its capability, else the command line's, else the configuration's.

    When recordings are played, those are known that the recorded plan used, and none has to be installed.
    """
    tables, played = ctx.config.table("tools"), bool(ctx.config.get(PLAY))
    known = profiles.resolve_tools(tables)
    if played:
        known = {name: profile for name, profile in known.items() if name in tables}
    given = ctx.options.get("tool") or None
    chosen: Tools = {}
    for workstream in workstreams:
        wanted = given or workstream.tool
        capability = None if wanted else workstream.capability
        tool = profiles.choose_tool(
            known, wanted or (None if capability else ctx.config.get("run.tool")), capability, played
        )
        chosen[workstream.id] = (tool, *_instead(ctx, known, tool, capability, played))
    for profile in () if played else _used(chosen):
        profiles.require(profile)
    return chosen


def _instead(
    ctx: Context, known: Mapping[str, ToolProfile], tool: ToolProfile, capability: str | None, played: bool
) -> tuple[ToolProfile, ...]:
    """Tools that may take over what asks for a capability. None that needs a slot which the first one does not hold."""
    if capability is None or not ctx.config.get("limits.fail_over"):
        return ()
    limited, held = set(ctx.config.table("executor.capability_slots")), {tool.id, *tool.capabilities}
    able = [
        profile for name, profile in sorted(known.items()) if name != tool.id and capability in profile.capabilities
    ]
    return tuple(
        profile
        for profile in able
        if (played or profiles.installed(profile)) and limited & {profile.id, *profile.capabilities} <= held
    )


def _used(tools: Tools) -> list[ToolProfile]:
    return [profile for _, profile in sorted({one.id: one for some in tools.values() for one in some}.items())]


def _recording(ctx: Context, tools: Tools, sequence: list[str]) -> str | None:
    given = ctx.options.get("recording")
    if given:
        return recording.bring(Path(given), ctx.run_dir / "replay", sequence)
    if any(profile.id == "replay" for profile in _used(tools)):
        raise EnvironmentFault(
            "no AI tool was chosen, and the embedded 'replay' tool has nothing to play",
            "choose one with --tool ID (see: aim tools), or give --recording DIR",
            "E423",
        )
    return None


def _plan(
    ctx: Context, workstreams: list[Workstream], needs: graph.Needs, tools: Tools, tree: Tree
) -> list[PlannedWorkstream]:
    runners = frozenset(ctx.config.get("checks.acceptance_runners"))
    return [
        PlannedWorkstream(
            id=workstream.id,
            work=_work(
                ctx,
                workstream,
                [profile.id for profile in tools[workstream.id]],
                acceptance.resolve(workstream.acceptance_tests, runners, tree.modes),
            ),
            depends_on=tuple(sorted(set(needs[workstream.id]))),
            priority=selection.priority(workstream),
            gate=workstream.gate,
            dag=workstream.dag,
            metadata=workstream.metadata,
        )
        for workstream in workstreams
    ]


def _work(ctx: Context, workstream: Workstream, tools: list[str], tests: Any) -> Work:
    own = workstream.circuit_breaker or CircuitBreaker()
    limits = {
        name: value if (value := getattr(own, name)) is not None else ctx.config.get(f"circuit_breaker.{name}")
        for name in Limits.model_fields
    }
    scope = {name: getattr(workstream, name) for name in ("files_create", "files_read_only", "forbidden_paths")}
    source = workstream.source
    return Work.model_validate(
        {
            "title": workstream.title or workstream.id,
            "tasks": workstream.tasks,
            "scope": {"files_scope": selection.files_scope(workstream), **scope},
            "acceptance": tests,
            "context": workstream.context,
            "tool": tools[0],
            "instead": tuple(tools[1:]) or None,
            "limits": settings.build(Limits, limits, f"circuit_breaker of {workstream.id}"),
            "budget": _budget(ctx, workstream),
            "plan_source": " ".join((source.path, *source.items)) if source else workstream.id,
        }
    )


def _budget(ctx: Context, workstream: Workstream) -> Budget | None:
    """What the plan gives, else what is configured for each; None where nothing is limited."""
    own = workstream.budget or Budget()
    usual = spending.ceiling(ctx.config, "workstream")
    given = {
        kind: own_value if (own_value := getattr(own, kind)) is not None else getattr(usual, kind)
        for kind in spending.KINDS
    }
    limited = {kind: value for kind, value in given.items() if value}
    return Budget.model_validate(limited) if limited else None


def _edges(chosen: tuple[Workstream, ...], added: list[Edge]) -> list[Edge]:
    declared = [
        Edge(before=name, after=workstream.id, why="declared")
        for workstream in chosen
        for name in sorted(set(workstream.depends_on))
    ]
    return sorted([*declared, *added], key=lambda edge: (edge.after, edge.before))


def _pre_flight(pinned: BasePin) -> list[PreFlightCheck]:
    command = ("git", "rev-parse", "--verify", f"{pinned.commit}^{{tree}}")
    return [PreFlightCheck(id="base-commit", command=command, expected=pinned.tree, on_fail="stop")]


def _limits(ctx: Context) -> RunLimits:
    """``jobs`` is observed, not hashed: the same plan gives the same artifacts however many work on it.

    So are the limits of run and day: they put work off, and change nothing that comes out.
    """
    jobs = ctx.options.get("jobs") or ctx.config.get("executor.jobs")
    if not isinstance(jobs, int) or jobs < 1:
        raise InvalidInput(f"executor.jobs = {jobs!r} is no number from 1", "give another --jobs", "E362")
    ctx.observe("jobs", jobs)
    budgets = {scope: spending.ceiling(ctx.config, scope).to_json() for scope in ("run", "day")}
    ctx.observe(
        "limits", {scope: {kind: most for kind, most in given.items() if most} for scope, given in budgets.items()}
    )
    slots = ctx.config.table("executor.capability_slots")
    return settings.build(RunLimits, {"capability_slots": slots}, "executor")


def _dag(ctx: Context, planned: list[PlannedWorkstream]) -> DagChoice:
    """PH2 owns templates and rules; where none is installed, or one that has none, the choice is left to it."""
    try:
        phase, _ = find("ph2", ctx.config.get("phases.ph2") or "")
    except EnvironmentFault as fault:
        if fault.code != "E410":
            raise
        return DagChoice(decisions=())
    plan = getattr(phase, "plan_dag", None)
    return plan(planned) if plan else DagChoice(decisions=())


PHASE = PlanToExec()
