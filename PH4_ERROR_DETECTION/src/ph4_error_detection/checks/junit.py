"""JUnit reports as pytest writes them (family ``xunit1``): which tests failed, and where."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from xml.etree import ElementTree as ET

from global_util.checks import RawFinding

MAX_REPORT_BYTES = 50_000_000
_LAST_LINES = 5


class UnreadableReport(Exception):
    """A report that is missing, not XML, or declares entities."""


@dataclass(frozen=True)
class JUnitReport:
    """The failing tests, and how many passed."""

    findings: tuple[RawFinding, ...]
    passed: int


def read_report(raw: bytes) -> JUnitReport:
    """Understand a report. Raises UnreadableReport; a DOCTYPE or ENTITY is refused, for the tests wrote the file."""
    cases = list(_root(raw).iter("testcase"))
    findings = tuple(finding for case in cases for finding in _findings(case))
    passed = sum(1 for case in cases if all(case.find(part) is None for part in ("failure", "error", "skipped")))
    return JUnitReport(findings, passed)


def _root(raw: bytes) -> ET.Element:
    if not raw:
        raise UnreadableReport("no report")
    if len(raw) > MAX_REPORT_BYTES:
        raise UnreadableReport("the report is too large")
    try:
        text = raw.decode("utf-8")
        if re.search(r"<!\s*(DOCTYPE|ENTITY)", text, re.IGNORECASE):
            raise UnreadableReport("the report declares a document type or entities")
        return ET.fromstring(text)  # noqa: S314  (no entity can be declared)
    except (UnicodeDecodeError, ET.ParseError, RecursionError, ValueError) as fault:
        raise UnreadableReport(f"the report is not readable XML: {fault}") from None


def _findings(case: ET.Element) -> Iterator[RawFinding]:
    path = case.get("file") or None
    for part in case:
        if part.tag in ("failure", "error"):
            text = part.text or ""
            yield RawFinding(
                rule=_node_id(case, path),
                message=_message(part.get("message", ""), text),
                path=path,
                line=_line(text, path) or _first_line(case),
            )


def _node_id(case: ET.Element, path: str | None) -> str:
    """``tests/test_a.py::TestX::test_y[1]``; a file that could not be collected is named by its path."""
    name, owner = case.get("name", ""), case.get("classname", "")
    if path is None:
        return "::".join(part for part in (owner, name) if part) or "pytest"
    module = path.removesuffix(".py").replace("/", ".")
    if not owner and name == module:
        return path
    classes = owner.removeprefix(module).removeprefix(".") if owner.startswith(module) else ""
    return "::".join([path, *filter(None, classes.split(".")), name])


def _message(headline: str, text: str) -> str:
    """What went wrong; where the headline only says at which stage, pytest's own lines of the error."""
    if headline and headline != "collection failure" and not headline.startswith("failed on "):
        return headline
    errors = [line[1:].strip() for line in text.splitlines() if line.startswith("E ")]
    return "\n".join([headline, *(errors or text.splitlines())[-_LAST_LINES:]]).strip() or "failed"


def _line(text: str, path: str | None) -> int | None:
    """The last line of the test's own file that the traceback names."""
    found = re.findall(rf"^{re.escape(path)}:(\d{{1,9}}):", text, re.MULTILINE) if path else []
    return int(found[-1]) if found else None


def _first_line(case: ET.Element) -> int | None:
    line = case.get("line", "")
    return int(line) + 1 if re.fullmatch(r"\d{1,9}", line) else None
