"""The CLI reference: every command of a package, from click's own command tree."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from global_capabilities.derived import markdown
from global_capabilities.derived.fault import NotDerivable
from global_capabilities.packages import Package

TIMEOUT_S = 60.0
"""For importing the commands of all packages."""
_PROGRAM = Path(__file__).with_name("command_tree.py")
Tree = list[dict[str, Any]]


def read_trees(packages: Sequence[Package], asked: Sequence[Package]) -> dict[str, Tree | str]:
    """Command trees of the packages ``asked`` by id; a text says why there is none. Those without a command are left out.

    The commands are imported, that is run, in a process of their own: from the source folders of ``packages``, whatever is
    installed. What they write among the answers is no answer.
    """
    asked = [package for package in asked if package.command]
    if not asked:
        return {}
    answers: dict[int, Tree | str] = {}
    for line in _run(packages, asked):
        answers.update(_answer(line))
    names = [package.command for number, package in enumerate(asked) if number not in answers]
    missing = f"importing {names[0]} did not come to an end, or disturbed the answers" if names else ""
    return {package.id: answers.get(number, missing) for number, package in enumerate(asked)}


def _answer(line: str) -> dict[int, Tree | str]:
    try:
        said = json.loads(line)
    except (ValueError, RecursionError):
        return {}
    match said:
        case {"number": int(number), "fault": str(fault)}:
            return {number: fault}
        case {"number": int(number), "commands": list(commands)} if all(map(_is_command, commands)):
            return {number: commands}
    return {}


def _is_command(said: object) -> bool:
    match said:
        case {"usage": str(), "help": str(), "deprecated": bool(), "options": list(options)}:
            return all(isinstance(row, list) and [*map(type, row)] == [str, str, str] for row in options)
    return False


def _run(packages: Sequence[Package], asked: Sequence[Package]) -> list[str]:
    from global_util.process import clean_environment, run_process

    sources = [package.folder / "src" for package in packages]
    order = {
        "paths": [str(folder) for folder in sources if folder.is_dir() and not folder.is_symlink()],
        "asked": [[str(package.folder), package.command, package.manifest["cli"]["entry"]] for package in asked],
    }
    result = run_process(
        [sys.executable, "-P", "-X", "utf8", str(_PROGRAM), json.dumps(order)],
        cwd=asked[0].folder.parent,
        env=clean_environment({}),
        timeout_s=TIMEOUT_S,
        max_bytes=50_000_000,
    )
    *whole, _ = result.stdout.decode("utf-8", "replace").split("\n")
    return whole


def reference(package: Package, trees: dict[str, Tree | str]) -> str:
    """The block ``cli``. Raises NotDerivable when the command cannot be imported."""
    if not package.command:
        return "This package has no command."
    tree = trees[package.id]
    if isinstance(tree, str):
        entry = package.manifest["cli"]["entry"]
        install = f"pip install -e {package.folder.name}, or mend {entry}"
        raise NotDerivable(f"the command {package.command} cannot be imported: {tree:.300}", install)
    return markdown.sections(part for command in tree for part in _command(command))


def _command(command: dict[str, Any]) -> list[str]:
    said = markdown.text(command["help"]) + (" (deprecated)" if command["deprecated"] else "")
    rows = [(markdown.code(names), _meaning(said, default)) for names, said, default in command["options"]]
    return [
        f"### {markdown.code(command['usage'])}",
        said.strip(),
        markdown.table(("option", "meaning"), rows) if rows else "",
    ]


def _meaning(said: str, default: str) -> str:
    return " ".join(
        part for part in (markdown.text(said), f"Default: {markdown.code(default)}." if default else "") if part
    )
