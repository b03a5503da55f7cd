"""Which acceptance tests are commands. The decision never depends on the machine, only on configuration and base tree."""

from __future__ import annotations

import shlex
from collections.abc import Collection, Mapping, Sequence

from global_util.contracts.workstream import AcceptanceDescribe, AcceptanceRun, AcceptanceTest


def resolve(
    tests: Sequence[AcceptanceTest], runners: Collection[str], modes: Mapping[str, str]
) -> tuple[AcceptanceRun | AcceptanceDescribe, ...]:
    """Every test as a command or a description. ``modes``: the files of the base tree with their git modes."""
    return tuple(_decide(test, runners, modes) if isinstance(test, str) else test for test in tests)


def _ticked(text: str) -> str:
    """What stands between backticks when that is the whole text: ``pytest -q``, not `` `pytest -q` passes``."""
    inner = text.strip("`")
    return inner.strip() if text == f"`{inner}`" and "`" not in inner else text


def _decide(text: str, runners: Collection[str], modes: Mapping[str, str]) -> AcceptanceRun | AcceptanceDescribe:
    bare = _ticked(text.strip())
    try:
        words = shlex.split(bare)
    except ValueError:
        words = []
    if words and (words[0] in runners or modes.get(words[0].removeprefix("./")) == "100755"):
        return AcceptanceRun(run=tuple(words))
    return AcceptanceDescribe(describe=text.strip() or "(empty)")
