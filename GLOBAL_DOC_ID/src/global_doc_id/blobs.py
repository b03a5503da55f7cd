"""The contents of git's objects, from one process that is asked as often as it takes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import closing, suppress
from threading import Thread

from global_util.errors import EnvironmentFault

from global_doc_id.git import Git, end

_AT_ONCE = 16_000
"""Bytes of questions that a pipe surely takes before anything is answered."""


class Blobs:
    """Git begins to wait for questions when this object is made."""

    def __init__(self, git: Git) -> None:
        self._process = git.start("cat-file", "--batch-command", "--buffer", feed=True)

    def close(self) -> None:
        """Let go of git."""
        end(self._process)

    def read(self, oids: Sequence[str]) -> Iterator[bytes | None]:
        """The content of files by object id, in the same order; None for what is no file.

        Raises EnvironmentFault (exit 4) for an object that is not here: what cannot be read is not fine.
        """
        if not oids:
            return
        questions = "".join(f"contents {oid}\n" for oid in oids).encode() + b"flush\n"
        if len(questions) <= _AT_ONCE:
            self._ask(questions)
            yield from map(self._answer, oids)
        else:
            asker = Thread(target=self._ask, args=(questions,), daemon=True)
            asker.start()
            yield from map(self._answer, oids)
            asker.join()

    def _ask(self, questions: bytes) -> None:
        assert self._process.stdin is not None
        with suppress(BrokenPipeError):
            self._process.stdin.write(questions)
            self._process.stdin.flush()

    def _answer(self, oid: str) -> bytes | None:
        out = self._process.stdout
        assert out is not None
        header = out.readline()
        parts = header.split(b" ")
        if len(parts) != 3:
            what = header.decode("ascii", "replace").strip() or f"{oid}: no answer"
            raise EnvironmentFault(
                f"git object {what}", "see git fsck; in a partial clone fetch what is missing", "E408"
            )
        size = int(parts[2])
        content = out.read(size + 1)
        if len(content) != size + 1:
            raise EnvironmentFault(f"git object {oid}: cut off", "see git fsck", "E408")
        return content[:-1] if parts[1] == b"blob" else None


def read_blobs(git: Git, oids: Sequence[str]) -> Iterator[bytes | None]:
    """Ask once. See ``Blobs.read``."""
    if oids:
        with closing(Blobs(git)) as blobs:
            yield from blobs.read(oids)
