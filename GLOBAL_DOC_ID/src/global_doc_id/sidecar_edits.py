"""Entries of a folder's ``doc_ids.json``, written and dropped; its form is one only, so that merges are line by line."""

from __future__ import annotations

import json
from collections.abc import Mapping, Set
from pathlib import Path

from global_util.errors import InvalidInput

from global_doc_id.file_types import sidecar_of
from global_doc_id.sidecar import VERSION, is_text, is_version
from global_doc_id.working_file import WorkingFile, create_file, read_file, refuse_read_only, replace_file


def write_entry(root: Path, path: str, doc_id: str) -> str:
    """Say in the folder's sidecar that ``path`` has this id; the sidecar's path. Raises InvalidInput (E390) for a broken one."""
    refuse_unfit(root, path)
    name, sidecar = path.rpartition("/")[2], sidecar_of(path)
    if not (root / sidecar).exists():
        create_file(root, sidecar, written({name: doc_id}))
        return sidecar
    file = read_file(root, sidecar)
    replace_file(file, written({**read_entries(file), name: doc_id}))
    return sidecar


def refuse_unfit(root: Path, path: str) -> None:
    """Raises InvalidInput (E390) for what no sidecar can hold, and where the folder's cannot be written."""
    if not is_text(path.rpartition("/")[2]):
        raise InvalidInput(f"{path!a}: the name is not UTF-8, so no sidecar can hold it", "rename the file", "E390")
    sidecar = sidecar_of(path)
    if (root / sidecar).exists():
        file = read_file(root, sidecar)
        refuse_read_only(file)
        read_entries(file)


def move_entry(root: Path, path: str, new: str) -> bool:
    """Say of ``new`` what the folder's sidecar says of ``path``, which keeps its entry until ``drop_entry``. False: nothing."""
    if not (root / sidecar_of(path)).exists():
        return False
    doc_id = read_entries(read_file(root, sidecar_of(path))).get(path.rpartition("/")[2])
    if doc_id is not None:
        write_entry(root, new, doc_id)
    return doc_id is not None


def drop_entry(root: Path, path: str) -> str:
    """Take a file's entry out of the folder's sidecar; the sidecar's path. An empty sidecar stays, as people may share it."""
    file = read_file(root, sidecar_of(path))
    entries = read_entries(file)
    entries.pop(path.rpartition("/")[2], None)
    replace_file(file, written(entries))
    return file.path


def tidy(root: Path, sidecar: str, dead: Set[str]) -> bool:
    """Write a sidecar anew in its one form, without the entries of ``dead`` names; whether it changed."""
    file = read_file(root, sidecar)
    content = written({name: doc_id for name, doc_id in read_entries(file).items() if name not in dead})
    if content != file.content:
        replace_file(file, content)
    return content != file.content


def read_entries(file: WorkingFile) -> dict[str, str]:
    """File name to id. Raises InvalidInput (E390) for what is no sidecar: rewriting would lose what it says."""
    try:
        raw = json.loads(file.content.decode("utf-8-sig"), object_pairs_hook=_once)
        entries = raw["doc_ids"]
        if set(raw) == {"version", "doc_ids"} and is_version(raw["version"]) and _fit(entries):
            return dict(entries)
    except (ValueError, KeyError, TypeError, RecursionError):
        pass
    what = '{"version": 1, "doc_ids": {"<file name>": "<id>"}} with each name once'
    raise InvalidInput(f"{file.path}: not of the form {what}", "mend it by hand", "E390")


def written(entries: Mapping[str, str]) -> bytes:
    """A sidecar's content."""
    table = {"version": VERSION, "doc_ids": dict(sorted(entries.items()))}
    return (json.dumps(table, indent=2, ensure_ascii=False) + "\n").encode()


def _fit(entries: object) -> bool:
    return isinstance(entries, dict) and all(
        isinstance(doc_id, str) and is_text(name + doc_id) and name and "/" not in name and name not in (".", "..")
        for name, doc_id in entries.items()
    )


def _once(pairs: list[tuple[str, object]]) -> dict[str, object]:
    table = dict(pairs)
    if len(table) != len(pairs):
        raise ValueError("a key stands there twice")
    return table
