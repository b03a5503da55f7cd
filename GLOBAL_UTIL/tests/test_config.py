"""Settings: which layer wins and where a value comes from; the clock; the face of every command."""

from __future__ import annotations

import errno
import json
from contextlib import suppress
from pathlib import Path
from typing import Any

import click
import pytest
from click.testing import CliRunner, Result
from global_util import clock, config, log, progress
from global_util.cli import LazyGroup, PipelineGroup, set_option, version_option
from global_util.config import Settings, load_settings, parse_overrides
from global_util.errors import EnvironmentFault, Exit, Held, InvalidInput
from global_util.program import guarded, printable
from hypothesis import given
from hypothesis import strategies as st


@pytest.fixture(autouse=True)
def known_keys(monkeypatch: pytest.MonkeyPatch) -> None:
    """The defaults do not depend on which rooms are installed."""
    known = {"checks.enabled": "auto", "policy.unverified": "quarantine", "limits.jobs": 2}
    monkeypatch.setattr(config, "defaults", lambda: known)
    monkeypatch.setattr(config, "_keys_of_phases", set)


def write(root: Path, text: str) -> Path:
    (root / "pipeline.toml").write_text(text, "utf-8")
    return root


def test_the_strongest_layer_wins_and_says_who_it_is(tmp_path: Path) -> None:
    root = write(tmp_path, '[checks]\nenabled = ["ruff"]\n[policy]\nunverified = "save"\n[limits]\njobs = 3\n')
    settings = load_settings(root, {"limits.jobs": 5}, {"limits.jobs": 4, "policy.unverified": "quarantine"})
    keys = settings.keys()
    found = {key: (settings.get(key), settings.origin(key)) for key in keys}
    assert found == {
        "checks.enabled": (["ruff"], "pipeline.toml"),
        "policy.unverified": ("quarantine", "artifact"),
        "limits.jobs": (5, "--set"),
    }
    assert load_settings(None).origin("limits.jobs") == "default"
    assert (settings.get("nobody.knows"), settings.origin("nobody.knows")) == (None, "")


def test_tables_of_the_users_own_names() -> None:
    settings = load_settings(None, parse_overrides(["tools.mine.env.A='1'", "tools.mine.command=['x']"]))
    assert settings.table("tools") == {"mine": {"env": {"A": "1"}, "command": ["x"]}}
    assert Settings().table("tools") == {}


@pytest.mark.parametrize(
    ("text", "code", "says"),
    [
        ("[checks]\nenable = []\n", "E306", "did you mean 'checks.enabled'"),
        ("[chekcs]\nenabled = []\n", "E306", "did you mean 'checks.enabled'"),
        ("[zzz]\nq = 1\n", "E306", "config show"),
        ("[checks", "E305", "mend"),
        ("limits.jobs = 2026-01-01\n", "E305", "as a text"),
        ("limits.jobs = nan\n", "E305", "as a text"),
        ("checks.enabled = [inf]\n", "E305", "as a text"),
        ("limits.jobs = 9007199254740993\n", "E305", "as a text"),
        ("checks.enabled = [{x = 12:00:00}]\n", "E305", "as a text"),
        ("limits.jobs = 1" + "0" * 5000, "E305", "mend"),
    ],
)
def test_a_file_that_is_wrong(tmp_path: Path, text: str, code: str, says: str) -> None:
    with pytest.raises(InvalidInput, match=r"pipeline\.toml") as fault:
        load_settings(write(tmp_path, text))
    assert fault.value.code == code
    assert says in fault.value.hint


def test_bytes_that_are_no_text(tmp_path: Path) -> None:
    (tmp_path / "pipeline.toml").write_bytes(b"\xff")
    with pytest.raises(InvalidInput):
        load_settings(tmp_path)


@pytest.mark.parametrize(
    ("pair", "values"),
    [
        ("checks.enabled=[]", {"checks.enabled": []}),
        ('policy.unverified="save"', {"policy.unverified": "save"}),
        ('a="x=y"', {"a": "x=y"}),
        ("a={b = {c = 1}}", {"a.b.c": 1}),
        ("a={}", {"a": {}}),
        ("a=true", {"a": True}),
    ],
)
def test_overrides_are_toml_values(pair: str, values: dict[str, Any]) -> None:
    assert parse_overrides([pair]) == values


@pytest.mark.parametrize("pair", ["a", "=1", "a=", "a=save", "a=[", "a=1\nb=2", "a=" + "[" * 5000])
def test_overrides_that_are_wrong(pair: str) -> None:
    with pytest.raises(ValueError, match=r"is not KEY=VALUE|TOML value"):
        parse_overrides([pair])


@given(st.text(alphabet="abc.=[]{}\"'\n1,-", max_size=20))
def test_no_override_makes_a_traceback(text: str) -> None:
    with suppress(ValueError):
        assert parse_overrides([text])


@pytest.mark.parametrize(("text", "epoch"), [("0", 0), ("1767323045", 1767323045), ("253402300799", 253402300799)])
def test_the_run_clock_can_be_fixed(monkeypatch: pytest.MonkeyPatch, text: str, epoch: int) -> None:
    monkeypatch.setenv("SOURCE_DATE_EPOCH", text)
    assert clock.run_epoch() == epoch
    assert clock.epoch_of(clock.stamp(epoch)) == epoch


