"""What people see: live states on a terminal, and the table at the end."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from global_util.program import printable
from global_util.progress import Event, Listener, plain_lines
from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.live import Live
from rich.table import Table
from rich.text import Text

from global_ui.summary import Summary

_STYLES = {
    "landed": "bold green",
    "would land": "green",
    "done": "green",
    "nothing to do": "green",
    "quarantined": "yellow",
    "blocked": "magenta",
    "failed": "red",
    "fixing": "cyan",
}


@contextmanager
def live(console: Console) -> Iterator[Listener]:
    """A listener that keeps a table of states up to date on a terminal; elsewhere plain lines."""
    if not console.is_terminal:
        yield plain_lines
        return
    states: dict[str, tuple[str, str]] = {}
    guard = threading.Lock()
    with Live(console=console, refresh_per_second=8, transient=True) as shown:

        def listen(event: Event) -> None:
            if event.kind == "workstream_moved" and event.workstream_id:
                with guard:
                    states[event.workstream_id] = (str(event.payload["after"]), str(event.payload.get("why", "")))
                    shown.update(_states(states))

        yield listen


def _states(states: dict[str, tuple[str, str]]) -> Table:
    table = Table(box=None, pad_edge=False, show_header=False)
    for name, (state, why) in sorted(states.items()):
        table.add_row(Text(name), _styled(state), Text(printable(why), overflow="ellipsis", no_wrap=True, style="dim"))
    return table


def _styled(state: str) -> Text:
    return Text(state, style=_STYLES.get(state, "blue"))


def show(console: Console, summary: Summary) -> None:
    """The table of outcomes, then where things are."""
    heading = f"{summary.execution_id} on {printable(summary.target_branch)}"
    table = Table(title=heading, title_justify="left", box=SIMPLE_HEAD, pad_edge=False)
    table.add_column("workstream", no_wrap=True)
    table.add_column("outcome", no_wrap=True)
    table.add_column("what happened, and why", overflow="fold")
    table.add_column("commit", no_wrap=True)
    for row in summary.rows:
        tried = [] if row.outcome == "landed" else [f"tried {repair}" for repair in row.repairs]
        why = printable("; ".join([row.why, *tried]))
        who = Text.assemble(row.workstream, "\n", (printable(row.title)[:40], "dim"))
        table.add_row(who, _styled(row.outcome), Text(why), Text(row.commit[:10], style="dim"))
    console.print(table)
    for row in summary.rows:
        _tell(console, Text(row.workstream, style=_STYLES.get(row.outcome, "")), row.details)
    _tell(console, Text("all that lands"), summary.conditions)
    counts: dict[str, int] = {}
    for row in summary.rows:
        counts[row.outcome] = counts.get(row.outcome, 0) + 1
    console.print(Text(", ".join(f"{count} {outcome}" for outcome, count in sorted(counts.items()))))
    console.print(Text(f"Run folder: {printable(summary.folder)}", style="dim"), soft_wrap=True)


def _tell(console: Console, heading: Text, lines: Sequence[str]) -> None:
    """Lines below a heading; nothing at all without lines."""
    if lines:
        console.print(heading)
    for line in lines:
        console.print(Text(f"  {printable(line)}"), soft_wrap=True)


def console(*, stderr: bool = False, **options: Any) -> Console:
    """A console that neither guesses markup nor highlights."""
    return Console(stderr=stderr, highlight=False, markup=False, emoji=False, **options)
