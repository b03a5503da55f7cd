"""Plans written into a temporary repository folder."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

WritePlan = Callable[[str, Mapping[str, str | bytes]], Path]


@pytest.fixture
def write_plan(tmp_path: Path) -> WritePlan:
    """Write files below a folder of the repository ``tmp_path``, and return that folder."""

    def write(folder: str, files: Mapping[str, str | bytes]) -> Path:
        for name, content in files.items():
            place = tmp_path / folder / name
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_bytes(content if isinstance(content, bytes) else content.encode())
        return tmp_path / folder

    return write