@pytest.mark.parametrize("text", ["-1", "1.5", "x", "\u00b2", "\u0661", "253402300800", "9" * 5000, " 1"])
def test_a_clock_that_is_wrong(monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    monkeypatch.setenv("SOURCE_DATE_EPOCH", text)
    with pytest.raises(InvalidInput, match="SOURCE_DATE_EPOCH"):
        clock.run_epoch()


def test_without_it_the_clock_is_the_real_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SOURCE_DATE_EPOCH", raising=False)
    assert abs(clock.run_epoch() - clock.epoch_of(clock.now())) <= 2
    assert clock.monotonic() <= clock.monotonic()


def fail(fault: BaseException) -> Any:
    def command() -> None:
        raise fault

    return command


@pytest.mark.parametrize(
    ("fault", "code", "says"),
    [
        (InvalidInput("what", "do", "E309"), Exit.INVALID, ["error E309: what", "  do"]),
        (EnvironmentFault("a\nb\x1b[31m"), Exit.ENVIRONMENT, ["error E400: a\\nb\\x1b[31m"]),
        (Held("x"), Exit.HELD, ["error E500: x"]),
        (KeyboardInterrupt(), Exit.INTERRUPTED, ["interrupted"]),
        (
            OSError(errno.ENOSPC, "No space left on device", "out.json"),
            Exit.ENVIRONMENT,
            [
                "error E409: out.json: No space left on device",
                "  make room, or make it writable, then run it again",
            ],
        ),
    ],
)
def test_a_failure_is_told_in_few_lines(
    fault: BaseException, code: Exit, says: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert guarded(fail(fault)) == code
    out, err = capsys.readouterr()
    assert (out, err.splitlines()) == ("", says)


def test_a_defect_shows_where(capsys: pytest.CaptureFixture[str]) -> None:
    assert guarded(fail(ZeroDivisionError("here"))) == Exit.DEFECT
    assert "E700" in capsys.readouterr().err


def run(*words: str) -> Result:
    @click.group(cls=PipelineGroup)
    @version_option("phaseline-global-util")
    def main() -> None:
        """Everything."""

    @main.command()
    @set_option
    def show(overrides: dict[str, Any]) -> int:
        """Print the overrides."""
        click.echo(json.dumps(overrides))
        return Exit.FOUND

    return CliRunner().invoke(main, words)


def test_a_command_returns_its_exit_code() -> None:
    done = run("show", "--set", "a.b=[1]")
    assert (done.exit_code, json.loads(done.output)) == (1, {"a.b": [1]})
    assert run("show", "--set", "a=x").exit_code == Exit.USAGE
    assert run("nothing").exit_code == Exit.USAGE
    assert run("--version").exit_code == 0


def test_lazy_commands_are_listed_without_being_imported() -> None:
    group = LazyGroup(name="x", lazy={"far": ("nowhere.at_all:main", "Is far away.")})
    shown = CliRunner().invoke(group, ["--help"])
    assert "Is far away." in shown.output
    assert CliRunner().invoke(group, ["far"]).exit_code == Exit.DEFECT


@given(st.text())
def test_printed_text_cannot_steer_a_terminal(text: str) -> None:
    assert printable(text).isprintable()


def test_listeners(capsys: pytest.CaptureFixture[str]) -> None:
    log.logger.cache_clear()
    moved = progress.Event("workstream_moved", "EXEC", "ws-a", {"after": "done", "why": "a\x1b"})
    progress.silent(moved)
    progress.plain_lines(moved)
    progress.plain_lines(progress.Event("tool_started", "EXEC"))
    progress.json_lines(moved)
    first, second = capsys.readouterr().err.splitlines()
    assert first == "ws-a: done  a\\x1b"
    told = json.loads(second)
    assert (told["message"], told["run_id"], told["ws_id"]) == ("workstream_moved", "EXEC", "ws-a")
    log.logger.cache_clear()


SECRETS = {
    "tools.mine.env.API_KEY": "a-long-value-1234",
    "tools.mine.env.my_token": "123456789012",
    "tools.mine.command": ["curl", "--header=Bearer ghp_0123456789abcdefghij0123"],
    "checks.enabled": [{"url": "https://user:word@example.org/"}],
    "policy.unverified": "sk-0123456789abcdef0123",
}


@pytest.mark.parametrize("key", sorted(SECRETS))
def test_what_looks_like_a_secret_is_not_taken_from_the_command_line(tmp_path: Path, key: str) -> None:
    with pytest.raises(InvalidInput, match=f"--set: {key}: looks like a secret") as fault:
        load_settings(tmp_path, {key: SECRETS[key]})
    assert fault.value.code == "E427"
    assert "environment" in fault.value.hint
    told = f"{fault.value.message} {fault.value.hint}"
    assert not any(str(part) in told for part in ("a-long-value-1234", "123456789012", "ghp_", "word", "sk-"))


def test_what_passes_a_secret_on_is_taken(tmp_path: Path) -> None:
    given_values = {
        "tools.mine.env.API_KEY": "$MY_API_KEY",
        "tools.mine.env.KEYBOARD": "de",
        "tools.mine.command": ["task-sk-1", "https://example.org:8080/@me"],
    }
    settings = load_settings(tmp_path, given_values)
    assert {key: settings.get(key) for key in given_values} == given_values
