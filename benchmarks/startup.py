"""How long commands take to start, next to what nothing in Python can beat, and to libraries that are not imported.

    python benchmarks/startup.py [--runs 15] [--write docs/OVERHEAD.md]

Run it with the Python of an environment that holds ordinary wheels, as users have it: editable installs make every
start look at more folders. Prints Markdown; ``--write`` puts it between the markers of a document. Medians of
interleaved rounds; the ratios are to ``python -c pass`` of the same rounds, because machines differ and are noisy.
"""

from __future__ import annotations

import argparse
import os
import platform
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path

COMMANDS = ("pipeline", *(f"ph{number}" for number in range(8)), "aim", "doc-id", "capabilities", "core-state")
LIBRARIES = ("pydantic", "jsonschema", "git", "sqlite_utils", "structlog")
"""What the commands use, or others of their kind do. Each costs more than a whole start."""

BIN = Path(sys.executable).parent
ENVIRONMENT = {key: value for key, value in os.environ.items() if key != "PYTHONDONTWRITEBYTECODE"} | {"NO_COLOR": "1"}
"""Without a switch that would let every start compile anew."""


def seconds(argv: Sequence[str]) -> float:
    """Wall time of one run of a command, which must exit with 0."""
    began = time.perf_counter()
    subprocess.run(argv, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=True, env=ENVIRONMENT)
    return time.perf_counter() - began


def rows() -> dict[str, list[str]]:
    """What is measured: its name and its argument list."""
    imports = {f"import {name}": ["-c", f"import {name}"] for name in ("click", *LIBRARIES) if find_spec(name)}
    python = {f"python -c '{name}'": [sys.executable, *words] for name, words in imports.items()}
    flags = {f"{name} {flag}": [str(BIN / name), flag] for name in COMMANDS for flag in ("--version", "--help")}
    return {"python -c pass": [sys.executable, "-c", "pass"], **python, **flags}


def medians(measured: Mapping[str, Sequence[str]], runs: int) -> dict[str, float]:
    """Milliseconds of each row; the first round, which warms the caches, does not count."""
    taken: dict[str, list[float]] = {name: [] for name in measured}
    for _ in range(runs + 1):
        for name, argv in measured.items():
            taken[name].append(seconds(argv))
    return {name: 1000 * statistics.median(values[1:]) for name, values in taken.items()}


def table(found: Mapping[str, float]) -> Iterator[str]:
    """The measurements as Markdown."""
    least, click = found["python -c pass"], found["python -c 'import click'"]
    yield f"Medians; Python {platform.python_version()}, click {version('click')}, {os.cpu_count()} cores.\n"
    yield "| started | ms | times `python -c pass` | times `import click` |\n|---|---:|---:|---:|"
    for name, value in found.items():
        yield f"| `{name}` | {value:.0f} | {value / least:.1f} | {value / click:.2f} |"
    missing = [name for name in LIBRARIES if find_spec(name) is None]
    if missing:
        yield f"\nNot installed here, and so not measured: {', '.join(missing)}."


def write(document: Path, text: str, marker: str) -> None:
    """Put ``text`` between ``<!-- marker:begin -->`` and ``<!-- marker:end -->``."""
    before, begin, rest = document.read_text("utf-8").partition(f"<!-- {marker}:begin -->\n")
    _, end, after = rest.partition(f"<!-- {marker}:end -->")
    if not begin or not end:
        sys.exit(f"{document}: has no <!-- {marker}:begin --> and <!-- {marker}:end -->")
    document.write_text(f"{before}{begin}{text}\n{end}{after}", "utf-8")


def main() -> None:
    """Measure, print, and write when asked to."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=15)
    parser.add_argument("--write", type=Path, metavar="DOCUMENT")
    asked = parser.parse_args()
    text = "\n".join(table(medians(rows(), asked.runs)))
    print(text)
    if asked.write:
        write(asked.write, text, "startup")


if __name__ == "__main__":
    main()
