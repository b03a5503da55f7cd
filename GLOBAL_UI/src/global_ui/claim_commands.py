"""``pipeline claim``, ``pipeline release`` and ``pipeline status``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click
from global_util.cli import json_option, print_json, repo_option
from global_util.program import printable

if TYPE_CHECKING:
    from pathlib import Path

    from global_ui.run_state import Runs

_LONGEST_S = 7 * 24 * 60 * 60
_LARGEST = 2**63 - 1


def _text(_ctx: click.Context, _param: click.Parameter, value: str | None) -> str | None:
    """A name as a person can read it; it is stored and shown."""
    if value is not None and not (value.strip() and value.isprintable()):
        raise click.BadParameter(f"{printable(value)!r} is no text on one line")
    return value


def _free(ctx: click.Context, param: click.Parameter, value: str) -> str:
    """A name that is not taken by the pipeline itself."""
    from global_core_state.working import ITEM

    if value == ITEM:
        raise click.BadParameter(f"{ITEM!r} is claimed by whoever works on the run")
    return _text(ctx, param, value) or ""


_RUN = click.argument("run", callback=_text)
_ITEM = click.argument("item", callback=_free)


@click.command(epilog="Example:  pipeline claim EXEC-2026-01-31-001 ws-login --holder alice --seconds 3600")
@_RUN
@_ITEM
@click.option("--holder", metavar="TEXT", required=True, callback=_text, help="For whom: a name for others to see.")
@click.option(
    "--seconds",
    metavar="N",
    type=click.IntRange(1, _LONGEST_S),
    default=3600,
    show_default=True,
    help="How long the lease runs.",
)
@repo_option
@json_option
def claim(run: str, item: str, holder: str, seconds: int, repo: Path, as_json: bool) -> None:
    """Take ITEM of RUN for one holder, and print the claim's token.

    ITEM is a workstream, or any name that those who share the run agree on. Exit code 5: it is held.
    """
    from global_core_state.claims import Claims

    from global_ui.run_state import open_runs

    with open_runs(repo) as runs:
        runs.find(run)
        claims = Claims(runs.store)
        token = claims.claim(run, item, holder, seconds)
        if token is None:
            raise claims.held(run, item)
        _anchor(runs, run)
    if as_json:
        print_json({"run": run, "item": item, "holder": holder, "token": token, "seconds": seconds})
    else:
        click.echo(token)


@click.command(epilog="Example:  pipeline release EXEC-2026-01-31-001 ws-login --token 3")
@_RUN
@_ITEM
@click.option("--token", metavar="N", type=click.IntRange(1, _LARGEST), required=True, help="What claim printed.")
@repo_option
def release(run: str, item: str, token: int, repo: Path) -> None:
    """Give up ITEM of RUN. Exit code 5: the token is stale, the item is another's by now, or nobody's."""
    from global_core_state.claims import Claims

    from global_ui.run_state import open_runs

    with open_runs(repo) as runs:
        runs.find(run)
        claims = Claims(runs.store)
        if not claims.release(run, item, token):
            raise claims.stale(run, item, token)
        _anchor(runs, run)
    click.echo(f"{run} {item}: released")


def _anchor(runs: Runs, run: str) -> None:
    """Anchor what was just told. It is told all the same where git cannot write: the next anchor covers it."""
    from global_core_state import audit
    from global_util.errors import PipelineError

    try:
        audit.anchor(runs.repo, runs.store, run)
    except (PipelineError, OSError) as fault:
        click.echo(printable(f"{run}: not anchored yet: {fault}"), err=True)


@click.command(epilog="Example:  pipeline status EXEC-2026-01-31-001 --json")
@click.argument("run", required=False, callback=_text)
@repo_option
@json_option
def status(run: str | None, repo: Path, as_json: bool) -> None:
    """Show the runs: state, workstreams by state, whether a process works on them, and who holds what."""
    from global_ui.run_state import open_runs

    with open_runs(repo) as runs:
        rows = runs.store.runs() if run is None else [runs.find(run)]
        found = [_describe(runs, row) for row in rows]
    if as_json:
        print_json(found)
        return
    for told in found:
        for line in _lines(told):
            click.echo(printable(line))


def _describe(runs: Runs, row: dict[str, Any]) -> dict[str, Any]:
    from collections import Counter

    from global_core_state.claims import Claims

    execution = row["execution_id"]
    states = Counter(workstream["status"] for workstream in runs.store.workstreams(execution))
    return {
        "execution_id": execution,
        "state": runs.shown_state(row),
        "working": runs.is_worked_on(execution),
        "workstreams": dict(sorted(states.items())),
        "claims": [{**claim._asdict(), "left": round(claim.left, 1)} for claim in Claims(runs.store).all(execution)],
    }


def _lines(told: dict[str, Any]) -> list[str]:
    counts = ", ".join(f"{count} {state}" for state, count in told["workstreams"].items())
    work = "a process works on it" if told["working"] else "at rest"
    lines = [f"{told['execution_id']}  {told['state']:<11}  {work}  {counts}".rstrip()]
    for claim in told["claims"]:
        lease = f"{claim['left']:.0f} s left" if claim["left"] else "the lease ran out"
        lines.append(f"  {claim['item']}  held by {claim['holder']}, token {claim['token']}, {lease}")
    return lines
