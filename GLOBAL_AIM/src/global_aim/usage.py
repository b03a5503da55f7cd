"""What a call used, and whether its service wants no more for now: read from what the client printed. Pure functions.

Output is hostile: a model can print what it likes. It can only add to what is counted, and what makes no sense is unknown.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from decimal import ROUND_CEILING, Decimal, InvalidOperation
from typing import TYPE_CHECKING, Any

from global_util import clock
from global_util.attempt import Usage

if TYPE_CHECKING:
    from global_util.contracts.phase_plan import ToolProfile
    from global_util.process import ProcessResult

JSON_LINES = "json-lines"
"""Lines that are JSON objects with ``usage`` in them, as claude, codex and ``replay`` print; all such lines are added up."""
GROUPS = ("tokens_in", "tokens_out", "cost_usd")
"""Named groups of a regular expression that reads usage."""
RESETS = ("seconds", "epoch", "time")
"""Named groups of a rate limit's expression: for how long, or until when (seconds since 1970, or an ISO 8601 time)."""
DEFAULT_WAIT_S = 900
LONGEST_WAIT_S = 7 * 24 * 60 * 60

_IN = ("tokens_in", "input_tokens", "prompt_tokens", "cache_creation_input_tokens", "cache_read_input_tokens")
_OUT = ("tokens_out", "output_tokens", "completion_tokens")
_COST = ("total_cost_usd", "cost_usd")
_UNITS = {"k": 1_000, "m": 1_000_000}
_MOST = 2**53 - 1
_LONGEST_LINE = 1_000_000
_LAST_LINES = 20

Counts = Mapping[str, Decimal | None]


def read_usage(form: str, output: bytes) -> Usage:
    """The usage that ``output`` tells in a form: ``json-lines``, or an expression with the named ``GROUPS``, searched in each line.

    All that is found is added up. A number that one of the finds does not tell, or tells wrongly, is unknown.
    """
    lines = [line for line in output.decode("utf-8", "replace").splitlines() if len(line) <= _LONGEST_LINE]
    found = list(_from_json(lines) if form == JSON_LINES else _from_text(form, lines))
    seconds = _sum(found, "seconds")
    return Usage(
        tokens_in=_whole(_sum(found, "tokens_in")),
        tokens_out=_whole(_sum(found, "tokens_out")),
        micro_usd=_whole(_sum(found, "cost_usd"), 1_000_000),
        milliseconds=_whole(seconds, 1_000),
    )


def read_wait(patterns: Sequence[str], output: bytes, now: float, otherwise_s: int) -> int | None:
    """After how many seconds a service takes calls again, when one of the last lines says that it takes none for now.

    ``otherwise_s`` where the line does not tell; None when no line matches. ``now`` is in seconds since 1970. Never longer
    than a week.
    """
    for line in reversed(output.decode("utf-8", "replace").splitlines()[-_LAST_LINES:]):
        for pattern in patterns:
            found = re.search(pattern, line[:_LONGEST_LINE])
            if found:
                told = _told_wait(found.groupdict(), now)
                return min(max(1, otherwise_s if told is None else told), LONGEST_WAIT_S)
    return None


def _from_json(lines: Sequence[str]) -> Iterator[Counts]:
    for line in lines:
        with suppress(ValueError, RecursionError):
            told = json.loads(line, parse_float=Decimal, parse_int=Decimal) if line.lstrip().startswith("{") else None
            if isinstance(told, dict) and isinstance(told.get("usage"), dict):
                yield _counts({**told, **told["usage"]})


def _counts(told: Mapping[str, Any]) -> Counts:
    return {
        "tokens_in": _first_sum(told, _IN),
        "tokens_out": _first_sum(told, _OUT),
        "cost_usd": next((_number(told[name]) for name in _COST if name in told), None),
        "seconds": _number(told.get("seconds")),
    }


def _first_sum(told: Mapping[str, Any], names: Sequence[str]) -> Decimal | None:
    """Cached tokens are told beside the others. Tokens that are no number make the sum unknown."""
    numbers = [_number(told[name]) for name in names if told.get(name) is not None]
    known = [number for number in numbers if number is not None]
    return sum(known, Decimal(0)) if known and len(known) == len(numbers) else None


def _from_text(form: str, lines: Sequence[str]) -> Iterator[Counts]:
    expression = re.compile(form)
    for line in lines:
        for found in expression.finditer(line):
            yield {name: _amount(text) for name, text in found.groupdict().items()}


def _amount(text: str | None) -> Decimal | None:
    """A number as people write it: ``1.2k``, ``3,400``."""
    plain = (text or "").replace(",", "").strip().lower()
    unit = _UNITS.get(plain[-1:], 1)
    with suppress(InvalidOperation):
        return _number(Decimal(plain[:-1] if unit > 1 else plain) * unit)
    return None


def _number(value: object) -> Decimal | None:
    return value if isinstance(value, Decimal) and value.is_finite() and 0 <= value <= _MOST else None


def _sum(found: Sequence[Counts], name: str) -> Decimal | None:
    known = [number for counts in found if (number := counts.get(name)) is not None]
    return sum(known, Decimal(0)) if known and len(known) == len(found) else None


def _whole(value: Decimal | None, unit: int = 1) -> int | None:
    """Rounded up, so that nothing is told smaller than it is. What no database can hold is unknown."""
    whole = None if value is None else int((value * unit).to_integral_value(ROUND_CEILING))
    return whole if whole is None or whole <= _MOST else None


def _told_wait(groups: Mapping[str, str | None], now: float) -> int | None:
    seconds = _amount(groups.get("seconds"))
    epoch = _amount(groups.get("epoch"))
    if epoch is None and (text := groups.get("time")):
        with suppress(ValueError, OverflowError):
            moment = datetime.fromisoformat(text.strip())
            epoch = Decimal((moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp())
    if seconds is None and epoch is not None:
        seconds = epoch - Decimal(now)
    return None if seconds is None else int(min(seconds, Decimal(LONGEST_WAIT_S)).to_integral_value(ROUND_CEILING))


def of_call(profile: ToolProfile, result: ProcessResult) -> Usage:
    """What a call used. Time is measured, but what ``replay`` plays takes as long as it is told; output that was cut tells nothing."""
    told = Usage()
    if profile.usage and not result.truncated:
        told = read_usage(profile.usage, result.stdout + b"\n" + result.stderr)
    measured = max(0, int(result.seconds * 1_000))
    played = told.milliseconds if profile.id == "replay" else None
    return told.model_copy(update={"milliseconds": measured if played is None else played})


def wait_of_call(profile: ToolProfile, result: ProcessResult) -> int | None:
    """After how many seconds the tool's service takes calls again; None when it did not refuse this one."""
    if not profile.rate_limit:
        return None
    otherwise_s = profile.rate_limit_wait_s or DEFAULT_WAIT_S
    found = (
        read_wait(profile.rate_limit, output, clock.epoch_of(clock.now()), otherwise_s)
        for output in (result.stderr, result.stdout)
    )
    return next((wait for wait in found if wait is not None), None)


def recorded(usage: Usage, with_time: bool) -> dict[str, int | float]:
    """Usage as a recording tells it, for ``replay`` to tell it again."""
    told: dict[str, int | float] = usage.model_dump(include={"tokens_in", "tokens_out"}, exclude_none=True)
    if usage.micro_usd is not None:
        told["cost_usd"] = usage.micro_usd / 1_000_000
    if with_time and usage.milliseconds is not None:
        told["seconds"] = usage.milliseconds / 1_000
    return told
