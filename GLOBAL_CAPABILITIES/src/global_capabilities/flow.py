"""Who hands which artifact to whom, as declared in the contracts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from global_capabilities.packages import Package

PEOPLE = "people"
"""Stands for the producer of a document that no package writes."""


@dataclass(frozen=True, order=True)
class Handover:
    """``producer`` writes ``schema``, ``consumer`` reads it; an artifact that nobody reads has no consumer."""

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
    """One line per handover."""
    width = max((len(handover.producer) for handover in flow), default=0)
    return "".join(
        f"{handover.producer:<{width}}  --{handover.schema}-->  {handover.consumer or '(end)'}\n" for handover in flow
    )


def draw_mermaid(flow: Sequence[Handover]) -> str:
    """A Mermaid flowchart."""
    lines = [f"  {handover.producer} -->|{handover.schema}| {handover.consumer or 'result'}\n" for handover in flow]
    return "flowchart LR\n" + "".join(lines)
