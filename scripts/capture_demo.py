"""Capture ``pipeline demo`` in a real terminal and write it as SVG: the picture in the README.

python scripts/capture_demo.py docs/images/demo.svg
"""

from __future__ import annotations

import fcntl
import io
import os
import pty
import re
import struct
import subprocess
import sys
import tempfile
import termios
from pathlib import Path

from rich.console import Console
from rich.text import Text

COLUMNS = 118


def capture(argv: list[str]) -> str:
    """What a command writes to a terminal of ``COLUMNS`` columns."""
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 60, COLUMNS, 0, 0))
    env = {**os.environ, "TERM": "xterm-256color", "COLORTERM": "truecolor", "COLUMNS": str(COLUMNS)}
    env.pop("NO_COLOR", None)
    child = subprocess.Popen(argv, stdout=theirs, stderr=subprocess.DEVNULL, stdin=subprocess.DEVNULL, env=env)
    os.close(theirs)
    out = b""
    try:
        while chunk := os.read(ours, 65536):
            out += chunk
    except OSError:
        pass  # Linux says so when the other end is closed
    if child.wait() != 0:
        raise SystemExit(f"{' '.join(argv)}: exit {child.returncode}")
    return out.decode().replace("\r\n", "\n")


def main() -> None:
    """Run, and write the picture."""
    target = Path(sys.argv[1])
    with tempfile.TemporaryDirectory(prefix="demo-") as folder:
        text = capture([str(Path(sys.executable).parent / "pipeline"), "demo", "--keep", f"{folder}/d"])
        text = text.replace(f"{folder}/d", "~/demo")
    console = Console(record=True, width=COLUMNS, file=io.StringIO(), force_terminal=True)
    console.print(Text.from_ansi("$ pipeline demo --keep ~/demo\n" + text.rstrip("\n")))
    picture = console.export_svg(title="pipeline demo")
    # A picture that fetches nothing: without fonts from elsewhere, and readable in any monospaced one.
    target.write_text(re.sub(r"@font-face \{.*?\}\s*", "", picture, flags=re.DOTALL), "utf-8")


if __name__ == "__main__":
    main()
