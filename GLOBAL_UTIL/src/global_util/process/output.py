"""What a program prints, kept within bounds: the beginning and the end, with a mark for what was left out."""

from __future__ import annotations

from pathlib import Path
from types import TracebackType
from typing import BinaryIO, Self

MARK = b"\n[... output left out here ...]\n"


class Output:
    """Bytes of one stream. Keeps at most ``limit`` of them, in memory and, when a file is named, in the file as well.

    The beginning goes to the file as it comes; mark and end are added on leaving the context.
    """

    def __init__(self, file: Path | None, limit: int) -> None:
        self._head_size = max(0, limit - len(MARK)) // 2
        self._tail_size = max(0, limit - len(MARK) - self._head_size)
        self._limit = limit
        self._path = file
        self._file: BinaryIO | None = None
        self._head = bytearray()
        self._tail = bytearray()
        self._seen = 0

    def __enter__(self) -> Self:
        self._file = self._path.open("wb", buffering=0) if self._path else None
        return self

    def __exit__(
        self, kind: type[BaseException] | None, fault: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._file is not None:
            self._file.write(self.kept()[len(self._head) :])
            self._file.close()

    def add(self, data: bytes) -> None:
        """Take in what was read."""
        self._seen += len(data)
        room = self._head_size - len(self._head)
        first, rest = data[:room], data[room:]
        if first:
            self._head += first
            if self._file is not None:
                self._file.write(first)
        self._tail += rest
        if len(self._tail) > 2 * self._limit:
            del self._tail[: len(self._tail) - self._limit]

    @property
    def log(self) -> int | None:
        """The descriptor of the file, while it is open."""
        return self._file.fileno() if self._file else None

    @property
    def truncated(self) -> bool:
        """Whether something was left out."""
        return self._seen > self._limit

    def kept(self) -> bytes:
        """At most ``limit`` bytes."""
        if not self.truncated:
            return bytes(self._head + self._tail)
        tail = self._tail[len(self._tail) - self._tail_size :]
        return bytes(self._head + MARK + tail)[: self._limit]
