"""What tools and checks see of our environment."""

from __future__ import annotations

import os

import pytest
from global_util.process import clean_environment


@pytest.fixture(autouse=True)
def _surroundings(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in list(os.environ):
        monkeypatch.delenv(name)
    given = {
        "PATH": "/usr/bin:.:bin::/bin",
        "HOME": "/home/somebody",
        "SHELL": "/bin/zsh",
        "LC_ALL": "C.UTF-8",
        "SSL_CERT_FILE": "/certs",
        "https_proxy": "http://proxy",
        "HTTPS_PROXY": "http://PROXY",
        "GIT_DIR": "/elsewhere",
        "GIT_CONFIG_COUNT": "1",
        "PYTHONPATH": "/own",
        "VIRTUAL_ENV": "/own/venv",
        "SERVICE_API_KEY": "secret",
        "TERM": "xterm-256color",
    }
    for name, value in given.items():
        monkeypatch.setenv(name, value)


FIXED = {"TERM": "dumb", "NO_COLOR": "1", "PYTHONDONTWRITEBYTECODE": "1", "GIT_TERMINAL_PROMPT": "0"}


def test_only_what_is_known_to_be_harmless_is_passed() -> None:
    assert clean_environment({}) == {
        "PATH": "/usr/bin:/bin",
        "HOME": "/home/somebody",
        "LC_ALL": "C.UTF-8",
        "SSL_CERT_FILE": "/certs",
        "https_proxy": "http://proxy",
        "HTTPS_PROXY": "http://PROXY",
        **FIXED,
    }


def test_a_named_variable_is_passed_and_an_extra_one_wins() -> None:
    env = clean_environment({"LC_ALL": "C", "TERM": "vt100"}, ["SERVICE_API_KEY", "NOT_SET"])
    assert (env["SERVICE_API_KEY"], env["LC_ALL"], env["TERM"]) == ("secret", "C", "vt100")
    assert "NOT_SET" not in env


def test_variables_of_git_are_set_but_never_inherited() -> None:
    env = clean_environment({"GIT_AUTHOR_NAME": "tool"}, ["GIT_DIR", "GIT_CONFIG_COUNT"])
    assert {name for name in env if name.startswith("GIT_")} == {"GIT_TERMINAL_PROMPT", "GIT_AUTHOR_NAME"}


def test_without_a_path_there_is_still_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("PATH")
    assert "/bin" in clean_environment({})["PATH"].split(":")
