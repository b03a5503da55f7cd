"""A git folder that may only be read, from the start or from the middle of a run on."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator

import pytest

from tests.faults import RUN, Den, Ground, dens, fits, goes_on, ground, killed, outcome, resume, says, some, words

READ_ONLY = 'mount --bind "$1" "$1"; mount -o remount,bind,ro "$1"'
WRITABLE = 'umount "$1"'


@pytest.fixture(scope="module")
def laid(tmp_path_factory: pytest.TempPathFactory) -> Ground:
    """What is run."""
    return ground(tmp_path_factory)


@pytest.fixture
def den() -> Iterator[Den]:
    """Where a folder can be made read-only."""
    yield from dens("a read-only folder")


@pytest.mark.parametrize("folder", some(".git", ".git/objects", ".git/refs"))
def test_read_only_from_the_start(laid: Ground, den: Den, folder: str) -> None:
    desk = laid.copy(f"start-{folder.replace('/', '_')}")
    place = desk.repo / folder
    place.mkdir(exist_ok=True)
    den.sh(desk, READ_ONLY, str(place))
    refused = den.run(desk, *words(desk))
    says(refused, "E409", "make it writable")
    assert refused.returncode == 4
    assert b"Traceback" not in den.run(desk, "pipeline", "list").stderr
    den.sh(desk, WRITABLE, str(place))
    done = resume(desk)
    if b"E465" in done.stderr or b"E432" in done.stderr:
        done = subprocess.run(words(desk), cwd=desk.repo, env=desk.env, capture_output=True, check=False)
    assert done.returncode == 0, done.stderr
    assert outcome(desk) == laid.want
    fits(desk)


@pytest.mark.parametrize("moment", ["confirmed attempt", "workstream_moved landing"])
def test_read_only_in_the_middle(laid: Ground, den: Den, moment: str) -> None:
    desk = laid.copy(f"middle-{moment.replace(' ', '-')}")
    place = desk.repo / ".git"
    full = den.run(desk, *words(desk), AT=moment, DO=READ_ONLY.replace("$1", str(place)))
    says(full, "E409", "ead-only file system", "make it writable", f"pipeline run --resume {RUN}")
    den.sh(desk, WRITABLE, str(place))
    goes_on(desk, laid.want)


def test_a_dead_run_can_be_looked_at_where_nothing_can_be_written(laid: Ground, den: Den) -> None:
    desk = killed(laid.copy("look"), "confirmed attempt")
    place = str(desk.repo / ".git")
    den.sh(desk, READ_ONLY, place)
    for command in ("list", "show-run", "verify"):
        shown = den.run(desk, "pipeline", command, *(() if command == "list" else (RUN,)))
        assert (shown.returncode, shown.stderr) == (0, b""), command
    for words_of in (("run", "--resume"), ("abandon-run", RUN)):
        says(den.run(desk, "pipeline", *words_of), "E409", "ead-only file system", "make it writable")
    den.sh(desk, WRITABLE, place)
    goes_on(desk, laid.want)


@pytest.mark.parametrize("folder", some("objects", "refs", "phaseline/locks"))
def test_a_folder_of_somebody_else(laid: Ground, folder: str) -> None:
    desk = laid.copy(f"other-{folder.replace('/', '_')}")
    place = desk.repo / ".git" / folder
    place.mkdir(parents=True, exist_ok=True)
    before: tuple[str, ...] = ()
    if os.geteuid() == 0:
        if shutil.which("setpriv") is None:
            pytest.skip("root may write everywhere, and there is no setpriv: permissions are NOT tested")
        before = ("setpriv", "--reuid=65534", "--regid=65534", "--clear-groups")
        for parent in (desk.folder.parent, desk.folder.parent.parent, desk.folder.parent.parent.parent):
            if parent.stat().st_mode & 0o777 == 0o700:
                parent.chmod(0o711)
        subprocess.run(["chown", "-R", "65534:65534", str(desk.folder)], check=True)
        subprocess.run(["chown", "-R", "0:0", str(place)], check=True)
    subprocess.run(["chmod", "-R", "a-w", str(place)], check=True)
    try:
        answers = subprocess.run(
            (*before, "pipeline", "--version"), cwd=desk.repo, env=desk.env, capture_output=True, check=False
        )
        if answers.returncode:
            pytest.skip("another user cannot run what is installed here: permissions are NOT tested")
        refused = subprocess.run((*before, *words(desk)), cwd=desk.repo, env=desk.env, capture_output=True, check=False)
        told = refused.stderr.decode()
        says(
            refused, "E435" if "error E435" in told else "E409", "make it writable" if "E409" in told else "permissions"
        )
    finally:
        subprocess.run(["chmod", "-R", "u+w", str(place)], check=True)
