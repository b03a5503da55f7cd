"""Workstream bundles: one JSON object, a list of them, or a folder of such files (``workstream.v1``)."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from global_util.contracts.base import first_fault
from global_util.contracts.workstream import Source, Workstream, WorkstreamBundle
from global_util.contracts.workstream_set import Plan, Validity
from global_util.paths import fault
from global_util.plan_formats import Granularity, Reading
from pydantic import ValidationError

from ph0_planning.bundle_schema import check_bundle, known_keys, parse_json, refuse_unknown_key
from ph0_planning.errors import DuplicateId, PathRefused, PlanEmpty, SchemaViolated
from ph0_planning.files import MAX_BYTES, Document, PlanFiles
from ph0_planning.findings import Findings
from ph0_planning.slugs import slug

LEGACY_KEYS = frozenset(
    [
        "capability_payload",
        "compensation_actions",
        "conflict_group",
        "estimated_context_tokens",
        "kind",
        "max_cost_usd",
        "parallel_ok",
        "steps",
        "test_gates",
    ]
)
"""Keys of older bundles that have no place in ``workstream.v1``: kept under ``metadata.legacy``."""
PATH_FIELDS = ("files_scope", "files_create", "files_read_only", "forbidden_paths")
_MARKS = (b'"files_scope"', b'"ws-')


class Bundles:
    """Reads bundles. A bundle is a workstream whatever the granularity; unknown ids and cycles are PH1's to judge."""

    id = "bundles"
    title = "workstream bundles: a JSON file, or a folder of them"

    def recognises(self, path: Path) -> bool:
        """A JSON file that holds a bundle or is broken, or a folder with a JSON file that holds one."""
        if path.is_dir():
            return any(_has_mark(child) or child.name.startswith("ws-") for child in _json_files(path))
        return path.suffix.lower() == ".json" and path.is_file() and (_has_mark(path) or not _is_json(path))

    def read(self, path: Path, root: Path, granularity: Granularity) -> Reading:  # noqa: ARG002 - a bundle is one unit
        """Read all bundles. Raises InvalidInput (exit 3), E315 to E321, with file and JSON pointer."""
        files, findings = PlanFiles(path, root), Findings()
        names = [child.name for child in _json_files(path)] if path.is_dir() else [files.plan.name]
        if not names:
            raise PlanEmpty(f"{path}: no JSON file in it", "write a bundle, or give another path")
        found: dict[str, tuple[Workstream, str]] = {}
        for document in map(files.read, names):
            for place, bundle in _bundles(document):
                stream, where = _workstream(document, place, bundle, findings), f"{document.path}: {place or '/'}"
                if stream.id in found:
                    raise DuplicateId(
                        f"{where}: the id {stream.id!r} is used in {found[stream.id][1]} already", "rename one"
                    )
                found[stream.id] = (stream, where)
        streams = tuple(found[name][0] for name in sorted(found))
        title = files.base.name if path.is_dir() else files.plan.stem
        plan = Plan(id=slug(title), title=title, format=self.id, root=files.root, files=files.read_files())
        return Reading(plan, streams, findings.notes(), findings.questions(), Validity(verdict="valid"))


FORMAT = Bundles()


def _json_files(folder: Path) -> list[Path]:
    return sorted(child for child in folder.glob("*.json") if not child.name.startswith(".") and child.is_file())


def _has_mark(path: Path) -> bool:
    text = _head(path)
    return any(mark in text for mark in _MARKS)


def _is_json(path: Path) -> bool:
    try:
        json.loads(_head(path))
    except (ValueError, RecursionError):
        return False
    return True


def _head(path: Path) -> bytes:
    try:
        with path.open("rb") as stream:
            return stream.read(MAX_BYTES)
    except OSError:
        return b""


def _bundles(document: Document) -> Iterator[tuple[str, dict[str, Any]]]:
    """Each bundle of a file with its JSON pointer."""
    value = parse_json(document.text, document.path)
    if value == []:
        raise PlanEmpty(f"{document.path}: an empty list, no bundle in it", "write a bundle, or give another path")
    for place, bundle in (
        [(f"/{number}", each) for number, each in enumerate(value)] if isinstance(value, list) else [("", value)]
    ):
        if not isinstance(bundle, dict):
            raise SchemaViolated(
                f"{document.path}: {place or '/'}: not an object", "a bundle file holds an object, or a list of objects"
            )
        yield place, bundle


def _workstream(document: Document, place: str, bundle: dict[str, Any], findings: Findings) -> Workstream:
    converted = _converted(document, place, bundle, findings)
    check_bundle(converted, document.path, place)
    _check_paths(document, place, converted)
    source = Source(format=Bundles.id, path=document.path, sha256=document.sha256, items=(converted["id"],))
    converted.setdefault("source", source.to_json())
    try:
        return WorkstreamBundle.model_validate_json(json.dumps(converted))
    except ValidationError as wrong:
        raise SchemaViolated(f"{document.path}: {place}{first_fault(wrong)}", "see schema/workstream.v1.json") from None


def _converted(document: Document, place: str, bundle: dict[str, Any], findings: Findings) -> dict[str, Any]:
    """The bundle with the keys of older bundles moved to where they belong now."""
    known = known_keys()
    kept = {key: value for key, value in bundle.items() if key in known}
    legacy = {key: value for key, value in bundle.items() if key not in known}
    for key in sorted(legacy):
        if key not in LEGACY_KEYS and not key.startswith("_comment"):
            refuse_unknown_key(key, [*known, *sorted(LEGACY_KEYS)], document.path, place)
        why = "an older key with no place of its own, kept under metadata.legacy"
        findings.note("converted", document, None, why, f"{bundle.get('id', '')} {place}/{key}".strip())
    if "max_cost_usd" in legacy:
        budget = kept.get("budget") or {}
        kept["budget"] = {"cost_usd": legacy["max_cost_usd"], **budget} if isinstance(budget, dict) else budget
    if legacy:
        kept["metadata"] = _with_legacy(document, place, kept.get("metadata", {}), legacy)
    return kept


def _with_legacy(document: Document, place: str, metadata: Any, legacy: dict[str, Any]) -> Any:
    if not isinstance(metadata, dict):
        return metadata
    before = metadata.get("legacy", {})
    if not isinstance(before, dict):
        raise SchemaViolated(
            f"{document.path}: {place}/metadata/legacy: not an object", "older keys are kept there; rename yours"
        )
    return {**metadata, "legacy": {**before, **legacy}}


def _check_paths(document: Document, place: str, bundle: dict[str, Any]) -> None:
    for field in PATH_FIELDS:
        for number, entry in enumerate(bundle.get(field) or ()):
            path = entry["path"] if isinstance(entry, dict) else entry
            why = fault(path)
            if why:
                where = f"{document.path}: {place}/{field}/{number}"
                raise PathRefused(
                    f"{where}: {path!r} {why}", "write it relative to the repository's root, like src/app.py"
                )
