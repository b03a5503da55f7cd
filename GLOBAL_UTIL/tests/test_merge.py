"""Joining changes loses nothing, says what conflicts, and is bent by nothing that a repository configures."""

from __future__ import annotations

import subprocess
from collections.abc import Mapping

import pytest
from global_util.merge import Joined, join
from global_util.testing import FILE, LINK, PROGRAM, Sandbox
from hypothesis import given, settings
from hypothesis import strategies as st

Content = dict[bytes, tuple[str, bytes]]
SIDES = st.sampled_from([b"one\n", b"two\n", b"three\n"])
TEXT = st.tuples(SIDES, SIDES).map(lambda ends: ends[0] + b"same\n" * 8 + ends[1])
ENTRY = st.tuples(st.sampled_from([FILE, FILE, FILE, PROGRAM]), TEXT) | st.just((LINK, b"a"))
PATHS = [b"a", b"a/x", b"a/y", b"b", b"b/z/deep", b"c", b"d", b"caf\xe9 \n-x"]


def without_clashes(content: Mapping[bytes, tuple[str, bytes]]) -> Content:
    """A file wins over the files below it."""
    return {path: entry for path, entry in content.items() if not {*parents(path)} & content.keys()}


def parents(path: bytes) -> list[bytes]:
    parts = path.split(b"/")
    return [b"/".join(parts[:end]) for end in range(1, len(parts))]


TREES = st.dictionaries(st.sampled_from(PATHS), ENTRY, min_size=1, max_size=6).map(without_clashes)


@st.composite
def heads(draw: st.DrawFn, base: Content) -> Content:
    """The base after some paths were added, changed, removed or renamed."""
    content = dict(base)
    for path in draw(st.lists(st.sampled_from(PATHS), max_size=3)):
        match draw(st.sampled_from(["put", "remove", "rename"])):
            case "put":
                gone = [other for other in content if path in parents(other) or other in parents(path)]
                content = {name: entry for name, entry in content.items() if name not in gone}
                content[path] = draw(ENTRY)
            case "remove":
                content.pop(path, None)
            case _:
                if path in content:
                    content = without_clashes({**content, path + b".moved": content.pop(path)})
    return content


@st.composite
def cases(draw: st.DrawFn) -> tuple[Content, Content, Content]:
    base = draw(TREES)
    return base, draw(heads(base)), draw(heads(base))


def changed(base: Content, head: Content) -> dict[bytes, tuple[str, bytes] | None]:
    return {path: head.get(path) for path in base.keys() | head.keys() if base.get(path) != head.get(path)}


def touch(one: set[bytes], other: set[bytes]) -> bool:
    return any(a == b or a in parents(b) or b in parents(a) for a in one for b in other)


def by_git(box: Sandbox, onto: str, base: str, head: str) -> tuple[int, list[bytes]]:
    """What git itself makes of it, without our door."""
    root = box.git("commit-tree", base, "-m", "r")
    sides = [box.git("commit-tree", tree, "-p", root, "-m", "s") for tree in (onto, head)]
    words = ["-c", "merge.directoryRenames=false", "merge-tree", "--write-tree", "-z", "--name-only", "--no-messages"]
    done = subprocess.run(["git", *words, *sides], cwd=box.folder, capture_output=True, check=False)
    return done.returncode, done.stdout.rstrip(b"\0").split(b"\0")


@settings(max_examples=30, deadline=None)
@given(case=cases())
def test_a_join_holds_both_changes_or_names_the_conflict(
    shared: Sandbox, case: tuple[Content, Content, Content]
) -> None:
    base, onto, head = (shared.tree(content) for content in case)
    ours, theirs = changed(case[0], case[1]), changed(case[0], case[2])
    agreed = {path for path in ours.keys() & theirs.keys() if ours[path] == theirs[path]}
    joined, mirrored = join(shared.repo, onto, base, head), join(shared.repo, head, base, onto)
    if not touch(theirs.keys() - agreed, ours.keys() - agreed):
        wanted = {**case[0], **ours, **theirs}
        assert joined.tree == shared.tree({path: entry for path, entry in wanted.items() if entry})
        assert mirrored.tree == joined.tree
    else:
        code, (tree, *names) = by_git(shared, onto, base, head)
        if code == 0:
            assert joined.tree == tree.decode()
        else:
            assert joined.tree is None
            assert len(joined.conflicts) == len(set(names))
            assert mirrored.tree is None


