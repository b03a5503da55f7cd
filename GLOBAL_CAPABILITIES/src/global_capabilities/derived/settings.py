"""The configuration keys that a package reads or has a default for."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from global_capabilities.derived import markdown
from global_capabilities.derived.default_files import Default, read_defaults
from global_capabilities.packages import Package

GROUP = "pipeline.config"
_LONG = 48
Shipped = dict[str, tuple[Default, Package, str]]


def read_shipped(packages: Sequence[Package]) -> Shipped:
    """Default, package and file of every key that has a default in this repository."""
    return {
        key: (default, package, f"{package.folder.name}/config/{name}")
        for package in packages
        for name in sorted(package.manifest["entry_points"].get(GROUP, {}))
        for key, default in read_defaults(package.folder / "config" / name).items()
    }


def reference(package: Package, packages: Sequence[Package]) -> str:
    """The block ``config``: keys read, then keys that others read and whose default lies here."""
    shipped = read_shipped(packages)
    read = sorted(package.manifest["config_keys"])
    rows = [_row(key, shipped) for key in read]
    lent = sorted(key for key, (_, owner, _) in shipped.items() if owner is package and key not in read)
    said = markdown.table(("key", "default", "meaning", "default lies in"), rows) if rows else "It reads no key."
    if not lent:
        return said
    others = [(*_row(key, shipped)[:3], _readers(key, packages)) for key in lent]
    head = ("key", "default", "meaning", "read by")
    return markdown.sections([said, "Defaults that lie here for others:", markdown.table(head, others)])


def _row(key: str, shipped: Shipped) -> tuple[str, str, str, str]:
    if key not in shipped:
        return markdown.code(key), "", "", ""
    default, _, place = shipped[key]
    return markdown.code(key), _value(default.value), markdown.text(default.meaning), markdown.code(place)


def _value(value: Any) -> str:
    said = json.dumps(value, ensure_ascii=False, sort_keys=True, default=str)
    return f"{len(value)} entries" if len(said) > _LONG and isinstance(value, list | dict) else markdown.code(said)


def _readers(key: str, packages: Sequence[Package]) -> str:
    return ", ".join(package.id for package in packages if key in package.manifest["config_keys"]) or "nobody"
