"""What the line itself costs: start-up of every command next to ``python -c pass``, and the demo split by phase.

    python benchmarks/overhead.py [--runs 7]

Prints Markdown. Medians; ratios are to ``python -c pass`` in the same run, because machines differ and are noisy.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

COMMANDS = ("pipeline", *(f"ph{number}" for number in range(8)), "aim", "doc-id", "capabilities", "core-state")
BIN = Path(sys.executable).parent
ENVIRONMENT = {key: value for key, value in os.environ.items() if key != "PYTHONDONTWRITEBYTECODE"} | {"NO_COLOR": "1"}
"""Without a switch that would let every start compile anew."""


def seconds(argv: Sequence[str]) -> float:
    """Wall time of one run of a command, which must exit with 0."""
    began = time.perf_counter()
    subprocess.run(argv, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=True, env=ENVIRONMENT)
    return time.perf_counter() - began


def startup(runs: int) -> list[tuple[str, float]]:
    """Median start-up per command in milliseconds; rounds are interleaved, so that noise meets all alike."""
    rows = {
        "python -c pass": [sys.executable, "-c", "pass"],
        "python -c 'import click'": [sys.executable, "-c", "import click"],
    }
    rows |= {f"{name} {flag}": [str(BIN / name), flag] for name in COMMANDS for flag in ("--version", "--help")}
    taken: dict[str, list[float]] = {name: [] for name in rows}
    for _ in range(runs + 1):
        for name, argv in rows.items():
            taken[name].append(seconds(argv))
    return [(name, 1000 * statistics.median(values[1:])) for name, values in taken.items()]


def demo(runs: int) -> dict[str, float]:
    """Median seconds of the demo by phase."""
    taken: list[dict[str, float]] = []
    for _ in range(runs):
        with tempfile.TemporaryDirectory() as folder:
            argv = [str(BIN / "pipeline"), "demo", "--json", "--keep", str(Path(folder) / "demo")]
            began = time.perf_counter()
            done = subprocess.run(argv, capture_output=True, check=False, env=ENVIRONMENT)
            whole = time.perf_counter() - began
            taken.append({**json.loads(done.stdout)["seconds"], "whole command": whole})
    return {name: statistics.median(values[name] for values in taken) for name in taken[0]}


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=7)
    runs = parser.parse_args().runs
    rows = startup(runs)
    limit = rows[0][1]
    print("| command | ms | times `python -c pass` |\n|---|---:|---:|")
    for name, value in rows:
        print(f"| `{name}` | {value:.0f} | {value / limit:.1f} |")
    print("\n| demo | seconds |\n|---|---:|")
    for name, value in demo(max(3, runs // 2)).items():
        print(f"| {name} | {value:.2f} |")


if __name__ == "__main__":
    main()
