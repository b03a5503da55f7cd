"""The tests of a package: files, how many tests each has, what each is about. Nothing is imported."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

from global_capabilities.checks.sources import FAULTS, read_tree
from global_capabilities.derived import markdown
from global_capabilities.derived.fault import NotDerivable
from global_capabilities.packages import Package

_SENTENCE = re.compile(r"(?<=[.!?])(?<!e\.g\.)(?<!i\.e\.)\s")


def reference(package: Package) -> str:
    """The block ``tests``. A parametrised test counts once. Raises NotDerivable for a file that does not parse."""
    if (package.folder / "tests").is_symlink():
        raise NotDerivable("tests is a link, and is not entered", "putting the folder there")
    rows = [_row(path, package.folder) for path in _files(package.folder / "tests")]
    return markdown.table(("file", "tests", "about"), rows) if rows else "It has no tests."


def _files(folder: Path) -> list[Path]:
    """Test files, by name; folders of data or of caches are passed over."""
    found = {*folder.rglob("test_*.py"), *folder.rglob("*_test.py")}
    return sorted(path for path in found if path.is_file() and not _is_data(path.relative_to(folder)))


def _is_data(path: Path) -> bool:
    return any(part == "data" or part.startswith((".", "_")) for part in path.parts[:-1])


def _row(path: Path, package: Path) -> tuple[str, str, str]:
    name = path.relative_to(package).as_posix()
    try:
        tree = read_tree(path)
    except FAULTS as fault:
        line = f":{fault.lineno}" if isinstance(fault, SyntaxError) and fault.lineno else ""
        raise NotDerivable(f"{name}{line} is no Python: {type(fault).__name__}", "mending that file") from None
    about = " ".join((ast.get_docstring(tree) or "").split())
    return markdown.code(name), str(sum(1 for _ in _tests(tree.body))), markdown.text(_SENTENCE.split(about)[0])


def _tests(body: list[ast.stmt]) -> Iterator[ast.stmt]:
    """Test functions, methods of test classes, and state machines that are given to the runner as ``Test... = ...TestCase``."""
    for node in body:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.name.startswith("test"):
            yield node
        elif isinstance(node, ast.ClassDef) and node.name.startswith("Test"):
            yield from _tests(node.body)
        elif isinstance(node, ast.Assign) and isinstance(node.value, ast.Attribute) and node.value.attr == "TestCase":
            yield node
