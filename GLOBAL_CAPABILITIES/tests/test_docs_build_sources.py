"""What derived blocks say of commands, schemas, settings, entry points, contracts and tests."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from global_capabilities.derived import build, markdown
from global_capabilities.derived.blocks import END
from global_capabilities.derived.schemas import describe
from hypothesis import given
from hypothesis import strategies as st

CONTRACTS = "PH1_MAKE/modules/M001_WORK/docs/MOD_CONTRACTS.md"
DELIVERABLES = "PH1_MAKE/modules/M001_WORK/docs/MOD_DELIVERABLES.md"
PLAN = "PH1_MAKE/modules/M001_WORK/docs/MOD_TEST_PLAN.md"
MANIFEST = "PH1_MAKE/phase.manifest.json"
CLI = '''
import click

@click.group()
@click.version_option("1")
def main():
    """The group."""

@main.command(epilog="Example: nothing")
@click.argument("plan", type=click.Path())
@click.argument("more", nargs=-1)
@click.argument("last", metavar="[A|B]...", required=False)
@click.option("--name", "-n", metavar="A|B", help="""One of two | or <three>,
    said at length: *not* bold, `code|span`, [link](x).""")
@click.option("--count", type=click.IntRange(1), default=3, help="How many.")
@click.option("--form", type=click.Choice(["text", "json"]), multiple=True)
@click.option("--yes/--no", default=True, help="Agree.")
@click.option("--must", required=True, help="Needed.")
@click.option("--secret", hidden=True)
def run(**given):
    """Runs it,
    line by line.

    Not in the reference.
    """

@main.command(hidden=True)
def hidden(): ...
'''
LAZY = """
import click

class Lazy(click.Group):
    def list_commands(self, ctx):
        return ["late", "foreign"]
    def added(self):
        return {"foreign": ("elsewhere:command", "")}
    def get_command(self, ctx, name):
        from ph1_make.late import command
        return {"late": command}[name]

