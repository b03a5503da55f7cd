"""Nothing is lost: a file changes whole or not at all, never over somebody's change, never through a link."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from global_doc_id.working_file import create_file, inside, move_file, read_file, replace_file
from global_util.errors import InvalidInput


def test_content_is_replaced_and_mode_and_neighbours_stay(tmp_path: Path) -> None:
    place = tmp_path / "run.sh"
    place.write_bytes(b"old")
    place.chmod(0o750)
    replace_file(read_file(tmp_path, "run.sh"), b"new")
    assert (place.read_bytes(), place.stat().st_mode & 0o777) == (b"new", 0o750)
    assert [path.name for path in tmp_path.iterdir()] == ["run.sh"]


@pytest.mark.parametrize("size", [3, 4])
def test_a_file_that_changed_meanwhile_is_left_alone(tmp_path: Path, size: int) -> None:
    place = tmp_path / "a.md"
    place.write_bytes(b"old")
    file = read_file(tmp_path, "a.md")
    place.write_bytes(b"x" * size)
    os.utime(place, ns=(file.marks[3], file.marks[3]))
    with pytest.raises(InvalidInput, match="changed while"):
        replace_file(file, b"new")
    with pytest.raises(InvalidInput, match="changed while"):
        move_file(file, "b.md", tmp_path)
    assert place.read_bytes() == b"x" * size
    assert [path.name for path in tmp_path.iterdir()] == ["a.md"]


def test_a_read_only_file_is_read_and_not_written(tmp_path: Path) -> None:
    place = tmp_path / "a.md"
    place.write_bytes(b"old")
    place.chmod(0o444)
    with pytest.raises(InvalidInput, match="read-only"):
        replace_file(read_file(tmp_path, "a.md"), b"new")
    assert place.read_bytes() == b"old"


def test_links_and_special_files_are_refused(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "real" / "a.md").write_text("x")
    (tmp_path / "link.md").symlink_to("real/a.md")
    (tmp_path / "folder").symlink_to("real")
    os.mkfifo(tmp_path / "pipe.md")
    for name, why in [("link.md", "symbolic link"), ("folder/a.md", "symbolic link"), ("pipe.md", "no regular file")]:
        with pytest.raises(InvalidInput, match=why):
            read_file(tmp_path, name)
    with pytest.raises(InvalidInput, match="symbolic link"):
        create_file(tmp_path, "folder/b.md", b"")
    assert [path.name for path in (tmp_path / "real").iterdir()] == ["a.md"]


@pytest.mark.parametrize("name", ["", "../a", ".git/config", "a/.GIT/b", "missing.md", "a.md/b"])
def test_what_is_no_file_of_the_working_copy_is_refused(tmp_path: Path, name: str) -> None:
    (tmp_path / "a.md").write_text("x")
    with pytest.raises(InvalidInput):
        read_file(tmp_path, name)


def test_a_new_file_takes_no_place_that_is_taken(tmp_path: Path) -> None:
    create_file(tmp_path, "deep/er/a.md", b"1")
    with pytest.raises(InvalidInput, match="is there already"):
        create_file(tmp_path, "deep/er/a.md", b"2")
    assert (tmp_path / "deep/er/a.md").read_bytes() == b"1"
    assert [path.name for path in (tmp_path / "deep/er").iterdir()] == ["a.md"]


def test_a_name_is_taken_as_the_path_inside_the_repository(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    assert inside(tmp_path.resolve(), tmp_path / "a" / ".." / "b.md") == "b.md"
    for name in ("..", "/etc/hostname", "../x"):
        with pytest.raises(InvalidInput, match="lies outside"):
            inside(tmp_path.resolve(), tmp_path / name)
