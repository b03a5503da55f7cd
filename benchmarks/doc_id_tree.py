"""A git repository in the module layout, of any size, for measuring: the same count gives the same files.

A hundred files per module: sources, tests, Markdown, JSON, YAML, TOML, shell, SQL, pictures and data. About two thirds
carry an id, in whatever carrier their type has; the rest has none and needs none. All of it is right.
"""

from __future__ import annotations

import json
import random
import subprocess
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

HUNDRED = {
    "src/{pkg}/{mod}/part_{n}.py": (30, 0.8),
    "tests/{mod}/test_{n}.py": (12, 0.5),
    "modules/{module}/docs/page_{n}.md": (16, 1.0),
    "schema/{mod}/shape_{n}.json": (8, 0.7),
    "config/{mod}/settings_{n}.yaml": (8, 0.7),
    "config/{mod}/tool_{n}.toml": (6, 0.7),
    "src/{pkg}/{mod}/run_{n}.sh": (6, 0.7),
    "src/{pkg}/{mod}/query_{n}.sql": (4, 0.7),
    "src/{pkg}/{mod}/sub_{n}/__init__.py": (3, 1.0),
    "modules/{module}/docs/picture_{n}.png": (4, 0.5),
    "tests/{mod}/rows_{n}.csv": (3, 0.0),
}
"""Where the files of a module lie, how many there are of each, and how likely one has an id."""

TYPES = {"SRC": "SCR", "TST": "TST", "DOC": "DOC", "SCM": "DOC", "CFG": "DOC"}
KINDS = {"SRC": "src/", "DOC": "docs/", "TST": "tests/", "SCM": "schema/", "CFG": "config/"}
COMMENTS = {".py": "#", ".yaml": "#", ".toml": "#", ".sh": "#", ".sql": "--"}
SIZES = ((400, 30), (1200, 30), (3000, 25), (8000, 12), (24000, 3))
"""Bytes and their weights: many short files, a few long ones."""

WORDS = ("the", "order", "of", "a", "plan", "is", "what", "its", "parts", "need", "from", "each", "other")

REUSE = b"""version = 1
[[annotations]]
path = "**"
precedence = "closest"
SPDX-FileCopyrightText = "2026 Ada"
SPDX-License-Identifier = "MIT"
"""
"""What reuse falls back to after it has looked into a file: without it, it would have nothing to judge by."""

POLICY = b"""[doc_id]
require = ["*/modules/*/docs/*.md", "*/src/**/sub_*/__init__.py"]
"""


