"""Trees are read, compared and changed as git does it, whatever lies in them."""

from __future__ import annotations

import pytest
from global_util import paths
from global_util.contracts.item import Change
from global_util.git.repository import parse_raw
from global_util.git.trees import Entry, Trees, form, parse
from global_util.testing import FILE, GITLINK, LINK, PROGRAM, Sandbox, Tree
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

NAMES = st.sampled_from([b"a", b"a.b", b"a0", b"b", b"b-", b"\xff", b"c d"])
PATHS = st.lists(NAMES, min_size=1, max_size=3).map(b"/".join)
FILES = st.one_of(
    st.tuples(st.sampled_from([FILE, PROGRAM]), st.binary(max_size=2)),
    st.just((LINK, b"a")),
    st.just((GITLINK, b"1" * 40)),
)


def possible(content: Tree) -> Tree:
    """Without what lies below a path that is a file."""
    return {path: one for path, one in content.items() if not any(path.startswith(other + b"/") for other in content)}


CONTENTS = st.dictionaries(PATHS, FILES, max_size=8).map(possible)
SLOWLY = settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


@pytest.fixture(scope="module")
def box(tmp_path_factory: pytest.TempPathFactory) -> Sandbox:
    return Sandbox(tmp_path_factory.mktemp("trees") / "repo")


def told_by_git(box: Sandbox, base: str, head: str) -> tuple[Change, ...]:
    words = ("diff-tree", "-r", "-z", "--raw", "--no-renames", "--full-index", base, head)
    return tuple(parse_raw(box.repo.run(*words)))


def put_by_git(box: Sandbox, tree: str, changes: tuple[Change, ...]) -> str:
    rows = [f"000000 {'0' * 40}\t".encode() + paths.to_bytes(one.path) for one in changes]
    rows += [
        f"{one.new_mode} {one.new_blob}\t".encode() + paths.to_bytes(one.path) for one in changes if one.status != "D"
    ]
    with box.repo.scratch_index(tree) as env:
        box.repo.sealed("update-index", "-z", "--index-info", stdin=b"".join(row + b"\0" for row in rows), env=env)
        return box.repo.sealed("write-tree", env=env).stdout.decode().strip()


@SLOWLY
@given(one=CONTENTS, two=CONTENTS, three=CONTENTS)
def test_differences_and_changed_trees_are_those_of_git(box: Sandbox, one: Tree, two: Tree, three: Tree) -> None:
    first, second, third = (box.tree(content) for content in (one, two, three))
    changes = box.repo.diff(first, second)
    assert changes == told_by_git(box, first, second)
    assert box.repo.overlay(first, changes) == second
    assert box.repo.overlay(third, changes) == put_by_git(box, third, changes)
    assert list(box.repo.modes_of(second)) == sorted(map(paths.from_bytes, two), key=paths.to_bytes)
    assert box.repo.modes_of(second) == {paths.from_bytes(path): mode for path, (mode, _) in two.items()}


@SLOWLY
@given(one=CONTENTS, two=CONTENTS, path=PATHS)
def test_trees_agree_where_neither_has_changed_anything(box: Sandbox, one: Tree, two: Tree, path: bytes) -> None:
    def concerning(content: Tree) -> dict[bytes, tuple[str, bytes]]:
        return {
            other: entry
            for other, entry in content.items()
            if (other + b"/").startswith(path + b"/") or path.startswith(other + b"/")
        }

    agreed = box.repo.agree(box.tree(one), box.tree(two), paths.from_bytes(path))
    assert agreed == (concerning(one) == concerning(two))


def test_a_folder_stands_in_the_place_that_its_slash_gives_it() -> None:
    folder = {b"a": Entry("040000", "1" * 40), b"a.b": Entry(FILE, "2" * 40), b"a0": Entry(FILE, "3" * 40)}
    assert list(parse(form(folder), 20)) == [b"a.b", b"a", b"a0"]
    assert parse(form(folder), 20) == folder


@pytest.mark.parametrize(
    ("mode", "read"), [(b"100664", FILE), (b"100775", PROGRAM), (b"40000", "040000"), (b"0100644", FILE)]
)
def test_modes_of_old_trees_are_read_as_git_reads_them(mode: bytes, read: str) -> None:
    assert parse(mode + b" x\0" + b"\1" * 20, 20) == {b"x": Entry(read, "01" * 20)}


def test_longer_ids_are_read_too() -> None:
    entry = Entry(FILE, "ab" * 32)
    assert parse(form({b"x": entry}), 32) == {b"x": entry}


def test_a_change_deep_in_a_large_tree_reads_the_folders_above_it_and_no_others() -> None:
    stored = {"1" * 40: form({b"a": Entry("040000", "2" * 40), b"b": Entry("040000", "3" * 40)})}
    stored["2" * 40] = form({b"x": Entry(FILE, "4" * 40)})
    read: list[str] = []

    def content(oid: str) -> bytes:
        read.append(oid)
        return stored[oid]

    def keep(text: bytes) -> str:
        stored["5" * 40] = text
        return "5" * 40

    trees = Trees(content, keep)
    trees.put("1" * 40, [(b"a/x", Entry(FILE, "6" * 40))])
    assert sorted(read) == ["1" * 40, "2" * 40]
