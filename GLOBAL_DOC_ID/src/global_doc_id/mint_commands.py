"""``doc-id mint`` and the other commands that write ids."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import click
from global_util.cli import PATH, json_option, print_json, repo_option
from global_util.program import printable, say

if TYPE_CHECKING:
    from pathlib import Path

files_argument = click.argument("files", nargs=-1, required=True, type=PATH)
_SHOWN = 20
dry_run_option = click.option("--dry-run", is_flag=True, help="Say what would be done, and change nothing.")


@click.command("mint")
@files_argument
@click.option("--type", "type_", metavar="TYPE", help="The type of the ids. Default: by the kind of the folder.")
@click.option("--module", metavar="M001", help="The module of the ids. Default: by the folder, else M000.")
@click.option("--new", is_flag=True, help="FILE is not there yet: make an empty one, with its id in its name.")
@dry_run_option
@json_option
@repo_option
def mint_command(
    files: tuple[Path, ...], type_: str | None, module: str | None, new: bool, dry_run: bool, as_json: bool, repo: Path
) -> int:
    """Give each FILE the next free number of its place; a file that has an id keeps it.

    A file that cannot be written is told at the end (exit 3) and stops no other.

    Example:  doc-id mint PH2_EXECUTION_ENGINE/docs/RETRIES.md
    """
    from global_doc_id.surroundings import look_around
    from global_doc_id.working_file import inside

    here = look_around(repo)
    paths = [inside(here.root, file) for file in files]
    desk = here.desk()
    if new:
        minted = [desk.create(path, type_=type_, module=module, dry_run=dry_run) for path in paths]
    else:
        minted = desk.mint_each(paths, type_=type_, module=module, dry_run=dry_run)
    done = [one for one in minted if not one.fault]
    rows = [{"path": one.path, "doc_id": one.doc_id, "written": one.written, "kept": one.kept} for one in done]
    lines = [f"{one.doc_id}  {one.path}{_how(one.path, one.written, one.kept, dry_run)}" for one in done]
    _tell(rows, lines, as_json)
    return max([0, *(say(one.fault) for one in minted if one.fault)])


@click.command("retire")
@click.argument("what", metavar="ID|FILE")
@click.option("--why", required=True, metavar="TEXT", help="The reason, for the ledger.")
@json_option
@repo_option
def retire_command(what: str, why: str, as_json: bool, repo: Path) -> None:
    """Take an id out of its file, if that is there, and into the ledger: its number is not given again.

    Example:  doc-id retire DOC-P2M001-DOC-009 --why "merged into MOD_DESIGN"
    """
    from pathlib import Path

    from global_doc_id.doc_id import read_doc_id
    from global_doc_id.reservations import locked
    from global_doc_id.retiring import retire
    from global_doc_id.surroundings import look_around
    from global_doc_id.working_file import inside

    here = look_around(repo)
    with locked(here.desk().clone):
        asked = what if read_doc_id(what) else inside(here.root, Path(what))
        done = retire(here.root, here.inventory(), here.policy, asked, why)
    row = {"doc_id": done.doc_id, "changed": done.changed, "references": done.references}
    _tell([row], [f"{done.doc_id} is retired; changed: {', '.join(done.changed)}", *_look_at(done.references)], as_json)


@click.command("rename")
@click.argument("old")
@click.argument("new", required=False, default="")
@json_option
@repo_option
def rename_command(old: str, new: str, as_json: bool, repo: Path) -> None:
    """Give the file with the id OLD the free id NEW, and change every reference. OLD goes into the ledger.

    Without NEW it is the next free one of the place where the file lies now: after moving a file, say OLD only.

    Example:  doc-id rename DOC-P2M001-DOC-009
    """
    from global_doc_id.renaming import Rename, home_of, rename
    from global_doc_id.reservations import locked
    from global_doc_id.surroundings import look_around

    here = look_around(repo)
    desk = here.desk()
    with locked(desk.clone):
        inventory = here.inventory()
        if not new:
            path = home_of(inventory, old)
            new = desk.reserve({path: desk.family(path)})[path]
        changed = rename(here.root, desk.clone, inventory, here.policy, here.registry, Rename(old, new))
    _tell(
        [{"old": old, "new": new, "changed": changed}], [f"{old} is {new} now; changed: {', '.join(changed)}"], as_json
    )


@click.command("fix-duplicates")
@dry_run_option
@json_option
@repo_option
def fix_duplicates_command(dry_run: bool, as_json: bool, repo: Path) -> int:
    """After a merge: an id stays with the file that had it first by history, the others get fresh numbers.

    Exit 1 if some had to be left, as they lie in no folder of the registry.

    Example:  doc-id fix-duplicates --dry-run
    """
    from dataclasses import asdict

    from global_doc_id.duplicates import settle
    from global_doc_id.surroundings import look_around

    here = look_around(repo)
    settled = settle(here.desk(), here.inventory(), dry_run=dry_run)
    lines = []
    for one in settled:
        gets = f"{one.path} {'would get' if dry_run else 'has'} {one.new}" if one.new else f"left: {one.left}"
        lines.append(f"{one.doc_id} stays with {one.kept_by}; {gets}")
        lines += _look_at(one.references)
    _tell([asdict(one) for one in settled], lines or ["no id has two files"], as_json)
    return 0 if all(one.new for one in settled) else 1


@click.command("migrate")
@click.argument("files", nargs=-1, type=PATH)
@dry_run_option
@json_option
@repo_option
def migrate_command(files: tuple[Path, ...], dry_run: bool, as_json: bool, repo: Path) -> int:
    """Replace ids of the older form DOC-<WORDS>-NNN(N), in all files or in FILES. Exit 1 if some had to be left.

    Example:  doc-id migrate --dry-run
    """
    from dataclasses import asdict

    from global_doc_id.migration import migrate, remaining
    from global_doc_id.surroundings import look_around
    from global_doc_id.working_file import inside

    here = look_around(repo)
    inventory = here.inventory()
    found = migrate(here.desk(), inventory, [inside(here.root, file) for file in files], dry_run=dry_run)
    left = "left: it lies in no folder of the registry"
    _tell([asdict(one) for one in found], [f"{one.path}: {one.old} -> {one.new or left}" for one in found], as_json)
    if not dry_run:
        _tell_remaining(remaining(here.root, inventory, here.policy))
    return 0 if all(one.new for one in found) else 1


def _how(path: str, written: str, kept: bool, dry_run: bool) -> str:
    if kept:
        return "  (had it already)"
    if dry_run:
        return "  (dry run)"
    return f"  (in {written})" if written != path else ""


def _tell_remaining(places: Sequence[str]) -> None:
    if places:
        click.echo(
            "ids of the older form that are left in texts, as only [[ ]] and front matter are changed:", err=True
        )
    for place in places[:_SHOWN]:
        click.echo(f"  {printable(place)}", err=True)
    if len(places) > _SHOWN:
        click.echo(f"  and {len(places) - _SHOWN} more", err=True)


def _look_at(references: Sequence[str]) -> list[str]:
    return [f"  look at {reference}: it refers to this id" for reference in references]


def _tell(rows: Sequence[object], lines: Sequence[str], as_json: bool) -> None:
    if as_json:
        print_json(rows)
        return
    for line in lines:
        click.echo(printable(line))
