"""Where content comes from: the working copy, the index, or a tree of git. All give the same: paths, and what may matter."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator, Sequence
from typing import Protocol

from global_util.errors import InvalidInput

from global_doc_id.blobs import read_blobs
from global_doc_id.carriers import COMMENT_LINES, HEAD_BYTES, HEADER_LINES, NEAR_BYTES
from global_doc_id.comparison import REGULAR, read_listing, start_listing
from global_doc_id.file_types import BY_EXTENSION, FRONT_MATTER, JSON, Form, form_of, is_sidecar
from global_doc_id.git import Git, fields, find_git
from global_doc_id.listing import Listing

DOCUMENT_BYTES = 1 << 24
"""How far a document is searched for references, and a sidecar is read."""
_FLAGS = os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK
_FRONT = (b"---", b"\xef\xbb\xbf---")
_LINES = COMMENT_LINES + HEADER_LINES
"""Within so many lines a comment with an id stands, or nowhere."""

Told = tuple[str, Form | None, bytes]
"""A path, and of a file that may say something its form and the content that rules need."""


class Source(Protocol):
    """What an inventory is taken of."""

    def files(self) -> Iterator[Told]:
        """Every regular file."""

    def read(self, path: str) -> bytes | None:
        """The content of one file, ``DOCUMENT_BYTES`` of it at most; None for what is no regular file."""


class WorkingCopy:
    """The files of a folder. ``listing``: one that was begun already."""

    def __init__(self, root: str | os.PathLike[str], listing: Listing | None = None) -> None:
        self.root = os.fspath(root)
        self._listing = listing or Listing(self.root)
        self.git = self._listing.git

    def files(self) -> Iterator[Told]:
        """See ``Source``. Raises InvalidInput (E382) for a file that is not readable."""
        for paths in self.paths():
            yield from read_all(self.root, paths)
        yield from self.left_out()

    def paths(self) -> Iterator[Sequence[str]]:
        """See ``Listing.portions``."""
        return self._listing.portions()

    @property
    def is_sparse(self) -> bool:
        """May git have left out files on purpose (sparse checkout)? They are there, though not on the disk."""
        return self.git is not None and os.path.lexists(os.path.join(self.git.folder, "info", "sparse-checkout"))  # noqa: PTH118

    def left_out(self) -> Iterator[Told]:
        """The files that a sparse checkout leaves out, with their content in the index."""
        if self.git is None or not self.is_sparse:
            return
        skipped = {
            line[2:]
            for lines in fields(self.git.start("ls-files", "-z", "-t", "--cached"))
            for line in lines
            if line.startswith("S ") and not os.path.lexists(os.path.join(self.root, line[2:]))  # noqa: PTH118
        }
        entries = ((path, oid) for path, oid in Index(self.root).entries() if path in skipped)
        yield from blobs(self.git, entries)

    def read(self, path: str) -> bytes | None:
        """See ``Source``. Links are not followed. Raises InvalidInput (E382) for a file that is not readable."""
        found = _open(self.root, path)
        return None if found is None else _content(path, found, DOCUMENT_BYTES)


class Index:
    """What git has staged, in the index of the commit that is being made."""

    def __init__(self, root: str | os.PathLike[str]) -> None:
        self.git = required_git(os.fspath(root))
        self._oids: dict[str, str] = {}

    def files(self) -> Iterator[Told]:
        """See ``Source``. Of a file in conflict, our side counts."""
        yield from blobs(self.git, self.entries())

    def entries(self) -> Iterator[tuple[str, str]]:
        """Path and blob of every regular file."""
        found: dict[str, str] = {}
        for lines in fields(self.git.start("ls-files", "-z", "--stage")):
            for line in lines:
                meta, _, path = line.partition("\t")
                mode, oid, stage = meta.split(" ")
                if mode.startswith(REGULAR) and (stage != "3" or path not in found):
                    found[path] = oid
        return iter(found.items())

    def read(self, path: str) -> bytes | None:
        """See ``Source``."""
        self._oids = self._oids or dict(self.entries())
        oid = self._oids.get(path)
        return next(read_blobs(self.git, [oid]), None) if oid else None


class Tree:
    """A tree or commit of git."""

    def __init__(self, root: str | os.PathLike[str], oid: str) -> None:
        self.git = required_git(os.fspath(root))
        self.oid = oid

    def files(self) -> Iterator[Told]:
        """See ``Source``."""
        yield from blobs(self.git, self.entries())

    def entries(self, *paths: str) -> Iterator[tuple[str, str]]:
        """Path and blob of every regular file, or of those named."""
        return read_listing(start_listing(self.git, self.oid, paths))

    def read(self, path: str) -> bytes | None:
        """See ``Source``."""
        found = dict(self.entries(path)).get(path)
        return next(read_blobs(self.git, [found]), None) if found else None


def blobs(git: Git, entries: Iterator[tuple[str, str]]) -> Iterator[Told]:
    """Paths with what may matter of their blobs. What can carry nothing is not read."""
    wanted: list[tuple[str, str, Form]] = []
    for path, oid in entries:
        form = form_of(path)
        if form:
            wanted.append((path, oid, form))
        else:
            yield path, None, b""
    for (path, _, form), content in zip(wanted, read_blobs(git, [oid for _, oid, _ in wanted]), strict=True):
        if may_say(path, form, content or b""):
            yield path, form, content or b""
        else:
            yield path, None, b""


def may_say(path: str, form: Form, content: bytes) -> bool:
    """May this content state or mention an id? A sidecar is to state some, and an empty one is malformed."""
    if form is FRONT_MATTER:
        return content.startswith(_FRONT) or b"[[" in content
    if form is JSON:
        return b"doc_id" in content or b"x-doc-id" in content or is_sidecar(path)
    return b"doc_id" in content


def read_all(root: str, paths: Sequence[str]) -> Iterator[Told]:
    """Files of a folder, each with what may matter; files that are not there are left out. One loop, as it is the hot one."""
    forms, start, read, close, flags = BY_EXTENSION, os.open, os.read, os.close, _FLAGS
    base = "" if os.getcwd() == root else f"{root}/"  # noqa: PTH109
    for path in paths:
        form = forms.get(path[path.rfind(".") :]) or form_of(path)
        if form is None:
            if _is_regular(base + path):
                yield path, None, b""
            continue
        try:
            file = start(base + path, flags)
        except OSError as fault:
            _pass_over(path, fault)
            continue
        try:
            if form.marks:
                content = read(file, NEAR_BYTES)
                if len(content) == NEAR_BYTES and content.count(b"\n") < _LINES:
                    content += read(file, HEAD_BYTES - NEAR_BYTES)
                says = b"doc_id" in content
            else:
                content = read(file, HEAD_BYTES)
                whole = form is FRONT_MATTER or is_sidecar(path)
                if whole and len(content) == HEAD_BYTES:
                    content += _rest(file, DOCUMENT_BYTES - HEAD_BYTES)
                says = may_say(path, form, content)
        except OSError as fault:
            _unreadable(path, fault)
            continue
        finally:
            close(file)
        if says:
            yield path, form, content
        else:
            yield path, None, b""


def required_git(root: str) -> Git:
    """The repository that a folder lies in. Raises EnvironmentFault (exit 4) without one."""
    from global_util.errors import EnvironmentFault

    git = find_git(root)
    if git is None:
        raise EnvironmentFault(f"{root}: not a git repository", "run inside one, or give --repo DIR", "E403")
    return git


def _open(root: str, path: str) -> int | None:
    try:
        return os.open(f"{root}/{path}", _FLAGS)
    except OSError as fault:
        _pass_over(path, fault)
        return None


def _is_regular(place: str) -> bool:
    try:
        return stat.S_ISREG(os.lstat(place).st_mode)
    except OSError:
        return False


def _pass_over(path: str, fault: OSError) -> None:
    """What is not there, a link or a socket is no file. Raises InvalidInput for one that is not readable."""
    import errno

    if fault.errno not in (errno.ENOENT, errno.ENOTDIR, errno.ELOOP, errno.ENXIO):
        raise InvalidInput(f"{path}: not readable: {fault.strerror}", "check the file's mode", "E382") from None


def _unreadable(path: str, fault: OSError) -> None:
    """A folder (a submodule) or a pipe has no content; anything else that is not readable is a fault."""
    import errno

    if fault.errno not in (errno.EISDIR, errno.EAGAIN):
        raise InvalidInput(f"{path}: not readable: {fault.strerror}", "check the file's mode", "E382") from None


def _content(path: str, file: int, limit: int) -> bytes | None:
    try:
        return _rest(file, limit) if stat.S_ISREG(os.fstat(file).st_mode) else None
    except OSError as fault:
        _unreadable(path, fault)
        return None
    finally:
        os.close(file)


def _rest(file: int, limit: int) -> bytes:
    parts: list[bytes] = []
    while limit > 0 and (part := os.read(file, min(limit, 1 << 20))):
        parts.append(part)
        limit -= len(part)
    return b"".join(parts)
