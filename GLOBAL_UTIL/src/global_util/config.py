"""Configuration: the rooms' defaults, under ``pipeline.toml``, under what an artifact carries, under ``--set``.

A room declares its default files under the entry-point group ``pipeline.config`` (``"executor.yaml" = "<package>"``);
they lie in its ``config/`` folder. Keys are dotted: ``checks.enabled``.
"""

from __future__ import annotations

import difflib
import json
import re
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any

from global_util.errors import InvalidInput

CONFIG_GROUP = "pipeline.config"
FILE_NAME = "pipeline.toml"
OPEN_TABLES = ("tools", "phases")
"""Tables whose keys are names given by the user."""
LOCAL_KEYS = (
    "checks.python", "claims.lease_s", "executor.jobs", "keep.ignored", "limits.longest_park_s", "limits.wait_s",
    "limits.day.attempts", "limits.day.cost_usd", "limits.day.seconds", "limits.day.tokens",
    "limits.run.attempts", "limits.run.cost_usd", "limits.run.seconds", "limits.run.tokens",
    "worktree.copy", "worktree.resources", "worktree.root", "worktree.setup_timeout_s",
)  # fmt: skip
"""Keys that say how this machine does the work, not what comes out: artifacts carry them under ``observed`` only."""
PLAY = "executor.play"
"""The folder of recordings that calls of AI tools are taken from, instead of making them. Only ``pipeline replay`` gives it:
nobody can write it into a file or an option, and no artifact's id knows it.
"""


_SECRET_NAME = re.compile(r"KEY|TOKEN|SECRET|PASSWORD|CREDENTIAL", re.IGNORECASE)
_SECRET_LENGTH = 12
_SECRET_TEXT = re.compile(
    r"(?<![A-Za-z0-9])(?:sk-[\w-]{16}|gh[pousr]_\w{20}|github_pat_\w{20}|glpat-[\w-]{16}|xox[abprs]-[\w-]{10}|AKIA[0-9A-Z]{16})"
    r"|://[^/\s:@]*:[^/\s@]+@"
)
"""Keys as well-known services give them out, and a password in an address."""


@dataclass(frozen=True)
class Settings:
    """Effective values. ``layers`` go from the weakest to the strongest, each with the place it came from."""

    layers: tuple[tuple[str, Mapping[str, Any]], ...] = field(default=())

    def get(self, key: str) -> Any:
        """The value of a key. A key that nobody has a default for is None."""
        return next((values[key] for _, values in reversed(self.layers) if key in values), None)

    def origin(self, key: str) -> str:
        """Where the value of a key comes from."""
        return next((place for place, values in reversed(self.layers) if key in values), "")

    def keys(self) -> list[str]:
        """All keys that have a value, sorted."""
        return sorted({key for _, values in self.layers for key in values})

    def table(self, prefix: str) -> dict[str, Any]:
        """The values below ``prefix`` as nested tables."""
        nested: dict[str, Any] = {}
        for key in self.keys():
            if key.startswith(prefix + "."):
                *folders, last = key.removeprefix(prefix + ".").split(".")
                inner = nested
                for folder in folders:
                    inner = inner.setdefault(folder, {})
                inner[last] = self.get(key)
        return nested

    def over(self, place: str, values: Mapping[str, Any]) -> Settings:
        """These settings with a stronger layer on top."""
        return Settings((*self.layers, (place, values))) if values else self


def load_settings(
    root: Path | None, overrides: Mapping[str, Any] | None = None, inherited: Mapping[str, Any] | None = None
) -> Settings:
    """Read the defaults and ``pipeline.toml`` at ``root``. Raises InvalidInput (exit 3) for a file that is wrong."""
    settings = Settings((("default", defaults()),))
    if root is not None and (root / FILE_NAME).is_file():
        values = _read_toml(root / FILE_NAME)
        _refuse_unknown(values, FILE_NAME)
        settings = settings.over(FILE_NAME, values)
    _refuse_unknown(overrides or {}, "--set")
    _refuse_secrets(overrides or {})
    return settings.over("artifact", inherited or {}).over("--set", overrides or {})


def parse_overrides(pairs: Sequence[str]) -> dict[str, Any]:
    """``KEY=VALUE`` pairs with TOML values. Raises ValueError with a sentence for people."""
    values: dict[str, Any] = {}
    for pair in pairs:
        key, sign, text = pair.partition("=")
        if not sign or not key.strip():
            raise ValueError(f"{pair!r} is not KEY=VALUE")
        try:
            value, *more = tomllib.loads(f"value = {text}").values()
        except (ValueError, RecursionError):
            raise ValueError(f"{text!r} is no TOML value; a text is written {key}='\"{text}\"'") from None
        if more:
            raise ValueError(f"{text!r} is more than one TOML value")
        values.update(flatten({key.strip(): value}))
    return values


