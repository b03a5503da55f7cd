"""``pipeline artifact validate|show|lineage FILE``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click
from global_util.cli import PATH, json_option, print_json
from global_util.program import printable

if TYPE_CHECKING:
    from pathlib import Path

    from global_util.contracts import Artifact

_FILE = click.argument("file", type=PATH)


@click.group()
def artifact() -> None:
    """Validate, show and trace artifacts."""


@artifact.command(epilog="Example:  pipeline artifact validate phase_plan.v1.json")
@_FILE
@json_option
def validate(file: Path, as_json: bool) -> None:
    """Prove that FILE keeps its contract and that nobody edited it. Exit code 3: it does not, or somebody did."""
    found = _load(file)
    facts = {"file": str(file), "schema": found.schema_id, "artifact_id": found.artifact_id, "valid": True}
    if as_json:
        print_json(facts)
    else:
        click.echo(f"{printable(str(file))}: valid {found.schema_id} {found.artifact_id}")


@artifact.command(epilog="Example:  pipeline artifact show phase_plan.v1.json --json")
@_FILE
@json_option
def show(file: Path, as_json: bool) -> None:
    """Show what FILE is: its envelope, how much of what is in it, and conditions that are not met or not ready."""
    found = _load(file)
    if as_json:
        click.echo(found.dumps(), nl=False)
        return
    for name, value in found.to_json().items():
        click.echo(f"{name:22} {_short(value)}")
        for line in _open_conditions(value):
            click.echo(f"  {printable(line)}")


@artifact.command(
    epilog="Example:  pipeline artifact lineage .pipeline/runs/EXEC-2026-01-31-001/artifacts/commit_plan.v1.json"
)
@_FILE
@json_option
def lineage(file: Path, as_json: bool) -> None:
    """Show what FILE was made from, back to the plan. The ancestors lie in the same folder."""
    rows = list(_ancestors(file))
    if as_json:
        print_json(rows)
        return
    for row in rows:
        click.echo(f"{'  ' * row['depth']}{row['schema']}  {row['artifact_id']}  {row['producer']}")


def _load(file: Path) -> Artifact:
    from global_util.contracts import load_artifact
    from global_util.errors import InvalidInput

    try:
        return load_artifact(file.read_bytes(), str(file))
    except OSError as fault:
        raise InvalidInput(f"{file}: {fault.strerror}", "give the path of an artifact", "E309") from None


def _ancestors(file: Path) -> list[dict[str, Any]]:
    from global_util.errors import InvalidInput

    rows: list[dict[str, Any]] = []
    waiting = [(file, 0)]
    while waiting:
        place, depth = waiting.pop()
        found = _load(place)
        who = f"{found.producer.distribution} {found.producer.version}"
        rows.append({"depth": depth, "schema": found.schema_id, "artifact_id": found.artifact_id, "producer": who})
        for ref in found.inputs:
            above = file.resolve().parent / f"{ref.artifact_id.removeprefix('sha256:')}.json"
            if not above.exists():
                raise InvalidInput(
                    f"{ref.schema_id} {ref.artifact_id} is missing: no {above}",
                    "give a file in a run's artifacts folder",
                    "E308",
                )
            waiting.append((above, depth + 1))
    return rows


def _short(value: Any) -> str:
    import json

    if isinstance(value, list):
        if _are_conditions(value):
            return f"{len(value)} entries: {_counts([entry['verdict'] for entry in value])}"
        names = [str(entry.get("id") or entry.get("workstream_id") or "") for entry in value if isinstance(entry, dict)]
        return f"{len(value)} entries" + (f": {', '.join(filter(None, names))[:80]}" if any(names) else "")
    return json.dumps(value)[:160]


def _are_conditions(value: Any) -> bool:
    """Of the definition of ready or of done: both have a verdict with its evidence."""
    return (
        isinstance(value, list)
        and bool(value)
        and all(isinstance(entry, dict) and {"verdict", "evidence"} <= entry.keys() for entry in value)
    )


def _counts(words: list[str]) -> str:
    return ", ".join(f"{words.count(word)} {word}" for word in sorted(set(words)))


def _open_conditions(value: Any) -> list[str]:
    return [
        f"{entry['verdict']} {entry.get('workstream_id') or 'all that lands'}: "
        f"{entry.get('check') or entry['condition']}: {entry['evidence']}"
        for entry in (value if _are_conditions(value) else ())
        if entry["verdict"] in ("not_met", "not_ready")
    ]
