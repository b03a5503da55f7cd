"""The one door to clocks and chance. ``SOURCE_DATE_EPOCH`` fixes the run's clock, nothing else."""

from __future__ import annotations

import os
import re
import time
from datetime import UTC, datetime
from functools import cache
from typing import NamedTuple

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


class Moment(NamedTuple):
    """``seconds`` on a clock that all processes of one boot share and nobody can set; ``boot`` names the boot."""

    seconds: float
    boot: str


def moment() -> Moment:
    """Now, for what must end after some time whatever is done to the wall clock. Time asleep counts where the system can say.

    ``boot`` is empty where the system does not name its boots (Linux does): moments of two boots then look like moments of
    one. Containers with a time namespace of their own must not share what is measured with this.
    """
    return Moment(time.clock_gettime(_SHARED), _boot())


_SHARED = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)


@cache
def _boot() -> str:
    try:
        with open("/proc/sys/kernel/random/boot_id", encoding="ascii") as told:
            return told.read().strip()
    except (OSError, ValueError):
        return ""
