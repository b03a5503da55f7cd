"""``doc-id route``, ``find``, ``index`` and ``stats``: what ids say, and where they are."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import click
from global_util.cli import json_option, repo_option
from global_util.program import printable

if TYPE_CHECKING:
    from pathlib import Path

    from global_doc_id.inventory import Inventory
    from global_doc_id.statistics import Family


@click.command("route")
@click.argument("doc_id")
@repo_option
@json_option
def route_command(doc_id: str, repo: Path, as_json: bool) -> None:
    """Print the folder that a document with this id lies in.

    Example:  doc-id route DOC-P2M001-DOC-001
    """
    from global_doc_id.surroundings import look_around
    from global_doc_id.validation import route

    folder = route(doc_id, look_around(repo).registry)
    _tell({"doc_id": doc_id, "folder": folder}, [folder], as_json)


@click.command("find")
@click.argument("doc_id")
@repo_option
@json_option
def find_command(doc_id: str, repo: Path, as_json: bool) -> int:
    """Print where an id is: PATH:LINE of every file that carries it, or what the ledger says. Exit 1 when nowhere.

    Example:  doc-id find DOC-P2M001-DOC-001
    """
    from global_doc_id.ledger import load_ledger
    from global_doc_id.surroundings import look_around

    here = look_around(repo)
    rows = [row for row in _rows(here.inventory()) if row["doc_id"] == doc_id]
    retired = load_ledger(here.root, here.policy).get(doc_id)
    lines = [_place(row) for row in rows]
    gone = None
    if retired:
        gone = {"line": retired.line, "path": retired.path, "why": retired.why}
        lines.append(f"{here.policy.ledger}:{retired.line}: retired, last in {retired.path}: {retired.why}")
    _tell({"doc_id": doc_id, "places": rows, "retired": gone}, lines, as_json)
    if not lines:
        click.echo(f"{printable(doc_id)}: {_nowhere(doc_id, here.desk().clone)}", err=True)
    return 0 if lines else 1


def _nowhere(doc_id: str, clone: Path) -> str:
    from global_doc_id.doc_id import read_doc_id
    from global_doc_id.reservations import read_reservations

    if read_doc_id(doc_id) is None:
        return "is no doc id"
    given = read_reservations(clone, doc_id).get(doc_id)
    return f"no file has it; it was given to {printable(given.path)}" if given else "no file has it, and none had"


@click.command("index")
@repo_option
@json_option
def index_command(repo: Path, as_json: bool) -> None:
    """Print every id with its file, line, carrier, and the title of a Markdown document.

    Example:  doc-id index --json
    """
    from global_doc_id.surroundings import look_around

    here = look_around(repo)
    rows = [{**row, "title": _title(here.root / str(row["path"]))} for row in _rows(here.inventory())]
    lines = [f"{row['doc_id']}  {_place(row)}  {row['carrier']}  {row['title']}".rstrip() for row in rows]
    _tell(rows, lines, as_json)


@click.command("stats")
@repo_option
@json_option
def stats_command(repo: Path, as_json: bool) -> None:
    """Print how many ids each family has, its next number, and why numbers are missing in between.

    Example:  doc-id stats
    """
    from dataclasses import asdict

    from global_doc_id.ledger import load_ledger
    from global_doc_id.statistics import count, reservations_of
    from global_doc_id.surroundings import look_around

    here = look_around(repo)
    families = count(here.inventory(), load_ledger(here.root, here.policy), reservations_of(here.root))
    _tell([asdict(family) for family in families], [line for family in families for line in _stats(family)], as_json)


def _stats(family: Family) -> list[str]:
    following = f"next {family.next:03d}" if family.next else "full"
    gaps = [f"  {gap.doc_id}  {gap.reason}  {gap.detail}".rstrip() for gap in family.gaps]
    return [f"{family.name}  {family.count} ids, {following}", *gaps]


def _place(row: Mapping[str, str | int]) -> str:
    """``path:line``; for an entry of a sidecar the file, and where the entry stands."""
    if row["carrier"] == "sidecar":
        from global_doc_id.file_types import sidecar_of

        return f"{row['path']} ({sidecar_of(str(row['path']))}:{row['line']})"
    return f"{row['path']}:{row['line']}"


def _rows(inventory: Inventory) -> list[dict[str, str | int]]:
    """One row per carrier, by id and path."""
    rows = [
        (carrier.text, path, carrier.line, carrier.how)
        for path, carriers in inventory.carriers.items()
        for carrier in carriers
    ]
    return [{"doc_id": text, "path": path, "line": line, "carrier": how} for text, path, line, how in sorted(rows)]


def _title(place: Path) -> str:
    """The first heading of a Markdown document outside code, or nothing."""
    if place.suffix != ".md" or not place.is_file():
        return ""
    fenced = False
    for line in place.read_text("utf-8", "replace").splitlines():
        if line.startswith(("```", "~~~")):
            fenced = not fenced
        elif line.startswith("# ") and not fenced:
            return line[2:].strip()
    return ""


def _tell(value: object, lines: Sequence[str], as_json: bool) -> None:
    if as_json:
        import json

        click.echo(json.dumps(value, indent=2, ensure_ascii=False))
        return
    for line in lines:
        click.echo(printable(line))
