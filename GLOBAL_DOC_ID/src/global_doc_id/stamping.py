"""Writing an id where its file carries it: in the file if its type can, else in the folder's sidecar."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from pathlib import Path, PurePosixPath

from global_util.errors import InvalidInput

from global_doc_id import sidecar_edits
from global_doc_id.carriers import HEAD_BYTES, Carrier, allowed, comment_marks, read_carriers
from global_doc_id.json_edits import insert_id, remove_id
from global_doc_id.line_edits import (
    BOM,
    insert_comment,
    insert_front_matter,
    remove_comment,
    remove_front_matter,
)
from global_doc_id.policy import Policy
from global_doc_id.sidecar_edits import drop_entry, write_entry
from global_doc_id.working_file import WorkingFile, move_file, read_file, refuse_read_only, refuse_taken, replace_file


def stamp(root: Path, path: str, doc_id: str, policy: Policy) -> str:
    """Give a file that has no id this one; the path of the file that was written: itself, or the folder's sidecar."""
    file = read_file(root, path)
    content = None if in_sidecar(path, policy) else with_id(path, file.content, doc_id)
    if content is None:
        return write_entry(root, path, doc_id)
    replace_file(file, content)
    return path


def refuse_unfit(root: Path, path: str, old: Sequence[Carrier], policy: Policy) -> None:
    """Raises the InvalidInput that ``stamp``, or ``restamp_all`` of these carriers, would raise for a file as it is now."""
    file = read_file(root, path)
    how = {carrier.how for carrier in old}
    if not old:
        inner = not in_sidecar(path, policy) and with_id(path, file.content, _ANY) is not None
        how = {"inner" if inner else "sidecar"}
    if "sidecar" in how:
        sidecar_edits.refuse_unfit(root, path)
    if how - {"sidecar", "name"}:
        refuse_read_only(file)


def restamp_all(root: Path, path: str, carriers: Sequence[Carrier], old: str, doc_id: str) -> list[str]:
    """Put ``doc_id`` into every carrier of a file that says ``old``; the paths that were written, the file's own last.

    The name comes last: stopped before it, the file is where it was, and the same call goes on.
    """
    written = [path]
    for carrier in _name_last(carriers, old):
        written.append(restamp(root, written[-1], carrier, doc_id))
    return written[1:]


def unstamp_all(root: Path, path: str, carriers: Sequence[Carrier], old: str) -> list[str]:
    """Take ``old`` out of every carrier of a file; the paths that were written. The name comes last, lines from below."""
    return [unstamp(root, path, carrier) for carrier in _name_last(carriers, old)]


def restamp(root: Path, path: str, old: Carrier, doc_id: str) -> str:
    """Put ``doc_id`` where ``old`` stands; the path that the file has now, another one if its name carries the id."""
    if old.how == "sidecar":
        write_entry(root, path, doc_id)
        return path
    file = read_file(root, path)
    if old.how == "name":
        folder, _, name = path.rpartition("/")
        return _move(root, file, f"{folder}/{doc_id}{name.removeprefix(old.text)}".lstrip("/"))
    replace_file(file, _proved(file, with_other_id(file.content, old, doc_id), [*_others(file, old), doc_id]))
    return path


def unstamp(root: Path, path: str, carrier: Carrier) -> str:
    """Take an id out of its carrier; the path of the file that was written."""
    if carrier.how == "sidecar":
        return drop_entry(root, path)
    file = read_file(root, path)
    if carrier.how == "name":
        folder, _, name = path.rpartition("/")
        return _move(root, file, f"{folder}/{name.removeprefix(carrier.text).lstrip('_')}".lstrip("/"))
    replace_file(file, _proved(file, without_id(file.content, carrier), _others(file, carrier)))
    return path


def in_sidecar(path: str, policy: Policy) -> bool:
    """Does this file's id go to the sidecar whatever it could carry: by the policy, or because it should stay clean?"""
    place = PurePosixPath(path)
    return place.name == "__init__.py" or place.suffix.lower() in _KEPT_CLEAN or policy.wants_sidecar(path)


