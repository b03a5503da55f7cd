"""``pipeline replay RUN``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click
from global_util.cli import PATH, json_option, print_json, repo_option
from global_util.program import printable

if TYPE_CHECKING:
    from contextlib import AbstractContextManager
    from pathlib import Path

    from global_util.progress import Listener

    from global_ui.replaying import Replayed

_LONGEST = 500
"""Characters of a value that are shown."""


@click.command(epilog="Example:  pipeline replay EXEC-2026-01-31-001")
@click.argument("run")
@click.option("--keep", type=PATH, metavar="DIR", help="A new folder that keeps the clone. Default: a temporary one.")
@repo_option
@json_option
def replay(run: str, keep: Path | None, repo: Path, as_json: bool) -> int:
    """Repeat a finished RUN from its recordings on a scratch clone, and compare all artifacts, trees and commits.

    Calls of AI tools are taken from the recordings; checks and their fixers run. The repository stays as it is. Exit code
    1: something differs, and the first artifact and field is shown.
    """
    from global_util.errors import InvalidInput

    from global_ui.recorded_run import read_run
    from global_ui.run_state import open_runs

    if keep is not None and keep.exists():
        raise InvalidInput(f"{keep}: is there already", "give a folder that does not exist yet", "E346")
    with open_runs(repo) as runs:
        recorded = read_run(runs, run)
    with _folder(keep) as folder, _listening(as_json) as listener:
        from global_ui.replay_stage import Stage
        from global_ui.replaying import replay as repeat

        found = repeat(recorded, Stage.build(recorded, folder), listener)
    if as_json:
        print_json({**_facts(found), "folder": str(folder) if keep else None})
    else:
        for line in _lines(found):
            click.echo(printable(line))
    if keep:
        click.echo(f"the clone is {folder / 'repository.git'}; it needs the objects of this repository", err=True)
    return 1 if found.difference else 0


def _listening(quiet: bool) -> AbstractContextManager[Listener]:
    from contextlib import nullcontext

    from global_util.progress import silent

    from global_ui import screen

    return nullcontext(silent) if quiet else screen.live(screen.console(stderr=True))


def _folder(keep: Path | None) -> AbstractContextManager[Path]:
    from contextlib import nullcontext

    from global_util.scratch import scratch

    return nullcontext(keep.absolute()) if keep else scratch("replay")


def _facts(found: Replayed) -> dict[str, Any]:
    different = found.difference
    return {
        "execution_id": found.execution,
        "equal": different is None,
        "calls": found.calls,
        "compared": {"artifacts": found.artifacts, "commits": found.commits, "trees": found.trees},
        "difference": different
        and {
            "phase": different.phase,
            "artifact": different.what,
            "fields": [{"pointer": one.pointer, **_sides(one)} for one in different.fields],
        },
    }


def _sides(one: Any) -> dict[str, Any]:
    """A side on which there is nothing is left out."""
    from global_ui.difference import ABSENT

    return {name: value for name, value in (("recorded", one.recorded), ("now", one.now)) if value is not ABSENT}


def _lines(found: Replayed) -> list[str]:
    different = found.difference
    if different is None:
        counts = f"{found.artifacts} artifacts, {found.commits} commits, {found.trees} trees"
        return [f"{found.execution}: {found.calls} recorded calls played: {counts}: all equal"]
    first, more = different.fields[0], len(different.fields) - 1
    lines = [f"{found.execution}: {different.phase} differs: {different.what} {first.pointer}"]
    lines += [f"  recorded: {_shown(first.recorded)}", f"  now:      {_shown(first.now)}"]
    lines += [f"  and {more} more fields of it (--json shows them)"] if more else []
    return lines


def _shown(value: Any) -> str:
    import json

    from global_ui.difference import ABSENT

    text = "(nothing)" if value is ABSENT else json.dumps(value, ensure_ascii=False)
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}..."
