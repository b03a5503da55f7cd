"""What the plugins look at to decide: the changed files that still exist, and the tables of configuration files."""

from __future__ import annotations

import configparser
import tomllib
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from global_util.contracts.error_check_targets import TargetFile


def present(files: Sequence[TargetFile], *languages: str, endings: tuple[str, ...] = ("",)) -> tuple[str, ...]:
    """The changed paths of these languages that are not deleted, sorted."""
    return tuple(
        sorted(
            file.path
            for file in files
            if file.change != "D" and file.language in languages and file.path.endswith(endings)
        )
    )


def toml_table(texts: Mapping[str, str], file: str, *path: str) -> dict[str, Any] | None:
    """A table of a TOML file, or None. A file that is not TOML counts as asking for what it mentions: fail closed."""
    text = texts.get(file, "")
    try:
        value: Any = tomllib.loads(text)
    except (tomllib.TOMLDecodeError, RecursionError):
        return {} if ".".join(path) in text else None
    for part in path:
        value = value.get(part) if isinstance(value, dict) else None
    return value if isinstance(value, dict) else None


def ini_section(texts: Mapping[str, str], file: str, section: str) -> dict[str, str] | None:
    """A section of an INI file, or None. A file that cannot be read counts as asking for what it mentions."""
    text = texts.get(file, "")
    parser = configparser.RawConfigParser(strict=False)
    try:
        parser.read_string(text)
    except configparser.Error:
        return {} if f"[{section}]" in text else None
    return dict(parser[section]) if parser.has_section(section) else None
