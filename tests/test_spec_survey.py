"""The survey of requirement documents tells each statement and file without a line, and nothing else."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

SCRIPT = Path(__file__).resolve().parent.parent / "scripts" / "spec_survey.py"
MARKDOWN = """# Boats

## Build (core)

**Key parts**

* `hull.py`, and `docs/harbour.md`.
* This is no task.

**Main Tasks**

1. **Hull**

   * Saw the planks
     and bend them:

     * Never against the grain.

```text
* not a task either
```

**Exit / Gate**

* It floats.

---

If you like, I can:

* Paint it.
"""
LINES = ["MT-1] Hull", "MT-2] Saw planks and bend them", "MT-3] Never against grain", "EX-1] It floats"]
FILES = ["FI-1] `hull.py`", "FI-2] docs/harbour.md"]


def survey(folder: Path, originals: dict[str, str], requirements: dict[str, list[str]]) -> tuple[int, list[str]]:
    """Exit code and lines of the script, copied into a repository with these requirements."""
    (folder / "scripts").mkdir()
    (folder / "docs" / "requirements").mkdir(parents=True)
    (folder / "seeds").mkdir()
    shutil.copy(SCRIPT, folder / "scripts")
    for name, text in originals.items():
        (folder / "seeds" / name).write_text(text, "utf-8")
    for name, lines in requirements.items():
        text = "".join(f"- [IDX-{name[:3]}-PH00-{line}\n" for line in lines)
        (folder / "docs" / "requirements" / name).write_text(text, "utf-8")
    command = [sys.executable, "scripts/spec_survey.py", "seeds"]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=60, check=False)
    assert done.stderr == ""
    return done.returncode, done.stdout.splitlines()


def test_nothing_is_told_when_each_has_a_line(tmp_path: Path) -> None:
    assert survey(tmp_path, {"002_boats.txt": MARKDOWN}, {"002_boats.md": LINES + FILES}) == (0, [])


@pytest.mark.parametrize(
    ("left_out", "told"),
    [
        (LINES[0], "002_boats.txt:12: no line for '**Hull**'"),
        (LINES[1], "002_boats.txt:14: no line for 'Saw the planks and bend them:'"),
        (LINES[2], "002_boats.txt:17: no line for 'Never against the grain.'"),
        (LINES[3], "002_boats.txt:25: no line for 'It floats.'"),
        (FILES[0], "002_boats.txt:7: no line names the file hull.py"),
        (FILES[1], "002_boats.txt:7: no line names the file docs/harbour.md"),
    ],
)
def test_what_has_no_line_is_told_with_its_place(tmp_path: Path, left_out: str, told: str) -> None:
    lines = [line for line in LINES + FILES if line != left_out]
    assert survey(tmp_path, {"002_boats.txt": MARKDOWN}, {"002_boats.md": lines}) == (1, [told])


def test_json_is_surveyed_too(tmp_path: Path) -> None:
    document = {"notes": ["remark"], "done": {"conditions": ["It floats.", "It is dry."]}, "docs": ["harbour.md"]}
    code, told = survey(tmp_path, {"000_boats.txt": json.dumps(document)}, {"000_boats.md": ["RQ-1] It floats"]})
    assert code == 1
    assert told == [
        "000_boats.txt:/done/conditions/1: no line for 'It is dry.'",
        "000_boats.txt:1: no line names the file harbour.md",
    ]


def test_an_original_without_requirements_is_told(tmp_path: Path) -> None:
    assert survey(tmp_path, {"007_boats.txt": MARKDOWN}, {}) == (1, ["007_boats.txt: no requirements/007_*.md"])
