"""``[doc_id]`` in pipeline.toml: which files need an id, which are not looked at, and where ids are kept."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping
from functools import cached_property
from os import PathLike
from typing import Any

from global_util.errors import EnvironmentFault, InvalidInput
from global_util.files import read_regular

from global_doc_id.globs import matcher

FILE_NAME = "pipeline.toml"
MOST_GLOBS = 500
"""So many globs a key may have: all of them are tried on every path."""
_LEAVING = {"", ".", "..", ".git"}
KEYS = ("require", "exclude", "sidecar", "ledger", "registry")
LEDGER = "doc_ids.ledger"
REGISTRY = "GLOBAL_DOC_ID/schema"


class Policy:
    """Globs over paths of the repository; ``*`` stays inside one folder, ``**/`` crosses folders.

    ``ledger`` is the file of the retired ids, ``registry`` the folder of the two registry files; both are paths of the
    repository, POSIX, without a slash at the end.
    """

    def __init__(
        self,
        require: tuple[str, ...] = (),
        exclude: tuple[str, ...] = (),
        sidecar: tuple[str, ...] = (),
        ledger: str = LEDGER,
        registry: str = REGISTRY,
    ) -> None:
        self.require = require
        self.exclude = exclude
        self.sidecar = sidecar
        self.ledger = ledger
        self.registry = registry

    def requires(self, path: str) -> bool:
        """Must this file have an id? Those at the root of the repository never must."""
        return "/" in path and bool(self.required(path)) and not self.excluded(path)

    def excludes(self, path: str) -> bool:
        """Is this file not looked at?"""
        return bool(self.excluded(path))

    def wants_sidecar(self, path: str) -> bool:
        """Does a new id of this file go to the sidecar of its folder?"""
        return bool(self._sidecar(path))

    def idle(self, paths: Iterable[str]) -> list[str]:
        """The globs of ``require`` that cover none of the paths."""
        return [glob for glob in self.require if not any(map(matcher((glob,)), paths))]

    @cached_property
    def required(self) -> Callable[[str], object]:
        """The globs of ``require`` as one test."""
        return matcher(self.require)

    @cached_property
    def excluded(self) -> Callable[[str], object]:
        """The globs of ``exclude`` as one test."""
        return matcher(self.exclude)

    @cached_property
    def _sidecar(self) -> Callable[[str], object]:
        return matcher(self.sidecar)


def find_root(place: str | PathLike[str]) -> str:
    """The repository that a folder lies in: the nearest one above with a pipeline.toml or ``.git``, else the folder.

    Raises EnvironmentFault (exit 4) for what is no folder.
    """
    start = folder = os.path.realpath(place)
    if not os.path.isdir(start):  # noqa: PTH112
        raise EnvironmentFault(f"{place}: no such folder", "give the repository with --repo DIR", "E403")
    while not (os.path.lexists(f"{folder}/{FILE_NAME}") or os.path.lexists(f"{folder}/.git")):
        above = os.path.dirname(folder)  # noqa: PTH120
        if above == folder:
            return start
        folder = above
    return folder


def load_policy(root: str | PathLike[str]) -> Policy:
    """The policy of a repository; none without the file. Raises InvalidInput (exit 3) for a file that is wrong.

    Reads the one table itself: the full configuration of all rooms would cost more than the validation.
    """
    try:
        content = read_setting(f"{os.fspath(root)}/{FILE_NAME}")
        return Policy() if content is None else read_policy(content.decode("utf-8"))
    except OSError as fault:
        raise _broken(f"not readable: {fault.strerror}", "mend the file") from None
    except UnicodeDecodeError as fault:
        raise _broken(f"not readable: {fault}", "mend the file") from None


def read_setting(place: str) -> bytes | None:
    """The content of a settings file, None where there is none. Raises OSError for what is no file, or too large."""
    try:
        return read_regular(place, follow=True)
    except FileNotFoundError:
        return None


def read_policy(text: str) -> Policy:
    """The policy that a pipeline.toml states. Raises InvalidInput (exit 3)."""
    import tomllib

    try:
        tables = tomllib.loads(text)
    except (ValueError, RecursionError) as fault:
        raise _broken(f"not readable as TOML: {fault}", "mend the file") from None
    table = tables.get("doc_id", {})
    if not isinstance(table, dict):
        raise _broken("/doc_id is no table", "write [doc_id]")
    _require_known(tables, table)
    return Policy(
        _globs(table, "require"),
        _globs(table, "exclude"),
        _globs(table, "sidecar"),
        _path(table, "ledger", LEDGER),
        _path(table, "registry", REGISTRY),
    )


def _require_known(tables: Mapping[str, Any], table: Mapping[str, Any]) -> None:
    """A misspelt name would switch a rule off without a word."""
    for name in tables:
        if name != "doc_id" and name.replace("-", "").replace("_", "").lower() in ("docid", "docids"):
            raise InvalidInput(f"{FILE_NAME}: unknown table [{name}]", "did you mean [doc_id]?", "E306")
    for key in table:
        if key not in KEYS:
            near = [known for known in KEYS if known[:3] == key[:3].lower()] or KEYS
            raise InvalidInput(f"{FILE_NAME}: unknown key 'doc_id.{key}'", f"did you mean {' or '.join(near)}?", "E306")


def _globs(table: Mapping[str, Any], key: str) -> tuple[str, ...]:
    value = table.get(key, [])
    if not isinstance(value, list) or not all(isinstance(glob, str) for glob in value):
        raise _broken(f"/doc_id/{key} is no list of texts", f'write {key} = ["docs/*.md"]')
    if len(value) > MOST_GLOBS or any(len(glob) > MOST_GLOBS for glob in value):
        raise _broken(f"/doc_id/{key} has more than {MOST_GLOBS} globs, or one that is longer", "say it shorter")
    return tuple(value)


def _path(table: Mapping[str, Any], key: str, default: str) -> str:
    value = table.get(key, default)
    if not isinstance(value, str) or not is_inside(value.removesuffix("/")):
        raise _broken(f"/doc_id/{key} is no path inside the repository", f'write {key} = "{default}"')
    return value.removesuffix("/")


def is_inside(path: str) -> bool:
    """Does this relative POSIX path stay inside the folder that it begins in, and out of git's own?"""
    return _LEAVING.isdisjoint(path.lower().split("/")) and path.isprintable()


def _broken(what: str, hint: str) -> InvalidInput:
    return InvalidInput(f"{FILE_NAME}: {what}", hint, "E305")
