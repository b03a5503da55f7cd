"""What proves a task: the ``verify ...`` tail of its line."""

from __future__ import annotations

import re

from global_util.contracts.workstream import AcceptanceDescribe, AcceptanceTest

MAX_CRITERION = 2_000
_VERIFY = re.compile(r"(?i)(?:^|\band\s|[-\u2013\u2014;:.,(]\s)\s{0,9}verify(?:ing)?\b[:,]?\s+")
_COMMAND = re.compile(r"(?:that |with |by running |running |by |using )?`([^`]+)`(.*)", re.DOTALL)
_SUCCEEDS = re.compile(
    r"(?:still |now )?(?:(?:pass|succeed|work|complete|run)(?:es|s)?(?: cleanly)?|is (?:green|clean)|exits? (?:with )?0|exit code 0)?"
)
_SHELL = set("|&;<>$(){}\\\n")


def verify_tail(text: str) -> AcceptanceTest | None:
    """The criterion after ``verify`` in a task: a command as a string, any other statement as a description.

    A backticked span is a command only when success of that command is all that the tail asks for.
    """
    found = _VERIFY.search(text)
    tail = text[found.end() :].strip() if found else ""
    if not tail:
        return None
    quoted = _COMMAND.match(tail)
    if quoted and _is_command(quoted[1]) and _SUCCEEDS.fullmatch(quoted[2].strip(" .,;")):
        return quoted[1].strip()
    return described(tail)


def described(text: str) -> AcceptanceDescribe:
    """A criterion that no command verifies, bounded in length."""
    stripped = text.strip()
    return AcceptanceDescribe(describe=stripped if len(stripped) <= MAX_CRITERION else stripped[:MAX_CRITERION] + "...")


def _is_command(text: str) -> bool:
    words = text.split()
    return len(words) > 1 and not set(text) & _SHELL and re.fullmatch(r"(?:\./)?[a-z][\w./-]*", words[0]) is not None
