"""The end of a program, written down by its supervisor: it outlives the process that waited for it, and is read by the next."""

from __future__ import annotations

import json
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from global_util.files import read_regular
from global_util.process.output import MARK
from global_util.process.run import ProcessOutcome, ProcessResult

_OUTCOMES: tuple[ProcessOutcome, ...] = ("exited", "signalled", "timeout", "idle_timeout")


@dataclass(frozen=True)
class End:
    """Asks ``run_process`` that the program's end outlives a kill of this process.

    When the program ended by itself, or its time was over, ``file`` says so before anybody else is told, with ``token``
    (letters, digits, ``.`` and ``-``), so that it is not taken for the end of another. A program that is stopped because
    this process was interrupted or died leaves no file. What it had printed by then goes to the named output files.
    ``lock`` is a descriptor of a locked file: the lock lasts until nothing of the program is left, whoever dies.
    """

    file: Path
    token: str
    lock: int | None = None

    def read(self, stdout_file: Path, stderr_file: Path) -> ProcessResult | None:
        """How the program ended, with what its output files hold; None when it did not, or when it cannot be read.

        Only to be asked by who holds the lock: before, it can be about to end. What the process that died had taken
        out of a pipe and not yet written is missing in the output.
        """
        with suppress(OSError, ValueError, KeyError, TypeError):
            told = json.loads(read_regular(self.file))
            outcome, code = told["outcome"], int(told["code"])
            if told["token"] == self.token and outcome in _OUTCOMES:
                stdout, stderr = read_regular(stdout_file), read_regular(stderr_file)
                return ProcessResult(
                    outcome,
                    code if outcome == "exited" else None,
                    code if outcome == "signalled" else None,
                    stdout,
                    stderr,
                    MARK in stdout or MARK in stderr,
                    float(told["seconds"]),
                )
        return None

    def is_there(self) -> bool:
        """Has the program ended, as far as the file says?"""
        with suppress(OSError, ValueError, KeyError, TypeError):
            return bool(json.loads(read_regular(self.file))["token"] == self.token)
        return False
