"""Languages are told by name, ending, first line and mode."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from ph3_exec_to_error.language import tell_language


@pytest.mark.parametrize(
    ("path", "shebang", "language"),
    [
        ("src/a.py", "", "python"),
        ("a.PYI", "", "python"),
        ("a.b/c.tsx", "", "typescript"),
        ("Makefile", "", "make"),
        ("docker/Dockerfile", "", "dockerfile"),
        ("run", "#!/bin/sh\n", "shell"),
        ("run", "#! /usr/bin/env bash\necho", "shell"),
        ("run", "#!/usr/bin/env -S A=1 python3.11 -u", "python"),
        ("run", "#!/usr/bin/zsh", "unknown"),
        ("run", "#!/usr/bin/env", "unknown"),
        ("run", "#!", "unknown"),
        ("run", "echo", "unknown"),
        ("a.py/run", "", "unknown"),
        ("a.sh", "#!/usr/bin/python3", "shell"),
        (".gitignore", "", "unknown"),
    ],
)
def test_the_language_of_a_path(path: str, shebang: str, language: str) -> None:
    assert tell_language(path, shebang) == language


@pytest.mark.parametrize(("mode", "language"), [("120000", "link"), ("160000", "submodule"), ("100755", "python")])
def test_links_and_submodules_have_none(mode: str, language: str) -> None:
    assert tell_language("a.py", "#!/bin/sh", mode) == language


@settings(deadline=None)
@given(st.text(), st.text())
def test_any_text_has_a_language(path: str, shebang: str) -> None:
    assert tell_language(path, f"#!{shebang}")
