"""The clone that a working copy belongs to: its shared folder, its history, and what git has besides the working copy."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from pathlib import Path

from global_util.errors import EnvironmentFault

from global_doc_id.blobs import read_blobs
from global_doc_id.git import Git
from global_doc_id.numbers import ids_in_file
from global_doc_id.source import required_git


def clone_folder(root: Path) -> Path:
    """Where all worktrees of the clone keep what they share about ids. Raises EnvironmentFault (exit 4) without git."""
    return Path(required_git(str(root)).common) / "phaseline" / "doc_ids"


def ids_in_git(root: Path, folder: str) -> Iterator[str]:
    """What carriers below a folder say in HEAD and in the index, in files that are otherwise in the working copy."""
    git = required_git(str(root))
    found = set(
        _old_sides(_compared(git, "diff-files", "--raw", "--no-abbrev", "--relative", "-z", "--", folder or "."))
    )
    if _has(git, "HEAD"):
        found |= set(
            _old_sides(
                _compared(git, "diff-index", "--raw", "--no-abbrev", "--relative", "-z", "HEAD", "--", folder or ".")
            )
        )
    blobs = sorted(found)
    for (path, _), content in zip(blobs, read_blobs(git, [oid for _, oid in blobs]), strict=True):
        yield from (carrier.text for _, carrier in ids_in_file(path, content))


def log(root: Path, options: Sequence[str], paths: Sequence[str]) -> str:
    """``git log`` for some paths, of HEAD and of what is being merged; empty where there is no commit yet."""
    git = required_git(str(root))
    heads = [name for name in ("HEAD", "MERGE_HEAD") if _has(git, name)]
    if not heads:
        return ""
    literal = [f":(literal){path}" for path in paths]
    words = ("log", "--full-history", "--relative", "--no-textconv", "--no-ext-diff")
    return os.fsdecode(_said(git, *words, *options, *heads, "--", *literal))


def _has(git: Git, name: str) -> bool:
    return git.run("rev-parse", "--verify", "--quiet", name) is not None


def _compared(git: Git, *words: str) -> bytes:
    with git.start(*words, compares=True) as process:
        answer, _ = process.communicate()
    if process.returncode:
        raise EnvironmentFault(f"git {words[0]}: failed", "see what git status says", "E401")
    return answer


def _said(git: Git, *words: str) -> bytes:
    answer = git.run(*words)
    if answer is None:
        raise EnvironmentFault(f"git {words[0]}: failed", "see what git status says", "E401")
    return answer


def _old_sides(raw: bytes) -> Iterator[tuple[str, str]]:
    """Path and blob of what stands on the left of a raw difference; what is new has none, nor has a submodule."""
    fields = raw.split(b"\0")
    for meta, path in zip(fields[::2], fields[1::2], strict=False):
        mode, _, oid = meta.decode().lstrip(":").split(" ")[:3]
        if mode.startswith("100") and oid.strip("0"):
            yield os.fsdecode(path), oid