main = Lazy("main")
"""


def write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, "utf-8")


def edit(path: Path, **changes: object) -> None:
    path.write_text(json.dumps({**json.loads(path.read_text("utf-8")), **changes}), "utf-8")


def derived(repo: Path, name: str, document: str = CONTRACTS) -> str:
    """What ``docs build`` puts into the block."""
    write(repo / document, f"<!-- derived: {name} -->\n{END}\n")
    assert build(repo, check=False) == []
    assert build(repo, check=True) == []
    return "\n".join((repo / document).read_text("utf-8").splitlines()[2:-2])


def refused(repo: Path, name: str, document: str = CONTRACTS) -> str:
    """Why a block cannot be derived; what stood in it stays."""
    text = f"<!-- derived: {name} -->\nas it was\n{END}\n"
    write(repo / document, text)
    told = build(repo, check=False)
    assert told == build(repo, check=True)
    assert (repo / document).read_text("utf-8") == text
    assert [(one.file, one.line) for one in told] == [(document, 1)]
    return told[0].what


def test_commands_are_told_with_usage_options_and_one_line_of_help(repo: Path) -> None:
    write(repo / "PH1_MAKE/src/ph1_make/cli.py", CLI)
    assert derived(repo, "cli").splitlines() == [
        "### `make-it run [OPTIONS] PLAN [MORE...] [A|B]...`",
        "",
        "Runs it, line by line.",
        "",
        "| option | meaning |",
        "|---|---|",
        "| `--name, -n A\\|B` | One of two \\| or \\<three>, said at length: \\*not\\* bold, `code\\|span`, \\[link](x). |",
        "| `--count INTEGER RANGE` | How many. Default: `3`. |",
        "| `--form [text\\|json]` | Repeatable. |",
        "| `--yes / --no` | Agree. |",
        "| `--must TEXT` | Needed. Required. |",
    ]


def test_lazy_commands_are_imported_and_those_of_other_packages_left_to_them(repo: Path) -> None:
    write(repo / "PH1_MAKE/src/ph1_make/cli.py", LAZY)
    write(repo / "PH1_MAKE/src/ph1_make/late.py", 'import click\ncommand = click.Command("late", help="Late.")\n')
    assert derived(repo, "cli") == "### `make-it late`\n\nLate."


def test_a_program_that_begins_before_click_is_imported_names_its_commands(repo: Path) -> None:
    write(repo / "PH1_MAKE/src/ph1_make/late.py", 'import click\ncommand = click.Command("late", help="Late.")\n')
    source = "def main(): ...\ndef commands():\n    from ph1_make.late import command\n    return command\n"
    write(repo / "PH1_MAKE/src/ph1_make/cli.py", source)
    assert derived(repo, "cli") == "### `make-it`\n\nLate."


def test_what_a_command_prints_while_it_is_imported_does_not_matter(repo: Path) -> None:
    source = 'import click, os\nprint("noise")\nos.write(1, b"noise\\n")\nmain = click.Command("main", help="Said.")\n'
    write(repo / "PH1_MAKE/src/ph1_make/cli.py", source)
    assert derived(repo, "cli") == "### `make-it`\n\nSaid."


@pytest.mark.parametrize(
    ("source", "told"),
    [
        ("import no_such_library\n", "ModuleNotFoundError: No module named 'no_such_library'"),
        ("def main(): ...\n", "TypeError: ph1_make.cli:main is no click command"),
        ("def main(): ...\ndef commands(): ...\n", "TypeError: ph1_make.cli:main is no click command"),
        ("main = 1 +\n", "SyntaxError"),
        ("raise SystemExit(3)\n", "SystemExit: 3"),
        ("import os\nos._exit(0)\n", "importing make-it did not come to an end"),
        (
            "import click\nmain = click.Group(commands={'a': None})\n",
            "LookupError: make-it lists a, and has no such command",
        ),
    ],
)
def test_a_command_that_cannot_be_imported_is_told(repo: Path, source: str, told: str) -> None:
    write(repo / "PH1_MAKE/src/ph1_make/cli.py", source)
    assert f"block 'cli' is not derivable: the command make-it cannot be imported: {told}" in refused(repo, "cli")


def test_a_command_that_lies_elsewhere_is_not_taken_for_ours(repo: Path) -> None:
    edit(repo / MANIFEST, cli={"command": "make-it", "entry": "global_util.cli:main"})
    assert "ImportError: global_util.cli is imported from outside of PH1_MAKE" in refused(repo, "cli")


def test_a_package_without_command_says_so(repo: Path) -> None:
    edit(repo / MANIFEST, cli=None)
    assert derived(repo, "cli") == "This package has no command."


def test_schemas_are_told_two_levels_deep(repo: Path) -> None:
    thing = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "description": "A ``thing``.",
        "required": ["id", "parts"],
        "properties": {
            "id": {"type": "string", "pattern": "^a|b$", "description": "Its name."},
            "kind": {"enum": ["x", "y"], "default": "x"},
            "parts": {"type": "array", "items": {"$ref": "#/$defs/Part"}},
            "size": {"anyOf": [{"type": "integer", "minimum": 1}, {"type": "null"}], "default": None},
            "names": {"type": "object", "additionalProperties": {"type": "string"}},
            "broken": {"$ref": "#/$defs/Missing"},
            "version": {"const": 1},
        },
        "$defs": {
            "Part": {
                "description": "A part.",
                "properties": {"inner": {"$ref": "#/$defs/Part"}, "any": {}},
                "required": ["any"],
            }
        },
    }
    write(repo / "PH1_MAKE/schema/thing.v1.json", json.dumps(thing))
    write(repo / "PH1_MAKE/schema/data.json", '{"scopes": {}}')
    assert derived(repo, "schemas").splitlines() == [
        "### `schema/thing.v1.json`",
        "",
        "A `thing`.",
        "",
        "| field | type | required | meaning |",
        "|---|---|---|---|",
        "| `id` | string | yes | Its name. (matches `^a\\|b$`) |",
        '| `kind` | `"x"` or `"y"` |  | default `"x"` |',
        "| `parts` | list of Part | yes | A part. |",
        "| `parts[].inner` | Part |  | A part. |",
        "| `parts[].any` | any | yes |  |",
        "| `size` | integer or null |  | at least `1` |",
        "| `names` | map to string |  |  |",
        "| `broken` | any |  |  |",
        "| `version` | `1` |  |  |",
    ]


@pytest.mark.parametrize("text", ["{", "\udcff".encode("utf-8", "surrogateescape").decode("latin-1") + "{"])
def test_a_schema_that_is_no_json_is_told(repo: Path, text: str) -> None:
    write(repo / "PH1_MAKE/schema/thing.v1.json", text)
    assert "schema/thing.v1.json is not readable as JSON" in refused(repo, "schemas")


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=4),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                ["properties", "$ref", "anyOf", "type", "items", "enum", "$defs", "additionalProperties", "a"]
            ),
            inner,
            max_size=4,
        )
    ),
    max_leaves=12,
)


@given(st.dictionaries(st.sampled_from(["properties", "$defs", "required", "description"]), _JSON))
def test_any_json_gives_a_table_or_none(document: dict[str, object]) -> None:
    assert list(describe(Path("x.json"), document))


def test_settings_are_told_with_default_meaning_and_place(repo: Path) -> None:
    toml = '# All of it.\n[work]\njobs = 2  # how many\ntext = "#no comment"\n# Said above.\nnames = [\n  "a",\n]\n\nlast = 1\n'
    write(repo / "PH1_MAKE/config/work.toml", toml)
    write(repo / "GLOBAL_KEEP/config/keep.yaml", "# Bounds.\nkeep:\n  inner:\n    days: 3  # how long\n  more: '#'\n")
    edit(
        repo / MANIFEST,
        config_keys=["work.jobs", "keep.inner.days", "work.text", "other.key"],
        entry_points={"pipeline.config": {"work.toml": "ph1_make"}},
    )
    edit(repo / "GLOBAL_KEEP/service.manifest.json", entry_points={"pipeline.config": {"keep.yaml": "global_keep"}})
    assert derived(repo, "config").splitlines() == [
        "| key | default | meaning | default lies in |",
        "|---|---|---|---|",
        "| `keep.inner.days` | `3` | how long | `GLOBAL_KEEP/config/keep.yaml` |",
        "| `other.key` |  |  |  |",
        "| `work.jobs` | `2` | how many | `PH1_MAKE/config/work.toml` |",
        '| `work.text` | `"#no comment"` | All of it. | `PH1_MAKE/config/work.toml` |',
        "",
        "Defaults that lie here for others:",
        "",
        "| key | default | meaning | read by |",
        "|---|---|---|---|",
        "| `work.last` | `1` | All of it. | nobody |",
        '| `work.names` | `["a"]` | Said above. | nobody |',
    ]


@pytest.mark.parametrize(
    ("name", "text"), [("a.toml", "a ="), ("a.yaml", "a: [\n"), ("a.yaml", "- a\n"), ("a.json", "{")]
)
def test_a_default_file_that_is_wrong_is_told(repo: Path, name: str, text: str) -> None:
    edit(repo / MANIFEST, entry_points={"pipeline.config": {name: "ph1_make"}})
    write(repo / "PH1_MAKE/config" / name, text)
    assert f"block 'config' is not derivable: config/{name} is not readable: " in refused(repo, "config")


def test_entry_points_are_told_with_the_command(repo: Path) -> None:
    edit(repo / MANIFEST, entry_points={"pipeline.phases": {"ph1": "ph1_make.phase:PHASE"}})
    assert derived(repo, "entry_points").splitlines()[2:] == [
        "| `console_scripts` | `make-it` | `ph1_make.cli:main` |",
        "| `pipeline.phases` | `ph1` | `ph1_make.phase:PHASE` |",
    ]


def test_deliverables_name_the_other_side(repo: Path) -> None:
    consumed = [{"schema": "wish", "version": "v2", "sha256": "0" * 64}]
    edit(repo / "PH1_MAKE/phase.contracts.json", consumes=consumed)
    assert derived(repo, "deliverables", DELIVERABLES).splitlines()[2:] == [
        "| consumes | `wish` | v2 | a document; no package produces it |",
        "| produces | `thing` | v1 | no package consumes it |",
    ]


def test_tests_are_counted_without_importing_them(repo: Path) -> None:
    write(
        repo / "PH1_MAKE/tests/deep/test_many.py",
        '"""Many\nthings, e.g. these. More."""\nimport gone\n\ndef test_a(): ...\nasync def test_b(): ...\ndef helper(): ...\n'
        "class TestC:\n    def test_d(self): ...\n    def tool(self): ...\nTestE = Machine.TestCase\n",
    )
    write(repo / "PH1_MAKE/tests/data/test_fixture.py", "not python at all")
    write(repo / "PH1_MAKE/tests/conftest.py", "def test_no(): ...\n")
    rows = derived(repo, "tests", PLAN).splitlines()[2:]
    assert rows == ["| `tests/deep/test_many.py` | 4 | Many things, e.g. these. |"]


def test_a_test_file_that_does_not_parse_is_told(repo: Path) -> None:
    write(repo / "PH1_MAKE/tests/test_bad.py", "ok = 1\ndef :\n")
    assert "tests/test_bad.py:2 is no Python" in refused(repo, "tests", PLAN)


@pytest.mark.parametrize(
    ("name", "document"), [("schemas", CONTRACTS), ("config", CONTRACTS), ("entry_points", CONTRACTS), ("tests", PLAN)]
)
def test_nothing_to_tell_is_told(repo: Path, name: str, document: str) -> None:
    edit(repo / MANIFEST, cli=None)
    (repo / "PH1_MAKE/schema/thing.v1.json").unlink()
    assert re.fullmatch(r"(It|This package) .*\.", derived(repo, name, document))


@given(st.text())
def test_a_cell_is_one_line_with_no_bare_pipe(said: str) -> None:
    for cell in (markdown.text(said), markdown.code(said)):
        row = markdown.table(("a",), [(cell,)]).split("\n")[2:]
        assert len(row) == 1
        assert len(re.findall(r"(?<!\\)\|", row[0])) == 2


@given(st.text(alphabet="ab`<|*_ \n"))
def test_text_opens_no_html_and_no_comment(said: str) -> None:
    shown = re.sub(r"(?<!`)(`+)(?!`).*?(?<!`)\1(?!`)", "", markdown.text(said).replace("\\`", ""))
    assert not re.search(r"(?<!\\)[<*]", shown)
