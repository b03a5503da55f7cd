"""``[doc_id]`` in pipeline.toml: which documents need an id, and which are not looked at."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from global_util.errors import InvalidInput

FILE_NAME = "pipeline.toml"


@dataclass(frozen=True)
class Policy:
    """Globs over paths of the repository; ``*`` stays inside one folder, ``**/`` crosses folders."""

    require: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()


def load_policy(root: Path) -> Policy:
    """The policy of a repository; none without the file. Raises InvalidInput (exit 3) for a file that is wrong.

    Reads the one table itself: the full configuration of all rooms would cost more than the validation.
    """
    try:
        table = tomllib.loads((root / FILE_NAME).read_text("utf-8")).get("doc_id", {})
    except FileNotFoundError:
        return Policy()
    except (OSError, ValueError) as fault:
        raise InvalidInput(f"{FILE_NAME}: not readable as TOML: {fault}", "mend the file", "E305") from None
    if not isinstance(table, dict):
        raise InvalidInput(f"{FILE_NAME}: /doc_id is no table", "write [doc_id]", "E305")
    return Policy(_globs(table, "require"), _globs(table, "exclude"))


def _globs(table: Mapping[str, Any], key: str) -> tuple[str, ...]:
    value = table.get(key, [])
    if not isinstance(value, list) or not all(isinstance(glob, str) for glob in value):
        raise InvalidInput(f"{FILE_NAME}: /doc_id/{key} is no list of texts", f'write {key} = ["docs/*.md"]', "E305")
    return tuple(value)
