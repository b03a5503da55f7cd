"""Whether what a row of the map names exists: package, modules, names in them, tests."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Sequence
from contextlib import suppress
from functools import lru_cache
from pathlib import Path, PurePosixPath

from global_capabilities.checks.sources import parse
from global_capabilities.files import text_or_nothing

Said = tuple[str, str]
"""What is wrong, and how to mend it."""
WHOLE = "repository"
"""The package of what belongs to none."""
_TEST = re.compile(r"^def (\w+)\(", re.MULTILINE)


class Targets:
    """A repository whose paths are each looked up once."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self._known: dict[str, bool] = {}

    def judge(self, package: str, modules: Sequence[str], names: Sequence[str], tests: Sequence[str]) -> Iterator[Said]:
        """What is wrong with the target of one row; paths are relative to the root."""
        if package not in ("-", WHOLE) and not self._has(package):
            yield f"no package {package}", f"name a folder of the repository, or {WHOLE}"
        elif package not in ("-", WHOLE) and modules and not modules[0].startswith(f"{package}/"):
            yield f"{modules[0]} is not in {package}", "name the package that it is in"
        missing = [module for module in modules if not self._has(module)]
        for module in missing:
            yield f"no file {module}", "name its path from the root of the repository"
        if not missing:
            yield from self._judge_names(modules, names)
        for test in tests:
            yield from self._judge_test(test)

    def _judge_names(self, modules: Sequence[str], names: Sequence[str]) -> Iterator[Said]:
        sources = [self.root / module for module in modules if module.endswith(".py")]
        for name in names:
            if not any(name in defined(source) for source in sources):
                yield f"no {name} in {', '.join(modules) or 'a module that is named'}", "name what it defines"

    def _judge_test(self, test: str) -> Iterator[Said]:
        file, _, name = test.partition("::")
        if not self._has(file):
            yield f"no test file {file}", "name its path from the root of the repository"
        elif name and not (file.endswith(".py") and _has_test(self.root / file, name)):
            yield f"no test {name} in {file}", "name one that is there"

    def _has(self, name: str) -> bool:
        if name not in self._known:
            self._known[name] = _there(self.root, name)
        return self._known[name]


def defined(path: Path) -> frozenset[str]:
    """What a Python file defines at its top level, methods and class attributes as ``Class.name``."""
    return _defined(path, path.stat().st_mtime_ns)


@lru_cache(maxsize=1024)
def _defined(path: Path, changed: int) -> frozenset[str]:
    del changed
    tree = parse(path) if path.is_file() else None
    return frozenset() if tree is None else frozenset(_names(tree.body))


def _names(body: Sequence[ast.stmt], owner: str = "") -> Iterator[str]:
    for node in body:
        match node:
            case ast.ClassDef():
                yield owner + node.name
                yield from _names(node.body, f"{owner}{node.name}.")
            case ast.FunctionDef() | ast.AsyncFunctionDef():
                yield owner + node.name
            case ast.Assign():
                yield from (owner + target.id for target in node.targets if isinstance(target, ast.Name))
            case ast.AnnAssign(target=ast.Name(id=name)):
                yield owner + name


def _has_test(path: Path, name: str) -> bool:
    return name in _plain_tests(path, path.stat().st_mtime_ns) or name.replace("::", ".") in defined(path)


@lru_cache(maxsize=1024)
def _plain_tests(path: Path, changed: int) -> frozenset[str]:
    """Functions outside of long texts, found by their line: parsing every test file takes longer than all the rest."""
    del changed
    text = text_or_nothing(path)
    outside = [] if "'''" in text else text.split('"""')[::2]
    return frozenset(name for part in outside for name in _TEST.findall(part))


def _there(root: Path, name: str) -> bool:
    path = PurePosixPath(name)
    with suppress(OSError):  # a name too long for any file
        return not path.is_absolute() and ".." not in path.parts and (root / path).exists()
    return False
