"""For the tests of every room: a home that is sealed off, and a repository to play with."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Mapping
from pathlib import Path

from global_util.git import Repository

FILE, PROGRAM, LINK, GITLINK = "100644", "100755", "120000", "160000"
CLOCK = "2026-01-02T03:04:05Z"
Tree = Mapping[bytes, tuple[str, bytes]]
"""Path to mode and content; the content of a gitlink is its commit."""


def sealed_environment(home: Path) -> dict[str, str]:
    """Variables that keep git and caches away from the user: own home, own configuration, fixed names and dates."""
    home.mkdir(parents=True, exist_ok=True)
    (home / "gitconfig").touch()
    fixed = {"NAME": "Tester", "EMAIL": "tester@localhost", "DATE": CLOCK}
    people = {f"GIT_{role}_{part}": text for role in ("AUTHOR", "COMMITTER") for part, text in fixed.items()}
    return {
        **people,
        "HOME": str(home),
        "XDG_CACHE_HOME": str(home / "cache"),
        "XDG_CONFIG_HOME": str(home / "config"),
        "GIT_CONFIG_GLOBAL": str(home / "gitconfig"),
        "GIT_CONFIG_NOSYSTEM": "1",
    }


class Sandbox:
    """A repository in a folder of its own, on branch ``main``."""

    def __init__(self, folder: Path, *options: str) -> None:
        self.folder = folder
        self._blobs: dict[bytes, str] = {}
        folder.mkdir(parents=True, exist_ok=True)
        self.git("init", "--quiet", "--initial-branch=main", *options)
        self.repo = Repository.discover(folder)

    def git(self, *words: str, stdin: bytes = b"", env: Mapping[str, str] | None = None) -> str:
        """Standard output of git as a user would call it, without blanks around it."""
        done = subprocess.run(
            ["git", *words], cwd=self.folder, env={**os.environ, **(env or {})}, input=stdin, capture_output=True
        )
        assert done.returncode == 0, done.stderr.decode("utf-8", "replace")
        return os.fsdecode(done.stdout).strip()

    def blob(self, data: bytes) -> str:
        """Write a file's content."""
        if data not in self._blobs:
            self._blobs[data] = self.git("hash-object", "-w", "--stdin", stdin=data)
        return self._blobs[data]

    def tree(self, content: Tree) -> str:
        """Write a tree without touching the worktree."""
        index = {"GIT_INDEX_FILE": str(self.folder / ".made.index")}
        rows = b""
        for path, (mode, data) in sorted(content.items()):
            oid = data.decode() if mode == GITLINK else self.blob(data)
            rows += f"{mode} {oid}\t".encode() + path + b"\0"
        self.git("read-tree", "--empty", env=index)
        self.git("update-index", "-z", "--index-info", stdin=rows, env=index)
        tree = self.git("write-tree", env=index)
        (self.folder / ".made.index").unlink()
        return tree

    def commit(self, content: Tree, *parents: str) -> str:
        """Write a commit without touching refs or worktree."""
        above = [word for parent in parents for word in ("-p", parent)]
        return self.git("commit-tree", self.tree(content), *above, "-m", "made")

    def start(self, content: Tree) -> str:
        """Make ``main`` a commit with this content, checked out where there is a worktree."""
        commit = self.commit(content)
        self.git("update-ref", "refs/heads/main", commit)
        if self.repo.worktree:
            self.git("reset", "--quiet", "--hard")
        return commit

    def content(self, tree: str) -> dict[bytes, tuple[str, bytes]]:
        """The files of a tree or commit."""
        listed = subprocess.run(
            ["git", "ls-tree", "-r", "-z", "--full-tree", tree], cwd=self.folder, capture_output=True, check=True
        )
        found = {}
        for row in listed.stdout.split(b"\0")[:-1]:
            meta, _, path = row.partition(b"\t")
            mode, _, oid = meta.decode().split(" ")
            words = ["git", "cat-file", "blob", oid]
            blob = b"" if mode == GITLINK else subprocess.check_output(words, cwd=self.folder)
            found[path] = (mode, oid.encode() if mode == GITLINK else blob)
        return found