@dataclass
class Layout:
    """What has been given out so far."""

    chance: random.Random
    numbers: Counter[str] = field(default_factory=Counter)
    known: list[str] = field(default_factory=list)

    def mint(self, kind: str, scope: str, module: str) -> str:
        """The next id of a family."""
        family = f"{TYPES[kind]}-{scope}{module}-{kind}"
        self.numbers[family] += 1
        self.known.append(f"{family}-{self.numbers[family]:03d}")
        return self.known[-1]

    def filler(self) -> list[str]:
        """Lines of words, as many as a file of some usual size has."""
        (size,) = self.chance.choices([size for size, _ in SIZES], [weight for _, weight in SIZES])
        return [" ".join(self.chance.choices(WORDS, k=12)) for _ in range(size // 56)]


def scopes(count: int) -> dict[str, list[str]]:
    """Enough codes of scopes, and of their modules, for ``count`` files."""
    modules = max(1, count // 100)
    each = 20 if modules > 200 else 10
    letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
    codes = [first + second for first in letters for second in "0123456789" + letters]
    return {
        codes[at]: [f"M{n + 1:03d}" for n in range(min(each, modules - at * each))] for at in range(-(-modules // each))
    }


def files(count: int) -> Iterator[tuple[str, bytes]]:
    """Path and content of every file."""
    layout = Layout(random.Random(count))  # noqa: S311
    found = scopes(count)
    yield from settings(found)
    for scope, modules in found.items():
        for module in modules:
            yield from module_files(layout, scope, module)


def settings(found: dict[str, list[str]]) -> Iterator[tuple[str, bytes]]:
    """The registry, the policy, and what reuse wants to see."""
    routing = {
        "version": 2,
        "pattern": "[TYPE]-[SCOPE][MODULE]-[KIND]-[NNN]",
        "filename_pattern": "[doc_id]__[short_slug].[ext]",
        "scopes": {
            scope: {"folder": f"ROOM_{scope}/", "modules": {code: f"modules/{code}_PART/" for code in modules}}
            for scope, modules in found.items()
        },
    }
    kinds = {"version": 1, "types": {name: name for name in ("DOC", "PAT", "SCR", "TST")}, "kinds": KINDS}
    yield "GLOBAL_DOC_ID/schema/doc_id_module_routing.json", json.dumps(routing, indent=2).encode()
    yield "GLOBAL_DOC_ID/schema/doc_id_kinds.v1.json", json.dumps(kinds, indent=2).encode()
    yield "pipeline.toml", POLICY
    yield "LICENSES/MIT.txt", b"MIT\n"
    yield "REUSE.toml", REUSE


def module_files(layout: Layout, scope: str, module: str) -> Iterator[tuple[str, bytes]]:
    """The files of a module, and the sidecars of their folders."""
    sidecars: dict[str, dict[str, str]] = {}
    names = {"pkg": f"room_{scope.lower()}", "mod": module.lower(), "module": f"{module}_PART"}
    for pattern, (many, likely) in HUNDRED.items():
        kind = next(kind for kind, folder in KINDS.items() if folder in pattern)
        for n in range(many):
            path = f"ROOM_{scope}/{pattern.format(n=n, **names)}"
            doc_id = layout.mint(kind, scope, module) if layout.chance.random() < likely else ""
            folder, _, name = path.rpartition("/")
            if doc_id and name.endswith((".png", "__init__.py")):
                sidecars.setdefault(folder, {})[name] = doc_id
            yield path, content(layout, name, doc_id)
    for folder, entries in sidecars.items():
        table = {"version": 1, "doc_ids": dict(sorted(entries.items()))}
        yield f"{folder}/doc_ids.json", (json.dumps(table, indent=2) + "\n").encode()


def content(layout: Layout, name: str, doc_id: str) -> bytes:
    """A file of its type, with its id where the type has a carrier."""
    suffix = Path(name).suffix
    if suffix == ".png":
        return b"\x89PNG\r\n\x1a\n" + layout.chance.randbytes(2000)
    if name == "__init__.py":
        return b""
    lines = layout.filler()
    if suffix == ".json":
        key = layout.chance.choice(["doc_id", "x-doc-id"])
        return (
            json.dumps({**({key: doc_id} if doc_id else {}), "title": name, "rows": lines}, indent=2) + "\n"
        ).encode()
    if suffix == ".md":
        return "\n".join([*_front(doc_id), f"# {name}", "", *_references(layout), *lines, ""]).encode()
    mark = COMMENTS.get(suffix, "")
    head = [f"{mark} doc_id: {doc_id}"] if doc_id else []
    first = ["#!/bin/sh"] if suffix == ".sh" else []
    return "\n".join([*first, *head, *(f"{mark} {line}".lstrip() for line in lines), ""]).encode()


def _front(doc_id: str) -> list[str]:
    return ["---", f"doc_id: {doc_id}", "status: current", "---"] if doc_id else []


def _references(layout: Layout) -> list[str]:
    return [f"See [[{layout.chance.choice(layout.known)}]]." for _ in range(layout.chance.randint(0, 2))]


def git(folder: Path, *words: str, stdin: bytes | None = None) -> bytes:
    """Git's answer in ``folder``."""
    return subprocess.run(["git", *words], cwd=folder, input=stdin, capture_output=True, check=True).stdout


def lay(folder: Path, count: int) -> None:
    """Commit the files into a new repository, packed and checked out as a clone is."""
    folder.mkdir(parents=True)
    git(folder, "init", "--quiet", "--template=", "--initial-branch=main")
    for key, value in (("user.name", "Ada"), ("user.email", "ada@example.org"), ("gc.auto", "0")):
        git(folder, "config", key, value)
    with subprocess.Popen(["git", "fast-import", "--quiet"], cwd=folder, stdin=subprocess.PIPE) as importer:
        assert importer.stdin is not None
        importer.stdin.write(
            b"commit refs/heads/main\ncommitter Ada <ada@example.org> 1767225600 +0000\ndata 5\nfirst\n"
        )
        for path, data in files(count):
            importer.stdin.write(b"M 100644 inline %s\ndata %d\n%s\n" % (path.encode(), len(data), data))
    git(folder, "checkout", "--quiet", "--force", "main")
