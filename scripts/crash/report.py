"""What the matrix found, as a table for people and as a summary for the document."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

from scripts.crash.doors import DOORS
from scripts.crash.matrix import Result

BEGIN, END = "<!-- crash:{name}:begin -->\n", "\n<!-- crash:{name}:end -->"


def row(result: Result) -> str:
    """One line."""
    point = result.point
    verdict = "ok" if not result.faults else "FAULT " + " | ".join(result.faults)
    moment = point.moment if point.whom == "self" else f"{point.moment} ({point.whom})"
    return f"{moment:15} {point.kind:12} {point.name}  [{point.door}]  {result.seconds:.1f} s  {result.resumes}x  {result.paid_again} again  {verdict}"


def summary(results: Sequence[Result]) -> str:
    """A table by kind and door."""
    lines = ["| kind | door | points | slowest resume | calls paid again | faults |", "|---|---|---|---|---|---|"]
    groups: dict[tuple[str, str], list[Result]] = {}
    for result in results:
        groups.setdefault((result.point.kind, result.point.door), []).append(result)
    lines += [_line(kind, f"`{door}`" if door else "", found) for (kind, door), found in sorted(groups.items())]
    return "\n".join([*lines, _line("all", "", results)])


def _line(kind: str, door: str, found: Sequence[Result]) -> str:
    slowest = max((result.seconds for result in found), default=0.0)
    again, wrong = sum(result.paid_again for result in found), sum(bool(result.faults) for result in found)
    return f"| {kind} | {door} | {len(found)} | {slowest:.1f} s | {again} | {wrong} |"


def doors() -> str:
    """The declared doors as a table."""
    rows = (f"| `{name}` | {', '.join(sorted(door.may))} | {door.why} |" for name, door in sorted(DOORS.items()))
    return "\n".join(["| module | may | why |", "|---|---|---|", *rows])


def write(document: Path, blocks: Iterable[tuple[str, str]]) -> None:
    """Put texts between their markers. Raises ValueError for a document that has lost one."""
    text = document.read_text("utf-8")
    for name, block in blocks:
        begin, stop = BEGIN.format(name=name), END.format(name=name)
        before, found, rest = text.partition(begin)
        _, closed, after = rest.partition(stop)
        if not found or not closed:
            raise ValueError(f"{document.name}: no block between {begin.strip()} and {stop.strip()}")
        text = f"{before}{begin}\n{block}\n{stop}{after}"
    document.write_text(text, "utf-8")
