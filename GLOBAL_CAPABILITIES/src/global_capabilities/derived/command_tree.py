"""Prints the command trees of packages as JSON lines. Runs as a program of its own: it imports foreign code.

Its one argument is JSON: ``paths`` to import from, and ``asked``, a list of ``[folder, command, entry]``. Each answer is one
line on standard output. The paths are not given to the interpreter, which would run a ``sitecustomize`` that lies there.
What click itself formats differs from version to version, so only names, help texts and plain values are taken from it.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterator
from importlib import import_module
from inspect import cleandoc
from pathlib import Path
from typing import Any

import click

_OURS = ("--version", "--help")
_DEEP = 6


def main() -> None:
    """Answer with ``{"number": 0, "commands": [...]}`` or ``{"number": 0, "fault": "why not"}`` for each package."""
    order = json.loads(sys.argv[1])
    sys.path[:0] = order["paths"]
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    for number, (folder, command, entry) in enumerate(order["asked"]):
        try:
            answer: dict[str, Any] = {"commands": list(_walk(_load(Path(folder), entry), (command,)))}
        except BaseException as fault:
            reason = " ".join(str(fault).split())
            answer = {"fault": f"{type(fault).__name__}: {reason}" if reason else type(fault).__name__}
        answers.write("\n" + json.dumps({"number": number, **answer}) + "\n")
        answers.flush()
    answers.close()
    os._exit(0)


def _load(folder: Path, entry: str) -> click.Command:
    name, _, attribute = entry.partition(":")
    module = import_module(name)
    source = Path(module.__file__ or "").resolve()
    if folder.resolve() not in source.parents:
        raise ImportError(f"{name} is imported from outside of {folder.name}")
    command = getattr(module, attribute or "main")
    if not isinstance(command, click.Command) and hasattr(module, "commands"):
        command = module.commands()  # a program that begins before click is imported
    if not isinstance(command, click.Command):
        raise TypeError(f"{entry} is no click command")
    return command


def _walk(command: click.Command, words: tuple[str, ...]) -> Iterator[dict[str, Any]]:
    if command.hidden or len(words) > _DEEP:
        return
    options = [param for param in command.params if _shown(param)]
    is_group = isinstance(command, click.Group)
    if options or not is_group:
        yield _describe(command, words, options)
    if isinstance(command, click.Group):
        context = click.Context(command, info_name=words[-1])
        added: dict[str, Any] = getattr(command, "added", dict)()
        for name in sorted(set(command.list_commands(context)) - set(added)):
            found = command.get_command(context, name)
            if found is None:
                raise LookupError(f"{' '.join(words)} lists {name}, and has no such command")
            yield from _walk(found, (*words, name))


def _shown(param: click.Parameter) -> bool:
    hidden = getattr(param, "hidden", False)
    return not hidden and not any(name in param.opts for name in _OURS)


def _describe(command: click.Command, words: tuple[str, ...], params: list[click.Parameter]) -> dict[str, Any]:
    arguments = [_argument(param) for param in params if isinstance(param, click.Argument)]
    options = [param for param in params if isinstance(param, click.Option)]
    rest = ["COMMAND [ARGS]..."] if isinstance(command, click.Group) else []
    usage = [*words, *(["[OPTIONS]"] if options else []), *arguments, *rest]
    return {
        "usage": " ".join(usage),
        "help": _first_paragraph(command.help or command.short_help or ""),
        "deprecated": bool(command.deprecated),
        "options": [[_names(option), *_told(option)] for option in options],
    }


def _first_paragraph(said: str) -> str:
    paragraphs = cleandoc(said.split("\f")[0]).replace("\b\n", "").split("\n\n")
    return " ".join(paragraphs[0].split())


def _argument(argument: click.Argument) -> str:
    if argument.metavar:
        return argument.metavar
    name = (argument.name or "").upper() + ("..." if argument.nargs != 1 else "")
    return name if argument.required else f"[{name}]"


def _names(option: click.Option) -> str:
    names = ", ".join(option.opts) + (" / " + ", ".join(option.secondary_opts) if option.secondary_opts else "")
    return f"{names} {_value(option)}".rstrip()


def _value(option: click.Option) -> str:
    if option.is_flag or option.count:
        return ""
    if option.metavar:
        return option.metavar
    if isinstance(option.type, click.Choice):
        return "[" + "|".join(str(getattr(choice, "name", choice)) for choice in option.type.choices) + "]"
    return option.type.name.upper()


def _told(option: click.Option) -> list[str]:
    """The help text, and the default where it is a plain value: click spells all others in its own ways."""
    said = " ".join(cleandoc(option.help or "").split())
    if option.required:
        said += " Required."
    if option.multiple and "epeatable" not in said:
        said += " Repeatable."
    default = option.default
    plain = type(default) in (str, int, float) and not option.is_flag and not option.count
    return [said.strip(), str(default) if plain and "Default" not in said else ""]


if __name__ == "__main__":
    main()
