"""A disk that fills up: a clear message at every moment, and once there is room the run goes on to the same commits."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest
from global_util.disk import git_says_so

from tests.faults import NAMES, RUN, Den, Ground, began, dens, ground, says, some, words

if TYPE_CHECKING:
    from tests.conftest import Desk

SMALL = """
mkdir -p "$1"; cp -a "$1" "$1.aside"
mount -t tmpfs -o size=64m faults "$1"
cp -a "$1.aside/." "$1"
used=$(df -k --output=used "$1" | tail -n 1)
mount -o "remount,size=$((used + $2))k" "$1"
"""
"""Puts a folder on a disk of its own that has so many KiB left."""
LARGE = 'mount -o remount,size=64m "$1"'
LEFT = 'find cache repo/.git/worktrees repo/.git/phaseline/locks -name "slot-*" -o -name "*.lock" 2>/dev/null || true'


@pytest.fixture(scope="module")
def laid(tmp_path_factory: pytest.TempPathFactory) -> Ground:
    """What is run."""
    return ground(tmp_path_factory)


@pytest.fixture
def den() -> Iterator[Den]:
    """Where a small disk can be mounted."""
    yield from dens("a full disk")


def outcome(den: Den, desk: Desk) -> tuple[str, list[str]]:
    """As in ``faults``, seen from within."""
    refs = den.sh(
        desk, "git for-each-ref --format='%(objectname) %(refname)' refs/heads/main refs/pipeline"
    ).splitlines()
    kept = [ref for ref in refs if "/audit/" not in ref and "/orphans/" not in ref]
    return den.sh(desk, "git rev-parse main"), kept


def goes_on(den: Den, desk: Desk, laid: Ground, *, paid_once: bool = True) -> None:
    """With room it goes on, pays what it had not paid, and leaves nothing."""
    done = den.run(desk, "pipeline", "run", "--resume", RUN)
    assert done.returncode == 0, done.stderr
    assert outcome(den, desk) == laid.want
    assert (began(desk) if paid_once else sorted(set(began(desk)))) == list(NAMES)
    assert den.sh(desk, f"cd ..; {LEFT}") == ""
    verified = den.run(desk, "pipeline", "verify", RUN)
    assert verified.returncode == 0, verified.stdout


FULL = (
    ("repo/.git", 420, ("E434",)),
    ("repo/.git", 800, ("E434", "E409")),
    ("repo/.git/objects", 24, ("E409",)),
    ("repo/.git/phaseline/runs", 80, ("E409",)),
    ("cache", 8, ("E409", "E440")),
    ("cache", 28, ("E409",)),
)


@pytest.mark.parametrize(("folder", "room", "codes"), some(*FULL))
def test_a_disk_fills_up(laid: Ground, den: Den, folder: str, room: int, codes: tuple[str, ...]) -> None:
    desk = laid.copy(f"full-{folder.replace('/', '_')}-{room}")
    place = str(desk.folder / folder)
    den.sh(desk, SMALL, place, str(room))
    full = den.run(desk, *words(desk))
    code = next((code for code in codes if f"error {code}:".encode() in full.stderr), codes[0])
    says(full, code)
    assert full.returncode == 4
    again = den.run(desk, "pipeline", "run", "--resume", RUN)
    assert (again.returncode, b"Traceback" in again.stderr) == (4, False), again.stderr
    den.sh(desk, LARGE, place)
    # A tool whose output cannot be written down is stopped, and called again.
    goes_on(den, desk, laid, paid_once=not folder.endswith("runs"))


def test_no_room_for_temporary_files_is_no_fault_of_the_tool(laid: Ground, den: Den) -> None:
    desk = laid.copy("full-tmp")
    place = str(desk.folder / "tmp")
    den.sh(desk, SMALL, place, "4")
    full = den.run(desk, *words(desk), TMPDIR=place)
    says(full, "E409", "make room", f"then go on with: pipeline run --resume {RUN}")
    assert b"E409" in den.run(desk, "pipeline", "run", "--resume", RUN, TMPDIR=place).stderr
    goes_on(den, desk, laid)


def test_a_tool_that_fails_for_want_of_room_is_called_again(laid: Ground, den: Den) -> None:
    desk = laid.copy("full-tool")
    place = str(desk.folder / "cache")
    den.sh(desk, SMALL, place, "300")
    (desk.folder / "do-ws-one").write_text("head -c 400000 /dev/zero > filler || exit 1\n", "utf-8")
    full = den.run(desk, *words(desk))
    says(full, "E409", f"then go on with: pipeline run --resume {RUN}")
    (desk.folder / "do-ws-one").unlink()
    den.sh(desk, LARGE, place)
    goes_on(den, desk, laid, paid_once=False)


def test_what_a_dead_run_left_is_not_overwritten_without_room_to_keep_it(laid: Ground, den: Den) -> None:
    desk = laid.copy("full-keep")
    (desk.folder / "do-ws-one").write_text('echo precious > a.txt; kill -9 "$(cat "$desk/pid")"; sleep 60\n', "utf-8")
    died = den.run(desk, *words(desk), AT="tool_started ws-one", DO=f"echo $PPID > {desk.folder}/pid")
    assert died.returncode == -signal.SIGKILL
    (desk.folder / "do-ws-one").unlink()
    place = str(desk.repo / ".git/objects")
    den.sh(desk, SMALL, place, "4")
    says(den.run(desk, "pipeline", "run", "--resume", RUN), "E409")
    den.sh(desk, LARGE, place)
    assert den.run(desk, "pipeline", "run", "--resume", RUN).returncode == 0
    kept = den.sh(desk, "git for-each-ref --format='%(objectname)' refs/pipeline/keep/orphans").split()
    assert "precious" in [den.sh(desk, f"git show {commit}:a.txt") for commit in kept]


@pytest.mark.parametrize(
    ("said", "full"),
    [
        ("fatal: unable to write loose object file: No space left on device", True),
        ("error: unable to write file a.txt", True),
        ("error: insufficient permission for adding an object to repository database .git/objects", True),
        ("hint: see the manual\nfatal: sha1 file '/tmp/index.lock' write error. Out of diskspace", True),
        ('error: open("No space left on device"): Permission denied', False),
        ("fatal: cannot add 'unable to write': is a directory", False),
        ("warning: No space left on device", False),
        ("", False),
    ],
)
def test_git_is_heard_and_names_of_files_are_not(said: str, full: bool) -> None:
    assert git_says_so(said) == full
