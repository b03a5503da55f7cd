"""What must be one package's own: its scope of document ids, command, distribution, import package, entry-point names."""

from __future__ import annotations

from collections.abc import Iterator

from global_capabilities.checks.commands import FILE_GROUPS
from global_capabilities.checks.finding import Finding, Repository
from global_capabilities.json_lines import escape
from global_capabilities.packages import Package


def validate(repository: Repository) -> Iterator[Finding]:
    """A name that an earlier package has is told of the later one, with the manifest of the earlier."""
    owners: dict[tuple[str, str], Package] = {}
    for package in repository.packages:
        for kind, name, pointer in _names(package):
            owner = owners.setdefault((kind, name), package)
            if owner is not package:
                what = f"{kind} {name} is that of {repository.name(owner.manifest_path)} too"
                yield repository.manifest(package, pointer, what, "choose another here or there")


def _names(package: Package) -> Iterator[tuple[str, str, str]]:
    for key in ("distribution", "import_package", "doc_scope"):
        yield key, package.manifest[key], f"/{key}"
    if package.command:
        yield "command", package.command, "/cli/command"
    for group, entries in sorted(package.manifest["entry_points"].items()):
        if group not in FILE_GROUPS:
            yield from ((group, name, f"/entry_points/{escape(group)}/{escape(name)}") for name in sorted(entries))
