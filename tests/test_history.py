"""A stretch of history replayed through the line ends with upstream's tree, bit for bit."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Callable
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path

import pytest

SCRIPT = Path(__file__).resolve().parent.parent / "scripts" / "replay_history.py"
BINARY = bytes(range(256)) * 64


class Upstream:
    """A repository in which every step is a commit."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir()
        self.git("init", "--quiet", "--template=", "--initial-branch=main")

    def git(self, *words: str) -> str:
        """Git's answer."""
        who = {f"GIT_{role}_{part}": "ada@localhost" for role in ("AUTHOR", "COMMITTER") for part in ("NAME", "EMAIL")}
        env = {**os.environ, **who, "GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_NOSYSTEM": "1"}
        done = subprocess.run(["git", *words], cwd=self.folder, env=env, capture_output=True, check=True)
        return done.stdout.decode().strip()

    def write(self, name: str, content: bytes | str = "text\n") -> Path:
        """A file, with the folders above it."""
        place = self.folder / name
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(content.encode() if isinstance(content, str) else content)
        return place

    def step(self, do: Callable[[], object]) -> None:
        """Do something and commit it."""
        do()
        self.git("add", "--all")
        self.git("commit", "--quiet", "--allow-empty", "-m", "step")


def grow(up: Upstream) -> None:
    """A dozen commits with what real histories hold."""
    lines = "".join(f"line {number}\n" for number in range(30))

    def rename() -> None:
        up.git("mv", "docs/guide.md", "docs/manual.md")
        up.write("docs/manual.md", lines + "renamed\n")

    def file_to_folder() -> None:
        (up.folder / "thing").unlink()
        up.write("thing/inside.txt")

    def folder_to_file() -> None:
        up.git("rm", "-rq", "thing")
        up.write("thing", "a file again\n")

    def link_to_file() -> None:
        (up.folder / "link").unlink()
        up.write("link", "no link any more\n")

    def change_both() -> None:
        up.write("a.bin", BINARY[::-1])
        up.write("docs/manual.md", lines.replace("line 3\n", "line three\n"))
        up.write("windows.txt", b"one\r\ntwo\r\nno end")

    def merge() -> None:
        up.git("checkout", "--quiet", "-b", "side", "HEAD~2")
        up.step(lambda: up.write("side/a.txt"))
        up.git("checkout", "--quiet", "main")
        up.git("merge", "--quiet", "--no-ff", "-m", "merge side", "side")

    up.step(lambda: (up.write("docs/guide.md", lines), up.write("thing"), up.write("run.sh", "#!/bin/sh\n")))
    up.step(lambda: up.write("a.bin", BINARY))
    up.step(rename)
    up.step(lambda: (up.folder / "run.sh").chmod(0o755))
    up.step(lambda: (up.folder / "link").symlink_to("docs/manual.md"))
    up.step(file_to_folder)
    up.step(lambda: up.write(".gitattributes", "*.txt text=auto eol=crlf\n*.md merge=ours\n"))
    up.step(change_both)
    up.step(folder_to_file)
    up.step(link_to_file)
    merge()
    up.step(lambda: up.git("rm", "-q", "a.bin"))
    up.step(lambda: None)
    up.step(lambda: (up.write("run.sh", "#!/bin/sh\ntrue\n"), up.write("side/a.txt", ""), up.write("thing", "last\n")))


def test_a_stretch_of_history_comes_out_bit_for_bit(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    spec = spec_from_file_location("replay_history", SCRIPT)
    assert spec is not None
    assert spec.loader is not None
    script = module_from_spec(spec)
    spec.loader.exec_module(script)
    up = Upstream(tmp_path / "upstream")
    grow(up)
    work = tmp_path / "work"
    work.mkdir()
    assert script.replay(up.folder, "HEAD", 13, 2, work), capsys.readouterr().err
    told = capsys.readouterr().out
    assert "12 workstreams, exit 0" in told
    assert "tree equal" in told
    run = next((work / "clone/.git/phaseline/runs").iterdir())
    items = json.loads((run / "artifacts/execution_result.v1.json").read_text("utf-8"))["items"]
    joins = [len(item["base"]["join"]["workstreams"]) for item in items if "join" in item["base"]]
    assert len(joins) >= 2
    assert max(joins) >= 3
    assert not list((work / "slots").rglob("slot-*"))
