"""Writes the diagrams of docs/state_machine.md from the tables that the guard asks; ``--check`` only tells whether they differ."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

from global_core_state import machine

DOCUMENT = Path(__file__).resolve().parent.parent / "docs/state_machine.md"
MACHINES = {"workstream": machine.WORKSTREAM, "run": machine.RUN}
BEGINNINGS = {"workstream": "pending", "run": "created"}


def diagram(name: str) -> str:
    """A machine as a Mermaid state diagram and as a table."""
    table = MACHINES[name]
    edges = "\n".join(_edges(table, BEGINNINGS[name]))
    rows = "\n".join(f"| `{before}` | {_listed(after)} |" for before, after in table.items())
    return f"```mermaid\nstateDiagram-v2\n{edges}\n```\n\n| from | to |\n|---|---|\n{rows}"


def resets() -> str:
    """From which states a reset leads back, and where to."""
    anew, judged = machine.RESTARTED[False], machine.RESTARTED[True]
    return "\n".join(
        (
            "| of | from | to |\n|---|---|---|",
            f"| a run | {_listed(machine.RESET_RUN)} | `idle` |",
            f"| a workstream | {_listed(machine.RESET_WORKSTREAM)} | `{anew}`; `{judged}` when some of its tries stand |",
        )
    )


def _edges(table: Mapping[str, frozenset[str]], beginning: str) -> Iterator[str]:
    yield f"    [*] --> {beginning}"
    for before, after in table.items():
        yield from (f"    {before} --> {state}" for state in sorted(after))
        if not after:
            yield f"    {before} --> [*]"


def _listed(states: frozenset[str]) -> str:
    return ", ".join(f"`{state}`" for state in sorted(states)) or "nothing: it is the end"


def filled(text: str) -> str:
    """The document with its diagrams as the tables say. Raises ValueError for one that has lost a marker."""
    for name, block in {**{name: diagram(name) for name in MACHINES}, "reset": resets()}.items():
        begin, end = f"<!-- states:{name}:begin -->\n", f"\n<!-- states:{name}:end -->"
        before, found, rest = text.partition(begin)
        _, closed, after = rest.partition(end)
        if not found or not closed:
            raise ValueError(f"{DOCUMENT.name}: no block between {begin.strip()} and {end.strip()}")
        text = f"{before}{begin}\n{block}\n{end}{after}"
    return text


def main() -> int:
    """Exit 1 with ``--check`` when the document differs."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true")
    check = parser.parse_args().check
    text = DOCUMENT.read_text("utf-8")
    wanted = filled(text)
    if wanted == text:
        return 0
    if check:
        print(f"{DOCUMENT.name} is not what the tables say; mend with: python scripts/state_machine.py")
        return 1
    DOCUMENT.write_text(wanted, "utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
