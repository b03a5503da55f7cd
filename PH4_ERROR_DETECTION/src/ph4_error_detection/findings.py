"""Findings: named so that they are the same on every host, compared with the base, sorted and bounded."""

from __future__ import annotations

import os
import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Literal, cast

from global_util.checks import RawFinding
from global_util.contracts.base import content_id
from global_util.contracts.error_report import Finding
from global_util.paths import from_bytes

from ph4_error_detection.text import clean, normalise, shorten

MAX_FINDINGS = 500
_SEVERITIES = ("error", "warning", "note")
_LINE_REFERENCE = re.compile(r"\blines? \d+")
_MAX_NUMBER = 2**31


def to_finding(raw: RawFinding, tool: str, *trees: Path) -> Finding:
    """A tool's finding as the artifact holds it, ``new`` until it is compared.

    ``trees`` begins with the tree that was judged; the paths of all of them are taken out of the texts.
    """
    path = relative_path(raw.path, trees[0])
    message = shorten(normalise(raw.message, *trees)) or "no message"
    rule = shorten(normalise(raw.rule, *trees)) or tool
    severity = raw.severity if raw.severity in _SEVERITIES else "error"
    return Finding(
        fingerprint=fingerprint(tool, rule, path, message),
        tool=tool,
        rule=rule,
        severity=cast("Literal['error', 'warning', 'note']", severity),
        path=path,
        line=_number(raw.line),
        column=_number(raw.column),
        end_line=_number(raw.end_line),
        message=message,
        baseline="new",
        fixable=raw.fixable,
    )


def fingerprint(tool: str, rule: str, path: str | None, message: str) -> str:
    """What makes two findings the same fault. Line numbers do not count, those inside the message neither."""
    text = _LINE_REFERENCE.sub("line _", message)
    return content_id({"tool": tool, "rule": rule, "path": path, "message": text})


def relative_path(path: str | None, tree: Path) -> str | None:
    """A path as a tool tells it, relative to the tree; None outside of it."""
    if not path:
        return None
    for root in (str(tree), str(tree.resolve())):
        place = os.path.normpath(Path(root) / clean(path).replace("\0", ""))
        if place.startswith(root + os.sep):
            return from_bytes(os.fsencode(place[len(root) + 1 :]))
    return None


def renamed(finding: Finding, new_names: Mapping[str, str]) -> Finding:
    """A finding of the base under the name that its file has at the head."""
    if finding.path is None or finding.path not in new_names:
        return finding
    path = new_names[finding.path]
    rule = path + finding.rule.removeprefix(finding.path) if finding.rule.startswith(finding.path) else finding.rule
    known_as = fingerprint(finding.tool, rule, path, finding.message)
    return finding.model_copy(update={"path": path, "rule": rule, "fingerprint": known_as})


def against_base(head: Sequence[Finding], base: Iterable[Finding]) -> list[Finding]:
    """The findings at the head, sorted, each ``unchanged`` if the base has one for it, else ``new``.

    A fault that the base has twice excuses two at the head, not three.
    """
    excused = Counter(finding.fingerprint for finding in base)
    compared = []
    for finding in sorted(head, key=_order):
        known = excused[finding.fingerprint] > 0
        excused[finding.fingerprint] -= known
        compared.append(finding.model_copy(update={"baseline": "unchanged" if known else "new"}))
    return compared


def bounded(findings: Sequence[Finding]) -> tuple[tuple[Finding, ...], str]:
    """At most 500 findings, new ones before unchanged ones, in their order; and a note when some were left out."""
    if len(findings) <= MAX_FINDINGS:
        return tuple(findings), ""
    ranked = sorted(range(len(findings)), key=lambda index: (findings[index].baseline != "new", index))
    kept = tuple(findings[index] for index in sorted(ranked[:MAX_FINDINGS]))
    new = sum(finding.baseline == "new" for finding in findings)
    return kept, f"{MAX_FINDINGS} of {len(findings)} findings are listed ({new} are new)"


def _order(finding: Finding) -> tuple[str, int, int, str, str]:
    return finding.path or "", finding.line or 0, finding.column or 0, finding.rule, finding.message


def _number(value: int | None) -> int | None:
    return value if isinstance(value, int) and 1 <= value < _MAX_NUMBER else None
