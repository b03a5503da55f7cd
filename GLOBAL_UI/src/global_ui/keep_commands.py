"""``pipeline keep list|show|restore|gc``."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

import click
from global_util.cli import PATH, json_option, print_json, repo_option, set_option
from global_util.program import printable

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from global_core_state.keep import Kept
    from global_core_state.keep_gc import Verdict
    from global_core_state.keep_objects import Entry
    from global_util.git import Repository

_REF = click.argument("ref", metavar="REF")


@click.group()
def keep() -> None:
    """Look at kept work, bring it back, or clear what is held elsewhere.

    Kept is what a tool did outside its scope or before it failed, what a killed run left, and where a target branch was.
    """


@keep.command("list", epilog="Example:  pipeline keep list --execution EXEC-2026-01-31-001")
@click.option("--execution", default="", metavar="ID", help="Only what this execution kept.")
@repo_option
@json_option
def list_(execution: str, repo: Path, as_json: bool) -> None:
    """List kept commits: name, age, number of changed files, why."""
    import time

    from global_core_state.keep import listing

    kept = listing(_repository(repo), execution)
    if as_json:
        print_json([_facts(one) for one in kept])
        return
    width = max((len(printable(one.shown)) for one in kept), default=0)
    for one in kept:
        name, age = printable(one.shown), _age(one, time.time())
        click.echo(f"{name:<{width}}  {age:>9}  {_files(one):>9}  {printable(one.why)}")
    if not kept:
        click.echo("nothing is kept", err=True)


@keep.command(epilog="Example:  pipeline keep show EXEC-2026-01-31-001/ws-login/1 --patch")
@_REF
@click.option("--patch", is_flag=True, help="Print the change as a patch, too.")
@repo_option
@json_option
def show(ref: str, patch: bool, repo: Path, as_json: bool) -> None:
    """Show what REF keeps. REF is a full ref, a name from the list, or an end of it that no other has."""
    from global_core_state.keep import base_of, changed, find

    if patch and as_json:
        raise click.UsageError("--patch and --json exclude each other: a patch is bytes")
    repository = _repository(repo)
    one = find(repository, ref)
    assert one.commit is not None
    entries = changed(repository, one.commit)
    if as_json:
        print_json({**_facts(one), "changes": [_change(entry) for entry in entries]})
        return
    for name, value in _facts(one).items():
        click.echo(f"{name:8} {printable(str(' '.join(value) if isinstance(value, tuple) else value))}")
    for entry in entries:
        click.echo(f"  {entry.status} {printable(_path(entry.path))}")
    if patch:
        _print_patch(repository.patch(base_of(repository, one.commit), one.commit.tree))


@keep.command(epilog="Example:  pipeline keep restore ws-login/1 --into ../rescued")
@_REF
@click.option("--branch", metavar="NAME", help="The new branch. Default: keep/EXECUTION-WORKSTREAM-N.")
@click.option("--into", type=PATH, metavar="DIR", help="Write files to a new or empty folder instead.")
@click.option("--whole", is_flag=True, help="With --into: all files, not only changed ones.")
@repo_option
def restore(ref: str, branch: str | None, into: Path | None, whole: bool, repo: Path) -> int:
    """Bring REF back as a new branch, or as files in a folder. No checkout is touched.

    Exit code 1: some paths were left out.
    """
    from global_core_state.keep import find

    if into is not None and branch is not None:
        raise click.UsageError("--branch and --into exclude each other")
    if whole and into is None:
        raise click.UsageError("--whole needs --into DIR")
    repository = _repository(repo)
    one = find(repository, ref)
    return _to_branch(repository, one, branch) if into is None else _to_folder(repository, one, into, whole)


@keep.command(epilog="Example:  pipeline keep gc --older-than 90 --dry-run")
@click.option(
    "--older-than", type=click.IntRange(min=0), metavar="DAYS", help="Only what is older. Default: keep.days."
)
@click.option("--dry-run", is_flag=True, help="Remove nothing; tell what would be removed.")
@repo_option
@set_option
@json_option
def gc(older_than: int | None, dry_run: bool, repo: Path, overrides: dict[str, Any], as_json: bool) -> None:
    """Remove kept refs that are old and whose content a branch or tag is proven to hold. All else stays.

    Tells for each ref why it went or stays, and for a removed one the command that brings it back.
    """
    import time

    from global_core_state.keep_gc import collect
    from global_util.config import load_settings

    repository = _repository(repo)
    days = _days(load_settings(repository.cwd, overrides).get("keep.days")) if older_than is None else older_than
    verdicts = collect(repository, days, time.time(), dry_run=dry_run)
    if as_json:
        print_json({"days": days, "dry_run": dry_run, "refs": [_told(one) for one in verdicts]})
        return
    for one in verdicts:
        _tell(one, dry_run)
    gone = sum(one.removed for one in verdicts)
    click.echo(f"{gone} {'would be removed' if dry_run else 'removed'}, {len(verdicts) - gone} kept")
    if gone and not dry_run:
        click.echo("The commands bring refs back until git prunes their commits.")


def _repository(place: Path) -> Repository:
    from global_util.git import Repository

    return Repository.discover(place.absolute())


def _days(value: object) -> int:
    from global_core_state.keep_gc import DAYS
    from global_util.errors import InvalidInput

    if value is None:
        return DAYS
    if not isinstance(value, int) or isinstance(value, bool) or value < 0:
        raise InvalidInput(f"keep.days: {value!r} is no number of days", "give 0 or more, such as 30")
    return value


def _to_branch(repository: Repository, one: Kept, branch: str | None) -> int:
    from global_core_state.keep_restore import as_branch, branch_name

    name = branch_name(one) if branch is None else branch
    if not repository.is_branch_name(name):
        raise click.UsageError(f"{printable(name)!r} is no name for a branch; give one with --branch NAME")
    as_branch(repository, one, name)
    click.echo(f"{printable(name)} is {one.oid}")
    return 0


def _to_folder(repository: Repository, one: Kept, folder: Path, whole: bool) -> int:
    from global_core_state.keep_restore import into_folder

    done = into_folder(repository, one, folder, whole=whole)
    for path, why in done.left_out:
        click.echo(f"left out: {printable(_path(path))}: {why}", err=True)
    click.echo(f"{len(done.written)} written to {printable(str(folder))}, {len(done.left_out)} left out")
    return 1 if done.left_out else 0


def _facts(one: Kept) -> dict[str, Any]:
    from global_util.clock import stamp

    try:
        since = None if one.created is None else stamp(one.created)
    except (OverflowError, ValueError, OSError):
        since = None
    return {
        "ref": f"refs/pipeline/keep/{one.shown}",
        "commit": one.oid,
        "tree": one.commit.tree if one.commit else None,
        "parents": one.commit.parents if one.commit else (),
        "since": since,
        "why": one.why,
        "files": one.files,
    }


def _told(one: Verdict) -> dict[str, Any]:
    facts = {**_facts(one.kept), "removed": one.removed, "reason": one.reason}
    return {**facts, "undo": _undo(one.kept)} if one.removed else facts


def _tell(one: Verdict, dry_run: bool) -> None:
    word = ("would go" if dry_run else "removed") if one.removed else "stays"
    click.echo(f"{word:8} {printable(one.kept.shown)}: {printable(one.reason)}")
    if one.removed and not dry_run:
        click.echo(f"         {printable(_undo(one.kept))}")


def _undo(one: Kept) -> str:
    import shlex

    return f"git update-ref {shlex.quote(one.ref)} {one.oid}"


def _age(one: Kept, now: float) -> str:
    """How long ago, in the largest unit that fits."""
    if one.created is None:
        return "age ?"
    seconds = int(now - one.created)
    if seconds < 0:
        return "in future"
    for size, unit in ((86_400, "d"), (3600, "h"), (60, "min")):
        if seconds >= size:
            return f"{seconds // size} {unit}"
    return f"{seconds} s"


def _files(one: Kept) -> str:
    return "files ?" if one.files is None else f"{one.files} file{'s' * (one.files != 1)}"


def _change(entry: Entry) -> dict[str, str]:
    return {"status": entry.status, "path": _path(entry.path), "mode": entry.mode, "blob": entry.oid}


def _path(path: bytes) -> str:
    from global_util import paths

    return paths.from_bytes(path)


def _print_patch(patch: bytes) -> None:
    """The bytes as they are, so that ``git apply`` can read them; on a terminal, what cannot steer it."""
    click.echo()
    if not sys.stdout.isatty():
        click.echo(patch, nl=False)
        return
    for line in _lines(patch):
        click.echo(line)


def _lines(patch: bytes) -> Iterable[str]:
    return (printable(line.replace("\t", "    ")) for line in patch.decode("utf-8", "replace").split("\n"))
