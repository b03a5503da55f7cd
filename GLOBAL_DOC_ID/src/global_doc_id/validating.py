"""Validating from words to exit code: judge, tell, and mend when asked to. Reads no command line."""

from __future__ import annotations

import os
from collections.abc import Sequence

from global_util.errors import InvalidInput
from global_util.program import tell

from global_doc_id.judgement import Asked, Verdict, judge
from global_doc_id.policy import find_root
from global_doc_id.reports import SHOWN, changes, report

_LAST: list[Verdict] = []
"""Kept until the program ends: taking a hundred thousand lists apart takes longer than ending with them."""


def run(
    files: Sequence[str] = (),
    repo: str = ".",
    *,
    mend: bool = False,
    form: str = SHOWN,
    staged: bool = False,
    since: str = "",
) -> int:
    """Judge all files or those named, print what was found, and give the exit code: 1 with findings.

    Raises InvalidInput (exit 3) for broken settings and files outside, EnvironmentFault (exit 4) without git.
    """
    root = find_root(repo)
    asked = Asked(root, tuple(_inside(root, file) for file in files), staged, since)
    verdict = judge(asked)
    changed: Sequence[str] = ()
    if mend and any(finding.fixable for finding in verdict.findings):
        changed = _fix(root, verdict)
        verdict = judge(asked._replace(staged=False, files=_still_there(asked, changed)))
    _LAST[:] = [verdict]
    _tell(verdict, form)
    if changed:
        tell(changes(changed))
    if changed and staged:
        tell("add the changes and commit again")
    return 1 if verdict.findings or (changed and staged) else 0


def _fix(root: str, verdict: Verdict) -> Sequence[str]:
    from pathlib import Path

    from global_doc_id.fixing import fix

    return fix(Path(root), verdict.findings, verdict.policy, verdict.registry)


def _still_there(asked: Asked, changed: Sequence[str]) -> tuple[str, ...]:
    """The named files, and what was written for them: a sidecar makes it a whole validation."""
    return tuple(dict.fromkeys([*asked.files, *changed])) if asked.files else ()


def _tell(verdict: Verdict, form: str) -> None:
    text = report(form, verdict.findings, verdict.files)
    if text:
        print(text, flush=True)
    for glob in verdict.idle:
        tell(f"pipeline.toml: /doc_id/require: {glob!r} names no file")
    if form == SHOWN:
        tell(f"{verdict.files} files judged, {len(verdict.findings)} findings")


def _inside(root: str, file: str) -> str:
    """The path below ``root`` of a named file, which may be gone. The file itself may be a link, its folder is real."""
    folder, name = os.path.split(file.rstrip("/"))
    place = os.path.join(os.path.realpath(folder), name)  # noqa: PTH118
    base = f"{root}{os.sep}"
    if name in ("", ".", "..") or not place.startswith(base):
        raise InvalidInput(f"{file}: lies outside {root}", "name files of the repository, see --repo", "E382")
    if os.path.isdir(place):  # noqa: PTH112
        raise InvalidInput(f"{file}: is a folder", "name files, or none for all", "E382")
    return place[len(base) :]
