"""Recordings for the ``replay`` tool: copied into the run's folder, so that the run stands on its own."""

from __future__ import annotations

import hashlib
import re
import shutil
from collections.abc import Collection
from pathlib import Path

from global_util.contracts.base import content_id
from global_util.errors import InvalidInput

_NAME = re.compile(r"^\d+\.(patch|json)$")


def bring(source: Path, target: Path, workstreams: Collection[str]) -> str:
    """Copy the recordings of these workstreams; the id of their content. Raises InvalidInput (exit 3)."""
    if not source.is_dir():
        raise InvalidInput(f"{source}: no such folder of recordings", "give a folder with --recording DIR", "E360")
    listing = {}
    shutil.rmtree(target, ignore_errors=True)
    for workstream in sorted(workstreams):
        for file in sorted((source / workstream).glob("*")) if (source / workstream).is_dir() else []:
            if _NAME.match(file.name) and file.is_file():
                copy = target / workstream / file.name
                copy.parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(file, copy)
                with copy.open("rb") as handle:
                    listing[f"{workstream}/{file.name}"] = hashlib.file_digest(handle, "sha256").hexdigest()
    return content_id(listing)
