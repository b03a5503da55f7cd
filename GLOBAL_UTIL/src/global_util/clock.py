"""The one door to clocks and chance. ``SOURCE_DATE_EPOCH`` fixes the run's clock, nothing else."""

from __future__ import annotations

import os
import re
import time
from datetime import UTC, datetime

from global_util.errors import InvalidInput


def run_epoch() -> int:
    """Seconds since 1970 at which a run begins: ``SOURCE_DATE_EPOCH`` if set, else now."""
    fixed = os.environ.get("SOURCE_DATE_EPOCH", "")
    if not fixed:
        return int(time.time())
    if not re.fullmatch(r"[0-9]{1,12}", fixed) or int(fixed) > 253402300799:
        raise InvalidInput(
            f"SOURCE_DATE_EPOCH={fixed!r} is no number of seconds since 1970", "unset it or mend it", "E307"
        )
    return int(fixed)


def stamp(epoch: float) -> str:
    """Seconds since 1970 as ``YYYY-MM-DDTHH:MM:SSZ``."""
    return datetime.fromtimestamp(epoch, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def epoch_of(clock: str) -> int:
    """The seconds since 1970 of a stamp."""
    return int(datetime.strptime(clock, "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=UTC).timestamp())


def now() -> str:
    """The real time, for what is observed and never hashed."""
    return stamp(time.time())


def monotonic() -> float:
    """Seconds of a clock that never goes back, for durations."""
    return time.monotonic()
