"""OpenSpec's own verdict on a change: the rules that its validator applies, as reasons in the order of the files."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence

from global_util.contracts.workstream_set import Validity

from ph0_planning.deltas import Delta, Requirement, main_requirements, read_delta
from ph0_planning.files import Document, PlanFiles
from ph0_planning.markdown import box, list_text

_NORMATIVE = re.compile(r"\b(SHALL|MUST)\b")
_SKIP = re.compile(r"skip_specs:\s*(\S+)")
_LEVEL_TWO = re.compile(r" {0,3}##(?!#)(?:[ \t]+|[ \t]*$)")
_GROUP = re.compile(r" {0,3}##[ \t]+(\d+)\.(?:[ \t]|$)")
_TASK_ID = re.compile(r"(\d+(?:\.\d+)+(?:[A-Za-z]+)?)(?=\s|$)")


def deltas_of(files: PlanFiles) -> list[Delta]:
    """All delta files of a change, by path."""
    names = [name for name in files.below("specs", "spec.md") if name.endswith("/spec.md") and name != "specs/spec.md"]
    return [read_delta(files.read(name)) for name in names if files.has(name)]


def verdict(files: PlanFiles, deltas: Sequence[Delta], tasks: Document | None) -> Validity:
    """Is the change valid for OpenSpec 1.13? Errors make it invalid; warnings are listed with it."""
    errors = [*_layout(files), *(fault for delta in deltas for fault in _faults(files, delta))]
    errors += _amount(files, deltas, bool(errors))
    warnings = [*(said for delta in deltas for said in _warnings(delta)), *(_task_warnings(tasks) if tasks else ())]
    advice = [f"{delta.document.name}:{line}: this heading is ignored" for delta in deltas for line in delta.strays]
    reasons = [f"ERROR {text}" for text in errors] + [f"WARNING {text}" for text in warnings]
    reasons += [f"INFO {text}" for text in advice]
    return Validity(verdict="invalid" if errors else "valid", reasons=tuple(reasons))


def _layout(files: PlanFiles) -> Iterator[str]:
    if files.has("specs/spec.md"):
        yield "specs/spec.md: a delta belongs into a capability's folder"
    for name in files.below("specs", ".md"):
        if not name.endswith("/spec.md") and files.has(name) and read_delta(files.read(name)).sections:
            yield f"{name}: a delta must be called spec.md, this file is ignored"


def _amount(files: PlanFiles, deltas: Sequence[Delta], has_faults: bool) -> Iterator[str]:
    metadata = files.find(".openspec.yaml")
    found = [match[1] for line in metadata.lines if (match := _SKIP.match(line))] if metadata else []
    skips = bool(found) and found[-1].lower() == "true"
    if found and found[-1].lower() not in ("true", "false"):
        yield ".openspec.yaml: skip_specs is neither true nor false"
    if skips and any(files.has(name) for name in files.below("specs", "")):
        yield ".openspec.yaml: skip_specs is set, and there are files in specs/"
    misplaced = files.has("specs/spec.md") or has_faults
    if not skips and not any(delta.count for delta in deltas) and not misplaced:
        yield "the change has no delta"


def _faults(files: PlanFiles, delta: Delta) -> Iterator[str]:
    name = delta.document.name
    for side, title, line in delta.unpaired:
        yield f"{name}:{line}: a rename has {side} without its other half: {title}"
    if not delta.count:
        found = ", ".join(sorted(delta.sections))
        yield f"{name}: no requirement below: {found}" if found else f"{name}: no delta section"
    for kind, blocks in (("ADDED", delta.added), ("MODIFIED", delta.modified)):
        for block in blocks:
            if not block.body:
                yield f"{name}:{block.line}: {kind} {block.name!r} has no text"
            if not any(not scenario.is_empty for scenario in block.scenarios):
                yield f"{name}:{block.line}: {kind} {block.name!r} has no scenario"
    yield from (f"{name}: {said}" for said in _conflicts(delta))
    yield from (f"{name}: {said}" for said in _dropped_scenarios(files, delta))


def _conflicts(delta: Delta) -> Iterator[str]:
    added, modified, removed = (_names(blocks) for blocks in (delta.added, delta.modified, delta.removed))
    sources, targets = [old for old, _ in delta.renamed], [new for _, new in delta.renamed]
    listed = (("ADDED", added), ("MODIFIED", modified), ("REMOVED", removed), ("FROM", sources), ("TO", targets))
    for kind, names in listed:
        yield from (f"{kind} {name!r} twice" for name, count in Counter(names).items() if count > 1)
    pairs = (
        ("MODIFIED", modified, "REMOVED", removed),
        ("MODIFIED", modified, "ADDED", added),
        ("ADDED", added, "REMOVED", removed),
    )
    for first, ones, second, others in pairs:
        yield from (f"{name!r} is both {first} and {second}" for name in dict.fromkeys(ones) if name in others)
    for old, new in delta.renamed:
        if old in modified:
            yield f"MODIFIED {old!r} uses the name before the renaming"
        if new in added:
            yield f"{new!r} is both ADDED and the new name of another"
        if _folded(old) in map(_folded, removed):
            yield f"{old!r} is both RENAMED and REMOVED"


def _dropped_scenarios(files: PlanFiles, delta: Delta) -> Iterator[str]:
    if not delta.modified:
        return
    capability = delta.document.name.removeprefix("specs/")
    is_archived = files.base.parent.name == "archive"
    main = files.find(("../../../specs/" if is_archived else "../../specs/") + capability)
    current = main_requirements(main) if main else {}
    former = {new: old for old, new in delta.renamed}
    for block in delta.modified:
        before = current.get(block.name) or current.get(former.get(block.name, ""))
        if before is None or block.name in former.values():
            continue
        missing = Counter(part.name for part in before.scenarios) - Counter(part.name for part in block.scenarios)
        if missing:
            yield f"MODIFIED {block.name!r} drops scenarios of the spec: {', '.join(sorted(missing))}"


def _warnings(delta: Delta) -> Iterator[str]:
    name = delta.document.name
    for kind, blocks in (("ADDED", delta.added), ("MODIFIED", delta.modified)):
        for block in blocks:
            if block.body and not _NORMATIVE.search(block.body):
                yield f"{name}:{block.line}: {kind} {block.name!r} says neither SHALL nor MUST"
    yield from (f"{name}:{line}: a requirement outside of the delta sections is ignored" for line in delta.orphans)


def _task_warnings(tasks: Document) -> Iterator[str]:
    has_items = any(
        list_text(line) is not None for line, inside in zip(tasks.lines, tasks.fenced, strict=True) if not inside
    )
    if has_items and not any(box(line) for line in tasks.lines):
        yield f"{tasks.name}: counts as 0 tasks, no line is a checkbox"
    yield from _numbering(tasks)


def _numbering(tasks: Document) -> Iterator[str]:
    group, first_seen = "", dict[str, int]()
    for number, line in enumerate(tasks.lines, 1):
        if _LEVEL_TWO.match(line):
            found = _GROUP.match(line)
            group = found[1] if found else ""
        item = box(line) if group else None
        identifier = _TASK_ID.match(item.text) if item else None
        if identifier is None:
            continue
        name = identifier[1]
        if name.split(".")[0].lstrip("0") != group.lstrip("0"):
            yield f"{tasks.name}:{number}: task {name} stands in group {group}"
        if name in first_seen:
            yield f"{tasks.name}:{number}: task id {name} was used on line {first_seen[name]} already"
        first_seen.setdefault(name, number)


def _names(blocks: Sequence[Requirement]) -> list[str]:
    return [block.name for block in blocks]


def _folded(name: str) -> str:
    return " ".join(name.lower().split())
