"""What Python files define and import, read without running them."""

from __future__ import annotations

import ast
import re
import warnings
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path

from global_util.files import read_regular

from global_capabilities.files import text_or_nothing, why

FAULTS = (OSError, SyntaxError, ValueError, RecursionError, MemoryError)
"""Why a file has no syntax tree."""
_FROM = re.compile(r"(?:^|[;:])[ \t\f]*from[ \t\f]+(\w+)", re.MULTILINE)
_IMPORT = re.compile(r"(?:^|[;:])[ \t\f]*import[ \t\f]+([\w., \t\f]+)", re.MULTILINE)
_CONTINUED = re.compile(r"\b(?:from|import)\b[^\n]*\\\r?$", re.MULTILINE)


def module_file(source: Path, module: str) -> Path | None:
    """The file of a dotted module below ``source``, or None."""
    place = source / module.replace(".", "/")
    return next((path for path in (place.with_suffix(".py"), place / "__init__.py") if path.is_file()), None)


def defines(path: Path, name: str) -> bool:
    """Does a module have this name at its top level: defined, assigned or imported?"""
    tree = parse(path)
    return tree is None or name in set(_names(tree.body))


def imports(path: Path) -> list[tuple[str, int]]:
    """Top-level names of the absolute imports of a file with their lines, those for type checkers too."""
    tree = parse(path)
    return [] if tree is None else sorted(set(_imports(tree)))


def may_import(path: Path) -> set[str]:
    """All names that ``imports`` could tell, and perhaps more: lines of texts too. Takes a tenth of the time of parsing."""
    text = text_or_nothing(path)
    if _CONTINUED.search(text):
        return {name for name, _ in imports(path)}
    names = {match[1] for match in _FROM.finditer(text)}
    for match in _IMPORT.finditer(text):
        names |= {part.strip().partition(" ")[0].partition(".")[0] for part in match[1].split(",")}
    return names


def parse(path: Path) -> ast.Module | None:
    """The syntax tree of a file, or None when it has none."""
    return _parse(path, path.stat().st_mtime_ns)


@lru_cache(maxsize=1024)
def _parse(path: Path, changed: int) -> ast.Module | None:
    del changed
    try:
        return read_tree(path)
    except FAULTS:
        return None


def read_tree(path: Path) -> ast.Module:
    """The syntax tree of a file; raises one of ``FAULTS``. What Python warns of is not our business."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return ast.parse(read_regular(path))


def fault_of(path: Path) -> tuple[int, str] | None:
    """In which line and why a file is no Python, or None. Compiled, which takes half the time of a tree."""
    try:
        content = read_regular(path)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            compile(content, path.name, "exec", dont_inherit=True)
    except OSError as fault:
        return 1, f"not readable: {why(fault)}"
    except SyntaxError as fault:
        return fault.lineno or 1, f"is no Python: {fault.msg}"
    except FAULTS as fault:
        return 1, f"is no Python: {why(fault)}"
    return None


def _names(body: list[ast.stmt]) -> Iterator[str]:
    for node in body:
        match node:
            case ast.FunctionDef() | ast.AsyncFunctionDef() | ast.ClassDef():
                yield node.name
            case ast.Import() | ast.ImportFrom():
                yield from ((alias.asname or alias.name).partition(".")[0] for alias in node.names)
            case ast.Assign():
                yield from (
                    inner.id for target in node.targets for inner in ast.walk(target) if isinstance(inner, ast.Name)
                )
            case ast.AnnAssign(target=ast.Name(id=name)):
                yield name
            case ast.If() | ast.Try():
                yield from _names([*node.body, *node.orelse])


def _imports(tree: ast.Module) -> Iterator[tuple[str, int]]:
    stack: list[ast.AST] = [tree]
    while stack:
        node = stack.pop()
        if isinstance(node, ast.Import):
            yield from ((alias.name.partition(".")[0], node.lineno) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            if node.module and not node.level:
                yield node.module.partition(".")[0], node.lineno
        elif isinstance(node, ast.stmt | ast.Module | ast.ExceptHandler | ast.match_case):
            stack += [child for child in ast.iter_child_nodes(node) if not isinstance(child, ast.expr)]
