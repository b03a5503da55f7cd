"""Findings: named alike on every host, and compared with the base one for one."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest
from global_util.checks import RawFinding
from global_util.contracts.error_report import Finding
from hypothesis import given, settings
from hypothesis import strategies as st
from ph4_error_detection.findings import MAX_FINDINGS, against_base, bounded, relative_path, renamed, to_finding

TREE = Path("/cache/slots/s1")
RAW = st.builds(
    RawFinding,
    rule=st.sampled_from(["F401", "E501"]),
    message=st.sampled_from(["unused", "too long"]),
    path=st.sampled_from(["a.py", "b.py", None]),
    line=st.integers(1, 4),
)
FINDINGS = st.lists(RAW.map(lambda raw: to_finding(raw, "ruff", TREE)), max_size=12)


@settings(deadline=None)
@given(FINDINGS, FINDINGS)
def test_the_base_excuses_as_many_as_it_has_and_nothing_else(head: list[Finding], base: list[Finding]) -> None:
    compared = against_base(head, base)
    at_head, at_base = (Counter(finding.fingerprint for finding in findings) for findings in (head, base))
    new = Counter(finding.fingerprint for finding in compared if finding.baseline == "new")
    assert Counter(finding.fingerprint for finding in compared) == at_head
    assert new == at_head - at_base


@settings(deadline=None)
@given(FINDINGS, FINDINGS, st.randoms(use_true_random=False))
def test_the_order_in_which_a_tool_tells_does_not_matter(
    head: list[Finding], base: list[Finding], random: object
) -> None:
    shuffled, shuffled_base = list(head), list(base)
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    random.shuffle(shuffled_base)  # type: ignore[attr-defined]
    assert against_base(shuffled, shuffled_base) == against_base(head, base)


@settings(deadline=None)
@given(FINDINGS)
def test_nothing_is_new_against_itself(findings: list[Finding]) -> None:
    assert all(finding.baseline == "unchanged" for finding in against_base(findings, findings))


def test_a_fault_keeps_its_name_when_its_code_moves() -> None:
    first = to_finding(RawFinding("F811", "redefinition of `x` from line 3", "a.py", 9), "ruff", TREE)
    moved = to_finding(RawFinding("F811", "redefinition of `x` from line 5", "a.py", 11), "ruff", TREE)
    other = to_finding(RawFinding("F811", "redefinition of `y` from line 3", "a.py", 9), "ruff", TREE)
    assert first.fingerprint == moved.fingerprint != other.fingerprint


def test_a_fault_of_a_renamed_file_is_the_same_fault() -> None:
    base = to_finding(RawFinding("old.py::test_a", "no", "old.py", 1), "pytest", TREE)
    head = to_finding(RawFinding("new.py::test_a", "no", "new.py", 1), "pytest", TREE)
    assert renamed(base, {"old.py": "new.py"}).fingerprint == head.fingerprint
    assert renamed(base, {"other.py": "new.py"}) == base


@pytest.mark.parametrize(
    ("told", "path"),
    [
        ("/cache/slots/s1/a/b.py", "a/b.py"),
        ("./a.py", "a.py"),
        ("a/../b.py", "b.py"),
        ("/etc/passwd", None),
        ("../s10/a.py", None),
        ("/cache/slots/s1", None),
        ("", None),
        (None, None),
        ("back\\slash.py", "back\\\\slash.py"),
        ("a\0.py", "a.py"),
        ("\ud800.py", "?.py"),
    ],
)
def test_a_path_is_relative_to_the_tree_or_none(told: str | None, path: str | None) -> None:
    assert relative_path(told, TREE) == path


@pytest.mark.parametrize("number", [0, -1, 2**40, None])
def test_a_position_that_makes_no_sense_is_left_out(number: int | None) -> None:
    found = to_finding(RawFinding("x", "m", "a.py", number, number, number), "mypy", TREE)
    assert (found.line, found.column, found.end_line) == (None, None, None)


def test_what_a_tool_leaves_empty_or_invents_is_filled_in() -> None:
    found = to_finding(RawFinding("", "", None, severity="catastrophe"), "mypy", TREE)
    assert (found.rule, found.message, found.severity) == ("mypy", "no message", "error")


def test_too_many_findings_are_cut_but_never_the_new_ones_first() -> None:
    raws = [RawFinding("F401", f"m{number}", "a.py", number + 1) for number in range(MAX_FINDINGS + 100)]
    head = [to_finding(raw, "ruff", TREE) for raw in raws]
    kept, note = bounded(against_base(head, head[:-3]))
    assert len(kept) == MAX_FINDINGS
    assert [finding.message for finding in kept if finding.baseline == "new"] == ["m597", "m598", "m599"]
    assert [finding.line for finding in kept] == sorted(finding.line or 0 for finding in kept)
    assert note == "500 of 600 findings are listed (3 are new)"