def flatten(table: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """Nested tables as dotted keys; lists and empty tables are values."""
    return dict(_walk(table, prefix))


def _walk(table: Mapping[str, Any], prefix: str) -> Iterator[tuple[str, Any]]:
    for key, value in table.items():
        if isinstance(value, dict) and value:
            yield from _walk(value, f"{prefix}{key}.")
        else:
            yield f"{prefix}{key}", value


@lru_cache(maxsize=1)
def defaults() -> dict[str, Any]:
    """The defaults of all installed rooms."""
    from global_util.package_data import data_path

    values: dict[str, Any] = {}
    for entry in sorted(entry_points(group=CONFIG_GROUP), key=lambda entry: (entry.value, entry.name)):
        values.update(_read(data_path(entry.value, f"config/{entry.name}")))
    return values


def _read(path: Path) -> dict[str, Any]:
    if path.suffix == ".toml":
        return _read_toml(path)
    if path.suffix == ".json":
        return flatten(json.loads(path.read_text("utf-8")))
    import yaml

    return flatten(yaml.safe_load(path.read_text("utf-8")))


def _read_toml(path: Path) -> dict[str, Any]:
    try:
        return flatten(tomllib.loads(path.read_text("utf-8")))
    except (ValueError, RecursionError) as fault:
        raise InvalidInput(f"{path.name}: not TOML: {fault}", "mend the file", "E305") from None


def _require_json(value: Any, where: str) -> None:
    """Values go into artifacts: what JSON cannot carry exactly is refused."""
    for one in value if isinstance(value, list) else value.values() if isinstance(value, dict) else ():
        _require_json(one, where)
    exact = not isinstance(value, int | float) or abs(value) < 2**53
    if not exact or not isinstance(value, str | int | float | list | dict | None):
        raise InvalidInput(f"{where}: {value!s:.40} cannot be written into an artifact", "write it as a text", "E305")


def _refuse_unknown(values: Mapping[str, Any], place: str) -> None:
    for key, value in values.items():
        _require_json(value, f"{place}: {key}")
    unknown = [key for key in values if key not in defaults() and not _is_open(key)]
    if not unknown:
        return
    known = {*defaults(), *_keys_of_phases()}
    for key in unknown:
        if key not in known:
            near = difflib.get_close_matches(key, sorted(known), n=1)
            raise InvalidInput(
                f"{place}: unknown key {key!r}",
                f"did you mean {near[0]!r}?" if near else "see pipeline config show",
                "E306",
            )


def is_known(key: str) -> bool:
    """Whether somebody has a default for a key, reads it, or leaves its name to the user."""
    return key in defaults() or _is_open(key) or key in _keys_of_phases()


def looks_secret(name: str, text: str) -> bool:
    """Is this variable named like a secret, and given as it is rather than as ``$NAME``?"""
    return bool(_SECRET_NAME.search(name)) and not text.startswith("$") and len(text) >= _SECRET_LENGTH


def _refuse_secrets(overrides: Mapping[str, Any]) -> None:
    """What is given on the command line is told in the state and in artifacts, so that a run can go on with it."""
    for key, value in overrides.items():
        *folders, last = key.split(".")
        named = folders[:1] == ["tools"] and "env" in folders and isinstance(value, str) and looks_secret(last, value)
        if named or any(map(_SECRET_TEXT.search, _texts(value))):
            raise InvalidInput(
                f"--set: {key}: looks like a secret, and would be recorded",
                f'keep it in your environment, and pass it on to the tool: [tools.NAME] env = {{ {last} = "${last}" }}'
                if named
                else "keep it in your environment; [tools.NAME] env passes it on to the tool",
                "E427",
            )


def _texts(value: Any) -> Iterator[str]:
    """All texts of a value."""
    if isinstance(value, str):
        yield value
    for one in value if isinstance(value, list) else value.values() if isinstance(value, dict) else ():
        yield from _texts(one)


def _is_open(key: str) -> bool:
    """Does a key lie in a table whose keys the user names: one of ours, or one that is empty by default?"""
    folders = key.split(".")[:-1]
    above = {".".join(folders[:count]) for count in range(1, len(folders) + 1)}
    return bool(above & set(OPEN_TABLES)) or any(defaults().get(name) == {} for name in above)


def _keys_of_phases() -> set[str]:
    """Keys that phases of other distributions read, without a default file of ours."""
    from global_util.phase import PHASE_GROUP

    return {key for entry in entry_points(group=PHASE_GROUP) for key in getattr(entry.load(), "reads", ())}
