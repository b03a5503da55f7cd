"""What the line itself costs: the demo split by phase. ``startup.py`` has the start of every command.

    python benchmarks/overhead.py [--runs 3]

Prints Markdown with medians.
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
from pathlib import Path

BIN = Path(sys.executable).parent
ENVIRONMENT = {key: value for key, value in os.environ.items() if key != "PYTHONDONTWRITEBYTECODE"} | {"NO_COLOR": "1"}
"""Without a switch that would let every start compile anew."""


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
    parser.add_argument("--runs", type=int, default=3)
    runs = parser.parse_args().runs
    print("| demo | seconds |\n|---|---:|")
    for name, value in demo(runs).items():
        print(f"| {name} | {value:.2f} |")


if __name__ == "__main__":
    main()
