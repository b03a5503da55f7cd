"""Tool profiles: which programs can edit code, how each is called, and what it may know of the environment.

Profiles come from ``config/tool_profiles.json``, from distributions that register one under ``pipeline.tools`` (a mapping
in the same form), and from ``[tools.NAME]`` in ``pipeline.toml``, whose keys lie over the others.
"""

from __future__ import annotations

import difflib
import json
import os
import re
import sys
from collections.abc import Iterator, Mapping, Sequence
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any

from global_util.config import looks_secret
from global_util.contracts.phase_plan import ToolProfile
from global_util.errors import EnvironmentFault, InvalidInput
from global_util.package_data import data_path
from global_util.process import clean_environment, find_program

from global_aim.usage import GROUPS, JSON_LINES, RESETS

TOOL_GROUP = "pipeline.tools"
PLACEHOLDERS = ("attempt", "files", "prompt", "prompt_file", "python", "recording", "workstream_id", "worktree")
"""``{prompt}`` is the content of the prompt file, ``{python}`` our own interpreter, ``{files}`` becomes several arguments."""

_DEFAULT_TIMEOUT_S = 1800
_KEYS = (
    "capabilities", "command", "env", "idle_timeout_s", "kind", "rate_limit", "rate_limit_wait_s", "timeout_s", "usage"
)  # fmt: skip
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]*")
_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_PLACEHOLDER = re.compile(r"\{\{([a-z_]+)\}\}|\{([a-z_]+)\}")


def resolve_tools(config_tools: Mapping[str, Any]) -> dict[str, ToolProfile]:
    """All profiles by id, sorted. ``config_tools`` is the ``[tools]`` table of the configuration.

    Raises InvalidInput (exit 3) that names the key for what is unknown or of the wrong type.
    """
    given = provided()
    tables = {name: table for name, (table, _) in given.items()}
    for name, table in config_tools.items():
        _require_table(name, table)
        tables[name] = _overlay(tables.get(name, {}), table)
    return {name: _profile(name, tables[name]) for name in sorted(tables)}


def provided() -> dict[str, tuple[dict[str, Any], str]]:
    """The profiles that come with installed distributions, each with the name of its distribution."""
    shipped = json.loads(data_path("global_aim", "config/tool_profiles.json").read_text("utf-8"))
    found = {name: (_without_comment(table), "shipped") for name, table in shipped.items()}
    for entry in sorted(entry_points(group=TOOL_GROUP), key=lambda entry: (entry.name, entry.value)):
        origin = entry.dist.name if entry.dist else ""
        if entry.name in found:
            raise EnvironmentFault(
                f"tool {entry.name!r} is provided twice: by {found[entry.name][1]} and by {origin}",
                "remove one of the two distributions",
                "E424",
            )
        found[entry.name] = (_without_comment(entry.load()), origin)
    return found


def sources(config_tools: Mapping[str, Any]) -> dict[str, str]:
    """Where each profile comes from: ``shipped``, the distribution that registers it, or ``pipeline.toml``."""
    origins = {name: origin for name, (_, origin) in provided().items()}
    for name in config_tools:
        origins[name] = f"{origins[name]}, pipeline.toml" if name in origins else "pipeline.toml"
    return origins


def _without_comment(table: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in table.items() if key != "comment"}


def _overlay(below: Mapping[str, Any], above: Mapping[str, Any]) -> dict[str, Any]:
    merged = {**below, **above}
    if isinstance(below.get("env"), Mapping) and isinstance(above.get("env"), Mapping):
        merged["env"] = {**below["env"], **above["env"]}
    return merged


