"""The documents of a module are about that module: none is another's with the names exchanged."""

from __future__ import annotations

import json
import re
from itertools import combinations
from pathlib import Path

from global_capabilities.checks.documents import SUITE, body_lines, front_matter
from global_capabilities.derived.blocks import fill, read_blocks

ROOT = Path(__file__).resolve().parent.parent


def names(folder: Path) -> list[str]:
    """Whatever a package is called by, longest first."""
    manifest = json.loads(next(folder.glob("*.manifest.json")).read_text("utf-8"))
    called = {manifest[key] for key in ("id", "name", "distribution", "import_package", "doc_scope")}
    called |= {manifest["id"].split("_")[0], (manifest["cli"] or {"command": manifest["id"]})["command"]}
    called |= {module[key] for module in manifest["modules"] for key in ("id", "name")}
    return sorted({name.lower() for name in called}, key=lambda name: (-len(name), name))


def substance(text: str, called: list[str]) -> str:
    """What a document says by hand, when names, headings, case, numbers and punctuation are taken away."""
    blocks, _ = read_blocks(text)
    text = fill(text, blocks, dict.fromkeys((block.name for block in blocks), ""))
    text = "\n".join(body_lines(text)).lower()
    for name in called:
        text = re.sub(rf"(?<![a-z0-9]){re.escape(name)}(?![a-z0-9])", " ", text)
    return " ".join(re.findall(r"[a-z]+", text))


def test_names_case_and_numbers_are_no_substance() -> None:
    one = substance("---\ndoc_id: A\n---\n# PH1\nPH1 (`ph1 run`) writes 3 plans.\n", ["ph1"])
    other = substance("# Execution\nPH2 (`ph2 run`) writes 12 plans.\n", ["ph2"])
    assert one == other == "run writes plans"


def test_no_two_packages_have_the_same_document() -> None:
    """A draft is what `capabilities scaffold` wrote, and says so."""
    said = {
        path.relative_to(ROOT): substance(path.read_text("utf-8"), names(folder))
        for folder in (path.parent for path in sorted(ROOT.glob("*/pyproject.toml")))
        for name in SUITE
        for path in sorted(folder.glob(f"modules/*/docs/{name}"))
        if front_matter(path.read_text("utf-8")).get("status") != "draft"
    }
    same = [(str(one), str(two)) for one, two in combinations(said, 2) if said[one] == said[two]]
    assert not same
