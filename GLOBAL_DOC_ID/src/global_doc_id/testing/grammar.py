"""Valid input of every kind that is read: files with an id, sidecars, the ledger, the registries, the policy."""

from __future__ import annotations

import json
import random
from collections.abc import Callable

COMMENTS = {
    "#": ("py", "yaml", "toml", "sh", "rb", "cfg"),
    "//": ("js", "ts", "go", "rs", "c", "java"),
    "--": ("sql", "lua", "hs"),
    ";": ("ini", "asm", "el"),
    "%": ("tex", "erl"),
    "REM": ("bat", "cmd"),
    "::": ("bat", "cmd"),
}
ENDED_COMMENTS = {("/*", "*/"): ("css", "c"), ("<!--", "-->"): ("html", "xml", "svg")}
NAMES = (
    "Makefile",
    "Dockerfile",
    ".gitignore",
    "picture.png",
    "rows.csv",
    "noise",
    "a.b.c",
    "x.JSON",
    "y.MD",
    "z.tar.gz",
)
FIRST = (
    "",
    "#!/usr/bin/env python3\n",
    "# -*- coding: utf-8 -*-\n",
    '<?xml version="1.0"?>\n',
    "@echo off\n",
    "<!DOCTYPE html>\n",
)


def _doc_id(chance: random.Random) -> str:
    parts = chance.choice(("DOC", "SCR", "TST", "PAT")), chance.choice(("P0", "P2", "GD", "ZZ")), chance.randrange(4)
    return (
        f"{parts[0]}-{parts[1]}M{parts[2]:03d}-{chance.choice(('DOC', 'SRC', 'TST'))}-{chance.randrange(1, 1000):03d}"
    )


def _words(chance: random.Random) -> str:
    lines = (
        "",
        "# Title",
        "text with `code`",
        f"see [[{_doc_id(chance)}]]",
        f"about {_doc_id(chance)}",
        "```",
        "    x",
    )
    return "".join(f"{line}\n" for line in chance.choices(lines, k=chance.randrange(12)))


def _folder(chance: random.Random) -> str:
    return chance.choice(("", "docs/", "PH2_EXECUTION_ENGINE/docs/", "a b/ü/", ".github/", "x/../y/"))


def _markdown(chance: random.Random) -> tuple[str, bytes]:
    mark = chance.choice(("", '"', "'"))
    tail = chance.choice(("", "  # remark", " "))
    front = ["---", "title: x", f"doc_id: {mark}{_doc_id(chance)}{mark}{tail}", "tags: [a, b]", "---"]
    text = "\n".join(front) + "\n" + _words(chance)
    return f"{_folder(chance)}page.{chance.choice(('md', 'markdown', 'mdx'))}", text.encode()


def _comment(chance: random.Random) -> tuple[str, bytes]:
    mark, suffixes = chance.choice(sorted(COMMENTS.items()))
    text = f"{chance.choice(FIRST)}{mark} doc_id: {_doc_id(chance)}\n{mark} more\n" + _words(chance)
    return f"{_folder(chance)}part.{chance.choice(suffixes)}", text.encode()


def _ended_comment(chance: random.Random) -> tuple[str, bytes]:
    (begin, end), suffixes = chance.choice(sorted(ENDED_COMMENTS.items()))
    text = f"{chance.choice(FIRST)}{begin} doc_id: {_doc_id(chance)} {end}\n" + _words(chance)
    return f"{_folder(chance)}part.{chance.choice(suffixes)}", text.encode()


def _json(chance: random.Random) -> tuple[str, bytes]:
    table = {chance.choice(("doc_id", "x-doc-id")): _doc_id(chance), "rows": [{"doc_id": _doc_id(chance)}, 1, None]}
    indent = chance.choice((None, 2, "\t"))
    return f"{_folder(chance)}shape.{chance.choice(('json', 'jsonc', 'schema.json'))}", json.dumps(
        table, indent=indent
    ).encode()


def _named(chance: random.Random) -> tuple[str, bytes]:
    name = chance.choice(
        (f"{_doc_id(chance)}__some-slug.md", f"{_doc_id(chance)}__x.png", f"{_doc_id(chance)}.md", *NAMES)
    )
    return _folder(chance) + name, _words(chance).encode()


def _sidecar(chance: random.Random) -> tuple[str, bytes]:
    names = chance.sample(
        ("a.png", "__init__.py", "b.svg", "ü", "c d", '"', chance.choice(("../up", "", "e/f", "x"))), k=3
    )
    table = {"version": chance.choice((*[1] * 8, 2, "1", None)), "doc_ids": {name: _doc_id(chance) for name in names}}
    return f"{_folder(chance)}doc_ids.json", json.dumps(table, indent=2, ensure_ascii=chance.random() < 0.5).encode()


def _ledger(chance: random.Random) -> tuple[str, bytes]:
    lines = [f"{_doc_id(chance)}\tdocs/{n}.md\twhy {n}\n" for n in range(chance.randrange(6))]
    return "doc_ids.ledger", "".join(lines).encode()


def _routing(chance: random.Random) -> tuple[str, bytes]:
    modules = {f"M{n:03d}": f"modules/M{n:03d}_X/" for n in range(chance.randrange(4))}
    table = {"version": 2, "scopes": {"P2": {"folder": "PH2/", "modules": modules}}}
    return "GLOBAL_DOC_ID/schema/doc_id_module_routing.json", json.dumps(table, indent=2).encode()


def _kinds(chance: random.Random) -> tuple[str, bytes]:
    table = {
        "version": 1,
        "types": {"DOC": "a document", "SCR": "a script"},
        "kinds": {"SRC": "src/", "DOC": chance.choice(("docs/", "", "/", "../docs/"))},
        "default_types": {"SRC": "SCR", "DOC": "DOC"},
    }
    return "GLOBAL_DOC_ID/schema/doc_id_kinds.v1.json", json.dumps(table, indent=2).encode()


def _policy(chance: random.Random) -> tuple[str, bytes]:
    globs = json.dumps(chance.choices(("*/docs/*.md", "**/x", "a/**", "[a-", "{a,b}", "*" * 40, "\\", ""), k=3))
    text = f'[doc_id]\nrequire = {globs}\nexclude = []\nsidecar = {globs}\nledger = "doc_ids.ledger"\n'
    return "pipeline.toml", text.encode()


KINDS: dict[str, Callable[[random.Random], tuple[str, bytes]]] = {
    "markdown": _markdown,
    "comment": _comment,
    "ended comment": _ended_comment,
    "json": _json,
    "name": _named,
    "sidecar": _sidecar,
    "ledger": _ledger,
    "routing": _routing,
    "kinds": _kinds,
    "policy": _policy,
}
