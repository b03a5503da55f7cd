"""Child processes: one door for foreign programs, and the environment that they see."""

from global_util.process.end import End
from global_util.process.environment import clean_environment
from global_util.process.program import find_program
from global_util.process.run import STOP, SWEEP_S, ProcessOutcome, ProcessResult, run_process

__all__ = [
    "STOP",
    "SWEEP_S",
    "End",
    "ProcessOutcome",
    "ProcessResult",
    "clean_environment",
    "find_program",
    "run_process",
]
