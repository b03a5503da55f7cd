"""What a phase takes and gives: artifact, version, and who is on the other side."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from global_capabilities.derived import markdown
from global_capabilities.packages import Package

_OTHER = {"consumes": "produces", "produces": "consumes"}
_NOBODY = {"consumes": "a document; no package produces it", "produces": "no package consumes it"}


def reference(package: Package, packages: Sequence[Package]) -> str:
    """The block ``deliverables``, from all ``phase.contracts.json`` of the repository."""
    rows = [*_rows(package, packages, "consumes"), *_rows(package, packages, "produces")]
    if not rows:
        return "It has no contracts: it neither consumes nor produces an artifact."
    return markdown.table(("", "artifact", "version", "other side"), rows)


def _rows(package: Package, packages: Sequence[Package], side: str) -> Iterator[tuple[str, str, str, str]]:
    for entry in package.contracts.get(side, []):
        pair = (entry["schema"], entry["version"])
        others = [
            other.id
            for other in packages
            if other is not package
            and any((one["schema"], one["version"]) == pair for one in other.contracts.get(_OTHER[side], []))
        ]
        said = ", ".join(sorted(others)) or _NOBODY[side]
        yield side, markdown.code(entry["schema"]), entry["version"], said
