"""What a package registers with the installer: its command and its entry points."""

from __future__ import annotations

from global_capabilities.derived import markdown
from global_capabilities.packages import Package


def reference(package: Package) -> str:
    """The block ``entry_points``."""
    cli = package.manifest["cli"]
    groups = {"console_scripts": {cli["command"]: cli["entry"]}} if cli else {}
    groups |= package.manifest["entry_points"]
    rows = [
        tuple(map(markdown.code, (group, name, target)))
        for group, entries in sorted(groups.items())
        for name, target in sorted(entries.items())
    ]
    return markdown.table(("group", "name", "object or package"), rows) if rows else "It registers nothing."
