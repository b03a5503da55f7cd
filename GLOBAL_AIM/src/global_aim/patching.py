"""Putting a patch on a worktree bit for bit, whatever its attributes and filters say about line endings.

The patch goes to the index, where git converts nothing; then the changed files are written as the objects are. So the
staged objects and the files are the same bytes. Standard library only: the ``replay`` tool starts for every call.
"""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

_SETTINGS = {
    "apply.ignoreWhitespace": "no",
    "apply.whitespace": "nowarn",
    "core.attributesFile": "/dev/null",
    "core.autocrlf": "false",
    "core.fsmonitor": "false",
    "core.hooksPath": "/dev/null",
    "core.safecrlf": "false",
}
_KEPT_GIT_VARIABLES = ("GIT_CONFIG_GLOBAL", "GIT_CONFIG_SYSTEM", "GIT_CONFIG_NOSYSTEM")
_NOTHING = "000000"
_LINK = "120000"
_GITLINK = "160000"


class PatchFault(Exception):
    """A patch that does not apply, with git's message."""


@dataclass(frozen=True)
class _Put:
    """What shall be at a path: nothing, when the mode is zero."""

    old_mode: str
    mode: str
    blob: str
    path: Path


def apply_patch(root: Path, patch: Path) -> None:
    """Apply a patch made by ``git diff --binary`` to the worktree ``root`` and its index. Raises PatchFault.

    The worktree is taken to be as its index says. Where the index does not fit the patch (or there is none), the patch
    is applied to the files alone.
    """
    top = root.absolute()
    words = ("apply", "--whitespace=nowarn", str(patch.absolute()))
    before = _git(top, "write-tree")
    if before.returncode or _git(top, words[0], "--cached", *words[1:]).returncode:
        plain = _git(top, *words)
        if plain.returncode:
            raise PatchFault(f"{patch.name} does not apply: {plain.stderr.decode('utf-8', 'replace').strip()}")
        return
    try:
        _write_files(top, list(_staged_since(top, before.stdout.decode().strip())))
    except (OSError, ValueError) as fault:
        raise PatchFault(f"{patch.name} does not apply: {fault}") from None


def _git(top: Path, *words: str, stdin: bytes = b"") -> subprocess.CompletedProcess[bytes]:
    settings = [part for key, value in _SETTINGS.items() for part in ("-c", f"{key}={value}")]
    env = {
        name: value for name, value in os.environ.items() if not name.startswith("GIT_") or name in _KEPT_GIT_VARIABLES
    }
    env |= {"LC_ALL": "C", "GIT_CEILING_DIRECTORIES": str(top.parent), "GIT_NO_REPLACE_OBJECTS": "1"}
    return subprocess.run(["git", *settings, *words], cwd=top, env=env, input=stdin, capture_output=True, check=False)


def _ask(top: Path, *words: str, stdin: bytes = b"") -> bytes:
    done = _git(top, *words, stdin=stdin)
    if done.returncode:
        raise PatchFault(f"git {words[0]}: {done.stderr.decode('utf-8', 'replace').strip()}")
    return done.stdout


def _staged_since(top: Path, tree: str) -> Iterator[_Put]:
    raw = _ask(top, "diff-index", "--cached", "--raw", "-z", "--no-renames", "--full-index", tree)
    fields = iter(raw.split(b"\0"))
    for meta in fields:
        if meta:
            old_mode, mode, _, blob, _ = meta.decode().lstrip(":").split(" ")
            yield _Put(old_mode, mode, blob, top / os.fsdecode(next(fields)))


def _write_files(top: Path, puts: list[_Put]) -> None:
    """Removals go first, so that a file may become a folder and a folder a file."""
    for put in puts:
        _remove(top, put)
    wanted = [put for put in puts if put.mode != _NOTHING]
    contents = _contents(top, [put.blob for put in wanted if put.mode != _GITLINK])
    for put in wanted:
        _make_folders(top, put.path)
        if put.mode == _GITLINK:
            put.path.mkdir(exist_ok=True)
        elif put.mode == _LINK:
            put.path.symlink_to(os.fsdecode(next(contents)))
        else:
            _write(put.path, next(contents), 0o777 if put.mode == "100755" else 0o666)


def _remove(top: Path, put: _Put) -> None:
    if put.old_mode == _NOTHING or not os.path.lexists(put.path):
        return
    _require_folders(top, put.path)
    if put.old_mode != _GITLINK:
        put.path.unlink()
    elif put.mode != _GITLINK:
        put.path.rmdir()
    for folder in put.path.parents:
        if folder == top or any(folder.iterdir()):
            return
        folder.rmdir()


def _contents(top: Path, blobs: list[str]) -> Iterator[bytes]:
    """The objects in the order asked for."""
    answer = _ask(top, "cat-file", "--batch", stdin="".join(f"{blob}\n" for blob in blobs).encode())
    position = 0
    while position < len(answer):
        header, _, _ = answer[position : position + 200].partition(b"\n")
        start = position + len(header) + 1
        size = int(header.split()[2])
        yield answer[start : start + size]
        position = start + size + 1


def _make_folders(top: Path, path: Path) -> None:
    _require_folders(top, path)
    path.parent.mkdir(parents=True, exist_ok=True)


def _require_folders(top: Path, path: Path) -> None:
    """A link above a file could lead out of the worktree."""
    for folder in path.relative_to(top).parents:
        if (top / folder).is_symlink():
            raise NotADirectoryError(f"{top / folder}: a link is in the way")


def _write(path: Path, content: bytes, mode: int) -> None:
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode), "wb") as handle:
        handle.write(content)
