"""What a program does around its work: expected failures become one to three lines and an exit code, signals end it.

It loads no parser of command lines: ``cli`` adds that.
"""

from __future__ import annotations

import gc
import os
import signal
import sys
import threading
from collections.abc import Callable
from typing import Any

from global_util.errors import Exit, PipelineError

_MANY = 100_000
"""Objects made before garbage is looked for."""
_NOT_OURS = (signal.SIG_IGN, None)
"""Handlers that stay: the caller lets the signal be ignored, or something outside of Python hears it."""


def guarded(command: Callable[[], Any]) -> int:
    """Run a command; the exit code for whatever happens.

    The first SIGINT or SIGTERM ends it in an orderly way, the second at once: child processes die with this one.
    """
    if threading.current_thread() is not threading.main_thread():
        return _run(command)
    # What a plan of thousands holds is no garbage: looking through it again and again took most of the time to read it.
    gc.set_threshold(_MANY, 20, 20)
    stops: list[int] = []

    def stop(number: int, _frame: object) -> None:
        stops.append(number)
        if len(stops) > 1:
            os.write(2, b"stopped at once\n")
            os._exit(Exit.INTERRUPTED)
        raise KeyboardInterrupt

    heard = [number for number in (signal.SIGINT, signal.SIGTERM) if signal.getsignal(number) not in _NOT_OURS]
    before = {number: signal.signal(number, stop) for number in heard}
    try:
        return _run(command)
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _run(command: Callable[[], Any]) -> int:
    try:
        answer = command()
    except PipelineError as fault:
        return say(fault)
    except KeyboardInterrupt:
        tell("interrupted")
        return Exit.INTERRUPTED
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return Exit.FOUND
    except OSError as fault:
        from global_util.disk import disk_fault

        found = disk_fault(fault)
        return say(found) if found else _defect()
    except Exception:
        return _defect()
    return answer if isinstance(answer, int) else Exit.DONE


def _defect() -> int:
    """Tell what is under way as a defect of ours, with all that is needed to find it."""
    import traceback

    tell(traceback.format_exc())
    tell("error E700: a defect of Phaseline. Please report the lines above.")
    return Exit.DEFECT


def say(fault: PipelineError) -> int:
    """Tell an expected failure: what and where, then what to do."""
    tell(f"error {fault.code}: {printable(fault.message)}")
    if fault.hint:
        tell(f"  {printable(fault.hint)}")
    return int(fault.exit_code)


def tell(line: str) -> None:
    """A line for the user, on standard error if there is one."""
    if sys.stderr is not None:
        print(line, file=sys.stderr, flush=True)


def printable(text: str) -> str:
    """Text on one line that cannot steer a terminal."""
    return "".join(
        char if char.isprintable() else char.encode("unicode_escape", "backslashreplace").decode() for char in text
    )
