"""A new tool profile: shipped with GLOBAL_AIM in its own repository, in pipeline.toml in any other."""

from __future__ import annotations

import json
import re
import shlex
import tomllib
from pathlib import Path
from typing import Any

from global_util.errors import InvalidInput

from global_capabilities.scaffold.draft import Draft
from global_capabilities.scaffold.edits import refuse
from global_capabilities.scaffold.names import require_name

SHIPPED = "GLOBAL_AIM/config/tool_profiles.json"
OWN = "pipeline.toml"
PLACEHOLDERS = ("attempt", "files", "prompt", "prompt_file", "python", "recording", "workstream_id", "worktree")


def scaffold_tool_profile(root: Path, name: str, command: str, kind: str, timeout_s: int) -> Draft:
    """The profile ``name`` of a command line, which is split as a shell would and never given to one.

    Raises InvalidInput (exit 3) for a name that is taken, and for a command that is none.
    """
    require_name(name, r"[A-Za-z0-9][A-Za-z0-9_-]*", "my-tool")
    table = {
        "kind": kind,
        "capabilities": ["edit"],
        "command": _split(command),
        "timeout_s": timeout_s,
    }
    draft = Draft(root)
    if (root / SHIPPED).is_file():
        _ship(draft, name, table)
    else:
        _append(draft, name, table)
    return draft


def _split(command: str) -> list[str]:
    try:
        arguments = shlex.split(command)
    except ValueError as fault:
        raise InvalidInput(f"--command: {fault}: {command!r}", "quote each argument that has a blank", "E334") from None
    if not arguments or not arguments[0].strip() or "\0" in command:
        raise InvalidInput("--command names no program", "give --command 'my-tool {prompt_file}'", "E334")
    for argument in arguments:
        unknown = set(re.findall(r"(?<!\{)\{([a-z_]+)\}(?!\})", argument)) - set(PLACEHOLDERS)
        if unknown:
            known = ", ".join(f"{{{one}}}" for one in PLACEHOLDERS)
            raise InvalidInput(f"--command: {{{min(unknown)}}} is no placeholder", f"known: {known}", "E334")
    return arguments


def _ship(draft: Draft, name: str, table: dict[str, Any]) -> None:
    text = draft.text(SHIPPED)
    try:
        before = json.loads(text)
    except (ValueError, RecursionError) as fault:
        raise InvalidInput(f"{SHIPPED}: not JSON: {fault!s:.200}", "mend the file", "E305") from None
    if name in before:
        raise _taken(name, SHIPPED)
    said = "Scaffolded. Not learned yet: its exit codes, its silences, what it leaves behind, which variables it needs."
    entry = {"comment": said, **table}
    body = ",\n".join(f"    {json.dumps(key)}: {json.dumps(value, ensure_ascii=False)}" for key, value in entry.items())
    mend = f"{json.dumps(name)} with {json.dumps(table)}"
    if not before or not text.endswith("\n  }\n}\n"):
        raise refuse(SHIPPED, "its last profile does not end as the others do", mend)
    changed = f"{text.removesuffix(chr(10) + '}' + chr(10))},\n  {json.dumps(name)}: {{\n{body}\n  }}\n}}\n"
    if json.loads(changed) != {**before, name: entry}:
        raise refuse(SHIPPED, "an edit at its end would change something else", mend)
    draft.change(SHIPPED, changed)


def _append(draft: Draft, name: str, table: dict[str, Any]) -> None:
    is_there = (draft.root / OWN).is_file()
    text = draft.text(OWN) if is_there else ""
    try:
        before = tomllib.loads(text)
    except (ValueError, RecursionError) as fault:
        raise InvalidInput(f"{OWN}: not TOML: {fault}", "mend the file", "E305") from None
    if name in before.get("tools", {}):
        raise _taken(name, OWN)
    lines = [f"{key} = {json.dumps(value, ensure_ascii=False)}" for key, value in table.items()]
    said = "# Not learned yet: its exit codes, its silences, what it leaves behind, which variables it needs (env)."
    gap = "" if not text else "\n" if text.endswith("\n") else "\n\n"
    changed = f"{text}{gap}{said}\n" + "\n".join([f"[tools.{name}]", *lines]) + "\n"
    wanted = {**before, "tools": {**before.get("tools", {}), name: table}}
    try:
        is_right = tomllib.loads(changed) == wanted
    except ValueError:
        is_right = False
    if not is_right:
        raise refuse(OWN, "a table at its end would not be read", "\n".join([f"[tools.{name}]", *lines]))
    if is_there:
        draft.change(OWN, changed)
    else:
        draft.add(OWN, changed)


def _taken(name: str, path: str) -> InvalidInput:
    return InvalidInput(f"{path}: has a profile {name} already", "choose another name; nothing is overwritten", "E335")
