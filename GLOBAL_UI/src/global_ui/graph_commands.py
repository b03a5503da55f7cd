"""``pipeline show-dag``."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click
from global_util.cli import repo_option
from global_util.program import printable

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from global_util.contracts.dag import DagGraph

    from global_ui.run_state import Runs


@click.command("show-dag", epilog="Example:  pipeline show-dag EXEC-2026-01-31-001 --format mermaid")
@click.argument("run")
@click.option(
    "--format",
    "form",
    type=click.Choice(["text", "mermaid", "dot"]),
    default="text",
    show_default=True,
    help="How to draw it.",
)
@repo_option
def show_dag(run: str, form: str, repo: Path) -> None:
    """Draw the steps of RUN with what waits for what, and the state of their workstreams."""
    from global_ui.run_state import open_runs

    with open_runs(repo) as runs:
        runs.find(run)
        graph = _graph(runs, run)
        states = {row["ws_id"]: row["status"] for row in runs.store.workstreams(run)}
    for line in {"text": text, "mermaid": mermaid, "dot": dot}[form](graph, states):
        click.echo(printable(line))


def _graph(runs: Runs, execution: str) -> DagGraph:
    from typing import cast

    from global_util.contracts import load_artifact
    from global_util.contracts.dag import DagGraph
    from global_util.errors import InvalidInput

    place = runs.folder(execution).path / "artifacts" / f"{DagGraph.SCHEMA}.json"
    try:
        return cast("DagGraph", load_artifact(place.read_bytes(), str(place), DagGraph.SCHEMA))
    except OSError:
        raise InvalidInput(f"{execution} has no graph yet: PH2 draws it", "see pipeline show-run", "E465") from None


def text(graph: DagGraph, states: Mapping[str, str]) -> Iterator[str]:
    """Wave by wave: a step starts when those after the arrow have ended."""
    owners = {node.id: node.workstream_id for node in graph.nodes}
    before: dict[str, list[str]] = {}
    for edge in graph.edges:
        before.setdefault(edge.after, []).append(edge.before)
    for number, wave in enumerate(graph.waves, 1):
        yield f"wave {number}"
        for node in wave:
            needs = f"  <- {', '.join(sorted(before[node]))}" if node in before else ""
            yield f"  {node}  {states.get(owners[node], 'unknown')}{needs}"


def mermaid(graph: DagGraph, states: Mapping[str, str]) -> Iterator[str]:
    """A flowchart."""
    names = {node.id: f"n{number}" for number, node in enumerate(graph.nodes)}
    yield "flowchart TD"
    for node in graph.nodes:
        yield f'    {names[node.id]}["{node.id}<br/>{states.get(node.workstream_id, "unknown")}"]'
    for edge in graph.edges:
        yield f"    {names[edge.before]} --> {names[edge.after]}"


def dot(graph: DagGraph, states: Mapping[str, str]) -> Iterator[str]:
    """A digraph for Graphviz."""
    yield "digraph run {"
    for node in graph.nodes:
        yield f'    "{node.id}" [label="{node.id}\\n{states.get(node.workstream_id, "unknown")}"];'
    for edge in graph.edges:
        yield f'    "{edge.before}" -> "{edge.after}";'
    yield "}"
