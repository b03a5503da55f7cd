"""Files that others write too: read without waiting, written whole or not at all."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest
from global_util.files import LIMIT, forget_partials, partial_beside, read_regular, write_atomically, write_partial


def test_a_file_is_written_whole_or_not_at_all(tmp_path: Path) -> None:
    write_atomically(tmp_path / "new/file", b"one")
    write_atomically(tmp_path / "new/file", b"two")
    assert (tmp_path / "new/file").read_bytes() == b"two"
    (tmp_path / "folder").mkdir()
    with pytest.raises(OSError, match="folder"):
        write_atomically(tmp_path / "folder", b"three")
    assert sorted(path.name for path in tmp_path.rglob("*")) == ["file", "folder", "new"]


def test_a_name_as_long_as_names_can_be_is_written_too(tmp_path: Path) -> None:
    write_atomically(tmp_path / ("n" * 255), b"one")
    assert (tmp_path / ("n" * 255)).read_bytes() == b"one"


def test_a_partial_file_has_the_mode_and_lies_beside(tmp_path: Path) -> None:
    partial = write_partial(tmp_path / "file", b"one", 0o640)
    assert (partial.parent, partial.stat().st_mode & 0o777, partial.read_bytes()) == (tmp_path, 0o640, b"one")


@pytest.mark.parametrize("kind", ["pipe", "device", "folder", "link", "large"])
def test_what_is_no_regular_file_is_refused_at_once(tmp_path: Path, kind: str) -> None:
    place = tmp_path / "place"
    if kind == "pipe":
        os.mkfifo(place)
    elif kind == "device":
        place = Path("/dev/zero")
    elif kind == "folder":
        place.mkdir()
    elif kind == "link":
        (tmp_path / "file").write_bytes(b"x")
        place.symlink_to("file")
    else:
        place.touch()
        os.truncate(place, LIMIT + 1)
    with pytest.raises(OSError, match=r"is (no regular file|a symbolic link|larger than 16 MiB)"):
        read_regular(place)


def test_a_link_may_be_followed_to_a_file_and_to_nothing_else(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"x")
    (tmp_path / "link").symlink_to("file")
    assert read_regular(tmp_path / "link", follow=True) == b"x"
    (tmp_path / "zero").symlink_to("/dev/zero")
    with pytest.raises(OSError, match="is no regular file"):
        read_regular(tmp_path / "zero", follow=True)


def test_what_a_writer_that_is_gone_left_half_done_is_forgotten(tmp_path: Path) -> None:
    gone = subprocess.Popen(["true"])
    gone.wait()
    inner = tmp_path / "inner"
    inner.mkdir()
    left = [place / f".phaseline.{gone.pid}.0a0b0c0d.partial" for place in (tmp_path, inner)]
    kept = [partial_beside(tmp_path / "living"), tmp_path / ".phaseline.x.partial", tmp_path / "other"]
    for place in (*left, *kept):
        place.touch()
    forget_partials(tmp_path)
    assert [place.exists() for place in left] == [False, True]
    forget_partials(tmp_path, below=True)
    assert [place.exists() for place in left] == [False, False]
    assert all(place.exists() for place in kept)
