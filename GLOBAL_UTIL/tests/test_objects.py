"""Objects are read and written by git processes that stay, and end with whoever asked."""

from __future__ import annotations

import gc
import os
import signal
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from global_util.git import GitError, Person, Repository
from global_util.testing import FILE, Sandbox

NOBODY = Person("Nobody", "nobody@localhost")
ASKS = """
import sys
from pathlib import Path
from global_util.git import Repository
repo = Repository.discover(Path(sys.argv[1]))
repo.paths_of(repo.tree_of(repo.resolve("HEAD")))
print("asked", flush=True)
sys.stdin.read()
"""


def children(pid: int) -> list[int]:
    listed = Path(f"/proc/{pid}/task/{pid}/children").read_text("utf-8")
    return [int(word) for word in listed.split()]


@pytest.fixture
def box(tmp_path: Path) -> Sandbox:
    return Sandbox(tmp_path / "repo")


def test_a_commit_is_the_one_that_git_would_write(box: Sandbox) -> None:
    base = box.start({b"f": (FILE, b"one\n")})
    tree = box.repo.tree_of(base)
    for person in (NOBODY, Person("  Ada <Lovelace>, ", "ada@localhost "), Person("Zoë\nX", "z@localhost")):
        env = {
            f"GIT_{role}_{part}": text
            for role in ("AUTHOR", "COMMITTER")
            for part, text in {"NAME": person.name, "EMAIL": person.email, "DATE": "@17 +0000"}.items()
        }
        for message in ("one\n", "no end", "", "zwölf\n\nmore\n"):
            made = box.repo.commit(tree, (base, base), message, person, 17)
            words = ("commit-tree", tree, "-p", base, "-p", base)
            assert made == box.git(*words, stdin=message.encode(), env=env)


def test_what_is_no_commit_is_refused(box: Sandbox) -> None:
    base = box.start({b"f": (FILE, b"one\n")})
    with pytest.raises(GitError, match="NUL"):
        box.repo.commit(box.repo.tree_of(base), (), "a\0b", NOBODY, 0)
    with pytest.raises(GitError, match="ended without an answer"):
        box.repo.commit("no tree", (), "x", NOBODY, 0)
    assert box.repo.commit(box.repo.tree_of(base), (), "x", NOBODY, 0)


def test_what_is_missing_is_said(box: Sandbox) -> None:
    base = box.start({b"f": (FILE, b"one\n")})
    with pytest.raises(GitError, match="missing"):
        box.repo.tree_of("1" * 40)
    with pytest.raises(GitError, match="is a tree, and should be a commit"):
        box.repo.date_of(box.repo.tree_of(base))


def test_an_object_that_another_process_wrote_meanwhile_is_found(box: Sandbox) -> None:
    base = box.start({b"f": (FILE, b"one\n")})
    assert box.repo.tree_of(base)
    later = box.commit({b"f": (FILE, b"two\n"), b"g": (FILE, b"3\n")}, base)
    assert box.repo.paths_of(box.repo.tree_of(later)) == ("f", "g")
    box.git("update-ref", "refs/heads/later", later)
    box.git("gc", "--quiet", "--prune=now")
    last = box.commit({b"h": (FILE, b"4\n")}, later)
    assert box.repo.paths_of(box.repo.tree_of(last)) == ("h",)


def test_git_that_died_is_started_again(box: Sandbox) -> None:
    base = box.start({b"f": (FILE, b"one\n")})
    tree = box.repo.tree_of(base)
    before = set(children(os.getpid()))
    for pid in before:
        if b"cat-file" in Path(f"/proc/{pid}/cmdline").read_bytes():
            os.kill(pid, signal.SIGKILL)
    assert box.repo.paths_of(tree) == ("f",)


def test_several_threads_get_their_own_answers(box: Sandbox) -> None:
    commits = [box.commit({b"%d" % number: (FILE, b"%d\n" % number)}) for number in range(8)]

    def ask(number: int) -> tuple[str, ...]:
        return box.repo.paths_of(box.repo.tree_of(commits[number % 8]))

    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(ask, range(64))) == [(str(number % 8),) for number in range(64)]


def test_no_process_stays_behind_a_repository_that_is_given_up(box: Sandbox) -> None:
    base = box.start({b"f": (FILE, b"one\n")})
    before = set(children(os.getpid()))
    repo = Repository.discover(box.folder)
    repo.paths_of(repo.tree_of(base))
    assert set(children(os.getpid())) - before
    del repo
    gc.collect()
    assert not set(children(os.getpid())) - before


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="looks for processes in /proc")
def test_no_process_outlives_one_that_was_killed(box: Sandbox) -> None:
    box.start({b"f": (FILE, b"one\n")})
    pipe = subprocess.PIPE
    with subprocess.Popen([sys.executable, "-c", ASKS, str(box.folder)], stdin=pipe, stdout=pipe) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"asked\n"
        left = children(process.pid)
        assert left
        process.kill()
    patience = time.monotonic() + 10
    while any(Path(f"/proc/{pid}").exists() and is_alive(pid) for pid in left):
        assert time.monotonic() < patience
        time.sleep(0.01)


def is_alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text("utf-8").rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False
