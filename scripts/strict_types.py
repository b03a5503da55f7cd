"""Runs mypy --strict over every package, its tests, the scripts and the root's tests."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


def main() -> int:
    """The highest exit code of mypy. Tests are judged apart: their files have equal names in several packages."""
    packages = sorted(path.parent for path in ROOT.glob("*/pyproject.toml"))
    sources = [str(package / "src") for package in packages]
    environment = {**os.environ, "MYPYPATH": os.pathsep.join(sources)}
    runs = [
        [*sources, "scripts"],
        [
            str(path)
            for path in (*(package / "tests" for package in packages), ROOT / "tests")
            if [*path.glob("**/*.py")]
        ],
    ]
    mypy = [sys.executable, "-m", "mypy", "--strict"]
    return max(subprocess.run([*mypy, *paths], cwd=ROOT, env=environment, check=False).returncode for paths in runs)


if __name__ == "__main__":
    sys.exit(main())
