"""``pipeline budget``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click
from global_util.cli import json_option, print_json, repo_option, set_option
from global_util.program import printable

if TYPE_CHECKING:
    from pathlib import Path

    from global_util.config import Settings

    from global_ui.run_state import Runs

_UNTOLD = {"tokens": "untold_tokens", "cost_usd": "untold_cost", "seconds": "untold_seconds"}


@click.command(epilog="Example:  pipeline budget EXEC-2026-01-31-001 --json")
@click.argument("run", required=False)
@repo_option
@set_option
@json_option
def budget(run: str | None, repo: Path, overrides: dict[str, Any], as_json: bool) -> None:
    """Show what AI tools have spent and what they may: today, by RUN, and by workstream. Default: the newest run.

    Calls that told nothing, or were killed, are counted beside the sums.
    """
    from global_util.config import load_settings
    from global_util.errors import InvalidInput

    from global_ui.run_state import open_runs

    with open_runs(repo) as runs:
        rows = runs.store.runs()
        if run is None and not rows:
            raise InvalidInput("there is no run in this repository", "begin with: pipeline run PLAN", "E465")
        execution = str(runs.find(run)["execution_id"] if run is not None else rows[-1]["execution_id"])
        told = _told(runs, execution, load_settings(runs.repo.cwd, overrides, _given(runs, execution)))
    if as_json:
        print_json(told)
        return
    for line in _lines(told):
        click.echo(printable(line))


def _given(runs: Runs, execution: str) -> dict[str, Any]:
    """Limits that the run was told: by ``--set``, when it began or later."""
    found: dict[str, Any] = {}
    for made in runs.artifacts(execution):
        given = made.observed.get("config")
        found.update(given if isinstance(given, dict) else {})
    return {key: value for key, value in found.items() if key.startswith("limits.")}


def _told(runs: Runs, execution: str, settings: Settings) -> dict[str, Any]:
    from global_core_state.spending import Ledger, ceiling
    from global_util import clock

    ledger, day = Ledger(runs.store), clock.now()[:10]
    own = _budgets(runs, execution)
    streams = [str(row["ws_id"]) for row in runs.store.workstreams(execution)]
    return {
        "execution_id": execution,
        "day": {"date": day, "spent": ledger.day(day).to_json(), "limits": _most(ceiling(settings, "day").to_json())},
        "run": {"spent": ledger.run(execution).to_json(), "limits": _most(ceiling(settings, "run").to_json())},
        "workstreams": {
            name: {"spent": ledger.workstream(execution, name).to_json(), "limits": own.get(name, {})}
            for name in streams
        },
    }


def _budgets(runs: Runs, execution: str) -> dict[str, dict[str, Any]]:
    """The own budgets of workstreams, as the phase plan has them."""
    from global_util.contracts.phase_plan import PhasePlan

    plans = [made for made in runs.artifacts(execution) if isinstance(made, PhasePlan)]
    return {
        stream.id: _most(stream.work.budget.to_json())
        for plan in plans
        for stream in plan.workstreams
        if stream.work.budget
    }


def _most(limits: dict[str, Any]) -> dict[str, Any]:
    return {kind: most for kind, most in limits.items() if most}


def _lines(told: dict[str, Any]) -> list[str]:
    rows = [(f"{told['day']['date']} (UTC)", told["day"]), (told["execution_id"], told["run"])]
    rows += [(f"  {name}", about) for name, about in told["workstreams"].items()]
    width = max(len(name) for name, _ in rows)
    return [f"{name:<{width}}  {_amounts(about)}" for name, about in rows]


def _amounts(about: dict[str, Any]) -> str:
    from global_core_state.spending import KINDS

    return ", ".join(_amount(kind, about["spent"], about["limits"].get(kind)) for kind in KINDS)


def _amount(kind: str, spent: dict[str, Any], most: float | None) -> str:
    shown = f"${spent[kind]:.4f}" if kind == "cost_usd" else f"{spent[kind]:.0f} {kind}"
    limit = f" of {most:g}" if most else ""
    untold = spent.get(_UNTOLD.get(kind, ""), 0)
    return f"{shown}{limit}" + (f" + {untold} untold" if untold else "")
