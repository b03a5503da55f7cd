"""Who hands which artifact, in which version, to whom, as declared in the contracts."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from global_capabilities.packages import Package

PEOPLE = "people"
"""Stands for the producer of a document that no package writes."""


@dataclass(frozen=True, order=True)
class Handover:
    """``producer`` writes ``schema`` (with its version), ``consumer`` reads it; nobody reads it: no consumer."""

    producer: str
    consumer: str
    schema: str


def handovers(packages: Sequence[Package]) -> list[Handover]:
    """All handovers, along the line."""
    producers = {schema: package.id for package in packages for schema in package.produces()}
    read = {schema for package in packages for schema in package.consumes()}
    pairs = [
        Handover(producers.get(schema, PEOPLE), package.id, schema)
        for package in packages
        for schema in package.consumes()
    ]
    return pairs + [Handover(name, "", schema) for schema, name in sorted(producers.items()) if schema not in read]


def draw_text(flow: Sequence[Handover]) -> str:
    """One line per handover: producer, artifact and version, consumer."""
    width = max((len(handover.producer) for handover in flow), default=0)
    return "".join(
        f"{handover.producer:<{width}}  --{handover.schema}-->  {handover.consumer or '(end)'}\n" for handover in flow
    )


def draw_mermaid(flow: Sequence[Handover]) -> str:
    """A Mermaid flowchart."""
    lines = [f"  {handover.producer} -->|{handover.schema}| {handover.consumer or 'result'}\n" for handover in flow]
    return "flowchart LR\n" + "".join(lines)


def draw_dot(flow: Sequence[Handover]) -> str:
    """A graph for Graphviz."""
    lines = [
        f'  "{handover.producer}" -> "{handover.consumer or "result"}" [label="{handover.schema}"];\n'
        for handover in flow
    ]
    return "digraph line {\n  rankdir=LR;\n  node [shape=box];\n" + "".join(lines) + "}\n"


DRAWINGS: dict[str, Callable[[Sequence[Handover]], str]] = {
    "text": draw_text,
    "mermaid": draw_mermaid,
    "dot": draw_dot,
}