def _profile(name: str, table: Mapping[str, Any]) -> ToolProfile:
    where = f"tools.{name}"
    for key in table:
        if key not in _KEYS:
            raise InvalidInput(f"{where}.{key}: unknown key", _nearest(key, _KEYS, "the keys are"), "E425")
    if "command" not in table:
        raise InvalidInput(
            f"{where}.command: missing", 'give the program and its arguments: ["my-tool", "{prompt_file}"]', "E426"
        )
    timeout_s = _seconds(table.get("timeout_s", _DEFAULT_TIMEOUT_S), f"{where}.timeout_s")
    command = _texts(table["command"], f"{where}.command")
    if not command or not command[0].strip():
        raise InvalidInput(f"{where}.command: names no program", "begin the list with a program", "E426")
    for argument in command:
        _placeholders(argument, where)
    return ToolProfile(
        id=name,
        kind=_text(table.get("kind", "ai"), f"{where}.kind"),
        capabilities=_texts(table.get("capabilities", ["edit"]), f"{where}.capabilities"),
        command=command,
        env=_environment(table.get("env", {}), f"{where}.env"),
        timeout_s=timeout_s,
        idle_timeout_s=_seconds(table.get("idle_timeout_s", timeout_s), f"{where}.idle_timeout_s"),
        usage=_usage(table.get("usage"), f"{where}.usage"),
        rate_limit=_expressions(table.get("rate_limit"), f"{where}.rate_limit"),
        rate_limit_wait_s=(
            _seconds(table["rate_limit_wait_s"], f"{where}.rate_limit_wait_s") if "rate_limit_wait_s" in table else None
        ),
    )


def _usage(value: object, where: str) -> str | None:
    """How the output tells what a call used; an empty text takes away what is shipped."""
    if value in (None, ""):
        return None
    form = _text(value, where)
    return form if form == JSON_LINES else _expression(form, where, GROUPS)


def _expressions(value: object, where: str) -> tuple[str, ...] | None:
    if value is None:
        return None
    return tuple(_expression(text, where, RESETS) for text in _texts(value, where)) or None


def _expression(text: str, where: str, groups: Sequence[str]) -> str:
    """A regular expression whose named groups are known."""
    try:
        named = re.compile(text).groupindex
    except (re.error, RecursionError, OverflowError) as fault:
        raise InvalidInput(f"{where}: {text!r:.60} is no regular expression: {fault}", "mend it", "E426") from None
    unknown = [name for name in named if name not in groups]
    if unknown or (groups is GROUPS and not named):
        hint = f"named groups are {', '.join(groups)}: (?P<{groups[0]}>...)"
        raise InvalidInput(f"{where}: {text!r:.60} has no group that is known", hint, "E426")
    return text


def _require_table(name: str, table: object) -> None:
    if not _NAME.fullmatch(name):
        raise InvalidInput(
            f"tools.{name}: a tool's name has letters, digits, '_' and '-'", "give it another name", "E426"
        )
    if not isinstance(table, Mapping):
        raise InvalidInput(
            f"tools.{name}: expected a table, found {_kind(table)}", f"write it as [tools.{name}]", "E426"
        )


def _text(value: object, where: str) -> str:
    if not isinstance(value, str) or not value or "\0" in value:
        raise InvalidInput(f"{where}: expected a text, found {_kind(value)}", "write it in quotes", "E426")
    return value


def _texts(value: object, where: str) -> tuple[str, ...]:
    if not isinstance(value, list | tuple):
        raise InvalidInput(
            f"{where}: expected a list of texts, found {_kind(value)}",
            'write ["one", "two"]; there is no shell',
            "E426",
        )
    for position, entry in enumerate(value):
        if not isinstance(entry, str) or "\0" in entry:
            raise InvalidInput(
                f"{where}[{position}]: expected a text, found {_kind(entry)}", "write it in quotes", "E426"
            )
    return tuple(value)


def _seconds(value: object, where: str) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or value < 1:
        raise InvalidInput(f"{where}: expected whole seconds, at least 1, found {_kind(value)}", "", "E426")
    return value


def _environment(value: object, where: str) -> dict[str, str]:
    if not isinstance(value, Mapping):
        raise InvalidInput(f"{where}: expected a table, found {_kind(value)}", 'write { NAME = "value" }', "E426")
    for name, text in value.items():
        if not _VARIABLE.fullmatch(name):
            raise InvalidInput(f"{where}.{name}: no name of a variable", "use letters, digits and '_'", "E426")
        if not isinstance(text, str) or "\0" in text:
            raise InvalidInput(f"{where}.{name}: expected a text, found {_kind(text)}", "write it in quotes", "E426")
        if text.startswith("$") and not _VARIABLE.fullmatch(text[1:]):
            raise InvalidInput(
                f"{where}.{name}: {text!r} names no variable", 'write "$NAME" to pass one of yours on', "E426"
            )
        if looks_secret(name, text):
            raise InvalidInput(
                f"{where}.{name}: looks like a secret", f'keep it in your environment and write "${name}"', "E427"
            )
    return {name: value[name] for name in sorted(value)}