def text(*lines: str) -> tuple[str, bytes]:
    return FILE, "".join(f"{line}\n" for line in lines).encode()


def three(box: Sandbox, base: Content, onto: Content, head: Content) -> Joined:
    return join(box.repo, box.tree(onto), box.tree(base), box.tree(head))


def test_the_rungs(sandbox: Sandbox) -> None:
    base = {b"f": text("1", "2", "3", "4", "5"), b"g": text("g")}
    first, last = {**base, b"f": text("x", "2", "3", "4", "5")}, {**base, b"f": text("1", "2", "3", "4", "y")}
    assert three(sandbox, base, first, {**base, b"g": text("new")}).rung == "path"
    assert three(sandbox, base, base, first) == Joined(sandbox.tree(first), "path")
    assert three(sandbox, base, first, base) == Joined(sandbox.tree(first), "path")
    assert three(sandbox, base, first, first) == Joined(sandbox.tree(first), "path")
    both = {**base, b"f": text("x", "2", "3", "4", "y")}
    assert three(sandbox, base, first, last) == Joined(sandbox.tree(both), "ort")


def test_an_edit_follows_a_rename(sandbox: Sandbox) -> None:
    lines = [str(number) for number in range(20)]
    base = {b"f": text(*lines)}
    edited, moved = {b"f": text("x", *lines[1:])}, {b"g": text(*lines)}
    assert three(sandbox, base, edited, moved) == Joined(sandbox.tree({b"g": edited[b"f"]}), "ort")


@pytest.mark.parametrize("name", [b"plain", b"a b\nc", b"caf\xe9", b"-x"])
def test_conflicts_are_named(sandbox: Sandbox, name: bytes) -> None:
    joined = three(sandbox, {name: text("1")}, {name: text("2")}, {name: text("3")})
    assert joined.tree is None
    assert len(joined.conflicts) == 1
    assert joined.conflicts[0].encode() == name.replace(b"\xe9", b"\\xe9")


def test_a_file_against_a_folder_is_a_conflict(sandbox: Sandbox) -> None:
    assert (
        three(sandbox, {b"o": text("o")}, {b"o": text("o"), b"a": text("1")}, {b"o": text("o"), b"a/b": text("2")}).tree
        is None
    )


ATTRIBUTES = ["* merge=union\n", "* merge=ours\n", "* merge=evil\n", "* -merge\n", "* text eol=crlf\n"]


@pytest.mark.parametrize("attributes", ATTRIBUTES)
@pytest.mark.parametrize("place", ["tree", "info", "file"])
def test_nothing_that_is_configured_bends_a_join(sandbox: Sandbox, attributes: str, place: str) -> None:
    ruled = {b".gitattributes": (FILE, attributes.encode())} if place == "tree" else {}
    sandbox.start({**ruled, b"f": text("1")})
    if place == "info":
        (sandbox.folder / ".git/info/attributes").write_text(attributes)
    if place == "file":
        (sandbox.folder.parent / "attributes").write_text(attributes)
        sandbox.git("config", "core.attributesFile", str(sandbox.folder.parent / "attributes"))
    marker = sandbox.folder.parent / "ran"
    for driver in ("ours", "evil"):
        sandbox.git("config", f"merge.{driver}.driver", f"touch {marker}")
    sandbox.git("config", "merge.default", "evil")
    sandbox.git("config", "merge.renormalize", "true")
    sandbox.git("config", "merge.conflictStyle", "diff3")
    joined = three(sandbox, {**ruled, b"f": text("1")}, {**ruled, b"f": text("2")}, {**ruled, b"f": text("3")})
    assert joined == Joined(None, "ort", ("f",))
    ends = [text("1", *"abcdefgh", "1"), text("2", *"abcdefgh", "1"), text("1", *"abcdefgh", "3")]
    clean = three(sandbox, *({**ruled, b"f": content} for content in ends))
    assert clean.tree == sandbox.tree({**ruled, b"f": text("2", *"abcdefgh", "3")})
    assert not marker.exists()
