"""A new check plugin: its module, its test, and its entry point."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

from global_util.errors import InvalidInput

from global_capabilities.packages import Package, find_package, read_repository
from global_capabilities.scaffold.draft import Draft
from global_capabilities.scaffold.edits import edit_json, edit_toml
from global_capabilities.scaffold.names import camel, require_name
from global_capabilities.scaffold.templates import fill

GROUP = "pipeline.checks"


def scaffold_check_plugin(root: Path, name: str, tool: str, into: str) -> Draft:
    """The check ``name`` that runs the program ``tool``, in the package ``into``. Raises InvalidInput (exit 3)."""
    require_name(name, r"[a-z][a-z0-9]*(_[a-z0-9]+)*", "codespell")
    require_name(tool or name, r"[A-Za-z0-9][A-Za-z0-9._+-]*", "codespell")
    every = read_repository(root)
    owner = find_package(every, into)
    _require_new(every, name)
    module = _module(owner, name)
    values = {"name": name, "tool": tool or name, "class_name": camel(name), "imports": _imports(module)}
    draft = Draft(root)
    folder = owner.folder.name
    draft.add(f"{folder}/src/{module.replace('.', '/')}.py", fill("check_plugin/check.py", values))
    draft.add(f"{folder}/tests/test_{name}.py", fill("check_plugin/test.py", values))
    _register(draft, owner, name, f"{module}:CHECK")
    return draft


def _imports(module: str) -> str:
    """What the test imports, in the order that the formatter wants."""
    lines = [
        "from global_util.checks import Finished, TreeFacts",
        "from global_util.contracts.error_check_targets import TargetFile",
        f"from {module} import CHECK",
    ]
    return "\n".join(sorted(lines))


def _require_new(every: list[Package], name: str) -> None:
    for package in every:
        if name in package.manifest["entry_points"].get(GROUP, {}):
            raise InvalidInput(f"{package.id} provides a check {name} already", "choose another name", "E335")


def _module(owner: Package, name: str) -> str:
    """Beside the other checks; where there is no folder for them, a file of its own."""
    package = owner.manifest["import_package"]
    has_folder = (owner.folder / "src" / package / "checks" / "__init__.py").is_file()
    return f"{package}.checks.{name}" if has_folder else f"{package}.{name}_check"


def _register(draft: Draft, owner: Package, name: str, target: str) -> None:
    def expect(raw: Any) -> Any:
        raw["project"].setdefault("entry-points", {}).setdefault(GROUP, {})[name] = target
        return raw

    def change(manifest: Any) -> None:
        manifest["entry_points"].setdefault(GROUP, {})[name] = target

    path = f"{owner.folder.name}/pyproject.toml"
    table, line = f'[project.entry-points."{GROUP}"]', f'{name} = "{target}"'
    if f"\n{table}\n" in draft.text(path):
        pattern, replacement = rf"^({re.escape(table)}\n(?:[^\[\n].*\n)*)", rf"\g<1>{line}\n"
    else:
        pattern, replacement = r"^(\[tool\.hatch\.version\]\n)", rf"{table}\n{line}\n\n\g<1>"
    edit_toml(draft, path, pattern, replacement, expect, f"{line} under {table}")
    mend = f"{json.dumps({name: target})} under /entry_points/{GROUP}"
    edit_json(draft, f"{owner.folder.name}/{owner.manifest_file}", change, mend)
