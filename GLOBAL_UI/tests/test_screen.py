"""What people see: the table of outcomes, live states, and text that cannot steer a terminal."""

from __future__ import annotations

import io
from typing import Any

import pytest
from global_ui import screen
from global_ui.summary import Row, Summary
from global_util.progress import Event

HOSTILE = "gone\x1b[2J\n[bold]now[/bold] :smile:"


def row(name: str, outcome: str, why: str = "", repairs: tuple[str, ...] = (), commit: str = "") -> Row:
    return Row(workstream=name, title=HOSTILE, outcome=outcome, why=why, repairs=repairs, commit=commit)


def summary(*rows: Row, dry_run: bool = False) -> Summary:
    return Summary("EXEC-2026-01-01-001", "main", dry_run, rows, "/somewhere/\udcff")


def shown(told: Summary, **options: Any) -> str:
    text = io.StringIO()
    screen.show(screen.console(file=text, width=160, **options), told)
    return text.getvalue()


def test_the_table_says_what_happened_and_why() -> None:
    text = shown(
        summary(
            row("ws-a", "landed", "repaired by ruff fixer", ("ruff fixer: clean",), "0123456789abcdef"),
            row("ws-b", "quarantined", "2 findings stay open", ("replay: worse",)),
            row("ws-c", "landed", "all checks passed at once", (), "fedcba9876543210"),
        )
    )
    assert "repaired by ruff fixer  " in text
    assert "2 findings stay open; tried replay: worse" in text
    assert "0123456789" in text
    assert "2 landed, 1 quarantined" in text


def test_under_the_table_stands_where_to_look() -> None:
    told = Row(
        "ws-b", "Title", "quarantined", "1 finding stays open", (), "", ("a.py:3  E501: too long", "log: /x/ws-b/1/")
    )
    text = shown(summary(row("ws-a", "landed", "fine"), told))
    assert "ws-b\n  a.py:3  E501: too long\n  log: /x/ws-b/1/\n" in text
    assert "ws-a\n" not in text


def test_text_of_the_plan_steers_nothing() -> None:
    text = shown(summary(row("ws-a", "landed", HOSTILE, (HOSTILE,))), force_terminal=True, color_system=None)
    assert "\x1b[2J" not in text
    assert "[bold]now[/bold] :smile:" in text
    text.encode()


@pytest.mark.parametrize("terminal", [True, False])
def test_live_states_are_shown_and_gone(terminal: bool, capsys: pytest.CaptureFixture[str]) -> None:
    text = io.StringIO()
    with screen.live(screen.console(file=text, force_terminal=terminal, width=120)) as listen:
        listen(Event("workstream_moved", "EXEC-2026-01-01-001", "ws-a", {"after": "fixing", "why": HOSTILE}))
        listen(Event("decision", "EXEC-2026-01-01-001", "ws-a", {}))
    told = text.getvalue() if terminal else capsys.readouterr().err
    assert "ws-a" in told
    assert "fixing" in told
    assert "gone\x1b[2J" not in told


@pytest.mark.parametrize(
    ("outcomes", "fine"),
    [
        (("landed", "would land", "nothing to do"), True),
        ((), True),
        (("landed", "quarantined"), False),
        (("blocked",), False),
        (("failed",), False),
    ],
)
def test_when_all_is_fine(outcomes: tuple[str, ...], fine: bool) -> None:
    assert summary(*(row(f"ws-{place}", name) for place, name in enumerate(outcomes))).all_fine is fine
