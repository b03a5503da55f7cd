"""Tool profiles: where they come from, what is refused, which one is chosen, and how a command is put together."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any

import pytest
from global_aim import profiles
from global_util.contracts.phase_plan import ToolProfile
from global_util.errors import EnvironmentFault, InvalidInput
from hypothesis import given
from hypothesis import strategies as st

VALUES = {
    "prompt_file": "/run/prompt.txt",
    "worktree": "/slot",
    "attempt": "2",
    "workstream_id": "ws-x",
    "recording": "/run/replay",
}


def mine(*command: str, **table: Any) -> ToolProfile:
    return profiles.resolve_tools({"mine": {"command": list(command), **table}})["mine"]


def test_the_shipped_profiles_are_valid_and_sorted() -> None:
    tools = profiles.resolve_tools({})
    assert {"aider", "claude", "codex", "replay"} <= set(tools)
    assert list(tools) == sorted(tools)
    assert all(tool.kind == "ai" and tool.capabilities for tool in tools.values())


@pytest.mark.parametrize("name", ["aider", "claude", "codex", "replay"])
def test_no_shipped_profile_holds_a_secret_or_a_place_of_this_machine(name: str) -> None:
    tool = profiles.resolve_tools({})[name]
    assert all(value.startswith("$") for key, value in tool.env.items() if key.endswith("KEY"))
    assert not [word for word in tool.command if word.startswith("/") and word != "/dev/null"]


def test_aider_is_called_so_that_it_leaves_nothing_but_the_edit() -> None:
    command = profiles.render(profiles.resolve_tools({})["aider"], VALUES, ["calc.py", "a b.py"])
    assert command[:3] == ["aider", "--message-file", "/run/prompt.txt"]
    assert command[-2:] == ["--file=calc.py", "--file=a b.py"]
    flags = {"--yes-always", "--no-auto-commits", "--no-gitignore", "--no-check-update", "--analytics-disable"}
    assert flags | {"--no-stream", "--no-pretty", "--disable-playwright", "--no-suggest-shell-commands"} <= set(command)
    for history in ("--chat-history-file", "--input-history-file"):
        assert command[command.index(history) + 1] == "/dev/null"


def test_replay_is_our_own_interpreter_with_the_recording() -> None:
    command = profiles.render(profiles.resolve_tools({})["replay"], VALUES)
    assert command == [sys.executable, "-P", "-m", "global_aim.replay", "/run/replay", "ws-x", "2"]


def test_a_users_table_lies_over_the_shipped_one() -> None:
    table = {"aider": {"timeout_s": 5, "env": {"AIDER_MODEL": "some-model", "EXTRA": "1"}}}
    shipped, changed = profiles.resolve_tools({})["aider"], profiles.resolve_tools(table)["aider"]
    assert (changed.timeout_s, changed.command) == (5, shipped.command)
    assert changed.env == {**shipped.env, "AIDER_MODEL": "some-model", "EXTRA": "1"}


def test_a_tool_of_the_users_own_needs_a_command_only() -> None:
    tool = mine("my-tool", "{prompt_file}", timeout_s=60)
    assert (tool.kind, tool.capabilities, tool.env) == ("ai", ("edit",), {})
    assert (tool.timeout_s, tool.idle_timeout_s) == (60, 60)


def test_the_source_of_a_profile_is_told() -> None:
    told = profiles.sources({"aider": {"timeout_s": 1}, "mine": {"command": ["x"]}})
    assert (told["codex"], told["aider"], told["mine"]) == ("shipped", "shipped, pipeline.toml", "pipeline.toml")
    assert told["replay"] == "phaseline-global-aim"


@pytest.mark.parametrize(
    ("table", "message", "hint"),
    [
        ({"mine": {}}, "tools.mine.command: missing", ""),
        ({"mine": {"comand": ["x"]}}, "tools.mine.comand: unknown key", "'command'"),
        ({"mine": {"command": ["x"], "zzz": 1}}, "tools.mine.zzz: unknown key", "idle_timeout_s"),
        ({"mine": {"command": "x --flag"}}, "tools.mine.command: expected a list", "no shell"),
        ({"mine": {"command": []}}, "tools.mine.command: names no program", ""),
        ({"mine": {"command": [" "]}}, "tools.mine.command: names no program", ""),
        ({"mine": {"command": ["x", 1]}}, "tools.mine.command[1]: expected a text", ""),
        ({"mine": {"command": ["x\0"]}}, "tools.mine.command[0]: expected a text", ""),
        ({"mine": {"command": ["x"], "kind": ""}}, "tools.mine.kind: expected a text", ""),
        ({"mine": {"command": ["x"], "capabilities": "edit"}}, "tools.mine.capabilities: expected a list", ""),
        ({"mine": {"command": ["x"], "timeout_s": 0}}, "tools.mine.timeout_s: expected whole seconds", ""),
        ({"mine": {"command": ["x"], "timeout_s": True}}, "tools.mine.timeout_s: expected whole seconds", ""),
        ({"mine": {"command": ["x"], "timeout_s": 1.5}}, "tools.mine.timeout_s: expected whole seconds", ""),
        ({"mine": {"command": ["x"], "idle_timeout_s": "9"}}, "tools.mine.idle_timeout_s: expected whole seconds", ""),
        ({"mine": {"command": ["x"], "env": ["A"]}}, "tools.mine.env: expected a table", ""),
        ({"mine": {"command": ["x"], "env": {"A": 1}}}, "tools.mine.env.A: expected a text", ""),
        ({"mine": {"command": ["x"], "env": {"A B": "1"}}}, "tools.mine.env.A B: no name of a variable", ""),
        ({"mine": {"command": ["x"], "env": {"A": "$"}}}, "tools.mine.env.A: '$' names no variable", "$NAME"),
        ({"mine": {"command": ["x"], "env": {"A": "$B-C"}}}, "tools.mine.env.A: '$B-C' names no variable", ""),
        (
            {"mine": {"command": ["x"], "env": {"X_API_KEY": "0123456789abcdef"}}},
            "tools.mine.env.X_API_KEY: looks like a secret",
            "$X_API_KEY",
        ),
        ({"mine": {"command": ["x", "{promt_file}"]}}, "unknown placeholder {promt_file}", "'prompt_file'"),
        ({"mine": ["x"]}, "tools.mine: expected a table", "[tools.mine]"),
        ({"timeout_s": 3}, "tools.timeout_s: expected a table", ""),
        ({"a/b": {"command": ["x"]}}, "tools.a/b: a tool's name", ""),
        ({"aider": {"timeout": 3}}, "tools.aider.timeout: unknown key", "'timeout_s'"),
    ],
)
def test_a_wrong_table_is_refused_with_its_key(table: dict[str, Any], message: str, hint: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        profiles.resolve_tools(table)
    assert message in refused.value.message
    assert hint in refused.value.hint


def test_a_tool_is_chosen_by_name_then_by_capability(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    here = tmp_path / "there"
    here.write_text("#!/bin/sh\n")
    here.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    tools = profiles.resolve_tools(
        {
            "a-missing": {"command": ["no-such-tool"], "capabilities": ["paint"]},
            "b-there": {"command": ["there"], "capabilities": ["paint"]},
        }
    )
    assert profiles.choose_tool(tools, "a-missing", "paint").id == "a-missing"
    assert profiles.choose_tool(tools, None, "paint").id == "b-there"
    assert profiles.choose_tool({"a-missing": tools["a-missing"]}, None, "paint").id == "a-missing"
    assert profiles.choose_tool(tools, None, None).id == "replay"


@pytest.mark.parametrize(
    ("tool", "capability", "near"), [("aidr", None, "'aider'"), (None, "edits", "'edit'"), ("?", None, "known are")]
)
def test_what_nobody_knows_is_refused_with_what_is_near(tool: str | None, capability: str | None, near: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        profiles.choose_tool(profiles.resolve_tools({}), tool, capability)
    assert near in refused.value.hint


def test_a_missing_tool_is_a_fault_of_the_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    tool = profiles.resolve_tools({})["aider"]
    assert profiles.installed(tool) == ""
    with pytest.raises(EnvironmentFault) as fault:
        profiles.require(tool)
    assert (fault.value.code, fault.value.message) == ("E420", "tool 'aider' is not installed: 'aider' is not on PATH")
    assert "choose another tool" in fault.value.hint
    profiles.require(profiles.resolve_tools({})["replay"])


def test_a_program_in_the_current_folder_is_not_installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "tool").write_text("#!/bin/sh\n")
    (tmp_path / "tool").chmod(0o755)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PATH", ".:")
    assert profiles.installed(mine("tool")) == ""
    assert profiles.installed(mine("./tool")) == ""
    assert profiles.installed(mine(str(tmp_path / "tool"))) == str(tmp_path / "tool")


def test_variables_are_literal_or_passed_on(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MY_KEY", "very-secret-value")
    monkeypatch.delenv("NOT_SET", raising=False)
    tool = mine("x", env={"SERVICE_KEY": "$MY_KEY", "OTHER": "$NOT_SET", "MODE": "fast", "EMPTY": ""})
    assert profiles.environment(tool) == {"SERVICE_KEY": "very-secret-value", "MODE": "fast", "EMPTY": ""}
    assert "very-secret-value" not in tool.model_dump_json()


def test_placeholders_are_filled_once_and_files_become_arguments() -> None:
    tool = mine(
        "x",
        "{worktree}/{attempt}",
        "{files}",
        "--file={files}",
        "-o",
        "{{files}}",
        "{workstream_id}{workstream_id}",
        '{"a":{"b":1}}',
    )
    files = ["a b", "-x", "{attempt}", "--", "ü\n", os.fsdecode(b"\xff")]
    given = ["a b", "./-x", "{attempt}", "./--", "ü\n", os.fsdecode(b"\xff")]
    assert profiles.render(tool, VALUES, files) == [
        "x",
        "/slot/2",
        *given,
        *(f"--file={file}" for file in given),
        "-o",
        "{files}",
        "ws-xws-x",
        '{"a":{"b":1}}',
    ]


def test_without_files_their_arguments_vanish() -> None:
    assert profiles.render(mine("x", "--file={files}", "{files}", "end"), VALUES) == ["x", "end"]


def test_the_prompt_itself_can_be_an_argument(tmp_path: Path) -> None:
    (tmp_path / "prompt.txt").write_bytes("Do {attempt} ü\n".encode() + b"\xff")
    command = profiles.render(mine("x", "-p", "{prompt}"), {**VALUES, "prompt_file": str(tmp_path / "prompt.txt")})
    assert command == ["x", "-p", "Do {attempt} ü\n" + os.fsdecode(b"\xff")]


def test_an_unknown_placeholder_in_a_plan_is_refused() -> None:
    profile = mine("x").model_copy(update={"command": ("x", "{shell}")})
    with pytest.raises(InvalidInput, match="unknown placeholder") as refused:
        profiles.render(profile, VALUES)
    assert refused.value.code == "E421"


@given(st.lists(st.text(st.characters(blacklist_categories=["Cs"], blacklist_characters="\0"), min_size=1)))
def test_no_name_of_a_file_becomes_an_option_or_is_lost(files: list[str]) -> None:
    rendered = profiles.render(mine("x", "{files}"), VALUES, files)[1:]
    assert [name.removeprefix("./") if name.startswith("./-") else name for name in rendered] == [
        name.removeprefix("./") if name.startswith("./-") else name for name in files
    ]
    assert not [name for name in rendered if name.startswith("-")]