def with_id(path: str, content: bytes, doc_id: str) -> bytes | None:
    """The content with the id in the carrier of its type, or None where that is not safely possible."""
    insert = _INSERTIONS.get(allowed(path) or "")
    changed = insert(path, content, doc_id) if insert and b"\0" not in content[:HEAD_BYTES] else None
    if changed is None or [carrier.text for carrier in _inner(path, changed)] != [doc_id]:
        return None
    return changed


def with_other_id(content: bytes, carrier: Carrier, doc_id: str) -> bytes:
    """The content with another id in the line of a carrier."""
    lines = content.split(b"\n")
    line = lines[carrier.line - 1]
    place = line.rfind(carrier.text.encode("utf-8", "surrogateescape"))
    if place < 0:
        raise InvalidInput(f"{carrier.text}: is not in line {carrier.line} any more", "run again", "E391")
    end = place + len(carrier.text.encode("utf-8", "surrogateescape"))
    lines[carrier.line - 1] = line[:place] + doc_id.encode() + line[end:]
    return b"\n".join(lines)


def without_id(content: bytes, carrier: Carrier) -> bytes:
    """The content without the id: what ``with_id`` was given."""
    if carrier.how == "front matter":
        return remove_front_matter(content, carrier.line)
    if carrier.how == "comment":
        return remove_comment(content, carrier.line)
    bom = BOM if content.startswith(BOM) else b""
    text = remove_id(content.removeprefix(BOM).decode("utf-8", "surrogateescape"), carrier.text)
    return content if text is None else bom + text.encode("utf-8", "surrogateescape")


def _insert_json(_path: str, content: bytes, doc_id: str) -> bytes | None:
    bom = BOM if content.startswith(BOM) else b""
    try:
        text = insert_id(content.removeprefix(BOM).decode("utf-8"), doc_id)
    except UnicodeDecodeError:
        return None
    return None if text is None else bom + text.encode()


def _insert_comment(path: str, content: bytes, doc_id: str) -> bytes | None:
    before, after = comment_marks(path)
    if PurePosixPath(path).suffix.lower() == ".php" and not _PHP.match(content):
        return None
    return insert_comment(content, before, f"{before} doc_id: {doc_id}{after and ' '}{after}")


_ANY = "DOC-AAM000-DOC-001"
"""Some id: all are of one length."""
_PHP = re.compile(rb"(?:\xef\xbb\xbf)?(?:#!(?!\[)[^\n]*\n)?<\?php[ \t]*\r?\n", re.IGNORECASE)
"""How a PHP file begins whose second line is code: before its first tag a comment would be text of the page."""
_KEPT_CLEAN = {".jsonc", ".json5"}
"""Their comments are dropped by whatever rewrites them as JSON."""
_INSERTIONS: dict[str, Callable[[str, bytes, str], bytes | None]] = {
    "front matter": lambda _path, content, doc_id: insert_front_matter(content, doc_id),
    "comment": _insert_comment,
    "json": _insert_json,
}


def _move(root: Path, file: WorkingFile, path: str) -> str:
    """Another name for a file and its entry in the sidecar. Stopped in between, a dead entry is left, which ``--fix`` drops."""
    refuse_taken(root, path)
    moved = sidecar_edits.move_entry(root, file.path, path)
    move_file(file, path, root)
    if moved:
        drop_entry(root, file.path)
    return path


def _name_last(carriers: Sequence[Carrier], text: str) -> list[Carrier]:
    """Those that say ``text``, the name last, lines from below: taking one out then leaves the others' numbers."""
    found = [carrier for carrier in carriers if carrier.text == text]
    return sorted(found, key=lambda carrier: (carrier.how == "name", -carrier.line))


def _inner(path: str, content: bytes) -> list[Carrier]:
    return [carrier for carrier in read_carriers(path, content) if carrier.how != "name"]


def _others(file: WorkingFile, carrier: Carrier) -> list[str]:
    return [other.text for other in _inner(file.path, file.content) if other.line != carrier.line]


def _proved(file: WorkingFile, content: bytes, expected: list[str]) -> bytes:
    """The new content, if a reader finds in it what was meant; a file that is not understood is left as it is."""
    if sorted(carrier.text for carrier in _inner(file.path, content)) != sorted(expected):
        raise InvalidInput(f"{file.path}: its doc_id cannot be changed safely", "change it by hand", "E390")
    return content
