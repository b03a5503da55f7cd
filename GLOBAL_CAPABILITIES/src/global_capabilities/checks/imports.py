"""The code of a package is Python, and what it imports is covered by the dependencies of its pyproject.toml."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from functools import lru_cache
from importlib.metadata import PackageNotFoundError, distribution

from global_capabilities.checks.finding import Finding, Repository
from global_capabilities.checks.pyproject import normalised, read_project
from global_capabilities.checks.sources import fault_of, imports, may_import
from global_capabilities.packages import Package


def validate(repository: Repository) -> Iterator[Finding]:
    """Each undeclared import, once per package and module, at the first place that has it."""
    ours = {package.manifest["import_package"]: package.manifest["distribution"] for package in repository.packages}
    for package in repository.packages:
        project = read_project(package)
        yield from _judge(repository, package, ours, None if project.fault else set(project.dependencies))


def _judge(
    repository: Repository, package: Package, ours: dict[str, str], declared: set[str] | None
) -> Iterator[Finding]:
    """Without a table of dependencies (None) only whether it is Python."""
    known = {package.manifest["import_package"], *sys.stdlib_module_names}
    source = package.folder / "src"
    for path in () if source.is_symlink() else sorted(source.rglob("*.py")):
        if wrong := fault_of(path):
            yield repository.finding(path, wrong[1], "mend the file, or put it elsewhere", wrong[0])
            continue
        if declared is None or may_import(path) <= known:
            continue
        for name, line in imports(path):
            if name in known:
                continue
            known.add(name)
            if not _covered(name, ours, declared):
                wanted = ours.get(name, name)
                what = f"imports {name}, which no dependency of {package.folder.name}/pyproject.toml provides"
                yield repository.finding(path, what, f"add {wanted} to dependencies, or do without it", line)


def _covered(name: str, ours: dict[str, str], declared: set[str]) -> bool:
    if name in ours:
        return normalised(ours[name]) in declared
    return normalised(name) in declared or any(name in _provides(other) for other in sorted(declared))


@lru_cache(maxsize=256)
def _provides(name: str) -> frozenset[str]:
    """The modules that an installed distribution brings; none when it is not installed."""
    try:
        files = distribution(name).files or []
    except PackageNotFoundError:
        return frozenset()
    return frozenset(file.parts[0].partition(".")[0] for file in files if file.suffix in (".py", ".so", ".pyd"))
