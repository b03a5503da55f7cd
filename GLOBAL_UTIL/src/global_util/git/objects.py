"""Objects of a repository, read and written through git processes that stay."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import BinaryIO, Literal

from global_util.git.batch import Batch
from global_util.git.door import Git, GitError, sealed_words
from global_util.scratch import scratch_file

_PATCH = (
    "diff-tree",
    "--stdin",
    "-r",
    "-p",
    "--binary",
    "--no-renames",
    "--full-index",
    "--no-ext-diff",
    "--no-textconv",
)
Found = tuple[str, bytes]
"""Kind (``blob``, ``tree``, ``commit``, ``tag``) and content of an object."""


class Objects:
    """Reads any object and writes trees and commits, in the sealed surroundings of ``Git.sealed``."""

    def __init__(self, git: Git) -> None:
        self._reader = Batch(_command(git, "cat-file", "--batch-command"))
        self._patcher = Batch(_command(git, *_PATCH))
        words = ("hash-object", "-w", "--no-filters", "--stdin-paths", "-t")
        self._writers = {kind: Batch(_command(git, *words, kind)) for kind in ("tree", "commit")}

    def read(self, oid: str) -> Found | None:
        """The object with this full id; None when it is not there."""
        return self._reader.ask(f"contents {oid}\n".encode(), _read_object)[0]

    def require(self, oid: str, kind: str) -> bytes:
        """The content of an object of this kind. Raises GitError when there is none."""
        found = self.read(oid)
        if found is None or found[0] != kind:
            raise GitError(f"git cat-file: {oid} is {f'a {found[0]}' if found else 'missing'}, and should be a {kind}")
        return found[1]

    def write(self, kind: Literal["tree", "commit"], content: bytes) -> str:
        """Store an object; its id. Raises GitError for what git does not take for one."""
        sys.audit("phaseline.object", kind, content)
        with scratch_file(content) as place:
            return self._writers[kind].ask(f"{place}\n".encode(), _read_line)

    def patch(self, base: str, head: str) -> bytes:
        """The change between two trees as a binary patch that ``git apply`` takes."""
        # Git gives back a line that names no objects, and with it all that it has to say so far.
        mark = f"{os.urandom(16).hex()} end\n".encode()
        _, _, text = self._patcher.ask(f"{base} {head}\n".encode() + mark, partial(_read_until, mark)).partition(b"\n")
        return text


def _command(git: Git, *words: str) -> Callable[[], tuple[Sequence[str | bytes], Path, Mapping[str, str]]]:
    def command() -> tuple[Sequence[str | bytes], Path, Mapping[str, str]]:
        return sealed_words(words), *git.seal()

    return command


def _read_object(stream: BinaryIO) -> tuple[Found | None] | None:
    """An answer of ``cat-file --batch``: ``ID SP KIND SP SIZE LF CONTENT LF``, or ``ID SP missing LF``."""
    header = stream.readline()
    if not header.endswith(b"\n"):
        return None
    _, kind, *size = header.decode().split()
    if not size:
        return (None,)
    content = stream.read(int(size[0]) + 1)
    return ((kind, content[:-1]),) if len(content) == int(size[0]) + 1 else None


def _read_until(mark: bytes, stream: BinaryIO) -> bytes | None:
    lines = []
    while (line := stream.readline()) != mark:
        if not line:
            return None
        lines.append(line)
    return b"".join(lines)


def _read_line(stream: BinaryIO) -> str | None:
    line = stream.readline()
    return line.decode().strip() if line.endswith(b"\n") else None
