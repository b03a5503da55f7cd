"""Default files (TOML, YAML, JSON): the value of each key, and what the comment beside or above it says."""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from global_util.config import flatten

from global_capabilities.derived.fault import NotDerivable
from global_capabilities.files import read_text, why

_TABLE = re.compile(r"\s*\[\s*([^\[\]]+?)\s*\]\s*(?:#.*)?")
_TOML_KEY = re.compile(r"\s*([\w.-]+|\"[^\"]*\")\s*=")
_YAML_KEY = re.compile(r"( *)([\w.-]+) *:(?= |$)")
_QUOTED = re.compile(r"\"(?:\\.|[^\"\\])*\"|'[^']*'")


@dataclass(frozen=True)
class Default:
    """A key's default and its meaning, which is empty where no comment gives it."""

    value: Any
    meaning: str


def read_defaults(path: Path) -> dict[str, Default]:
    """The keys of a default file, dotted. Raises NotDerivable for a file that is missing or wrong."""
    try:
        text = read_text(path)
        values = _values(path, text)
    except (OSError, ValueError, RecursionError) as fault:
        raise NotDerivable(f"config/{path.name} is not readable: {why(fault)}", "mending that file") from None
    meanings = dict(_comments(path, text))
    return {key: Default(value, _meaning(key, meanings)) for key, value in flatten(values).items()}


def _meaning(key: str, meanings: dict[str, str]) -> str:
    """What is said about a key, else about the table that it stands in."""
    while key and not meanings.get(key):
        key = key.rpartition(".")[0]
    return meanings.get(key, "")


def _values(path: Path, text: str) -> dict[str, Any]:
    if path.suffix == ".toml":
        return tomllib.loads(text)
    raw = json.loads(text) if path.suffix == ".json" else _yaml(text)
    if not isinstance(raw, dict):
        raise ValueError("not a table")
    return raw


def _yaml(text: str) -> Any:
    import yaml

    try:
        return yaml.safe_load(text)
    except yaml.YAMLError as fault:
        raise ValueError(str(fault)) from None


def _comments(path: Path, text: str) -> Iterator[tuple[str, str]]:
    """Keys and tables with the comment on their line, else the comment lines right above them."""
    if path.suffix == ".json":
        return
    above: list[str] = []
    for key, line in _keyed_lines(path.suffix == ".toml", text):
        stripped = line.strip()
        if stripped.startswith("#"):
            above.append(stripped.lstrip("#").strip())
            continue
        if key:
            yield key, _beside(line) or " ".join(above)
        above = []


def _beside(line: str) -> str:
    before, sign, said = _QUOTED.sub(lambda found: "_" * len(found[0]), line).partition("#")
    return line[len(before) + 1 :].strip() if sign and said else ""


def _keyed_lines(is_toml: bool, text: str) -> Iterator[tuple[str, str]]:
    """Every line, with the dotted name of the key or table that it begins, if any."""
    table = ""
    parents: list[tuple[int, str]] = []
    for line in text.splitlines():
        header = _TABLE.fullmatch(line) if is_toml else None
        found = (_TOML_KEY if is_toml else _YAML_KEY).match(line)
        if header:
            table = header[1] + "."
            yield header[1], line
        elif found and is_toml:
            yield table + found[1].strip('"'), line
        elif found:
            parents = [*((depth, name) for depth, name in parents if depth < len(found[1])), (len(found[1]), found[2])]
            yield ".".join(name for _, name in parents), line
        else:
            yield "", line
