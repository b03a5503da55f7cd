"""Name, command and entry points of a manifest are those of pyproject.toml, and the code they name is there."""

from __future__ import annotations

from collections.abc import Iterator

from global_capabilities.checks.finding import Finding, Repository, line_with
from global_capabilities.checks.pyproject import Project, read_project
from global_capabilities.checks.sources import defines, module_file
from global_capabilities.json_lines import escape
from global_capabilities.packages import Package

FILE_GROUPS = {"pipeline.config": "config/", "pipeline.manifests": ""}
"""Groups whose entries are named after a file that the package ships, with the folder it lies in."""


def validate(repository: Repository) -> Iterator[Finding]:
    """Every package has a pyproject.toml that says the same, and what both name exists."""
    for package in repository.packages:
        project = read_project(package)
        if project.fault:
            yield repository.finding(project.path, f"no readable [project] table: {project.fault}", "write one")
            continue
        yield from _compare(repository, package, project)
        yield from _targets(repository, package, project)
        yield from _files(repository, package, project)


def _compare(repository: Repository, package: Package, project: Project) -> Iterator[Finding]:
    cli = package.manifest["cli"]
    yield from _same(repository, package, "/distribution", package.manifest["distribution"], project.table.get("name"))
    commands = {cli["command"]: cli["entry"]} if cli else {}
    for name in sorted({*commands, *project.scripts}):
        yield from _same(repository, package, "/cli", commands.get(name), project.scripts.get(name), f"{name} = ")
    declared = package.manifest["entry_points"]
    for group in sorted({*declared, *project.entry_points}):
        here, there = declared.get(group, {}), project.entry_points.get(group, {})
        for name in sorted({*here, *there}):
            pointer = f"/entry_points/{escape(group)}/{escape(name)}"
            yield from _same(repository, package, pointer, here.get(name), there.get(name))


def _same(
    repository: Repository, package: Package, pointer: str, here: object, there: object, label: str = ""
) -> Iterator[Finding]:
    if here != there:
        what = f"{label}{here or 'nothing'} here, {there or 'nothing'} in pyproject.toml"
        yield repository.manifest(package, pointer, what, "make them equal, then install the package anew")


def _targets(repository: Repository, package: Package, project: Project) -> Iterator[Finding]:
    groups = {"scripts": project.scripts, **project.entry_points}
    for group, entries in sorted(groups.items()):
        for name, target in sorted(entries.items()):
            module, _, attribute = target.partition(":")
            path = module_file(package.folder / "src", module)
            line = line_with(project.path, f"{name}", group)
            if path is None:
                what = f"{group}: {name} = {target!r} names no module in src/"
                yield repository.finding(project.path, what, "mend the target, or write the module", line)
            elif attribute and not defines(path, attribute.partition(".")[0]):
                what = f"{group}: {name} = {target!r}, but {repository.name(path)} has no {attribute}"
                yield repository.finding(project.path, what, "mend the target, or define it there", line)


def _files(repository: Repository, package: Package, project: Project) -> Iterator[Finding]:
    """Files that entries are named after exist."""
    for group, folder in FILE_GROUPS.items():
        for name in sorted(project.entry_points.get(group, {})):
            if not (package.folder / folder / name).is_file():
                what = f"{group}: no file {package.folder.name}/{folder}{name}"
                line = line_with(project.path, name, group)
                yield repository.finding(project.path, what, "write the file, or take the entry out", line)
