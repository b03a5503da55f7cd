"""The same question asked of the source: which modules name something durable in their code, whether a run reaches it or not."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from scripts.crash import doors

_FILES = frozenset(
    [
        "chmod",
        "ftruncate",
        "link",
        "makedirs",
        "mkdir",
        "mkfifo",
        "pwrite",
        "remove",
        "removedirs",
        "rename",
        "renames",
        "replace",
        "rmdir",
        "symlink",
        "truncate",
        "unlink",
        "utime",
    ]
)
_PROGRAMS = frozenset(
    [
        "execl",
        "execle",
        "execlp",
        "execv",
        "execve",
        "execvp",
        "fork",
        "forkpty",
        "popen",
        "posix_spawn",
        "posix_spawnp",
        "spawnv",
        "system",
    ]
)
_CALLS = {
    **{f"os.{name}": "file" for name in _FILES},
    **{f"os.{name}": "process" for name in _PROGRAMS},
    **{
        f"shutil.{name}": "file" for name in ("copy", "copy2", "copyfile", "copytree", "move", "rmtree", "make_archive")
    },
    **{f"subprocess.{name}": "process" for name in ("Popen", "call", "check_call", "check_output", "run")},
    **{
        f"tempfile.{name}": "scratch"
        for name in ("NamedTemporaryFile", "TemporaryDirectory", "TemporaryFile", "mkdtemp", "mkstemp")
    },
    "sqlite3.connect": "transaction",
    "sqlite3.Connection": "transaction",
    "asyncio.create_subprocess_exec": "process",
    "multiprocessing.Process": "process",
}
_METHODS = frozenset(
    ["chmod", "hardlink_to", "mkdir", "rmdir", "symlink_to", "touch", "unlink", "write_bytes", "write_text"]
)
"""Of paths; nothing else of ours has methods of these names."""
_RENAMING = frozenset(("rename", "replace"))
"""Of paths with one argument; of texts with two."""
_WRITING_FLAGS = frozenset(("O_WRONLY", "O_RDWR", "O_CREAT", "O_APPEND", "O_TRUNC"))


class Found(NamedTuple):
    """A call that changes something durable."""

    module: str
    line: int
    call: str
    kind: str


def past_the_doors(root: Path) -> list[str]:
    """Calls in the rooms' code that no door allows, each with its place."""
    found = [one for source in sorted(root.glob("*/src")) for one in effects(source)]
    faults = ((one, doors.fault(one.module, one.kind)) for one in found)
    return [f"{one.module}:{one.line}: {one.call}: {why}" for one, why in faults if why]


def effects(source: Path) -> Iterator[Found]:
    """All calls below a package's ``src`` that change something durable."""
    for place in sorted(source.rglob("*.py")):
        module = ".".join(place.relative_to(source).with_suffix("").parts).removesuffix(".__init__")
        yield from _of(module, ast.parse(place.read_text("utf-8")))


def _of(module: str, tree: ast.Module) -> Iterator[Found]:
    names = dict(_imported(tree))
    flags = {
        target.id
        for node in ast.walk(tree)
        if isinstance(node, ast.Assign) and _names_writing(node.value)
        for target in node.targets
        if isinstance(target, ast.Name)
    }
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            call = _name(node.func, names)
            if (node.args and _name(node.args[0], names) == "os.devnull") or _is_memory(node):
                continue
            kind = _CALLS.get(call) or _kind(node, call, flags)
            if kind:
                yield Found(module, node.lineno, call, kind)


def _imported(tree: ast.Module) -> Iterator[tuple[str, str]]:
    """What a name in the module stands for."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from ((alias.asname or alias.name, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            yield from ((alias.asname or alias.name, f"{node.module}.{alias.name}") for alias in node.names)


def _name(func: ast.expr, names: dict[str, str]) -> str:
    if isinstance(func, ast.Name):
        return names.get(func.id, func.id)
    if isinstance(func, ast.Attribute):
        above = _name(func.value, names)
        return f"{above}.{func.attr}"
    return ""


def _kind(node: ast.Call, call: str, flags: set[str]) -> str:
    """The kind of a call that is judged by its arguments; empty for one that changes nothing."""
    last = call.rpartition(".")[2]
    if call == "os.open":
        return "file" if len(node.args) > 1 and _is_writing(node.args[1], flags) else ""
    if call in ("open", "io.open"):
        return "file" if _writes(node, 1) else ""
    if not isinstance(node.func, ast.Attribute):
        return ""
    if last == "open":
        return "file" if _writes(node, 0) else ""
    if last in _RENAMING:
        return "file" if len(node.args) == 1 and not node.keywords else ""
    return "file" if last in _METHODS else ""


def _is_memory(node: ast.Call) -> bool:
    return bool(node.args) and isinstance(node.args[0], ast.Constant) and node.args[0].value == ":memory:"


def _writes(node: ast.Call, position: int) -> bool:
    given = [word.value for word in node.keywords if word.arg == "mode"] + node.args[position : position + 1]
    return any(
        isinstance(one, ast.Constant) and isinstance(one.value, str) and set(one.value) & set("wax+") for one in given
    )


def _is_writing(flags: ast.expr, known: set[str]) -> bool:
    return _names_writing(flags) or any(isinstance(part, ast.Name) and part.id in known for part in ast.walk(flags))


def _names_writing(value: ast.expr) -> bool:
    return any(isinstance(part, ast.Attribute) and part.attr in _WRITING_FLAGS for part in ast.walk(value))