def _kind(value: object) -> str:
    names = {bool: "a boolean", int: "a number", float: "a number", str: "a text", list: "a list", dict: "a table"}
    return f"{names.get(type(value), type(value).__name__)} ({value!r:.40})"


def _nearest(name: str, known: Sequence[str], otherwise: str) -> str:
    near = difflib.get_close_matches(name, known, n=1)
    return f"did you mean {near[0]!r}?" if near else f"{otherwise} {', '.join(known)}"


def choose_tool(
    profiles: Mapping[str, ToolProfile], tool_id: str | None = None, capability: str | None = None, played: bool = False
) -> ToolProfile:
    """The tool named, else the first by id that has the capability (installed ones come first), else ``replay``.

    ``played``: calls are taken from recordings, and nothing has to be installed.
    Raises InvalidInput (exit 3) for a tool or capability that nobody knows.
    """
    if tool_id is None and capability is not None:
        able = [profiles[name] for name in sorted(profiles) if capability in profiles[name].capabilities]
        if not able:
            known = sorted({one for profile in profiles.values() for one in profile.capabilities})
            raise InvalidInput(
                f"no tool has the capability {capability!r}", _nearest(capability, known, "known are"), "E428"
            )
        return next((profile for profile in able if played or installed(profile)), able[0])
    wanted = tool_id or "replay"
    if wanted not in profiles:
        raise InvalidInput(f"unknown tool {wanted!r}", _nearest(wanted, sorted(profiles), "known are"), "E428")
    return profiles[wanted]


def installed(profile: ToolProfile) -> str:
    """The path of the tool's program, or an empty string."""
    program = profile.command[0].replace("{python}", sys.executable)
    return find_program(program, clean_environment(environment(profile))["PATH"]) or ""


def require(profile: ToolProfile) -> None:
    """Raises EnvironmentFault (exit 4) when the tool's program is missing."""
    if not installed(profile):
        raise EnvironmentFault(
            f"tool {profile.id!r} is not installed: {profile.command[0]!r} is not on PATH",
            "install it, or choose another tool (see: aim tools)",
            "E420",
        )


def environment(profile: ToolProfile) -> dict[str, str]:
    """The variables that the profile sets, on top of ``clean_environment``; a variable of the user's that is unset is left out."""
    values: dict[str, str] = {}
    for name, text in profile.env.items():
        if not text.startswith("$"):
            values[name] = text
        elif text[1:] in os.environ:
            values[name] = os.environ[text[1:]]
    return values


def render(profile: ToolProfile, values: Mapping[str, str], files: Sequence[str] = ()) -> list[str]:
    """The command's arguments. An argument that holds ``{files}`` is repeated, once per file (none: it vanishes).

    A file whose name begins with a dash is given as ``./-name``. ``{{name}}`` stands for ``{name}`` itself. Raises
    InvalidInput (exit 3, E421) for a placeholder that nobody knows.
    """
    known = {"python": sys.executable, **values}
    used = {name for argument in profile.command for name in _placeholders(argument, f"tools.{profile.id}")}
    if "prompt" in used and "prompt" not in known:
        known["prompt"] = Path(known["prompt_file"]).read_bytes().decode("utf-8", "surrogateescape")
    return [text for argument in profile.command for text in _expand(argument, known, files)]


def _placeholders(argument: str, where: str) -> list[str]:
    names = [found[2] for found in _PLACEHOLDER.finditer(argument) if found[2]]
    for name in names:
        if name not in PLACEHOLDERS:
            hint = f"{_nearest(name, PLACEHOLDERS, 'known are')} (a literal one is written {{{{{name}}}}})"
            raise InvalidInput(f"{where}.command: unknown placeholder {{{name}}} in {argument!r}", hint, "E421")
    return names


def _expand(argument: str, values: Mapping[str, str], files: Sequence[str]) -> Iterator[str]:
    if "{files}" not in _PLACEHOLDER.sub(lambda found: found[0] if found[2] else "", argument):
        yield _fill(argument, values)
        return
    for file in files:
        yield _fill(argument, {**values, "files": f"./{file}" if file.startswith("-") else file})


def _fill(argument: str, values: Mapping[str, str]) -> str:
    return _PLACEHOLDER.sub(lambda found: f"{{{found[1]}}}" if found[1] else values[found[2]], argument)
