"""``doc-id`` as a program, quick enough for every commit.

What hooks call, ``doc-id validate [--staged] [FILE...]``, is read here; everything else by click, whose import takes longer
than the validation of ten files. The program neither looks for circles, of which there are none, nor tidies up memory that
ends with it.
"""

from __future__ import annotations

import gc
import os
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    import click


class Usual(NamedTuple):
    """``doc-id validate`` as hooks call it."""

    staged: bool
    files: tuple[str, ...]


def main() -> None:
    """Run, and leave with the documented exit code."""
    gc.disable()
    usual = read_usual(sys.argv[1:])
    code = _by_click() if usual is None else _validate(usual)
    for stream in (sys.stdout, sys.stderr):
        if stream is not None:  # it was closed by the caller
            stream.flush()
    os._exit(code)


def commands() -> click.Command:
    """All commands, with their options."""
    from global_doc_id.cli import main

    return main


def read_usual(words: Sequence[str]) -> Usual | None:
    """The usual call that these words are, or None: with any other option, and where only click knows what is meant."""
    if words[:1] != ["validate"]:
        return None
    staged = words[1:2] == ["--staged"]
    files = tuple(words[2:] if staged else words[1:])
    return None if any(file.startswith("-") for file in files) else Usual(staged, files)


def _validate(usual: Usual) -> int:
    from global_util.program import guarded

    def work() -> int:
        from global_doc_id.validating import run

        return run(usual.files, staged=usual.staged)

    return guarded(work)


def _by_click() -> int:
    try:
        commands()()
    except SystemExit as end:
        return int(end.code or 0)
    return 0
